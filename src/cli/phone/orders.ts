/** `mtoken phone scan`, `approve`, `decline`, `report`: what a portal asks, and the answer. */
import { Command, Option } from 'commander';
import type { ApprovalProof, ClaimedOrder } from '../../sdk/index.ts';
import { CommandError, exitCode, remark, say } from '../output.ts';
import { ask, assertInteractive, isInteractive, type MpinSource, needMpin, readMpin } from './ask.ts';
import { readCode } from './code-source.ts';
import { offerDocument } from './document-view.ts';
import { orderJson, orderLines } from './order-view.ts';
import { type PhoneCommandOptions, type PhoneDesk, runOnPhone, withMpinOptions, withPhoneOptions } from './run.ts';
import { nextPicture } from './watch.ts';

type Decision = 'approve' | 'decline' | 'report';

const reasons = ['amount', 'payee', 'unexpected'] as const;

/** How a locked phone is unlocked by the way. */
export interface UnlockOptions extends MpinSource {
  readonly biometric?: boolean;
}

interface DecisionOptions extends PhoneCommandOptions, UnlockOptions {
  readonly reason?: (typeof reasons)[number];
  readonly yes?: boolean;
}

interface ScanOptions extends DecisionOptions {
  readonly watch?: string;
  readonly approve?: boolean;
  readonly decline?: boolean;
  readonly report?: boolean;
}

const decideLater = 'decide with mtoken phone approve, decline or report';

const outcome = { approve: 'approved', decline: 'declined', report: 'reported' } as const;

/** `scan`: claims what a code asks for, shows it, and decides where it is told to. */
export function scanCommand(): Command {
  const command = new Command('scan')
    .description('read the code on a login or signing page and show what is asked')
    .argument('[code]', 'PNG image, the text of the code, the 12 digits of a short code, or - for standard input')
    .option('--watch <folder>', 'wait for the next screenshot that is saved in this folder, and read that')
    .option('--approve', 'approve at once')
    .option('--decline', 'decline at once')
    .option('--report', 'say at once that this is not you')
    .option('--biometric', 'unlock and prove with the biometric key instead of the mPIN');
  return withMpinOptions(withPhoneOptions(command))
    .addHelpText(
      'after',
      `
A code is accepted for six seconds. By hand, let the phone wait for the screenshot:
  mtoken phone scan --watch ~/Pictures/Screenshots

Examples:
  mtoken phone scan screenshot.png
  mtoken phone scan https://id.example/q/... --approve
  mtoken phone scan 1234-5678-9012
  grim - | mtoken phone scan - --approve --biometric`,
    )
    .action(async (source: string | undefined, options: ScanOptions) =>
      runOnPhone(options, (desk) => scan(desk, source, options)),
    );
}

/** `approve`, `decline` and `report`: the decision on something that waits, or on the order that was claimed last. */
export function decisionCommands(): Command[] {
  const descriptions: Record<Decision, string> = {
    approve: 'approve something that waits, or what was scanned last',
    decline: 'decline something that waits, or what was scanned last',
    report: 'say that something that waits, or what was scanned last, is not you, and raise the alarm',
  };
  return (['approve', 'decline', 'report'] as const).map((decision) => {
    const command = withPhoneOptions(new Command(decision).description(descriptions[decision]))
      .argument(
        '[order]',
        'the id of something that waits, from mtoken phone orders; without it, what was scanned last',
      )
      .option('--biometric', 'unlock and prove with the biometric key instead of the mPIN')
      .option('--yes', 'do not ask again');
    if (decision === 'decline') {
      const why = new Option('--reason <reason>', 'of an order to sign: tells the portal why').choices(reasons);
      command.addOption(why);
    }
    return withMpinOptions(command)
      .addHelpText('after', decisionHelp[decision])
      .action(async (signingId: string | undefined, options: DecisionOptions) =>
        runOnPhone(options, (desk) =>
          signingId === undefined
            ? decideLast(desk, decision, options)
            : decideWaiting(desk, { signingId, decision, options }),
        ),
      );
  });
}

const decisionHelp: Record<Decision, string> = {
  approve: `
What waits is shown whole before you are asked; in a script, --yes answers.

Examples:
  mtoken phone approve
  mtoken phone approve sig_...
  mtoken phone approve sig_... --yes --mpin-file mpin.txt --json`,
  decline: `
Examples:
  mtoken phone decline
  mtoken phone decline sig_... --reason payee`,
  report: `
The administrators are told, and for a time, a day where nobody decided otherwise, you may be able to sign nothing. Of something to
sign it also ends all your logins, at portals and on your phones. To say no and nothing else, use decline.

Examples:
  mtoken phone report
  mtoken phone report sig_...`,
};

