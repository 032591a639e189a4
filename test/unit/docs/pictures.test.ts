/** The pictures of the documents: each there, each shown, none heavy. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const docs = new URL('../../../docs/', import.meta.url).pathname;
const taken = readdirSync(`${docs}pictures`);
const shown = ['screens.md', 'operations.md'].flatMap((name) =>
  [...readFileSync(`${docs}${name}`, 'utf8').matchAll(/\(pictures\/([^)]+)\)/g)].map(([, picture = '']) => picture),
);

describe('docs/pictures', () => {
  it('has every picture that a document shows, and shows every picture that it has', () => {
    expect([...new Set(shown)].sort()).toEqual(taken.sort());
  });

  it('has none above 60 KB, and nothing but pictures', () => {
    for (const name of taken) {
      expect(name).toMatch(/^[a-z-]+\.png$/);
      expect(statSync(`${docs}pictures/${name}`).size, name).toBeLessThanOrEqual(60_000);
    }
  });

  it('is described sentence by sentence', () => {
    const rows = readFileSync(`${docs}screens.md`, 'utf8').matchAll(/^\| !\[\]\(pictures\/[^)]+\) \| (.*) \|$/gm);
    for (const [, sentence] of rows) expect(sentence).toMatch(/^[A-Z“"].*\.$/);
  });
});
