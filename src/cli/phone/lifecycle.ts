/** `mtoken phone register`, `unlock`, `logout`, `status`, `change-mpin`: the life of a phone. */

import { hostname } from 'node:os';
import { Command } from 'commander';
import { PhoneError, type PhoneState, type RegistrationBegun, weakMpin } from '../../sdk/index.ts';
import { CommandError, exitCode, printable, remark, time } from '../output.ts';
import { ask, askHidden, isInteractive, type MpinSource, needMpin } from './ask.ts';
import { readCode } from './code-source.ts';
import { type PhoneCommandOptions, type PhoneDesk, runOnPhone, withMpinOptions, withPhoneOptions } from './run.ts';

interface RegisterOptions extends PhoneCommandOptions, MpinSource {
  readonly name?: string;
  readonly biometric?: boolean;
  readonly confirmation?: string;
  readonly acceptTerms?: string;
}

/** `register`: both steps at once by hand; one after the other in scripts. */
export function registerCommand(): Command {
  const command = withPhoneOptions(
    new Command('register')
      .description('make this phone a registered device: activation text, then confirmation code and mPIN')
      .argument('[activation]', 'activation text, PNG image of its code, or - for standard input')
      .option('--name <text>', 'what to call this phone', `Terminal on ${hostname()}`.slice(0, 64))
      .option('--biometric', 'register a second key that stands for fingerprint or face')
      .option('--confirmation <digits>', 'the 8 digits that came on the second channel')
      .option('--accept-terms <version>', 'accept this version of the terms, which the first call prints'),
  );
  return withMpinOptions(command, 'the mPIN to set')
    .addHelpText(
      'after',
      `
Without a terminal, the first call takes the activation and the second one the confirmation code.

Examples:
  mtoken phone register 'https://id.example/activate#c=...&k=...'
  mtoken phone register --confirmation 12345678 --mpin-file mpin.txt
  mtoken phone register --confirmation 12345678 --mpin-file mpin.txt --accept-terms 2026-11`,
    )
    .action(async (activation: string | undefined, options: RegisterOptions) =>
      runOnPhone(options, (desk) => register(desk, activation, options)),
    );
}

async function register(desk: PhoneDesk, activation: string | undefined, options: RegisterOptions): Promise<void> {
  const { phone } = desk;
  let state = await phone.state();
  if (activation !== undefined || state.kind === 'new') {
    const text = activation ?? (await ask('Activation text:', '<activation>'));
    const device = { name: options.name ?? 'Terminal', platform: `Node ${process.version}`, appVersion: '0.1.0' };
    await phone.beginRegistration(await readCode(text), {
      device,
      ...(options.biometric ? { biometric: 'user' as const } : {}),
    });
    state = await phone.state();
  }
  if (state.kind !== 'registering') throw new PhoneError('already_registered');
  const { confirmationChannel, confirmationHint, expiresAt, terms, mpin: rules } = state;
  const confirmation =
    confirmationChannel === 'email' ? `sent to ${printable(confirmationHint)}` : 'given to your administrator';
  if (options.confirmation === undefined && !isInteractive()) {
    const accepting = terms === null ? '' : ` --accept-terms ${terms.version}`;
    const next = `mtoken phone register --confirmation <digits> --mpin-file <file>${accepting}`;
    const told = { state: 'registering', confirmationChannel, confirmationHint, expiresAt, mpin: rules, terms, next };
    desk.tell(told, [
      ...(terms === null ? [] : termsLines(terms)),
      `a confirmation code was ${confirmation}, valid until ${time(expiresAt)}`,
      `then: ${next}`,
    ]);
    return;
  }
  const acceptedTerms = terms === null ? undefined : await acceptTerms(terms, options.acceptTerms);
  if (options.confirmation === undefined) remark(`a confirmation code was ${confirmation}`);
  const confirmationCode = options.confirmation ?? (await ask('Confirmation code:', '--confirmation'));
  const mpin = hasMpin(options) ? await needMpin(options) : await chooseMpin(rules.minLength, rules.maxLength);
  const done = await phone.finishRegistration({ confirmationCode, mpin, acceptedTerms });
  desk.tell({ state: 'registered', ...done }, [
    done.approval === 'active' ? 'registered' : 'registered; an administrator has yet to approve this phone',
    ...(done.owner === null ? [] : [`for ${printable(done.owner.user.name)}, ${printable(done.owner.company.name)}`]),
  ]);
}

type Terms = NonNullable<RegistrationBegun['terms']>;

/** The version that the person accepts, here or by its option. Throws where they do not, or accept another one. */
async function acceptTerms(terms: Terms, accepted: string | undefined): Promise<string> {
  const { version } = terms;
  if (accepted === version) return version;
  if (accepted !== undefined || !isInteractive()) {
    const hint = `read them, then --accept-terms ${version}`;
    throw new CommandError(`the terms in force are version ${version}, and were not accepted`, { hint });
  }
  for (const line of termsLines(terms)) remark(line);
  if (!/^y(es)?$/i.test(await ask('Do you accept these terms? [y/N]', '--accept-terms'))) {
    throw new CommandError('the terms were not accepted, and this phone was not registered');
  }
  return version;
}

