/** The schemas in the pages' scripts are those of the server: made without the package, they are the same. */
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const source = new URL('../../../src/', import.meta.url).pathname;
const files = readdirSync(`${source}protocol`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `${source}protocol/${name}`);

/** Everything that a module exports, as the build for browsers makes it, or with the package. */
async function exportsOf(file: string, alias: Record<string, string>): Promise<Record<string, unknown>> {
  const { outputFiles } = await build({ entryPoints: [file], bundle: true, write: false, format: 'esm', alias });
  const text = outputFiles[0]?.text ?? '';
  return (await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)) as Record<
    string,
    unknown
  >;
}

const plain = (exported: Record<string, unknown>): unknown =>
  Object.fromEntries(Object.entries(exported).filter(([, value]) => typeof value !== 'function'));

describe('the schemas in the scripts of the pages', () => {
  it.each([...files, `${source}sdk/state.ts`, `${source}sdk/trust.ts`])(
    'are those that the server checks with: %s (P-28)',
    async (file) => {
      const own = plain(await exportsOf(file, { typebox: `${source}web/schema.ts` }));
      const packaged = plain(await exportsOf(file, {}));
      expect(JSON.parse(JSON.stringify(own))).toEqual(JSON.parse(JSON.stringify(packaged)));
      expect(Object.keys(own as object)).toEqual(Object.keys(packaged as object));
    },
  );
});
