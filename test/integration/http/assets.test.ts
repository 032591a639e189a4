/** The pages' files: compressed for whoever takes it, whole for everybody else, and none but those of the manifest. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registerAssets } from '../../../src/server/page-assets.ts';

const script = `console.log(${JSON.stringify('mtoken '.repeat(500))});\n`;
const integrity = `sha384-${createHash('sha384').update(script).digest('base64')}`;

describe('a file of a page', () => {
  let directory: string;
  let app: FastifyInstance;

  beforeEach(async () => {
    directory = `${await mkdtemp(join(tmpdir(), 'mtoken-assets-'))}/`;
    await writeFile(`${directory}page.js`, script);
    await writeFile(`${directory}page.js.gz`, gzipSync(script));
    await writeFile(`${directory}page.js.br`, brotliCompressSync(script));
    await writeFile(`${directory}secret.txt`, 'secret');
    app = Fastify();
    await registerAssets(app, directory, { 'page.js': integrity });
  });
  afterEach(async () => {
    await app.close();
    await rm(directory, { recursive: true, force: true });
  });

  const ask = async (url: string, encoding: string) => app.inject({ url, headers: { 'accept-encoding': encoding } });

  it('comes compressed where the browser takes that, and is the same file', async () => {
    const zipped = await ask('/assets/page.js', 'gzip');
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(zipped.headers['content-type']).toContain('javascript');
    expect(gunzipSync(zipped.rawPayload).toString()).toBe(script);
    const smaller = await ask('/assets/page.js', 'gzip, deflate, br');
    expect(smaller.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(smaller.rawPayload).toString()).toBe(script);
  });

  it('comes whole where it does not', async () => {
    const whole = await ask('/assets/page.js', 'identity');
    expect(whole.headers['content-encoding']).toBeUndefined();
    expect(whole.body).toBe(script);
  });

  it('is not given out under another release’s address, however that is written (cache poisoning, T26)', async () => {
    const version = integrity.slice(7, 19).replaceAll('+', '-').replaceAll('/', '_');
    expect((await ask(`/assets/page.js?v=${version}`, 'br')).statusCode).toBe(200);
    for (const name of ['page.js', '%70age.js', 'p%61ge%2Ejs', 'page.j%73']) {
      expect((await ask(`/assets/${name}?v=another`, 'br')).statusCode, name).toBe(404);
    }
    for (const name of ['%zz', '%E0%A4%A', '%']) {
      expect((await ask(`/assets/${name}?v=another`, 'br')).statusCode, name).toBe(400);
    }
  });

  it('is one of the manifest: neither a compressed form by its name, nor what lies beside', async () => {
    for (const name of [
      'page.js.gz',
      'page.js.br',
      'secret.txt',
      '../secret.txt',
      '%2e%2e/secret.txt',
      'manifest.json',
    ]) {
      expect((await ask(`/assets/${name}`, 'gzip')).statusCode, name).toBe(404);
    }
  });
});
