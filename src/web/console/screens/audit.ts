/** The audit trail: searched, read and taken away as a file. */
import type { AuditRecord } from '../../../admin-client/operations.ts';
import { element, paragraph } from '../../design/dom.ts';
import { list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { when } from '../format.ts';
import type { Messages } from '../messages.ts';
import { userNames } from '../names.ts';
import { addressOf, buttons, code, facts, filterForm, link, pager } from '../parts.ts';

const path = '/audit';
const pageSize = '50';

export const auditScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const asked = asApi(query);
  const { items, next } = await list('searchAudit', { order: 'newest', ...asked, limit: pageSize });
  return {
    title: t('nav.audit'),
    content: [
      filters(console, query),
      await recordList(console, items),
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
        standard: 'newest',
        options: (['newest', 'oldest'] as const).map((order) => [order, t(`audit.${order}`)] as const),
      },
    ],
  });
}

/** A record a line; what it is about, and everything else in it, is shown where it is opened. */
async function recordList(console: Console, items: readonly AuditRecord[]): Promise<HTMLElement> {
  const { t } = console;
  if (items.length === 0) return paragraph(t('audit.none'), 'notice');
  const people = items.flatMap(({ actor, userId }) => [personIn(actor), userId]).filter((id) => id !== undefined);
  const names = await userNames(console, people);
  return element('ul', { class: 'records' }, ...items.map((item) => element('li', {}, recordLine(t, item, names))));
}

const personIn = (actor: string): string | undefined => /^user:(usr_[A-Za-z0-9_-]+)$/.exec(actor)?.[1];

function recordLine(t: Messages, record: AuditRecord, names: ReadonlyMap<string, string>): HTMLElement {
  const { at, event, actor, userId } = record;
  const nameOf = (id: string | undefined): string | undefined => (id === undefined ? undefined : (names.get(id) ?? id));
  const by = nameOf(personIn(actor)) ?? actor.replace(/:.*$/, '');
  const about = nameOf(userId);
  const line = element(
    'summary',
    {},
    when(t, at),
    code(event),
    element('span', { text: t('audit.by', { name: by }) }),
    element('span', { text: about === undefined || about === by ? '' : t('audit.on', { name: about }) }),
  );
  return element('details', {}, line, facts(detailsOf(t, record, nameOf)));
}

type Detail = readonly [name: string, value: Node | undefined];

function detailsOf(t: Messages, record: AuditRecord, nameOf: (id: string | undefined) => string | undefined): Detail[] {
  const { seq, actor, userId, deviceId, clientId, companyId, orderId, address, requestId, data = {}, hash } = record;
  const actorId = personIn(actor);
  const linked: readonly (readonly [string, string | undefined, string | undefined])[] = [
    [t('audit.user'), userId, `/users/${userId}`],
    [t('audit.device'), deviceId, `/devices/${deviceId}`],
    [t('audit.client'), clientId, `/clients/${clientId}`],
    [t('audit.company'), companyId, `/companies/${companyId}`],
  ];
  const plain = { ...data, orderId, address, requestId, seq, hash };
  return [
    [t('audit.actor'), actorId === undefined ? code(actor) : link(`/users/${actorId}`, nameOf(actorId) ?? actorId)],
    ...linked.flatMap(([name, id, to]): Detail[] =>
      id === undefined || to === undefined ? [] : [[name, link(to, nameOf(id) ?? id)]],
    ),
    ...Object.entries(plain).flatMap(([name, value]): Detail[] =>
      value === undefined ? [] : [[name, code(String(value))]],
    ),
  ];
}

function exports({ t }: Console, asked: Readonly<Record<string, string>>): HTMLElement {
  const { order: _order, after: _after, ...filter } = asked;
  const file = (format: 'jsonl' | 'csv'): HTMLAnchorElement =>
    element('a', {
      class: 'button quiet',
      text: t(`audit.export.${format}`),
      attributes: { href: addressOf('/admin/v1/audit/export', { ...filter, format }), download: '' },
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
