/** `mtoken phone devices`, `sessions`, `deactivate`: the user's own devices and browser sessions. */
import { Command, Option } from 'commander';
import { confirm } from '../confirm.ts';
import { sayTable, time } from '../output.ts';
import { type PhoneCommandOptions, runOnPhone, withPhoneOptions } from './run.ts';

const reasons = ['user-request', 'lost', 'stolen', 'fraud', 'replaced'] as const;
type Reason = (typeof reasons)[number];

/** `devices`: lists them, or ends one. */
export function devicesCommand(): Command {
  return withPhoneOptions(new Command('devices').description("list the user's phones, or end one of the others"))
    .option('--deactivate <device>', 'end this device for good')
    .addOption(new Option('--reason <reason>', 'why').choices(reasons).default('lost'))
    .option('--yes', 'do not ask')
    .action(async (options: PhoneCommandOptions & { deactivate?: string; reason: Reason; yes?: boolean }) =>
      runOnPhone(options, async ({ phone, tell }) => {
        const { deactivate: deviceId, reason } = options;
        if (deviceId !== undefined) {
          await confirm(options.yes, `This ends ${deviceId} for good.`);
          await phone.deactivateDevice({ deviceId, reason });
          tell({ deactivated: deviceId }, [`${deviceId} is deactivated`]);
          return;
        }
        const devices = await phone.listDevices();
        if (options.json) return tell({ devices }, []);
        const rows = devices.map((one) => [
          one.isThis ? '*' : '',
          one.deviceId,
          one.name,
          one.platform,
          one.status,
          time(one.lastUsedAt),
        ]);
        sayTable(['', 'device', 'name', 'platform', 'status', 'last used'], rows, 'no devices');
      }),
    );
}

/** `sessions`: lists them, or ends one. */
export function sessionsCommand(): Command {
  return withPhoneOptions(new Command('sessions').description("list the user's browser sessions, or end one"))
    .option('--end <session>', 'end this session at every portal')
    .action(async (options: PhoneCommandOptions & { end?: string }) =>
      runOnPhone(options, async ({ phone, tell }) => {
        if (options.end !== undefined) {
          await phone.endSession(options.end);
          tell({ ended: options.end }, ['the session is ended']);
          return;
        }
        const sessions = await phone.listSessions();
        if (options.json) return tell({ sessions }, []);
        const rows = sessions.map((one) => [
          one.sessionUid,
          time(one.startedAt),
          time(one.expiresAt),
          one.portals.map(({ name }) => name).join(', '),
        ]);
        sayTable(['session', 'begun', 'ends', 'portals'], rows, 'no browser sessions');
      }),
    );
}

/** `deactivate`: the end of this phone. */
export function deactivateCommand(): Command {
  return withPhoneOptions(new Command('deactivate').description('end this phone for good and destroy its keys'))
    .addOption(new Option('--reason <reason>', 'why').choices(reasons).default('user-request'))
    .option('--local', 'only destroy the keys here, without telling the server')
    .option('--yes', 'do not ask')
    .action(async (options: PhoneCommandOptions & { reason: Reason; local?: boolean; yes?: boolean }) =>
      runOnPhone(options, async ({ phone, order, tell }) => {
        await confirm(options.yes, 'This ends the phone for good; to use it again it has to be registered anew.');
        if (options.local) await phone.erase();
        else await phone.deactivate(options.reason);
        await order.set(undefined);
        tell({ state: 'new' }, ['deactivated, and its keys destroyed']);
      }),
    );
}
