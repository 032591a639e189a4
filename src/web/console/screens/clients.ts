/** Portals and machines: the list, a new one, and one of them. */
import type { Client } from '../../../admin-client/operations.ts';
import { element, paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { changeClient, createClient, disableClient } from '../deeds/service.ts';
import { actButton } from '../dialog.ts';
import { areaField, choiceField, linesOf, textField } from '../fields.ts';
import { when } from '../format.ts';
import { badge, buttons, code, facts, link, pager, section, table } from '../parts.ts';
import { actForm } from '../submit.ts';

const path = '/clients';

function clientBadge({ t }: Console, status: string): HTMLElement {
  return badge(t.named('client.status', status), status === 'active' ? 'good' : 'none');
}

export const clientsScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const { items, next } = await list('listClients', query);
  return {
    title: t('nav.clients'),
    content: [
      buttons(console.may('clients.write') ? link('/clients/new', t('client.create'), 'button') : undefined),
      table({
        caption: t('nav.clients'),
        rows: items,
        empty: t('client.none'),
        columns: [
          { head: t('list.name'), cell: ({ id, name }) => link(`/clients/${id}`, name) },
          { head: t('list.id'), cell: ({ id }) => code(id) },
          { head: t('client.kind'), cell: ({ kind }) => t.named('client.kind', kind) },
          { head: t('list.status'), cell: ({ status }) => clientBadge(console, status) },
        ],
      }),
      pager(console, { path, query, next }),
    ],
  };
};

export const newClientScreen: Screen = (console) => {
  const { t } = console;
  const id = textField({
    name: 'client-id',
    label: t('list.id'),
    hint: t('client.idHint'),
    attributes: { maxlength: '64', dir: 'ltr' },
  });
  const kind = choiceField({
    name: 'kind',
    label: t('client.kind'),
    value: 'portal',
    options: (['portal', 'admin'] as const).map((one) => [one, t(`client.kind.${one}`)]),
  });
  const company = textField({
    name: 'company',
    label: t('client.company'),
    hint: t('client.companyHint'),
    attributes: { dir: 'ltr' },
  });
  const name = textField({ name: 'name', label: t('list.name'), attributes: { maxlength: '80' } });
  const metadata = metadataFields(console, {});
  const made = actForm(console, {
    act: createClient,
    fields: [id.row, name.row, kind.row, company.row, ...metadata.rows],
    read: () => {
      const read = metadata.read();
      if (typeof read === 'string') return read;
      const entered = {
        id: id.input.value.trim(),
        name: name.input.value.trim(),
        companyId: company.input.value.trim(),
      };
      if (entered.id === '' || entered.name === '') return t('form.nameMissing');
      const { companyId, ...rest } = entered;
      return { ...rest, kind: kind.value(), metadata: read, ...(companyId !== '' && { companyId }) };
    },
  });
  return Promise.resolve({
    title: t('client.create'),
    back: link(path, t('nav.clients'), 'back'),
    content: [made ?? paragraph(t('error.access_denied'), 'trouble')],
  });
};

export const clientScreen: Screen = async (console, { params }) => {
  const { t } = console;
  const client = await api('getClient', { params: { clientId: params['clientId'] ?? '' } });
  const { id, name, version } = client;
  return {
    title: name,
    back: link(path, t('nav.clients'), 'back'),
    content: [
      facts([
        [t('list.status'), clientBadge(console, client.status)],
        [t('list.id'), code(id)],
        [t('client.kind'), t.named('client.kind', client.kind)],
        ...(client.companyId === null
          ? []
          : [[t('user.company'), link(`/companies/${client.companyId}`, client.companyId)] as const]),
        [t('list.created'), when(t, client.createdAt)],
      ]),
      changeForm(console, client) ?? readOnly(client),
      client.status === 'active' && console.may('clients.write')
        ? section(
            t('act.serious'),
            paragraph(t('act.seriousText'), 'soft'),
            buttons(actButton(console, disableClient, { clientId: id, name })),
          )
        : undefined,
    ],
  };

  function changeForm(of: Console, { metadata: before }: Client): HTMLElement | undefined {
    const entered = textField({ name: 'name', label: t('list.name'), value: name, attributes: { maxlength: '80' } });
    const metadata = metadataFields(of, before);
    return actForm(of, {
      act: changeClient,
      fields: [entered.row, ...metadata.rows],
      read: () => {
        const read = metadata.read();
        if (typeof read === 'string') return read;
        return { clientId: id, version, changes: { name: entered.input.value.trim(), metadata: read } };
      },
    });
  }
};

function readOnly({ metadata }: Client): HTMLElement {
  return element('pre', { text: JSON.stringify(metadata, undefined, 2), attributes: { dir: 'ltr', tabindex: '0' } });
}

/** What a portal has in each case by itself, and everything else as it is. */
const listed = ['redirect_uris', 'post_logout_redirect_uris'] as const;

function metadataFields({ t }: Console, metadata: Client['metadata']) {
  const linesIn = (name: string): string => {
    const value = metadata[name];
    return Array.isArray(value) ? value.join('\n') : '';
  };
  const addresses = listed.map((name) => ({
    name,
    ...areaField({ name, label: t(`client.${name}`), hint: t('form.onePerLine'), value: linesIn(name) }),
  }));
  const { backchannel_logout_uri: told } = metadata;
  const logout = textField({
    name: 'backchannel_logout_uri',
    label: t('client.backchannel_logout_uri'),
    value: typeof told === 'string' ? told : '',
    attributes: { type: 'url', dir: 'ltr' },
  });
  const known = new Set<string>([...listed, 'backchannel_logout_uri']);
  const rest = Object.fromEntries(Object.entries(metadata).filter(([name]) => !known.has(name)));
  const more = areaField({
    name: 'metadata',
    label: t('client.more'),
    hint: t('client.moreHint'),
    value: Object.keys(rest).length === 0 ? '' : JSON.stringify(rest, undefined, 2),
    rows: 6,
  });
  for (const { input } of [...addresses, logout, more]) input.dir = 'ltr';
  return {
    rows: [...addresses.map(({ row }) => row), logout.row, more.row],
    read: (): Record<string, unknown> | string => {
      const others = readObject(more.input.value);
      if (others === undefined) return t('client.moreBad');
      const uris = addresses.flatMap(({ name, input }) => {
        const lines = linesOf(input.value);
        return lines.length === 0 ? [] : [[name, lines] as const];
      });
      const uri = logout.input.value.trim();
      return { ...others, ...Object.fromEntries(uris), ...(uri !== '' && { backchannel_logout_uri: uri }) };
    },
  };
}

/** Undefined for what is no JSON object. */
function readObject(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {};
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
