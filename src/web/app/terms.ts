/** The terms on a screen of their own: read, then accepted or not. */
import type { RegistrationBegun } from '../../sdk/index.ts';
import { languageOf } from '../../texts/languages.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';

type Terms = NonNullable<RegistrationBegun['terms']>;

/** Shows the terms in the language that they are written in, which may be another than the app's. */
export function showTerms(
  app: App,
  terms: Terms,
  { accept, decline }: { readonly accept: () => void; readonly decline: () => void },
): void {
  const { t } = app;
  const { version, language, title, text } = terms;
  const written = { lang: language, dir: languageOf(language)?.direction ?? 'auto' };
  app.show({
    name: 'terms',
    title: t('terms.title'),
    content: [
      paragraph(t('terms.text')),
      element('h2', { id: 'terms-title', text: title, attributes: written }),
      paragraph(t('terms.version', { version }), 'soft'),
      element('div', {
        id: 'terms-text',
        class: 'terms',
        text,
        // In the order of the keyboard, so that it can be scrolled without a mouse.
        attributes: { ...written, tabindex: '0', role: 'region', 'aria-labelledby': 'terms-title' },
      }),
      button(t('terms.accept'), accept),
      button(t('terms.decline'), decline, 'quiet'),
    ],
  });
}
