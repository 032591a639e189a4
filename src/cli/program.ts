/** Every command of `mtoken` on one screen. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { activationCommand } from './activations.ts';
import { approvalCommand } from './approvals.ts';
import { auditCommand } from './audit.ts';
import { clientCommand } from './clients.ts';
import { companyCommand } from './companies.ts';
import { deviceCommand } from './devices.ts';
import { doctorCommand } from './doctor.ts';
import { healthCommand } from './health.ts';
import { keysCommand } from './keys.ts';
import { meCommand } from './me.ts';
import { notificationCommand } from './notifications.ts';
import { phoneCommand } from './phone/command.ts';
import { restoreCommand } from './restore.ts';
import { bootstrapCommand, migrateCommand, serveCommand } from './setup.ts';
import { staffCommand } from './staff.ts';
import { termsCommand } from './terms.ts';
import { userCommand } from './users.ts';
import { verifyCommand } from './verify.ts';
import { webhookCommand } from './webhooks.ts';

const guide = `
First steps, on the server's machine:
  $ mtoken doctor                     what is missing?
  $ mtoken bootstrap                  the first operator's credential
  $ mtoken company add "Northwind Ltd"
  $ mtoken user add --company co_… --name "Ada Example" --email ada@example.com
  $ mtoken activation create usr_…    a QR code for the user's phone
  $ mtoken client add portal --name "Portal" --redirect-uri https://portal.example/callback

A phone was lost:
  $ mtoken device list --user usr_…
  $ mtoken device deactivate dev_… --reason "lost"

Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 the server or a store cannot be reached
4 the audit trail is not as it was written`;

/** The command with all its subcommands; errors of usage are thrown, so that whoever runs it says how to exit. */
export function program(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const command = new Command('mtoken')
    .description('login and signing with a registered phone: server, administration, and a simulated phone')
    .version(version)
    .showHelpAfterError('(add --help for what there is)')
    .addHelpText('after', guide);
  const subcommands = [
    serveCommand(),
    doctorCommand(),
    migrateCommand(),
    bootstrapCommand(),
    restoreCommand(),
    companyCommand(),
    userCommand(),
    staffCommand(),
    activationCommand(),
    termsCommand(),
    deviceCommand(),
    approvalCommand(),
    clientCommand(),
    keysCommand(),
    auditCommand(),
    notificationCommand(),
    webhookCommand(),
    verifyCommand(),
    healthCommand(),
    meCommand(),
    phoneCommand(),
  ];
  for (const subcommand of subcommands) command.addCommand(subcommand);
  exitInsteadOfProcess(command);
  return command;
}

/** Errors of usage come back here, where they get their exit code. */
function exitInsteadOfProcess(command: Command): void {
  command.exitOverride();
  for (const subcommand of command.commands) exitInsteadOfProcess(subcommand);
}
