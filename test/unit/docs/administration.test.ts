/** docs/administration.md against the table that the server enforces. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { freshMs } from '../../../src/admin/identity.ts';
import { permissions } from '../../../src/admin/permissions.ts';
import { absoluteMs, idleMs } from '../../../src/console/sessions.ts';
import { withPermissionTable } from '../../docs/permission-table.ts';

const text = readFileSync(new URL('../../../docs/administration.md', import.meta.url), 'utf8');

describe('docs/administration.md', () => {
  it('prints the permissions that are enforced (npm run docs, X-07)', () => {
    expect(text).toBe(withPermissionTable(text));
    for (const name of Object.keys(permissions)) expect(text).toContain(`| \`${name}\` |`);
  });

  it('says how long sessions and proofs last (S-02, S-09)', () => {
    expect([idleMs, absoluteMs, freshMs]).toEqual([5 * 60_000, 12 * 3_600_000, 5 * 60_000]);
    for (const words of ['five minutes without an act', 'twelve hours', 'within the last five minutes']) {
      expect(text).toContain(words);
    }
  });
});
