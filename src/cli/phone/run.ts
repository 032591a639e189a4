/** The frame of every phone command: its options, its phone, and how it ends. */
import type { Command } from 'commander';
import { createPhone, type Phone, PhoneError, type PhoneErrorCode } from '../../sdk/index.ts';
import { CommandError, exitCode, printable, remark, say, sayJson } from '../output.ts';
import { fileKeyStore } from './file-key-store.ts';
import { homeFolder, openHome } from './home.ts';
import { fileSessionHolder, type OrderFile, orderFile } from './session-file.ts';

/** What `--help` says about exit codes. */
export const exitCodeHelp = `
Exit codes:
  0  done
  1  refused or failed
  2  wrong usage
  3  the server cannot be reached
  4  the mPIN is wrong
  5  this phone cannot act: not registered, not approved, blocked, deactivated
  6  do not go on: another server's code, an answer that is not the server's, or another document
  7  the phone is locked, or its session has ended`;

const exitCodes: Partial<Record<PhoneErrorCode, number>> = {
  offline: exitCode.unreachable,
  unavailable: exitCode.unreachable,
  document_unreachable: exitCode.unreachable,
  wrong_mpin: 4,
  not_registered: 5,
  approval_pending: 5,
  blocked: 5,
  deactivated: 5,
  wrong_origin: 6,
  server_not_authentic: 6,
  document_changed: 6,
  locked: 7,
  session_ended: 7,
  invalid_activation: exitCode.usage,
  not_a_frame: exitCode.usage,
  mpin_format: exitCode.usage,
  proof_required: exitCode.usage,
};

export interface PhoneCommandOptions {
  readonly home?: string;
  readonly json?: boolean;
}

/** What a command works with. */
export interface PhoneDesk {
  readonly phone: Phone;
  readonly order: OrderFile;
  readonly folder: string;
  /** The result: `value` with `--json`, otherwise the lines for people. */
  readonly tell: (value: unknown, lines: readonly string[]) => void;
}

/** Adds the options that every phone command has. */
export function withPhoneOptions(command: Command): Command {
  return command
    .option('--home <folder>', 'where this phone keeps its keys (or MTOKEN_PHONE_HOME; default ~/.mtoken-phone)')
    .option('--json', 'print the result as JSON');
}

/** Adds the ways in which an mPIN can be given. */
export function withMpinOptions(command: Command, what = 'the mPIN'): Command {
  return command
    .option('--mpin-file <file>', `file with ${what} in its first line, or - for standard input`)
    .option('--mpin <digits>', `${what}; for tests only: other users of this machine can see it`);
}

/** Runs one command and turns what goes wrong into a message and an exit code. */
export async function runOnPhone(options: PhoneCommandOptions, act: (desk: PhoneDesk) => Promise<void>): Promise<void> {
  try {
    const home = openHome(homeFolder(options.home), process.env['MTOKEN_PHONE_PASSPHRASE'] || undefined);
    const phone = createPhone({
      keyStore: fileKeyStore(home),
      sessionHolder: fileSessionHolder(home),
      // The demo and developers' servers are on this machine, without TLS.
      allowLoopbackHttp: true,
    });
    const tell: PhoneDesk['tell'] = (value, lines) => {
      if (options.json) sayJson(value);
      else for (const line of lines) say(line);
    };
    await act({ phone, order: orderFile(home), folder: home.folder, tell });
  } catch (error) {
    report(error, options);
  }
}

function report(error: unknown, { json }: PhoneCommandOptions): void {
  const { exit, code, message, hint, more } = explain(error);
  process.exitCode = exit;
  if (json) sayJson({ error: { code, message, ...(hint === undefined ? {} : { hint }), ...more } });
  remark(printable(message));
  if (hint !== undefined) remark(`hint: ${printable(hint)}`);
}

interface Explanation {
  readonly exit: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Advice of the library in this command's own words. */
const beginAnew = 'mtoken phone deactivate --local, then mtoken phone register with a new activation';
/** The way out where the server's data was deleted: nobody there can end this phone any more. */
const serverMadeAnew = `if you made the server anew yourself: ${beginAnew}`;
const commandHints: Readonly<Record<string, string>> = {
  locked: `mtoken phone unlock; ${serverMadeAnew}`,
  already_registered: `mtoken phone deactivate, then mtoken phone register with a new activation; ${serverMadeAnew}`,
  server_not_authentic: `do not go on: someone may be in between; try another network, and tell the bank if it comes back; ${serverMadeAnew}`,
  deactivated: beginAnew,
  blocked: beginAnew,
};

function explain(error: unknown): Explanation {
  if (error instanceof PhoneError) {
    const { code, advice, attemptsLeft, rule, retryAfterSeconds, serverCode, requestId } = error;
    const hint = commandHints[code] ?? hintOf(attemptsLeft, advice);
    const more = { attemptsLeft, rule, retryAfterSeconds, serverCode, requestId };
    return { exit: exitCodes[code] ?? exitCode.failed, code, message: lowered(error.message), hint, more };
  }
  if (error instanceof CommandError) {
    return {
      exit: error.exit,
      code: error.exit === exitCode.usage ? 'usage' : 'failed',
      message: error.message,
      hint: error.hint,
    };
  }
  throw error;
}

function hintOf(attemptsLeft: number | null, advice: string): string {
  return lowered(
    attemptsLeft === null ? advice : `${attemptsLeft} ${attemptsLeft === 1 ? 'attempt is' : 'attempts are'} left`,
  );
}

/** As every message of the command: lower case, without a full stop. */
function lowered(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()).replace(/\.(?= \(|$)/, '');
}
