/** Choosing an mPIN: the rules, why one is weak, and once more to be sure. */
import { type MpinRules, PhoneError, weakMpin } from '../../sdk/index.ts';
import { button, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { errorText } from './errors.ts';
import { createPad } from './pad.ts';

interface Choice {
  readonly rules: MpinRules;
  readonly isPrivate: boolean;
  readonly back: () => void;
  readonly onChosen: (mpin: string) => void;
  /** The mPIN that is to be changed, and so cannot be chosen again. */
  readonly oldMpin?: string;
  /** Why it is asked again. */
  readonly notice?: string;
}

/** Asks twice and calls `onChosen` with an mPIN that is not weak. */
export function choosePin(app: App, choice: Choice): void {
  const { t } = app;
  const { minLength, maxLength } = choice.rules;
  const pad = createPad({
    t,
    minLength,
    maxLength,
    submitLabel: t('act.ok'),
    onSubmit: (digits) => {
      const rule = digits === choice.oldMpin ? 'unchanged' : weakMpin(digits)?.rule;
      if (rule === undefined) return repeatPin(app, choice, digits);
      pad.clear();
      app.say(errorText(app, new PhoneError('weak_mpin', { rule })));
    },
  });
  app.show({
    name: 'choose',
    title: t('choose.title'),
    isPrivate: choice.isPrivate,
    content: [
      paragraph(t('choose.rules', { min: minLength, max: maxLength })),
      paragraph(t('choose.only'), 'soft'),
      pad.root,
      button(t('act.back'), choice.back, 'quiet'),
    ],
  });
  app.say(choice.notice);
}

function repeatPin(app: App, choice: Choice, first: string): void {
  const { t } = app;
  const again = (notice?: string): void => choosePin(app, { ...choice, ...(notice !== undefined && { notice }) });
  const pad = createPad({
    t,
    minLength: choice.rules.minLength,
    maxLength: choice.rules.maxLength,
    submitLabel: t('act.ok'),
    onSubmit: (digits) => (digits === first ? choice.onChosen(digits) : again(t('repeat.differs'))),
  });
  app.show({
    name: 'repeat',
    title: t('repeat.title'),
    isPrivate: choice.isPrivate,
    content: [pad.root, button(t('act.back'), () => again(), 'quiet')],
  });
}
