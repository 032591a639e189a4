/** Settings: the language, the mPIN, fingerprint or face, and removing the phone. */
import type { PhoneError } from '../../sdk/index.ts';
import { button, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { showBiometrics } from './biometrics.ts';
import { choosePin } from './choose-pin.ts';
import { errorText } from './errors.ts';
import { languageSwitch } from './language.ts';
import { createPad } from './pad.ts';

/** Everything that is changed now and then. */
export async function showSettings(app: App): Promise<void> {
  const { t, go, phone } = app;
  const state = await phone.state();
  if (state.kind !== 'registered' || state.session === null) return go.start();
  const { owner } = state;
  app.show({
    name: 'settings',
    title: t('settings.title'),
    isPrivate: true,
    content: [
      owner === null
        ? undefined
        : paragraph(t('unlock.for', { user: owner.user.name, company: owner.company.name }), 'soft'),
      languageSwitch(app, async () => showSettings(app)),
      button(t('home.change'), () => go.changeMpin(), 'quiet'),
      button(t('bio.title'), () => void showBiometrics(app), 'quiet'),
      button(t('home.remove'), () => go.remove(), 'danger'),
      button(t('act.back'), () => void go.home(), 'quiet'),
    ],
  });
  return undefined;
}

/** Asks for the old mPIN, then twice for the new one. The server judges the old one together with the new. */
export async function showChange(app: App, why?: string): Promise<void> {
  const { t, phone } = app;
  const state = await phone.state();
  if (state.kind !== 'registered' || state.session === null) return app.go.start();
  const rules = state.mpin;
  const choose = (oldMpin: string, notice?: string): void =>
    choosePin(app, {
      rules,
      isPrivate: true,
      oldMpin,
      ...(notice !== undefined && { notice }),
      back: () => app.go.settings(),
      onChosen: (newMpin) => change(app, { oldMpin, newMpin, choose }),
    });
  const pad = createPad({ t, ...rules, submitLabel: t('act.ok'), onSubmit: (digits) => choose(digits) });
  app.show({
    name: 'old-mpin',
    title: t('change.old'),
    isPrivate: true,
    content: [pad.root, button(t('act.back'), () => app.go.settings(), 'quiet')],
  });
  app.say(why);
  return undefined;
}

interface Change {
  readonly oldMpin: string;
  readonly newMpin: string;
  readonly choose: (oldMpin: string, notice?: string) => void;
}

function change(app: App, { oldMpin, newMpin, choose }: Change): void {
  const { phone } = app;
  const onError = (error: PhoneError): boolean => {
    if (error.code === 'wrong_mpin') void showChange(app, errorText(app, error));
    else if (error.code === 'weak_mpin') choose(oldMpin, errorText(app, error));
    else if (error.code === 'offline') showChanged(app, 'change.unsure');
    else return false;
    return true;
  };
  void app.run(
    () => phone.changeMpin({ oldMpin, newMpin }),
    () => showChanged(app, 'change.doneText'),
    { onError, retry: () => change(app, { oldMpin, newMpin, choose }) },
  );
}

function showChanged(app: App, text: 'change.doneText' | 'change.unsure'): void {
  const { t } = app;
  app.show({
    name: 'changed',
    title: text === 'change.doneText' ? t('change.done') : t('home.change'),
    isPrivate: true,
    content: [paragraph(t(text)), button(t('act.done'), () => void app.go.home())],
  });
}

/** Ends this phone at the server and destroys its keys, after a question. */
export function showRemove(app: App): void {
  const { t, phone } = app;
  const remove = (): void => {
    void app.run(
      () => phone.deactivate(),
      () => {
        app.forget();
        app.show({
          name: 'removed',
          title: t('removed.title'),
          content: [paragraph(t('removed.text')), button(t('act.done'), () => void app.go.start())],
        });
      },
      { retry: remove },
    );
  };
  app.show({
    name: 'remove',
    title: t('remove.title'),
    isPrivate: true,
    content: [
      paragraph(t('remove.text')),
      button(t('remove.do'), remove, 'danger'),
      button(t('act.cancel'), () => app.go.settings(), 'quiet'),
    ],
  });
}
