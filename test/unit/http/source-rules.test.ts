/** Rules of the source that the linter cannot express. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../../../src/', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** Lines of code, without comments, as `file: line`. */
function* codeLines(): Generator<{ file: string; line: string }> {
  for (const file of files) {
    for (const line of readFileSync(`${source}${file}`, 'utf8').split('\n')) {
      if (!/^\s*(\*|\/\/|\/\*)/.test(line)) yield { file, line: line.trim() };
    }
  }
}

const secretName =
  '(?:[\\w.?]*[.\\b])?\\w*(?:[tT]oken|[sS]ecret|[pP]roof|[hH]ash|[sS]ignature|[mM]ac|[tT]ag|[dD]igest|[vV]erifier)';
const plain = '(?:undefined|null|true|false|[\'"`\\d-]|typeof)';
const secretLeft = new RegExp(`(?<!typeof )(?<![\\w.])${secretName}\\s*[!=]==(?!\\s*${plain})`);
const secretRight = new RegExp(`(?<!typeof [\\w.]*)[!=]==\\s*${secretName}(?![\\w.(])`);

/** Compared values there are public: both sides stand in a signed statement, or the record is at rest and its reader has both. */
const publicComparisons = new Set([
  'audit/verify.ts',
  'devices/statement.ts',
  'mpin/change.ts',
  'registration/statements.ts',
  // The chain of the trail, what the phone and the checker were shown, and what the same caller sent before.
  'restore/journal.ts',
  'restore/standing.ts',
  'sdk/display.ts',
  'sdk/receipt.ts',
  'store/audit.ts',
  'store/idempotency.ts',
]);

describe('the source', () => {
  it('compares no token, secret, proof, hash or signature with === (C-16)', () => {
    const found = [...codeLines()]
      .filter(({ file }) => !publicComparisons.has(file))
      .filter(({ line }) => secretLeft.test(line) || secretRight.test(line));
    expect(found.map(({ file, line }) => `${file}: ${line}`)).toEqual([]);
  });

  it('would find a planted comparison', () => {
    for (const line of ['if (accessToken === kept) return;', 'return given !== row.tokenHash;', 'a.b.proof === c']) {
      expect(secretLeft.test(line) || secretRight.test(line), line).toBe(true);
    }
    for (const line of ['if (token === undefined) return;', "typeof token !== 'string'", 'tag.length !== tagBytes']) {
      expect(secretLeft.test(line) || secretRight.test(line), line).toBe(false);
    }
  });

  it("draws random values from the operating system's source only (C-15)", () => {
    const weak = /Math\.random|pseudoRandomBytes|randomUUID|from '(?:uuid|nanoid|seedrandom|random-js)'/;
    const found = [...codeLines()].filter(({ line }) => weak.test(line));
    expect(found.map(({ file, line }) => `${file}: ${line}`)).toEqual([]);
    expect(weak.test('const id = Math.random().toString(36);')).toBe(true);
    const strong = [...codeLines()].filter(({ line }) => /\brandom(?:Bytes|Int)\(|getRandomValues\(/.test(line));
    expect(strong.length).toBeGreaterThan(5);
  });

  it('takes the time from the clock parameter only: no bare new Date() in rules', () => {
    const allowed = /^(clock\.ts|cli\/|demo\/|web\/|sdk\/)/;
    const found = [...codeLines()].filter(({ file, line }) => !allowed.test(file) && /\bnew Date\(\)/.test(line));
    expect(found.map(({ file, line }) => `${file}: ${line}`)).toEqual([]);
  });

  it('begins every file with a sentence that says what it is for', () => {
    const silent = files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(`${source}${file}`, 'utf8')));
    expect(silent).toEqual([]);
  });
});
