/** First start: activation, name, confirmation code, mPIN, and waiting for an approval. */
import { PhoneError, type RegistrationBegun, type RegistrationDone } from '../../sdk/index.ts';
import { button, element, field, form, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { offerBiometrics } from './biometrics.ts';
import { choosePin } from './choose-pin.ts';
import { digitsOf } from './digits.ts';
import { formatTime } from './format.ts';
import { installAdvice, installFirst } from './install.ts';
import { languageSwitch, tellLanguage } from './language.ts';
import { showPaste, showScan } from './scan.ts';
import { showTerms } from './terms.ts';
import { endUnseen } from './unlock.ts';

/** An activation text that looks whole, from a QR code or an e-mail; the SDK judges it before anything is sent. */
const activationLike = /^\s*(https?:\/\/[^/]+\/activate#|mtoken1\.)/;

/** The first screen of a phone that is not registered. */
export function showWelcome(app: App): void {
  const { t } = app;
  app.show({
    name: 'welcome',
    title: t('welcome.title'),
    content: [
      app.pendingLink === undefined ? undefined : paragraph(t('welcome.linkFirst'), 'notice'),
      paragraph(t('welcome.text')),
      installAdvice(t),
      button(t('welcome.scan'), () => installFirst(app, () => scanActivation(app))),
      button(t('welcome.paste'), () => installFirst(app, () => pasteActivation(app)), 'quiet'),
      languageSwitch(app, () => showWelcome(app)),
    ],
  });
  app.pendingLink = undefined;
}

function scanActivation(app: App): void {
  const paste = (): void => pasteActivation(app);
  showScan(app, { ...activationTaker(app), paste });
}

function pasteActivation(app: App): void {
  showPaste(app, activationTaker(app));
}

function activationTaker(app: App) {
  let activation = '';
  return {
    onText: async (text: string) => {
      if (!activationLike.test(text)) throw new PhoneError('invalid_activation');
      if (/^\s*http/.test(text) && !text.trim().startsWith(`${app.issuer}/`)) throw new PhoneError('wrong_origin');
      activation = text;
    },
    next: () => showName(app, activation),
    back: () => app.go.welcome(),
    isPrivate: false,
  };
}

/** Asks for the phone's name, then begins: the server is told of it with the activation code. */
export function showName(app: App, activation: string): void {
  const { t, phone } = app;
  const { row, input } = field({
    name: 'phone-name',
    label: t('name.label'),
    hint: t('name.hint'),
    attributes: { maxlength: '64', required: '' },
  });
  input.value = deviceGuess();
  const submit = (): void => {
    const name = input.value.trim();
    if (!/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,64}$/u.test(name)) {
      app.say(t('name.bad'));
      return input.focus();
    }
    const device = { name, platform: platformName(), appVersion: '1' };
    void app.run(
      async () => {
        // Asked before the keys are made: a browser short of room would drop them otherwise.
        await navigator.storage?.persist?.().catch(() => false);
        return phone.beginRegistration(activation, { device });
      },
      (begun) => showTermsOrCode(app, begun),
      { retry: submit },
    );
  };
  app.show({
    name: 'name',
    title: t('name.title'),
    content: [
      paragraph(t('name.server', { server: new URL(app.issuer).host })),
      form(submit, row, submitButton(app)),
      button(t('act.cancel'), () => app.go.welcome(), 'quiet'),
    ],
  });
}

const submitButton = ({ t }: App): HTMLElement =>
  element('button', { text: t('act.continue'), attributes: { type: 'submit' } });

function platformName(): string {
  const { userAgent } = navigator;
  const known = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac', 'CrOS', 'Linux'];
  return known.find((name) => userAgent.includes(name)) ?? 'Web';
}

function deviceGuess(): string {
  const browser = ['Firefox', 'Edg', 'Chrome', 'Safari'].find((name) => navigator.userAgent.includes(name)) ?? '';
  return `${platformName()} ${browser === 'Edg' ? 'Edge' : browser}`.trim();
}

/** The next step of a registration that was begun: the terms, where there are any to accept, or else the confirmation code. */
export function showTermsOrCode(app: App, begun: RegistrationBegun): void {
  const { terms } = begun;
  if (terms === null) return showCode(app, begun);
  showTerms(app, terms, {
    accept: () => showCode(app, begun),
    decline: () => {
      app.go.welcome();
      app.say(app.t('terms.declined'));
    },
  });
}

/** Asks for the confirmation code. With `chosen`, a code was refused and the mPIN needs not be chosen again. */
function showCode(app: App, begun: RegistrationBegun, chosen?: { mpin: string; why: string }): void {
  const { t } = app;
  const { row, input } = field({
    name: 'confirmation',
    label: t('code.label'),
    attributes: { inputmode: 'numeric', maxlength: '16' },
  });
  const submit = (): void => {
    const code = digitsOf(input.value);
    if (!/^[0-9]{8}$/.test(code)) {
      app.say(t('code.bad'));
      return input.focus();
    }
    if (chosen === undefined) return chooseFirst(app, begun, code);
    finish(app, { begun, code, mpin: chosen.mpin });
  };
  const time = formatTime(t, begun.expiresAt);
  const { confirmationChannel, confirmationHint: hint } = begun;
  app.show({
    name: 'code',
    title: t('code.title'),
    content: [
      paragraph(confirmationChannel === 'email' ? t('code.text', { hint, time }) : t('code.told', { time })),
      form(submit, row, submitButton(app)),
      button(t('code.over'), () => app.go.welcome(), 'quiet'),
    ],
  });
  if (chosen !== undefined) app.say(chosen.why);
}

function chooseFirst(app: App, begun: RegistrationBegun, code: string): void {
  choosePin(app, {
    rules: begun.mpin,
    isPrivate: false,
    back: () => showCode(app, begun),
    onChosen: (mpin) => finish(app, { begun, code, mpin }),
  });
}

interface Finish {
  readonly begun: RegistrationBegun;
  readonly code: string;
  readonly mpin: string;
}

function finish(app: App, { begun, code, mpin }: Finish): void {
  const { phone } = app;
  const again = (): void => finish(app, { begun, code, mpin });
  void app.run(
    async () => {
      // Nobody comes as far as this without having accepted them.
      const acceptedTerms = begun.terms?.version;
      const done = await phone.finishRegistration({ confirmationCode: code, mpin, acceptedTerms });
      // Where this fails, the phone is registered all the same: the person unlocks it.
      if (done.approval === 'active') await phone.unlockWithMpin(mpin).catch(() => undefined);
      return done;
    },
    (done) => {
      if (done.approval !== 'active') return app.go.pending();
      tellLanguage(app);
      showRegistered(app, done, mpin);
    },
    {
      retry: again,
      left: () => endUnseen(app),
      onError: (error) => {
        if (error.code !== 'wrong_confirmation') return false;
        const { attemptsLeft } = error;
        const { t } = app;
        const why =
          attemptsLeft === null ? t('error.wrong_code') : t('error.wrong_confirmation', { count: attemptsLeft });
        showCode(app, begun, { mpin, why });
        return true;
      },
    },
  );
}

function showRegistered(app: App, { owner }: RegistrationDone, mpin: string): void {
  const { t } = app;
  const text =
    owner === null
      ? t('registered.unnamed')
      : t('registered.text', { user: owner.user.name, company: owner.company.name });
  app.show({
    name: 'registered',
    title: t('registered.title'),
    content: [paragraph(text), button(t('act.done'), () => void offerBiometrics(app, mpin))],
  });
}

/** The phone is registered and waits for an administrator. */
export function showPending(app: App): void {
  const { t, phone } = app;
  const check = (): void => {
    void app.run(
      () => phone.status(),
      (status) => {
        if (status === 'active') app.go.unlock();
        else if (status === 'pending') app.say(t('pending.still'));
        else if (status === 'blocked') app.go.blocked();
        else app.go.ended();
      },
      { retry: check },
    );
  };
  app.show({
    name: 'pending',
    title: t('pending.title'),
    content: [paragraph(t('pending.text')), button(t('pending.check'), check)],
  });
}
