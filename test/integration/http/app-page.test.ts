/** The page of the app and what belongs to it, as a browser gets them. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/http/app.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { registerAppPage } from '../../../src/server/app-page.ts';

const integrity = (text: string): string => `sha384-${createHash('sha384').update(text).digest('base64')}`;
const built = ['app.js', 'app.css', 'app/icon.svg', 'app/icon-192.png', 'app/icon-512.png'];

async function start(directory: string, script: string): Promise<FastifyInstance> {
  const app = createApp({
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    issuer: 'https://login.example.test',
    trustedProxies: [],
  });
  const manifest = Object.fromEntries(built.map((name) => [name, integrity(name === 'app.js' ? script : name)]));
  await app.register((scope) => registerAppPage(scope, directory, manifest));
  return app;
}

describe('the page of the app', () => {
  let directory: string;
  let app: FastifyInstance;

  beforeAll(async () => {
    directory = `${await mkdtemp(join(tmpdir(), 'mtoken-page-'))}/`;
    await mkdir(join(directory, 'app'));
    await writeFile(join(directory, 'app', 'manifest.webmanifest'), '{"id":"/app"}');
    await writeFile(join(directory, 'app-worker.js'), 'work(release);');
    app = await start(directory, 'one');
  });
  afterAll(async () => {
    await app.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('runs nothing inline, loads nothing from elsewhere, is in no frame, and may use the camera (S-11)', async () => {
    const { headers, body } = await app.inject('/app');
    const policy = String(headers['content-security-policy']);
    for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", 'trusted-types sw'])
      expect(policy).toContain(rule);
    expect(policy).not.toMatch(/unsafe|https?:|blob:|data:|\*/);
    expect(headers['permissions-policy']).toMatch(/^camera=\(self\)/);
    expect(headers['x-frame-options']).toBe('DENY');
    expect(body).toContain(`src="/assets/app.js" integrity="${integrity('one')}"`);
    expect(body).not.toMatch(/<style|<script>| on[a-z]+=|style="/);
  });

  it('gives the camera to no other page', async () => {
    expect((await app.inject('/nothing')).headers['permissions-policy']).toContain('camera=()');
  });

  it('names in the service worker every file of the release with the hash of its bytes', async () => {
    const { headers, body } = await app.inject('/app/sw.js');
    expect(headers['service-worker-allowed']).toBe('/app');
    expect(headers['cache-control']).toBe('no-cache');
    const { files } = JSON.parse(/^const release=(.*);$/m.exec(body)?.[1] ?? '') as {
      files: { url: string; integrity: string }[];
    };
    expect(files.map(({ url }) => url)).toEqual(
      expect.arrayContaining(['/app', '/app/manifest.webmanifest', ...built.map((name) => `/assets/${name}`)]),
    );
    const page = (await app.inject('/app')).body;
    expect(files.find(({ url }) => url === '/app')?.integrity).toBe(integrity(page));
    expect(body).toContain('work(release);');
  });

  it('is another worker as soon as one file of the release is another', async () => {
    const other = await start(directory, 'two');
    expect((await other.inject('/app/sw.js')).body).not.toBe((await app.inject('/app/sw.js')).body);
    await other.close();
  });

  it('is where an activation and a stray slash lead', async () => {
    for (const path of ['/activate', '/app/']) {
      const { statusCode, headers } = await app.inject(path);
      expect(Math.floor(statusCode / 100)).toBe(3);
      // No fragment of its own: the browser then carries over the one with the activation code.
      expect(headers.location).toBe('/app');
    }
  });
});
