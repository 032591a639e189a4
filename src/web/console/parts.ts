/** Parts of screens: links, tables that become cards where there is no room, facts, pages of a list, filters. */
import { element, form } from '../design/dom.ts';
import type { Console } from './context.ts';
import { choiceField, textField } from './fields.ts';

/** What a place of a table or a list of facts holds. */
export type Cell = Node | string | undefined;

/** Where the console is served. */
export const prefix = '/console';

/** The address of a path of the console, which begins with a slash or is empty. */
export const addressIn = (path: string): string => `${prefix}${path === '' ? '/' : path}`;

/** A link to a screen; it works in a new tab too. */
export function link(path: string, text: string, look?: string): HTMLAnchorElement {
  return element('a', {
    text,
    ...(look !== undefined && { class: look }),
    attributes: { href: addressIn(path), dir: 'auto' },
  });
}

/** An identifier, as it is: for copying and for support. */
export function code(text: string): HTMLElement {
  return element('code', { text, attributes: { dir: 'ltr' } });
}

/** A text without blanks to break at, such as an address. */
export function long(text: string): HTMLElement {
  return element('span', { class: 'long', text, attributes: { dir: 'auto' } });
}

/** A status, in words; its look says it a second time. */
export function badge(text: string, look: 'good' | 'bad' | 'wait' | 'none'): HTMLElement {
  return element('span', { class: `badge ${look}`, text });
}

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Cell | readonly Cell[];
}

interface TableOptions<Row> {
  /** Read out before the table. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Said where there is none. */
  readonly empty: string;
}

/** A table. Its roles are written out: where it is shown as cards, browsers would forget them. */
export function table<Row>({ caption, columns, rows, empty }: TableOptions<Row>): HTMLElement {
  if (rows.length === 0) return element('p', { class: 'notice', text: empty });
  const heads = columns.map(({ head }) =>
    element('th', { text: head, attributes: { scope: 'col', role: 'columnheader' } }),
  );
  const lines = rows.map((row) =>
    element('tr', { attributes: { role: 'row' } }, ...columns.map((column, index) => cellOf(column, row, index))),
  );
  return element(
    'table',
    { attributes: { role: 'table' } },
    element('caption', { class: 'only-heard', text: caption }),
    element('thead', { attributes: { role: 'rowgroup' } }, element('tr', { attributes: { role: 'row' } }, ...heads)),
    element('tbody', { attributes: { role: 'rowgroup' } }, ...lines),
  );
}

function cellOf<Row>({ head, cell }: Column<Row>, row: Row, index: number): HTMLElement {
  const content = [cell(row)].flat();
  const attributes = { role: index === 0 ? 'rowheader' : 'cell', 'data-head': head };
  if (index === 0) return element('th', { attributes: { ...attributes, scope: 'row' } }, ...content);
  return element('td', { attributes }, ...content);
}

/** Names and values. */
export function facts(rows: readonly (readonly [name: string, value: Cell])[]): HTMLElement {
  return element(
    'dl',
    {},
    ...rows.map(([name, value]) => element('div', {}, element('dt', { text: name }), element('dd', {}, value))),
  );
}

/** A part of a screen under its own heading. */
export function section(title: string, ...content: readonly Cell[]): HTMLElement {
  return element('section', {}, element('h2', { text: title }), ...content);
}

/** Buttons side by side. */
export function buttons(...made: readonly (HTMLElement | undefined)[]): HTMLElement | undefined {
  const there = made.filter((one) => one !== undefined);
  return there.length === 0 ? undefined : element('div', { class: 'acts' }, ...there);
}

interface PagerOptions {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Where the next page begins; null on the last. */
  readonly next: string | number | null;
}

/** To the next page and back to the first; the way back is the browser's. */
export function pager({ t }: Console, { path, query, next }: PagerOptions): HTMLElement | undefined {
  const { after, ...rest } = query;
  const links = [
    after === undefined ? undefined : link(addressOf(path, rest), t('list.first'), 'button quiet'),
    next === null ? undefined : link(addressOf(path, { ...rest, after: String(next) }), t('list.next'), 'button quiet'),
  ].filter((one) => one !== undefined);
  return links.length === 0
    ? undefined
    : element('nav', { class: 'acts', attributes: { 'aria-label': t('list.pages') } }, ...links);
}

/** A path with what it asks for; what is empty is left out. */
export function addressOf(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const asked = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === '' ? [] : [[name, value]],
  );
  const search = new URLSearchParams(asked).toString();
  return search === '' ? path : `${path}?${search}`;
}

interface Filter {
  readonly name: string;
  readonly label: string;
  readonly type?: 'search' | 'text' | 'datetime-local';
  readonly options?: readonly (readonly [value: string, text: string])[];
  /** What holds where nothing was chosen; unless told, anything does. */
  readonly standard?: string;
}

interface FilterOptions {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly filters: readonly Filter[];
  /** Kept as it is, such as the company of a list. */
  readonly fixed?: readonly string[];
}

/** What narrows a list; the address holds it, so that it can be kept and sent on. */
export function filterForm(console: Console, { path, query, filters, fixed = [] }: FilterOptions): HTMLElement {
  const { t } = console;
  const fields = filters.map(({ name, label, type = 'text', options, standard }) =>
    options === undefined
      ? textField({ name: `filter-${name}`, label, value: query[name] ?? '', attributes: { type } })
      : choiceField({
          name: `filter-${name}`,
          label,
          value: query[name] ?? standard ?? '',
          options: [...(standard === undefined ? [['', t('list.any')] as const] : []), ...options],
        }),
  );
  const made = form(
    () => {
      const asked = filters.map(({ name }, index) => [name, fields[index]?.input.value.trim() ?? '']);
      const kept = fixed.map((name) => [name, query[name] ?? '']);
      console.go(addressOf(path, Object.fromEntries([...kept, ...asked]) as Record<string, string>));
    },
    ...fields.map(({ row }) => row),
    element('button', { text: t('list.search'), class: 'quiet', attributes: { type: 'submit' } }),
  );
  made.className = 'filters';
  made.setAttribute('role', 'search');
  return made;
}
