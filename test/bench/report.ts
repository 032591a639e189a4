/** Figures with their goals, as a table for the terminal and for docs/benchmarks.md. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** One measured value. */
export interface Figure {
  readonly benchmark: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number };
}

/** Where and how a run took place; nothing in it names a machine. */
export interface Circumstances {
  readonly command: string;
  readonly cores: number;
  readonly architecture: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly openssl: string;
  readonly cpuMHz: number;
  /** Load average over a minute when the run began and ended. */
  readonly load: readonly [number, number];
}

/** The circumstances of a run that began under `loadBefore` and has ended. */
export function circumstances(command: string, loadBefore: number): Circumstances {
  return {
    command,
    cores: availableParallelism(),
    architecture: process.arch,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    openssl: process.versions.openssl,
    cpuMHz: cpus()[0]?.speed ?? 0,
    load: [loadBefore, currentLoad()],
  };
}

export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

/** Whether the goal is met; undefined where there is none. */
export function isMet({ value, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  return 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast;
}

function verdict(figure: Figure): string {
  const met = isMet(figure);
  if (met === undefined) return '';
  return met ? 'met' : 'not met';
}

function goalText({ goal, unit }: Figure): string {
  if (goal === undefined) return '';
  return 'atMost' in goal ? `≤ ${number(goal.atMost)} ${unit}` : `≥ ${number(goal.atLeast)} ${unit}`;
}

/** Three digits that mean something. */
function number(value: number): string {
  if (!Number.isFinite(value)) return 'not measured';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.001))));
  const shown = Math.min(digits, 3);
  return value.toLocaleString('en-US', { minimumFractionDigits: shown, maximumFractionDigits: shown });
}

const header = ['benchmark', 'measured', 'value', 'goal', ''] as const;

function cells(figure: Figure): readonly string[] {
  return [
    figure.benchmark,
    figure.what,
    `${number(figure.value)} ${figure.unit}`.trim(),
    goalText(figure),
    verdict(figure),
  ];
}

/** Columns of equal width. */
export function plainTable(figures: readonly Figure[]): string {
  const rows = [header, ...figures.map(cells)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same as Markdown, with the circumstances above. */
export function markdown(figures: readonly Figure[], made: Circumstances): string {
  const [before, after] = made.load;
  const where =
    `${made.cores} cores (${made.architecture}, ${made.cpuMHz} MHz), ${made.memoryGiB} GiB, Node ${made.node}, ` +
    `OpenSSL ${made.openssl}; load average ${number(before)} before and ${number(after)} after.`;
  const rows = figures.map((figure) => `| ${cells(figure).join(' | ')} |`);
  return [
    '```',
    made.command,
    '```',
    '',
    where,
    '',
    `| ${header.join(' | ')} |`,
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Where the figures of these benchmarks stand in the document; without names, those of all of them. */
export function markersOf(names: readonly string[]): { readonly begin: string; readonly end: string } {
  const which = ['figures', ...names].join(' ');
  return { begin: `<!-- ${which}: begin -->`, end: `<!-- ${which}: end -->` };
}

/** Puts `text` between the markers of `document` for `names`. Throws where they are missing. */
export function replaceFigures(document: string, text: string, names: readonly string[] = []): string {
  const markers = markersOf(names);
  const begin = document.indexOf(markers.begin);
  const end = document.indexOf(markers.end);
  if (begin < 0 || end < begin) throw new Error(`docs/benchmarks.md has no place for these figures: ${markers.begin}`);
  return `${document.slice(0, begin + markers.begin.length)}\n${text}\n${document.slice(end)}`;
}