async function decideLast(desk: PhoneDesk, decision: Decision, options: DecisionOptions): Promise<void> {
  const order = await desk.order.get();
  if (order === undefined) {
    throw new CommandError('nothing was scanned', { hint: 'mtoken phone scan <code>, or mtoken phone orders' });
  }
  await ensureUnlocked(desk, options);
  if (!options.yes && isInteractive() && decision === 'approve') await confirmApproval(desk, order, options);
  await decide(desk, { order, decision, options });
}

interface DecisionOnWaiting {
  readonly signingId: string;
  readonly decision: Decision;
  readonly options: DecisionOptions;
}

async function decideWaiting(desk: PhoneDesk, { signingId, decision, options }: DecisionOnWaiting): Promise<void> {
  const mayAsk = decision === 'approve' && !options.yes;
  // Before it is claimed: nobody has seen what it says yet.
  if (mayAsk) assertInteractive('--yes');
  await ensureUnlocked(desk, options);
  const order = await desk.phone.claimWaiting(signingId);
  await desk.order.set(order);
  if (mayAsk) await confirmApproval(desk, order, options);
  else if (!options.json) show(order, options);
  await decide(desk, { order, decision, options });
}

/** With `--json`, standard output is for the result. */
function show(order: ClaimedOrder, { json }: PhoneCommandOptions): void {
  for (const line of orderLines(order)) (json ? remark : say)(line);
}

async function scan(desk: PhoneDesk, source: string | undefined, options: ScanOptions): Promise<void> {
  const chosen = (['approve', 'decline', 'report'] as const).filter((decision) => options[decision]);
  if (chosen.length > 1) throw new CommandError('only one decision can be given', { exit: exitCode.usage });
  if (source === '-' && options.mpinFile === '-') {
    throw new CommandError('code and mPIN cannot both come from standard input', { exit: exitCode.usage });
  }
  if ((source === undefined) === (options.watch === undefined)) {
    throw new CommandError('give a code or --watch with a folder', { exit: exitCode.usage });
  }
  // Unlocking takes longer than a code lives, so a picture that is yet to come is read after it.
  if (options.watch !== undefined) await ensureUnlocked(desk, options);
  const text = await readCode(source ?? (await waitForPicture(options.watch ?? '')));
  await ensureUnlocked(desk, options);
  const order = await desk.phone.claimTyped(text);
  await desk.order.set(order);
  const decision = chosen[0];
  if (decision === undefined) {
    desk.tell(orderJson(order), orderLines(order));
    if (options.json) return;
    if (!isInteractive()) {
      remark(decideLater);
      return;
    }
  } else if (!options.json) show(order, options);
  const answer = decision ?? (await askDecision());
  if (answer !== undefined) await decide(desk, { order, decision: answer, options });
  else remark(decideLater);
}

async function waitForPicture(folder: string): Promise<string> {
  remark(`waiting for a screenshot in ${folder}`);
  return nextPicture(folder);
}

/** Unlocks where an mPIN or the biometric key is at hand; without them, a locked phone refuses by itself. */
export async function ensureUnlocked({ phone }: PhoneDesk, options: UnlockOptions): Promise<void> {
  const state = await phone.state();
  if (state.kind !== 'registered' || state.session !== null) return;
  if (options.biometric) {
    await phone.unlockWithBiometrics();
    return;
  }
  const mpin = await readMpin(options);
  if (mpin !== undefined) await phone.unlockWithMpin(mpin);
}

async function decide(
  desk: PhoneDesk,
  { order, decision, options }: { order: ClaimedOrder; decision: Decision; options: DecisionOptions },
): Promise<void> {
  if (decision === 'approve') await desk.phone.approve(order, await freshProof(order, options));
  else if (decision === 'decline') await desk.phone.decline(order, options.reason);
  else await desk.phone.report(order);
  await desk.order.set(undefined);
  const { client } = order.descriptor;
  desk.tell({ ...orderJson(order), decision: outcome[decision] }, [`${outcome[decision]}: ${client.name}`]);
}

async function freshProof(order: ClaimedOrder, options: DecisionOptions): Promise<ApprovalProof | undefined> {
  if (!order.descriptor.freshProof) return undefined;
  if (options.biometric && order.descriptor.mpinOnly !== true) return { method: 'biometric' };
  // Standard input was read to its end for the unlocking already.
  const source: MpinSource = options.mpinFile === '-' ? {} : options;
  return { method: 'mpin', mpin: await needMpin(source, 'mPIN, to sign this:') };
}

async function confirmApproval(desk: PhoneDesk, order: ClaimedOrder, options: PhoneCommandOptions): Promise<void> {
  show(order, options);
  await offerDocument(desk, order);
  if (!/^y(es)?$/i.test(await ask('Approve? [y/N]', '--yes'))) throw new CommandError('nothing was approved');
}

async function askDecision(): Promise<Decision | undefined> {
  const reply = await ask('[a]pprove, [d]ecline, [r]eport "that is not me", or nothing to decide later?', '--approve');
  return ({ a: 'approve', d: 'decline', r: 'report' } as const)[reply.slice(0, 1).toLowerCase()];
}
