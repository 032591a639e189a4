/** `mtoken phone …`: a whole phone in the terminal, for trials, scripts and tests. */
import { Command } from 'commander';
import { documentCommand } from './document.ts';
import { historyCommand, ordersCommand, receiptCommand } from './inbox.ts';
import { changeMpinCommand, logoutCommand, registerCommand, statusCommand, unlockCommand } from './lifecycle.ts';
import { decisionCommands, scanCommand } from './orders.ts';
import { deactivateCommand, devicesCommand, sessionsCommand } from './own.ts';
import { exitCodeHelp } from './run.ts';

/** The command with all its sub-commands, to be added to `mtoken`. */
export function phoneCommand(): Command {
  const phone = new Command('phone').description('a phone in the terminal: register, unlock, scan, approve, sign');
  const commands = [
    registerCommand(),
    unlockCommand(),
    scanCommand(),
    ordersCommand(),
    documentCommand(),
    ...decisionCommands(),
    historyCommand(),
    receiptCommand(),
    statusCommand(),
    changeMpinCommand(),
    devicesCommand(),
    sessionsCommand(),
    deactivateCommand(),
    logoutCommand(),
  ];
  for (const command of commands) phone.addCommand(command);
  return phone.addHelpText(
    'after',
    `
Keys and session are kept in ~/.mtoken-phone, readable by you alone; with MTOKEN_PHONE_PASSPHRASE set, encrypted. It is a stand-in for a
phone: where it matters, keys belong into a secure element.

Examples:
  mtoken phone register 'https://id.example/activate#c=...&k=...'
  mtoken phone unlock
  mtoken phone scan screenshot.png
  mtoken phone approve
  mtoken phone orders
${exitCodeHelp}`,
  );
}
