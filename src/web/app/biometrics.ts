/** Fingerprint or face: offered, switched on and off, and asked for in place of the mPIN. */
import { systemClock } from '../../clock.ts';
import { canUseBiometrics, type PhoneError } from '../../sdk/index.ts';
import { button, paragraph } from '../design/dom.ts';
import type { App, Screen } from './app.ts';
import { errorText } from './errors.ts';
import { createPad } from './pad.ts';

/**
 * Some browsers ask only after the press of a button, and refuse before the person has seen anything: what ends sooner than this was
 * no answer of theirs, and is not told as one.
 */
const noticeableMs = 500;

interface Question<T> {
  /** Its content is what is asked about, and so comes first. */
  readonly screen: Omit<Screen, 'title' | 'onLeave'>;
  /** Below everything else. */
  readonly back?: Node;
  /** On the button that asks. */
  readonly label: string;
  /** Asks at once: only where the person has just come here, and so looks at the phone. */
  readonly atOnce?: boolean;
  readonly work: (signal: AbortSignal) => Promise<T>;
  readonly next: (result: T) => void;
  /** As with `App.run`. */
  readonly left?: () => void;
  /** Judges what is not about the finger, as with `App.run`. */
  readonly onError?: (error: PhoneError) => boolean;
  /** Shows the pad in its place, and says why. */
  readonly toPad: (why?: string) => void;
}

/** Asks for finger or face; what was not recognised, and whoever would rather not, comes to the pad. */
export function askFinger<T>(app: App, question: Question<T>): void {
  const { t } = app;
  const { screen, back, label, atOnce, work, next, left, toPad } = question;
  let asking = new AbortController();
  const ask = (mayRefuse: boolean): void => {
    asking = new AbortController();
    const askedAt = systemClock.now();
    void app.run(() => work(asking.signal), next, {
      onError: (error) => {
        if (!error.code.startsWith('biometric_')) return question.onError?.(error) ?? false;
        const isRefusal = error.code === 'biometric_failed' && systemClock.now() - askedAt < noticeableMs;
        if (!mayRefuse || !isRefusal) toPad(errorText(app, error));
        return true;
      },
      retry: () => ask(false),
      ...(left && { left }),
    });
  };
  app.show({
    ...screen,
    title: t('bio.title'),
    onLeave: () => asking.abort(),
    content: [
      ...screen.content,
      button(label, () => ask(false)),
      button(t('bio.instead'), () => toPad(), 'quiet'),
      back,
    ],
  });
  // A browser asks nobody who is looking at something else.
  if (atOnce === true && document.hasFocus()) ask(true);
}

/** After a registration: offers it where it can work, with the mPIN that was chosen a moment ago; then home. */
export async function offerBiometrics(app: App, mpin: string): Promise<void> {
  const { t, phone } = app;
  const state = await phone.state();
  const isOpen = state.kind === 'registered' && state.session !== null;
  if (!isOpen || !(await canUseBiometrics())) return app.go.start();
  const enable = (): void =>
    void app.run(
      () => phone.enableBiometrics({ mpin }),
      () => void showBiometrics(app, t('bio.enabled')),
      { retry: enable },
    );
  app.show({
    name: 'offer',
    title: t('bio.offer.title'),
    isPrivate: true,
    content: [
      paragraph(t('bio.offer.text')),
      button(t('bio.offer.yes'), enable),
      button(t('bio.offer.no'), () => void app.go.start(), 'quiet'),
    ],
  });
}

/** On or off, and the way to the other. `notice` says what has just become of it. */
export async function showBiometrics(app: App, notice?: string): Promise<void> {
  const { t, phone } = app;
  const state = await phone.state();
  if (state.kind !== 'registered') return app.go.start();
  const { hasBiometrics } = state;
  const isAbsent = !hasBiometrics && !(await canUseBiometrics());
  const disable = (): void =>
    void app.run(
      () => phone.disableBiometrics(),
      () => void showBiometrics(app, t('bio.disabled')),
      { retry: disable },
    );
  app.show({
    name: 'biometrics',
    title: t('bio.title'),
    isPrivate: true,
    content: [
      notice === undefined ? paragraph(t(hasBiometrics ? 'bio.on' : 'bio.off')) : paragraph(notice, 'notice'),
      isAbsent ? paragraph(t('bio.absent')) : undefined,
      hasBiometrics ? button(t('bio.disable'), disable, 'quiet') : undefined,
      hasBiometrics || isAbsent ? undefined : button(t('bio.enable'), () => askMpin(app, state.mpin)),
      button(t('act.done'), () => void app.go.home(), 'quiet'),
    ],
  });
}

function askMpin(app: App, rules: { readonly minLength: number; readonly maxLength: number }): void {
  const { t, phone } = app;
  const pad = createPad({
    t,
    ...rules,
    submitLabel: t('act.ok'),
    onSubmit: (mpin) => {
      pad.setBusy(true);
      const done = (): void => {
        pad.clear();
        pad.setBusy(false);
      };
      void app
        .run(
          () => phone.enableBiometrics({ mpin }),
          () => void showBiometrics(app, t('bio.enabled')),
        )
        .finally(done);
    },
  });
  app.show({
    name: 'enable',
    title: t('bio.proveFirst'),
    isPrivate: true,
    content: [pad.root, button(t('act.back'), () => void showBiometrics(app), 'quiet')],
  });
}
