/** The list of devices, those first that wait for approval, and one of them. */
import type { Device } from '../../../admin-client/operations.ts';
import { api, list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { approveDevice, endDevice, refuseDevice } from '../deeds/devices.ts';
import { actButton } from '../dialog.ts';
import { when } from '../format.ts';
import {
  addressOf,
  badge,
  buttons,
  type Column,
  code,
  facts,
  filterForm,
  link,
  pager,
  section,
  table,
} from '../parts.ts';

const path = '/devices';
const pageSize = '25';
const statuses = ['pending', 'active', 'blocked', 'deactivated', 'refused'] as const;

/** The status of a device in words. */
function deviceBadge({ t }: Console, status: string): HTMLElement {
  const look = status === 'active' ? 'good' : status === 'pending' ? 'wait' : status === 'blocked' ? 'bad' : 'none';
  return badge(t.named('device.status', status), look);
}

/** What can be done to a device as it is. */
function deviceActs(console: Console, { id, name, status, userId }: Device): HTMLElement | undefined {
  const ref = { deviceId: id, name };
  const isEnded = status === 'deactivated' || status === 'refused';
  // Nobody decides on their own registration; the server would refuse it.
  const mayDecide = status === 'pending' && userId !== console.me.userId;
  return buttons(
    mayDecide ? actButton(console, approveDevice, ref) : undefined,
    mayDecide ? actButton(console, refuseDevice, ref) : undefined,
    isEnded || status === 'pending' ? undefined : actButton(console, endDevice, ref),
  );
}

/** Devices, each with its user and what can be done; those of one user without naming them again. */
export function deviceTable(
  console: Console,
  rows: readonly Device[],
  { empty, isOfOne = false }: { readonly empty: string; readonly isOfOne?: boolean },
): HTMLElement {
  const { t } = console;
  const user: Column<Device> = {
    head: t('device.user'),
    cell: ({ userId, userName }) => link(`/users/${userId}`, userName),
  };
  return table({
    caption: t('nav.devices'),
    rows,
    empty,
    columns: [
      { head: t('device.name'), cell: ({ id, name }) => link(`/devices/${id}`, name) },
      { head: t('list.status'), cell: ({ status }) => deviceBadge(console, status) },
      ...(isOfOne ? [] : [user]),
      { head: t('device.platform'), cell: ({ platform }) => platform },
      { head: t('device.lastUsed'), cell: ({ lastUsedAt }) => when(t, lastUsedAt) },
      { head: t('list.acts'), cell: (device) => deviceActs(console, device) },
    ],
  });
}

export const devicesScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const options = statuses.map((status) => [status, t.named('device.status', status)] as const);
  const { companyId, userId, status, after } = query;
  const isWhole = status === undefined && after === undefined;
  const [pending, page] = await Promise.all([
    isWhole ? list('listDevices', { companyId, userId, status: 'pending', limit: pageSize }) : undefined,
    list('listDevices', { ...query, limit: pageSize }),
  ]);
  const narrowed = { ...(companyId !== undefined && { companyId }), ...(userId !== undefined && { userId }) };
  const isWaiting = pending !== undefined && pending.items.length > 0;
  const others = isWaiting ? page.items.filter((device) => device.status !== 'pending') : page.items;
  const rows = [
    deviceTable(console, others, { empty: t('device.none') }),
    pager(console, { path, query, next: page.next }),
  ];
  const more =
    pending === undefined || pending.next === null
      ? undefined
      : link(addressOf(path, { ...narrowed, status: 'pending' }), t('home.all'));
  return {
    title: t('nav.devices'),
    content: [
      filterForm(console, {
        path,
        query,
        fixed: ['companyId', 'userId'],
        filters: [{ name: 'status', label: t('list.status'), options }],
      }),
      ...(isWaiting
        ? [section(t('home.pending'), deviceTable(console, pending.items, { empty: t('home.nonePending') }), more)]
        : []),
      ...(isWaiting ? [section(t('device.others'), ...rows)] : rows),
    ],
  };
};

export const deviceScreen: Screen = async (console, { params }) => {
  const { t } = console;
  const device = await api('getDevice', { params: { deviceId: params['deviceId'] ?? '' } });
  const { endedReason } = device;
  return {
    title: device.name,
    back: link(`/users/${device.userId}`, device.userName, 'back'),
    content: [
      deviceActs(console, device),
      facts([
        [t('list.status'), deviceBadge(console, device.status)],
        [t('device.platform'), device.platform],
        [t('device.appVersion'), device.appVersion],
        [t('device.biometrics'), t(device.hasBiometrics ? 'list.yes' : 'list.no')],
        [t('device.attempts'), String(device.attemptsLeft)],
        [t('list.created'), when(t, device.createdAt)],
        [t('device.activated'), when(t, device.activatedAt)],
        [t('device.lastUsed'), when(t, device.lastUsedAt)],
        [t('device.place'), device.place ?? '–'],
        ...(device.endedAt === null
          ? []
          : [
              [t('device.endedAt'), when(t, device.endedAt)] as const,
              [t('device.endedReason'), endedReason ?? '–'] as const,
            ]),
        [t('list.id'), code(device.id)],
      ]),
      link(addressOf('/audit', { deviceId: device.id, order: 'newest' }), t('device.audit')),
    ],
  };
};
