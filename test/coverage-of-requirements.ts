/**
 * Which requirements tests name: reads the titles of all tests, prints what is covered and what is not of the lists below.
 *
 *   npx tsx test/coverage-of-requirements.ts            a summary
 *   npx tsx test/coverage-of-requirements.ts --titles   with the titles that name each
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The groups that this version has to cover, each with its last number. */
const groups = { P: 28, L: 16, C: 16, S: 15, R: 18, O: 15, A: 13, X: 15 } as const;

export interface Coverage {
  /** Titles by requirement id. */
  readonly titles: ReadonlyMap<string, readonly string[]>;
  readonly covered: readonly string[];
  readonly uncovered: readonly string[];
}

const idPattern = /(?<![\w-])([PLCSROXATM])-([0-9]{2})(?![0-9])/g;
const rangePattern = /(?<![\w-])([PLCSROXATM])-([0-9]{2})(?:\.\.| to |–)\1-([0-9]{2})/g;

/** Reads every test below `folder`. */
export function requirementCoverage(folder: string): Coverage {
  const titles = new Map<string, string[]>();
  for (const file of testFiles(folder)) {
    for (const title of titlesOf(readFileSync(file, 'utf8'))) {
      for (const id of idsOf(title)) titles.set(id, [...(titles.get(id) ?? []), title]);
    }
  }
  const wanted = Object.entries(groups).flatMap(([group, last]) =>
    Array.from({ length: last }, (_, index) => `${group}-${String(index + 1).padStart(2, '0')}`),
  );
  return {
    titles,
    covered: wanted.filter((id) => titles.has(id)),
    uncovered: wanted.filter((id) => !titles.has(id)),
  };
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'lint' ? [] : testFiles(path);
    // Contract suites are run by test files of one line, and have titles of their own.
    const isTest = entry.name.endsWith('.test.ts') || folder.endsWith('contracts');
    return isTest ? [path] : [];
  });
}

/** The texts of `it`, `test` and `describe`, in whichever quotes. A test that is skipped always is no test. */
function titlesOf(source: string): string[] {
  const calls =
    /\b(?:it|test|describe)(?:\.(?:each|skipIf|runIf|for|concurrent|sequential)(?:\([\s\S]*?\)(?=\s*\(\s*['"`]|\.))?)*\s*\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*)\1/g;
  return [...source.matchAll(calls)].map(([, , title = '']) => title);
}

function idsOf(title: string): string[] {
  const single = [...title.matchAll(idPattern)].map(([, group, number]) => `${group}-${number}`);
  const ranges = [...title.matchAll(rangePattern)].flatMap(([, group, first, last]) =>
    Array.from(
      { length: Number(last) - Number(first) + 1 },
      (_, index) => `${group}-${String(Number(first) + index).padStart(2, '0')}`,
    ),
  );
  return [...new Set([...single, ...ranges])];
}

function print({ titles, covered, uncovered }: Coverage, withTitles: boolean): void {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`${covered.length} of ${covered.length + uncovered.length} requirements are named by tests`);
  if (uncovered.length > 0) say(`not named: ${uncovered.join(' ')}`);
  const others = [...titles.keys()].filter((id) => !covered.includes(id)).sort();
  say(`named beside those: ${others.join(' ')}`);
  if (!withTitles) return;
  for (const id of covered) say(`\n${id}\n${(titles.get(id) ?? []).map((title) => `  ${title}`).join('\n')}`);
}

const self = fileURLToPath(import.meta.url);
if (process.argv[1] === self) {
  print(requirementCoverage(fileURLToPath(new URL('.', import.meta.url))), process.argv.includes('--titles'));
}
