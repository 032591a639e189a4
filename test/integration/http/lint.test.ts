/** The linter finds what it is there for: every planted violation, with type information and folder boundaries (silent loss would look green). */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const planted = join(root, 'test', 'lint', 'src');
const files = readdirSync(planted, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** What the first line of a planted file says it must be found for. */
function expectedOf(name: string): string | undefined {
  return /^\/\/ expect: (\S+)$/m.exec(readFileSync(join(planted, name), 'utf8'))?.[1];
}

let directory: string;
const found = new Map<string, Set<string>>();

beforeAll(() => {
  // In a tree of its own, so that the rules of src/ apply to planted files and not to the project's.
  directory = mkdtempSync(join(tmpdir(), 'mtoken-lint-'));
  cpSync(planted, join(directory, 'src'), { recursive: true });
  for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json'])
    cpSync(join(root, name), join(directory, name));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const { stdout } = spawnSync(process.execPath, [oxlint, '--type-aware', '--format=json', 'src'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  for (const { code, filename } of diagnostics) {
    const name = filename.replace(/^.*?src\//, '');
    found.set(name, (found.get(name) ?? new Set()).add(code));
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the linter', () => {
  const bad = files.filter((name) => expectedOf(name) !== undefined).sort();

  it.each(bad)('reports what is planted in %s', (name) => {
    expect([...(found.get(name) ?? [])]).toContain(expectedOf(name));
  });

  it('reports nothing where nothing is planted', () => {
    const clean = files.filter((name) => expectedOf(name) === undefined);
    expect(clean.length).toBeGreaterThan(3);
    expect(clean.filter((name) => found.has(name)).map((name) => [name, ...(found.get(name) ?? [])])).toEqual([]);
  });
});
