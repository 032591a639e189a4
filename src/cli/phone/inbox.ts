/** `mtoken phone orders`, `history`, `receipt`: what waits for the person, what has ended, and the receipts of what they signed. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { type Phone, PhoneError, type WaitingOrder } from '../../sdk/index.ts';
import { wholeNumber } from '../option-values.ts';
import { printable, remark, say, sayJson, sayTable, time } from '../output.ts';
import { writeNew } from './new-file.ts';
import { approversText } from './order-view.ts';
import { ensureUnlocked, type UnlockOptions } from './orders.ts';
import { type PhoneCommandOptions, runOnPhone, withMpinOptions, withPhoneOptions } from './run.ts';

type ListOptions = PhoneCommandOptions & UnlockOptions;

interface WatchOptions extends ListOptions {
  readonly watch?: boolean;
  readonly every: number;
}

const biometricOption = ['--biometric', 'unlock with the biometric key instead of the mPIN'] as const;
const nothing = 'nothing waits for you';

/** `orders`: what waits, once or as it comes. */
export function ordersCommand(): Command {
  const command = new Command('orders')
    .description('list what waits to be signed by you')
    .option('--watch', 'go on asking, and print what is new, until the session ends or you press Ctrl-C')
    .option('--every <seconds>', 'how often --watch asks, 1 to 60', wholeNumber('--every', 1, 60), 5)
    .option(...biometricOption);
  return withMpinOptions(withPhoneOptions(command))
    .addHelpText(
      'after',
      `
The list is to choose by. What is to be signed is shown, whole and verified, by approve, decline and report with the id.

Examples:
  mtoken phone orders
  mtoken phone orders --watch
  mtoken phone orders --watch --json | jq --unbuffered -r .signingId
  mtoken phone approve sig_...`,
    )
    .action(async (options: WatchOptions) =>
      runOnPhone(options, async (desk) => {
        await ensureUnlocked(desk, options);
        if (options.watch) return watchOrders(desk.phone, options);
        const waiting = await desk.phone.inbox();
        if (options.json) sayJson({ waiting });
        else sayOrders(waiting);
      }),
    );
}

/** `history`: a page of what has ended. */
export function historyCommand(): Command {
  const command = new Command('history')
    .description('list what was signed, declined or ran out, the newest first')
    .option('--before <order>', 'the page of those before this one')
    .option(...biometricOption);
  return withMpinOptions(withPhoneOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  mtoken phone history
  mtoken phone history --before sig_... --json`,
    )
    .action(async (options: ListOptions & { readonly before?: string }) =>
      runOnPhone(options, async (desk) => {
        await ensureUnlocked(desk, options);
        const { before } = options;
        const page = await desk.phone.history(before === undefined ? {} : { before });
        if (options.json) return sayJson(page);
        const rows = page.past.map(({ signingId, endedAt, client, title, about, state, reason, isSigned }) => [
          signingId,
          time(endedAt),
          `${client.name} (${client.domain})`,
          what(title, about),
          reason === undefined ? state : `${state}: ${reason}`,
          isSigned ? 'yes' : '',
        ]);
        sayTable(['order', 'ended', 'asked by', 'what', 'how', 'receipt'], rows, 'nothing has ended yet');
        const last = page.past.at(-1);
        if (page.hasMore && last !== undefined)
          remark(`there is more: mtoken phone history --before ${last.signingId}`);
      }),
    );
}

/** `receipt`: the verified receipt of what this person signed. */
export function receiptCommand(): Command {
  const command = new Command('receipt')
    .description('fetch the receipt of something that you signed, and check it')
    .argument('<order>', 'its id, from mtoken phone history')
    .option('--out <file>', 'write it to this file, which must not be there yet, instead of standard output')
    .option(...biometricOption);
  return withMpinOptions(withPhoneOptions(command))
    .addHelpText(
      'after',
      `
Only a receipt that verifies is handed out: by this server, about this order, and signed on a phone of yours.

Examples:
  mtoken phone receipt sig_... --out receipt.json
  mtoken verify receipt.json`,
    )
    .action(async (signingId: string, options: ListOptions & { readonly out?: string }) =>
      runOnPhone(options, async (desk) => {
        await ensureUnlocked(desk, options);
        const receipt = await desk.phone.receipt(signingId);
        const { out } = options;
        if (out === undefined) return sayJson(receipt);
        await writeNew(out, `${JSON.stringify(receipt)}\n`);
        desk.tell({ signingId, file: out, isGenuine: true }, [
          `the receipt is genuine, and kept in ${printable(out)}`,
          `anybody can check it: mtoken verify ${printable(out)}`,
        ]);
      }),
    );
}

const what = (title: string, about: readonly string[]): string => [title, ...about].join(' · ');

function sayOrders(waiting: readonly WaitingOrder[]): void {
  const rows = waiting.map(({ signingId, client, title, about, approvers, createdAt, expiresAt }) => [
    signingId,
    `${client.name} (${client.domain})`,
    what(title, about),
    approversText(approvers),
    time(createdAt),
    time(expiresAt),
  ]);
  sayTable(['order', 'asked by', 'what', 'approvers', 'asked at', 'sign by'], rows, nothing);
}

/** Prints each order once, when it is first seen: a table at first, then line by line; one line of JSON each with `--json`. */
async function watchOrders(phone: Phone, { every, json }: WatchOptions): Promise<void> {
  let seen: ReadonlySet<string> | undefined;
  let misses = 0;
  for (;;) {
    const waiting = await askGently(phone);
    if (waiting instanceof PhoneError) {
      misses += 1;
      if (misses === 1) remark(`no list at the moment (${waiting.code}): asking again`);
      await pause(waitAfter(waiting, every * 2 ** Math.min(misses, 4)));
      continue;
    }
    misses = 0;
    const fresh = waiting.filter(({ signingId }) => seen?.has(signingId) !== true);
    if (json) for (const order of fresh) say(JSON.stringify(order));
    else if (seen === undefined) sayOrders(fresh);
    else for (const order of fresh) say(newLine(order));
    seen = new Set(waiting.map(({ signingId }) => signingId));
    await pause(every * 1000);
  }
}

/** The list, or what passes by itself; everything else is thrown. */
async function askGently(phone: Phone): Promise<readonly WaitingOrder[] | PhoneError> {
  try {
    return await phone.inbox();
  } catch (error) {
    const passes: readonly string[] = ['offline', 'unavailable', 'too_many_requests'];
    if (error instanceof PhoneError && passes.includes(error.code)) return error;
    throw error;
  }
}

/** In milliseconds. */
function waitAfter({ retryAfterSeconds = 0 }: PhoneError, seconds: number): number {
  return Math.max(retryAfterSeconds, Math.min(seconds, 60)) * 1000;
}

function newLine({ signingId, client, title, about, approvers, expiresAt }: WaitingOrder): string {
  const said = [`new: ${signingId}`, `${client.name} (${client.domain})`, what(title, about), approversText(approvers)];
  return printable([...said.filter((part) => part !== ''), `sign by ${time(expiresAt)}`].join(' · '));
}
