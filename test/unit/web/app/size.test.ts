/** What a person's phone loads before the app shows anything. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const web = new URL('../../../../src/web/', import.meta.url).pathname;

describe('the app', () => {
  it('is at most 90 KiB, compressed: script with the English texts, and style', async () => {
    const { outputFiles } = await build({
      entryPoints: [`${web}app/main.ts`, `${web}app/page.css`],
      outdir: '/built',
      alias: { typebox: `${web}schema.ts` },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      legalComments: 'none',
    });
    const sizes = outputFiles.map(({ path, contents }) => [path, gzipSync(contents).length] as const);
    expect(sizes.map(([path]) => path).sort()).toEqual(['/built/main.js', '/built/page.css']);
    expect(sizes.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(90 * 1024);
  });
});
