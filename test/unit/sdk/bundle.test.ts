/** The SDK as a browser gets it: one file, nothing of Node, nothing that a strict content security policy forbids. */
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const entry = new URL('../../../src/sdk/index.ts', import.meta.url).pathname;

describe('the SDK bundled for browsers', () => {
  it('needs nothing of Node, generates no code, and stays small', async () => {
    const { outputFiles, warnings } = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      target: 'es2022',
      logLevel: 'silent',
    });
    const text = outputFiles[0]?.text ?? '';
    expect(warnings).toEqual([]);
    expect(text).not.toMatch(/\bfrom ?"|\bimport ?"|Dynamic require|new Function|\beval\(/);
    expect(text.length).toBeGreaterThan(50_000);
    expect(text.length).toBeLessThan(300_000);
  });
});
