/** Documents that say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationDocument } from '../../../src/config/document.ts';
import { settings } from '../../../src/config/settings.ts';
import { errorTable } from '../../../src/errors.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('documents', () => {
  it('docs/configuration.md is what the table of settings makes (npm run docs)', () => {
    expect(read('docs/configuration.md')).toBe(configurationDocument());
  });

  it('docs/configuration.md describes every setting', () => {
    for (const { name } of Object.values(settings)) expect(read('docs/configuration.md')).toContain(`## \`${name}\``);
  });

  it('docs/errors.md lists every code with its status and title, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \| ([^|]+) \| [^|]+ \|$/gm)];
    const listed = Object.fromEntries(rows.map(([, code, status, title]) => [code, { status: Number(status), title }]));
    expect(listed).toEqual(errorTable);
  });
});