/** As they are to be read: whatever a terminal would obey is made visible. */
function termsLines({ title, version, text, sha256 }: Terms): string[] {
  return [
    `${printable(title)}, version ${version}`,
    '',
    ...text.split('\n').map(printable),
    '',
    `sha256 ${sha256}`,
    '',
  ];
}

/** Asks until the mPIN is good and typed twice alike. */
async function chooseMpin(min: number, max: number): Promise<string> {
  for (;;) {
    const mpin = await askHidden(`Choose an mPIN of ${min === max ? min : `${min} to ${max}`} digits:`, '--mpin-file');
    const weak = weakMpin(mpin);
    if (!/^[0-9]+$/.test(mpin) || mpin.length < min || mpin.length > max) remark('it must have that many digits');
    else if (weak !== undefined) remark(`choose another one: ${weak.reason}`);
    else if ((await askHidden('Once more:', '--mpin-file')) === mpin) return mpin;
    else remark('the two are different');
  }
}

function hasMpin({ mpin, mpinFile }: MpinSource): boolean {
  return mpin !== undefined || mpinFile !== undefined;
}

/** `unlock`. */
export function unlockCommand(): Command {
  const command = withPhoneOptions(
    new Command('unlock').description('open a session with the mPIN or the biometric key'),
  );
  return withMpinOptions(command)
    .option('--biometric', 'use the biometric key instead of the mPIN')
    .action(async (options: PhoneCommandOptions & MpinSource & { biometric?: boolean }) =>
      runOnPhone(options, async ({ phone, tell }) => {
        const session = options.biometric
          ? await phone.unlockWithBiometrics()
          : await phone.unlockWithMpin(await needMpin(options));
        tell({ session }, [`unlocked until ${time(session.idleUntil)}, longer while it is used`]);
      }),
    );
}

/** `logout`. */
export function logoutCommand(): Command {
  return withPhoneOptions(new Command('logout').description('end the session and forget its secrets')).action(
    async (options: PhoneCommandOptions) =>
      runOnPhone(options, async ({ phone, order, tell }) => {
        await order.set(undefined);
        await phone.logout();
        tell({ session: null }, ['locked']);
      }),
  );
}

/** `change-mpin`. */
export function changeMpinCommand(): Command {
  const command = withPhoneOptions(new Command('change-mpin').description('set another mPIN; takes the old one'));
  return withMpinOptions(command, 'the old mPIN')
    .option('--new-mpin-file <file>', 'file with the new mPIN in its first line')
    .option('--new-mpin <digits>', 'the new mPIN; for tests only: other users of this machine can see it')
    .action(async (options: PhoneCommandOptions & MpinSource & { newMpin?: string; newMpinFile?: string }) =>
      runOnPhone(options, async ({ phone, tell }) => {
        const state = await phone.state();
        if (state.kind !== 'registered') throw new PhoneError('not_registered');
        if (options.mpinFile === '-' && options.newMpinFile === '-') {
          throw new CommandError('only one mPIN can come from standard input', { exit: exitCode.usage });
        }
        const oldMpin = await needMpin(options, 'Old mPIN:');
        const given: MpinSource = {
          ...(options.newMpin === undefined ? {} : { mpin: options.newMpin }),
          ...(options.newMpinFile === undefined ? {} : { mpinFile: options.newMpinFile }),
        };
        const { minLength, maxLength } = state.mpin;
        const newMpin = hasMpin(given) ? await needMpin(given) : await chooseMpin(minLength, maxLength);
        if (state.session === null) await phone.unlockWithMpin(oldMpin);
        await phone.changeMpin({ oldMpin, newMpin });
        tell({ changed: true }, ['the mPIN is changed']);
      }),
    );
}

/** `status`. */
export function statusCommand(): Command {
  return withPhoneOptions(new Command('status').description('where this phone stands, here and at the server')).action(
    async (options: PhoneCommandOptions) =>
      runOnPhone(options, async (desk) => {
        const state = await desk.phone.state();
        const server = state.kind === 'registered' ? await desk.phone.status() : null;
        const order = await desk.order.get();
        desk.tell({ ...state, server, home: desk.folder, awaiting: order?.orderId ?? null }, [
          ...stateLines(state, server),
          ...(order === undefined ? [] : [`awaits a decision: ${printable(order.descriptor.client.name)}`]),
        ]);
      }),
  );
}

type Session = Extract<PhoneState, { kind: 'registered' }>['session'];

const sessionLine = (session: Session): string =>
  session === null ? 'locked' : `unlocked with ${session.method} until ${time(session.idleUntil)}`;

const codeHolder = ({ confirmationChannel, confirmationHint }: RegistrationBegun): string =>
  confirmationChannel === 'email' ? printable(confirmationHint) : 'your administrator';

function stateLines(state: PhoneState, server: string | null): string[] {
  switch (state.kind) {
    case 'new':
      return ['not registered'];
    case 'registering':
      return [`registering at ${state.issuer}; the confirmation code went to ${codeHolder(state)}`];
    case 'registered': {
      const { owner, session, issuer, deviceId, hasBiometrics } = state;
      return [
        `registered at ${issuer} as ${deviceId}: ${server}`,
        ...(owner === null ? [] : [`for ${printable(owner.user.name)}, ${printable(owner.company.name)}`]),
        `biometric key: ${hasBiometrics ? 'yes' : 'no'}`,
        ...(server === 'active' ? [sessionLine(session)] : []),
      ];
    }
  }
}
