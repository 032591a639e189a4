/** The phone is not here: another window runs it, or its keys are gone. */

import { button, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';

/** Another window runs the phone; `take` brings it here. */
export function showOtherWindow(app: App, take: () => void): void {
  const { t } = app;
  app.show({
    name: 'tabs',
    title: t('tabs.title'),
    content: [paragraph(t('tabs.text')), button(t('tabs.take'), take)],
  });
}

/** This browser was a phone, and its keys are there no more. */
export function showGone(app: App): void {
  const { t } = app;
  app.show({
    name: 'gone',
    title: t('gone.title'),
    content: [
      paragraph(t('gone.text')),
      button(t('act.continue'), () => {
        app.forget();
        app.go.welcome();
      }),
    ],
  });
}
