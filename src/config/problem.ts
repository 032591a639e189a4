/** What is wrong with a configuration, and where settings come from. Types, and the text for a terminal. */

/** One thing that is wrong; `found` never holds a secret. */
export interface ConfigProblem {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
}

/** Where settings come from. Reading functions throw as `node:fs` does. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `latin1` keeps every byte as one character. */
  readonly readFile: (path: string, encoding?: 'utf8' | 'latin1') => string;
  /** The path without symbolic links. */
  readonly realPath: (path: string) => string;
}

/** The problems as text for a terminal, one line each. */
export function explainProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.map(({ name, expected, found }) => `  ${name}: expected ${expected}; found ${found}`);
  return ['The configuration cannot be used:', ...lines, 'Every setting is described in docs/configuration.md.'].join(
    '\n',
  );
}
