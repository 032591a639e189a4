/** The audit trail: searched, read and taken away as a file. */
import { element, paragraph } from '../../design/dom.ts';
import { apiUrl } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { when } from '../format.ts';
import type { AuditRecord, Page } from '../model.ts';
import { buttons, code, filterForm, link, pager, table } from '../parts.ts';

const path = '/audit';
const pageSize = '50';

export const auditScreen: Screen = async (console, { query }) => {
  const { t, api } = console;
  const asked = asApi(query);
  const { items, next } = await api<Page<AuditRecord>>({
    method: 'GET',
    path,
    query: { order: 'newest', ...asked, limit: pageSize },
  });
  return {
    title: t('nav.audit'),
    content: [
      filters(console, query),
      table({
        caption: t('nav.audit'),
        rows: items,
        empty: t('audit.none'),
        columns: [
          { head: t('audit.at'), cell: ({ at }) => when(t, at) },
          { head: t('audit.event'), cell: ({ event }) => code(event) },
          { head: t('audit.actor'), cell: ({ actor }) => actorOf(actor) },
          { head: t('audit.about'), cell: (record) => aboutOf(console, record) },
          { head: t('audit.more'), cell: (record) => details(console, record) },
        ],
      }),
      pager(console, { path, query, next }),
      exports(console, asked),
    ],
  };
};

/** The address holds local times, as people write them; the API takes instants. */
function asApi(query: Readonly<Record<string, string>>): Record<string, string> {
  const { from, until, ...rest } = query;
  const instant = (text: string | undefined): string | undefined => {
    const time = text === undefined ? Number.NaN : new Date(text).getTime();
    return Number.isNaN(time) ? undefined : String(time);
  };
  const [start, end] = [instant(from), instant(until)];
  return { ...rest, ...(start !== undefined && { from: start }), ...(end !== undefined && { until: end }) };
}

function filters(console: Console, query: Readonly<Record<string, string>>): HTMLElement {
  const { t } = console;
  return filterForm(console, {
    path,
    query,
    filters: [
      { name: 'event', label: t('audit.event') },
      { name: 'userId', label: t('audit.user') },
      { name: 'deviceId', label: t('audit.device') },
      ...(console.reachesAll('audit.read') ? [{ name: 'companyId', label: t('audit.company') }] : []),
      { name: 'actor', label: t('audit.actor') },
      { name: 'from', label: t('audit.from'), type: 'datetime-local' as const },
      { name: 'until', label: t('audit.until'), type: 'datetime-local' as const },
      {
        name: 'order',
        label: t('audit.order'),
        options: (['newest', 'oldest'] as const).map((order) => [order, t(`audit.${order}`)] as const),
      },
    ],
  });
}

/** A person is a link, anything else its own name. */
function actorOf(actor: string): HTMLElement {
  const id = /^user:(usr_[A-Za-z0-9_-]+)$/.exec(actor)?.[1];
  return id === undefined ? code(actor) : link(`/users/${id}`, id, 'id');
}

function aboutOf({ t }: Console, { companyId, userId, deviceId, clientId }: AuditRecord): HTMLElement[] {
  const named = [
    userId === undefined ? undefined : ([t('audit.user'), `/users/${userId}`, userId] as const),
    deviceId === undefined ? undefined : ([t('audit.device'), `/devices/${deviceId}`, deviceId] as const),
    clientId === undefined ? undefined : ([t('audit.client'), `/clients/${clientId}`, clientId] as const),
    companyId === undefined ? undefined : ([t('audit.company'), `/companies/${companyId}`, companyId] as const),
  ].filter((one) => one !== undefined);
  return named.map(([what, to, id]) => element('div', { class: 'about' }, `${what} `, link(to, id, 'id')));
}

function details({ t }: Console, { seq, data, address, requestId, hash }: AuditRecord): HTMLElement {
  const more = { seq, address, requestId, hash, ...data };
  const rows = Object.entries(more).filter(([, value]) => value !== undefined);
  return element(
    'details',
    {},
    element('summary', { text: t('audit.show') }),
    element(
      'dl',
      { class: 'raw' },
      ...rows.map(([name, value]) =>
        element('div', {}, element('dt', {}, code(name)), element('dd', {}, code(String(value)))),
      ),
    ),
  );
}

function exports({ t }: Console, asked: Readonly<Record<string, string>>): HTMLElement {
  const { order: _order, after: _after, ...filter } = asked;
  const file = (format: 'jsonl' | 'csv'): HTMLAnchorElement =>
    element('a', {
      class: 'button quiet',
      text: t(`audit.export.${format}`),
      attributes: { href: apiUrl({ path: '/audit/export', query: { ...filter, format } }), download: '' },
    });
  return element(
    'section',
    {},
    element('h2', { text: t('audit.export') }),
    paragraph(t('audit.exportText'), 'soft'),
    buttons(file('jsonl'), file('csv')),
    element('p', { class: 'soft' }, t('audit.verify'), ' ', code('mtoken audit verify')),
  );
}
