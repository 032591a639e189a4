/**
 * How the command speaks. Results go to standard output: a table or sentence for people, one JSON document with `--json`.
 * Everything else goes to standard error with the prefix `mtoken:`, in lower case and without a full stop; a hint follows on its own line.
 * Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the server or a store cannot be reached, 4 the audit trail is not as it was
 * written.
 */

export const exitCode = { done: 0, failed: 1, usage: 2, unreachable: 3, broken: 4 } as const;

/** A failure with what to say and how to exit. */
export class CommandError extends Error {
  readonly exit: number;
  readonly hint: string | undefined;

  constructor(message: string, options: { exit?: number; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'CommandError';
    this.exit = options.exit ?? exitCode.failed;
    this.hint = options.hint;
  }
}

/** Control, invisible and direction-changing characters would let a stored name rewrite the operator's screen. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** What stands in a cell of a table. */
export type Cell = string | number | boolean | null | undefined;

/** Text that is safe to put on a terminal. */
export function printable(value: Cell): string {
  return String(value ?? '').replace(unsafe, '�');
}

/** Whoever reads the result has gone, as `head` does once it has its lines. No failure, and nobody is left to be told. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

let isReaderGone = false;

/** Whether this error is that of a stream whose reader has gone. */
export function isOfGoneReader(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/**
 * From now on a reader that goes away does not crash the process: an act that is under way is finished, and the next word of result
 * throws `ReaderGone`, so that nothing goes on being fetched for nobody. Other errors of the streams are thrown.
 */
export function outliveReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (!isOfGoneReader(error)) throw error;
      if (stream === process.stdout) isReaderGone = true;
    });
}

/** Throws `ReaderGone` where nobody reads. */
function write(text: string): void {
  if (isReaderGone) throw new ReaderGone('nobody reads the result');
  process.stdout.write(text);
}

/** One line of result for people. */
export function say(line: string): void {
  write(`${line}\n`);
}

/** A remark that is not part of the result; it may repeat what a server said. */
export function remark(text: string): void {
  for (const line of text.split('\n')) process.stderr.write(`mtoken: ${printable(line)}\n`);
}

/** The result as one JSON document. */
export function sayJson(value: unknown): void {
  write(`${JSON.stringify(value, null, 2)}\n`);
}

/** A table with aligned columns; says so where there is nothing. */
export function sayTable(columns: readonly string[], rows: readonly (readonly Cell[])[], empty: string): void {
  if (rows.length === 0) {
    say(empty);
    return;
  }
  const cells = [columns, ...rows].map((row) => row.map(printable));
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  for (const row of cells)
    say(
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** A time for people: UTC, to the second. */
export function time(milliseconds: number | null | undefined): string {
  return milliseconds ? new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z') : '-';
}
