/** `mtoken device …`: registered phones; the lost one is ended here. */
import { Command } from 'commander';
import type { Reply } from '../admin-client/client.ts';
import { type ActOptions, actCommand, showCommand } from './acts.ts';
import { given } from './context.ts';
import { type ListOptions, listCommand } from './lists.ts';
import { oneOf } from './option-values.ts';
import { time } from './output.ts';

const statuses = ['pending', 'active', 'blocked', 'deactivated', 'refused'] as const;

/** The `device` command. */
export function deviceCommand(): Command {
  return new Command('device')
    .description('registered phones')
    .addCommand(devicesListCommand())
    .addCommand(
      showCommand({
        argument: 'device-id',
        describes: 'look at a device',
        finds: (api, deviceId) => api.call('getDevice', { params: { deviceId } }),
        members: deviceMembers,
        examples: ['mtoken device show dev_…'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'approve',
        describes: 'approve a pending registration',
        argument: 'device-id',
        does: (api, deviceId) => api.call('approveDevice', { params: { deviceId } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken device list --status pending', 'mtoken device approve dev_…'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'refuse',
        describes: 'refuse a pending registration',
        argument: 'device-id',
        takesReason: true,
        does: (api, deviceId, { reason }: ActOptions) =>
          api.call('refuseDevice', { params: { deviceId }, body: { reason } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken device refuse dev_… --reason "nobody here knows it"'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'deactivate',
        describes: 'end a device at once: its sessions, logins and pending orders die with it; cannot be undone',
        argument: 'device-id',
        takesReason: true,
        warns: (id) => `This ends device ${id} for good: the user must register again.`,
        does: (api, deviceId, { reason }: ActOptions) =>
          api.call('deactivateDevice', { params: { deviceId }, body: { reason } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken device deactivate dev_… --reason "lost on the train" --yes'],
      }),
    );
}

function devicesListCommand(): Command {
  type Filter = ListOptions & {
    readonly company?: string;
    readonly user?: string;
    readonly status?: (typeof statuses)[number];
  };
  return listCommand<'listDevices', Filter>({
    operation: 'listDevices',
    describes: 'list devices',
    filter: (command) =>
      command
        .option('--company <id>', 'only of this company')
        .option('--user <id>', 'only of this user')
        .option('--status <status>', statuses.join(', '), oneOf('--status', statuses)),
    query: ({ company: companyId, user: userId, status }) => given({ companyId, userId, status }),
    columns: {
      ID: ({ id }) => id,
      NAME: ({ name }) => name,
      PLATFORM: ({ platform }) => platform,
      STATUS: ({ status }) => status,
      'ATTEMPTS LEFT': ({ attemptsLeft }) => attemptsLeft,
      'LAST USED': ({ lastUsedAt }) => time(lastUsedAt),
      USER: ({ userId }) => userId,
    },
    empty: 'no devices',
    examples: ['mtoken device list --user usr_…', 'mtoken device list --status pending --all'],
  });
}

function deviceMembers(device: Reply<'getDevice'>) {
  return {
    id: device.id,
    user: device.userId,
    company: device.companyId,
    name: device.name,
    platform: device.platform,
    'app version': device.appVersion,
    status: device.status,
    attestation: device.attestationLevel,
    biometrics: device.hasBiometrics ? 'yes' : 'no',
    'attempts left': device.attemptsLeft,
    created: time(device.createdAt),
    activated: time(device.activatedAt),
    'last used': time(device.lastUsedAt),
    ended: time(device.endedAt),
    why: device.endedReason,
  };
}
