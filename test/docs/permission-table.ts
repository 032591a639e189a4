/** The table of permissions as docs/administration.md prints it. */
import { type Permission, permissions, type Reach } from '../../src/admin/permissions.ts';
import type { Role } from '../../src/companies/roles.ts';

const begin = '<!-- permissions: made from src/admin/permissions.ts by `npm run docs`; a test compares -->';
const end = '<!-- end of permissions -->';
const columns: readonly Role[] = ['operator', 'support', 'auditor', 'administrator'];
const proofs = { session: '–', fresh: 'fresh', confirmed: 'confirmed' } as const;

/** The document with the table of this moment between its marks. Throws where the marks are missing. */
export function withPermissionTable(document: string): string {
  const [before, rest] = document.split(`${begin}\n`);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error('docs/administration.md has no marks for its table');
  return `${before}${begin}\n${permissionTable()}\n${end}${after}`;
}

function permissionTable(): string {
  const head = ['permission', 'to', ...columns, 'machines', 'scope', 'proof'];
  const rows = Object.entries<Permission>(permissions).map(([name, row]) => [
    `\`${name}\``,
    row.means,
    ...columns.map((role) => reach(row.people[role])),
    reach(row.machines),
    `\`${row.scope}\``,
    proofs[row.proof],
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const reach = (given: Reach | undefined): string => given ?? '–';
