/** The audit trail as a file: JSON Lines or CSV, read a page at a time as fast as the reader takes it. */
import type { AuditEntry, AuditFilter, AuditStore } from './store.ts';

export type ExportFormat = 'jsonl' | 'csv';

/** Content types of the formats. */
export const exportTypes = {
  jsonl: 'application/jsonl; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const satisfies Record<ExportFormat, string>;

const pageSize = 500;

const csvColumns = [
  'seq',
  'at',
  'event',
  'actor',
  'companyId',
  'userId',
  'deviceId',
  'orderId',
  'clientId',
  'address',
  'requestId',
  'data',
  'previousHash',
  'hash',
] as const satisfies readonly (keyof AuditEntry)[];

/** What is exported: everything that the filter fits, up to and with a record, in the order of the trail. */
export interface ExportRequest {
  readonly format: ExportFormat;
  readonly filter: AuditFilter;
  readonly through: number;
}

/** The file in pieces. It reads the next page when the last piece was taken, so that a slow reader costs no memory. */
export async function* exportedTrail(
  store: Pick<AuditStore, 'search' | 'span'>,
  { format, filter, through }: ExportRequest,
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(csvColumns);
  const isTimed = filter.from !== undefined || filter.until !== undefined;
  const span = isTimed ? await store.span(filter.from, filter.until) : { first: 1, last: through };
  if (span === undefined) return;
  const last = Math.min(span.last, through);
  let after = span.first - 1;
  while (after < last) {
    const page = await store.search(filter, { order: 'oldest', after, limit: pageSize, span: { ...span, last } });
    const lines = page.filter(({ seq }) => seq <= last).map((entry) => lineOf(entry, format));
    if (lines.length > 0) yield lines.join('');
    if (page.length < pageSize) return;
    after = page.at(-1)?.seq ?? last;
  }
}

function lineOf(entry: AuditEntry, format: ExportFormat): string {
  if (format === 'jsonl') return `${JSON.stringify(entry)}\n`;
  const cells = { ...entry, at: new Date(entry.at).toISOString(), data: JSON.stringify(entry.data ?? {}) };
  return csvLine(csvColumns.map((name) => cells[name]));
}

/** What spreadsheets take for a formula, in the full width of East Asian keyboards too. */
const formula = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** A line as in RFC 4180; a text that a spreadsheet would run begins with an apostrophe, which it shows as text. */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const harmless = formula.test(value) ? `'${value}` : value;
  return /[",;\r\n\t']/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
