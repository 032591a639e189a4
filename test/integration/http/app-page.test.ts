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
import { makePageBrand, registerBrand } from '../../../src/server/brand.ts';

const integrity = (text: string): string => `sha384-${createHash('sha384').update(text).digest('base64')}`;
const own = makePageBrand({ name: 'mToken', logo: undefined, colours: undefined });
const built = ['app.js', 'app.css', 'app/icon.svg', 'app/icon-192.png', 'app/icon-512.png'];

async function start(directory: string, script: string, brand = own): Promise<FastifyInstance> {
  const app = createApp({
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    issuer: 'https://login.example.test',
    trustedProxies: [],
  });
  const manifest = Object.fromEntries(built.map((name) => [name, integrity(name === 'app.js' ? script : name)]));
  await app.register(async (scope) => {
    registerBrand(scope, brand);
    await registerAppPage(scope, { directory, manifest, brand });
  });
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
    expect(headers['permissions-policy']).toMatch(
      /^camera=\(self\), publickey-credentials-get=\(self\), publickey-credentials-create=\(self\), microphone=\(\)/,
    );
    expect(headers['x-frame-options']).toBe('DENY');
    expect(body).toMatch(/src="\/assets\/app\.js\?v=[\w-]{12}" integrity="sha384-/);
    expect(body).toContain(`integrity="${integrity('one')}"`);
    expect(body).not.toMatch(/<style|<script>| on[a-z]+=|style="/);
  });

  it('gives camera, fingerprint and face to no other page', async () => {
    expect((await app.inject('/nothing')).headers['permissions-policy']).not.toContain('self');
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

  describe('with a bank’s own look', () => {
    const drawing = (viewBox: string) =>
      new TextEncoder().encode(
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}"><path d="M0 0h9v9z"/></svg>`,
      );
    const colours = {
      light: { accent: '#7a0019', onAccent: '#ffffff' },
      dark: { accent: '#f4a6b4', onAccent: '#000000' },
    } as const;
    const branded = async (viewBox: string) => {
      const [, , width = 0, height = 0] = viewBox.split(' ').map(Number);
      const bytes = drawing(viewBox);
      const logo = { bytes, type: 'image/svg+xml', extension: 'svg', size: { width, height } } as const;
      const brand = makePageBrand({ name: 'Bank & <Co>', logo, colours });
      return { bytes, served: await start(directory, 'one', brand) };
    };

    it('has its name, colours and logo in the document, and nothing of ours beside them', async () => {
      const { served } = await branded('0 0 300 100');
      const { body } = await served.inject('/app');
      const css = await served.inject('/assets/brand.css');
      expect(body).toContain('<title>Bank &amp; &lt;Co&gt;</title>');
      // A wide logo holds the name already.
      expect(body).toContain('<img src="/assets/brand-logo.svg" alt="Bank &amp; &lt;Co&gt;"></header>');
      expect(body).toMatch(/href="\/assets\/brand\.css\?v=[\w-]{12}" integrity="/);
      expect(body).toContain(`integrity="${integrity(css.body)}"`);
      expect(body.indexOf('/assets/brand.css')).toBeGreaterThan(body.indexOf('/assets/app.css'));
      expect(body).toContain('content="#7a0019"');
      expect(body).not.toContain('mToken');
      expect(css.headers['content-type']).toContain('text/css');
      expect(css.body.replaceAll(/--(on-)?accent:#[0-9a-f]{6}/g, '')).toBe(
        ':root{;}\n@media (prefers-color-scheme:dark){:root{;}}\n',
      );
      await served.close();
    });

    it('serves the logo as a picture that may do nothing, opened by its own address too (T26)', async () => {
      const { served, bytes } = await branded('0 0 10 10');
      const { headers, rawPayload } = await served.inject('/assets/brand-logo.svg');
      expect(headers['content-type']).toBe('image/svg+xml');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toBe(
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
      );
      expect(new Uint8Array(rawPayload)).toEqual(bytes);
      await served.close();
    });

    it('is kept by the service worker with the release, and names the installed app', async () => {
      const { served, bytes } = await branded('0 0 10 10');
      const worker = (await served.inject('/app/sw.js')).body;
      expect(worker).toContain(
        `{"url":"/assets/brand-logo.svg","integrity":"${integrity(new TextDecoder().decode(bytes))}"}`,
      );
      expect(worker).toContain('"/assets/brand.css"');
      expect(worker).not.toBe((await app.inject('/app/sw.js')).body);
      const installed = (await served.inject('/app/manifest.webmanifest')).json<Record<string, unknown>>();
      expect(installed).toMatchObject({
        id: '/app',
        name: 'Bank & <Co>',
        short_name: 'Bank & <Co>',
        theme_color: '#7a0019',
        icons: [{ src: '/assets/brand-logo.svg', sizes: 'any' }],
      });
      await served.close();
    });

    it('keeps our icon for the installed app where the logo is no square', async () => {
      const { served } = await branded('0 0 30 10');
      expect((await served.inject('/app/manifest.webmanifest')).body).toContain('/assets/app/icon-512.png');
      expect((await served.inject('/app/manifest.webmanifest')).body).not.toContain('brand-logo');
      await served.close();
    });
  });
});
