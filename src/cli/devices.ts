/** `mtoken device …`: registered phones; the lost one is ended here. */
import { Command } from 'commander';
import { confirm } from './confirm.ts';
import { answer, connect, query, type SharedOptions, withAdminOptions } from './context.ts';
import { say, sayTable, time } from './output.ts';

interface DeviceView {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly platform: string;
  readonly status: string;
  readonly attemptsLeft: number;
  readonly lastUsedAt: number | null;
  readonly createdAt: number;
}

function listCommand(): Command {
  return withAdminOptions(
    new Command('list')
      .description('list devices')
      .option('--company <id>', 'only of this company')
      .option('--user <id>', 'only of this user')
      .option('--status <status>', 'pending, active, blocked, deactivated or refused'),
  ).action(async (options: SharedOptions & { company?: string; user?: string; status?: string }) => {
    const filter = { companyId: options.company, userId: options.user, status: options.status, limit: 200 };
    const { items } = await (await connect(options)).get<{ items: DeviceView[] }>(`/devices${query(filter)}`);
    answer(options, items, () =>
      sayTable(
        ['ID', 'NAME', 'PLATFORM', 'STATUS', 'ATTEMPTS LEFT', 'LAST USED', 'USER'],
        items.map((device) => [
          device.id,
          device.name,
          device.platform,
          device.status,
          device.attemptsLeft,
          time(device.lastUsedAt),
          device.userId,
        ]),
        'no devices',
      ),
    );
  });
}

function decideCommand(verb: 'approve' | 'refuse', description: string): Command {
  const command = new Command(verb).description(description).argument('<device-id>');
  if (verb === 'refuse') command.requiredOption('--reason <text>', 'why, for the audit trail');
  return withAdminOptions(command).action(async (deviceId: string, options: SharedOptions & { reason?: string }) => {
    const path = `/devices/${encodeURIComponent(deviceId)}/${verb}`;
    const device = await (await connect(options)).post<DeviceView>(
      path,
      verb === 'refuse' ? { reason: options.reason } : {},
    );
    answer(options, device, () => say(`${device.id} is ${device.status}`));
  });
}

function deactivateCommand(): Command {
  return withAdminOptions(
    new Command('deactivate')
      .description('end a device at once: its sessions, logins and pending orders die with it; cannot be undone')
      .argument('<device-id>')
      .requiredOption('--reason <text>', 'why, for the audit trail')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ mtoken device deactivate dev_… --reason "lost on the train" --yes'),
  ).action(async (deviceId: string, options: SharedOptions & { reason: string; yes?: boolean }) => {
    await confirm(options.yes, `This ends device ${deviceId} for good: the user must register again.`);
    const path = `/devices/${encodeURIComponent(deviceId)}/deactivate`;
    const device = await (await connect(options)).post<DeviceView>(path, { reason: options.reason });
    answer(options, device, () => say(`${device.id} is ${device.status}`));
  });
}

/** The `device` command. */
export function deviceCommand(): Command {
  return new Command('device')
    .description('registered phones')
    .addCommand(listCommand())
    .addCommand(decideCommand('approve', 'approve a pending registration'))
    .addCommand(decideCommand('refuse', 'refuse a pending registration'))
    .addCommand(deactivateCommand());
}
