/** The first screen: what waits for somebody, and the way to a person whose phone is lost. */
import { element, form, paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { textField } from '../fields.ts';
import { addressOf, link, section } from '../parts.ts';
import { approvalTable } from './approvals.ts';
import { deviceTable } from './devices.ts';

/** As many as are seen at a glance; the list has the rest. */
const shown = '5';

export const homeScreen: Screen = async (console) => {
  const { t, me } = console;
  const content = await Promise.all([pendingDevices(console), openApprovals(console), deadLetters(console)]);
  return { title: t('home.title', { name: me.name }), content: [findUser(console), ...content] };
};

function findUser(console: Console): HTMLElement | undefined {
  const { t } = console;
  if (!console.may('users.read')) return undefined;
  const { row, input } = textField({ name: 'find', label: t('home.find'), attributes: { type: 'search' } });
  const search = form(
    () => console.go(addressOf('/users', { search: input.value.trim() })),
    row,
    element('button', { text: t('list.search'), class: 'quiet', attributes: { type: 'submit' } }),
  );
  search.className = 'filters';
  search.setAttribute('role', 'search');
  return section(t('home.lost'), paragraph(t('home.lostText'), 'soft'), search);
}

async function pendingDevices(console: Console): Promise<HTMLElement | undefined> {
  if (!console.may('devices.read')) return undefined;
  const { t } = console;
  const query = { status: 'pending', limit: shown };
  const { items, next } = await list('listDevices', query);
  const all = next === null ? undefined : link('/devices?status=pending', t('home.all'));
  return section(t('home.pending'), deviceTable(console, items, { empty: t('home.nonePending') }), all);
}

async function openApprovals(console: Console): Promise<HTMLElement | undefined> {
  if (!console.may('approvals.read')) return undefined;
  const { t } = console;
  const query = { status: 'pending', limit: shown };
  const { items, next } = await list('listApprovals', query);
  const all = next === null ? undefined : link('/approvals', t('home.all'));
  return section(t('home.approvals'), approvalTable(console, items), all);
}

async function deadLetters(console: Console): Promise<HTMLElement | undefined> {
  if (!console.may('notifications.read')) return undefined;
  const { t } = console;
  const { kinds } = await api('getNotifications');
  const dead = kinds.reduce((sum, kind) => sum + kind.dead, 0);
  if (dead === 0) return undefined;
  return section(
    t('home.dead'),
    paragraph(t('home.deadText', { count: dead }), 'trouble'),
    link('/notifications', t('home.deadShow')),
  );
}
