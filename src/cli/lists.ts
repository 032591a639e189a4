/** Commands that list: a table for people or one JSON array, fifty rows, as many as are asked for, or all. */
import { Command } from 'commander';
import type { Arguments, Input, ListName, Row } from '../admin-client/client.ts';
import { connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { wholeNumber } from './option-values.ts';
import { type Cell, remark, sayJson, sayTable } from './output.ts';

const rowsUnlessTold = 50;
/** What the server gives at once. */
const largestPage = 200;

export interface ListOptions extends SharedOptions {
  readonly after?: string;
  readonly limit?: number;
  readonly all?: boolean;
}

/** What a list is. */
export interface ListCommand<K extends ListName, O> {
  readonly operation: K;
  readonly describes: string;
  /** Adds the options that narrow the list. */
  readonly filter?: (command: Command) => Command;
  readonly query?: (options: O) => Omit<NonNullable<Input<K>['query']>, 'after' | 'limit'>;
  readonly columns: Readonly<Record<string, (row: Row<K>) => Cell>>;
  /** Said where there is no row. */
  readonly empty: string;
  readonly examples: readonly string[];
  /** `list` unless told. */
  readonly name?: string;
  /** How a row is named in `--after`; by its id unless told. */
  readonly key?: (row: Row<K>) => string | number;
}

/** Makes the command. */
export function listCommand<K extends ListName, O extends ListOptions = ListOptions>(list: ListCommand<K, O>): Command {
  const command = new Command(list.name ?? 'list').description(list.describes);
  list.filter?.(command);
  withAdminOptions(command)
    .option('--limit <n>', `how many rows at most (default ${rowsUnlessTold})`, wholeNumber('--limit', 1, 1_000_000))
    .option('--all', 'every row, however many')
    .option('--after <id>', 'only rows behind this one');
  return withExamples(command, ...list.examples).action(async (options: O) => {
    const { rows, hasMore } = await fetchRows(list, options);
    if (options.json) sayJson(rows);
    else sayRows(list, rows);
    const last = rows.at(-1);
    if (hasMore && last !== undefined) remark(`there are more: --all, --limit, or --after ${keyOf(list, last)}`);
  });
}

/** The rows that the options ask for, and whether there are others behind them. */
async function fetchRows<K extends ListName, O extends ListOptions>(
  { operation, query }: ListCommand<K, O>,
  options: O,
): Promise<{ readonly rows: readonly Row<K>[]; readonly hasMore: boolean }> {
  const wanted = options.all ? Number.POSITIVE_INFINITY : (options.limit ?? rowsUnlessTold);
  const asked = {
    ...query?.(options),
    // One more than is wanted tells whether there are more.
    limit: Math.min(wanted + 1, largestPage),
    ...(options.after === undefined ? {} : { after: options.after }),
  };
  const api = await connect(options);
  const rows: Row<K>[] = [];
  for await (const row of api.rows(operation, ...([{ query: asked }] as unknown as Arguments<K>))) {
    if (rows.length === wanted) return { rows, hasMore: true };
    rows.push(row);
  }
  return { rows, hasMore: false };
}

function keyOf<K extends ListName, O>({ key }: ListCommand<K, O>, row: Row<K>): string | number {
  return key === undefined ? (row as unknown as { readonly id: string }).id : key(row);
}

function sayRows<K extends ListName, O>({ columns, empty }: ListCommand<K, O>, rows: readonly Row<K>[]): void {
  const cells = Object.values(columns);
  sayTable(
    Object.keys(columns),
    rows.map((row) => cells.map((cell) => cell(row))),
    empty,
  );
}
