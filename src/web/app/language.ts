/** Which language the app speaks: the one that the person chose, else what the browser is set to, else English. */
import { chooseLanguage, type Language, languageOf, languages } from '../../texts/languages.ts';
import { type TextTable, textsOf } from '../../texts/texts.ts';
import { element } from '../design/dom.ts';
import type { App } from './app.ts';
import { english, englishMessages, type Messages } from './messages.ts';

/** In `localStorage`, and nothing personal: a screen speaks to whoever holds the phone. */
const choiceKey = 'mtoken-language';

/** What the person chose; undefined where the browser decides. */
function chosenLanguage(): Language | undefined {
  try {
    const code = localStorage.getItem(choiceKey);
    return languages.find((language) => language.code === code);
  } catch {
    return undefined;
  }
}

function keepChoice(code: string): void {
  try {
    if (code === '') localStorage.removeItem(choiceKey);
    else localStorage.setItem(choiceKey, code);
  } catch {
    // Without storage the choice lasts as long as the window.
  }
}

const browserLanguage = (): Language => chooseLanguage(navigator.languages);

/** The language to speak at the start. */
export function firstLanguage(): Language {
  return chosenLanguage() ?? browserLanguage();
}

/**
 * Fetches the texts of a language; English is part of the script. `integrities` has the hash of each language's file, as the document
 * names them (`de:sha384-… fr:sha384-…`): other bytes are refused. Throws where the file cannot be had.
 */
export async function loadMessages(code: string, integrities: string): Promise<Messages> {
  // Only a code of the list becomes part of an address, never a text from elsewhere.
  const language = languages.find((one) => one.code === code);
  if (language === undefined || language.code === 'en') return englishMessages;
  const integrity = integrities
    .split(' ')
    .find((entry) => entry.startsWith(`${language.code}:`))
    ?.slice(language.code.length + 1);
  if (integrity === undefined) throw new Error(`no texts in ${language.code}`);
  const response = await fetch(`/assets/app/texts/${language.code}.json`, { integrity, cache: 'no-cache' });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return textsOf(language.code, (await response.json()) as TextTable, english);
}

/** Says in the document which language is shown, and which way it runs. */
export function markLanguage({ language }: Messages): void {
  document.documentElement.lang = language;
  document.documentElement.dir = languageOf(language)?.direction ?? 'ltr';
}

/** The choice of the language; `redraw` shows the screen again in the new one. */
export function languageSwitch(app: App, redraw: () => void | Promise<void>): HTMLElement {
  const { t } = app;
  const chosen = chosenLanguage()?.code ?? '';
  const browser = browserLanguage();
  const select = element('select', { id: 'language' });
  select.append(option('', t('language.browser', { language: browser.name })));
  for (const { code, name } of languages) select.append(option(code, name, code));
  select.value = chosen;
  select.addEventListener('change', () => void change(app, { select, chosen, redraw }));
  return element(
    'div',
    { class: 'field' },
    element('label', { text: t('language.label'), attributes: { for: 'language' } }),
    select,
  );
}

function option(value: string, text: string, lang?: string): HTMLOptionElement {
  return element('option', { text, attributes: { value, lang } });
}

interface Change {
  readonly select: HTMLSelectElement;
  readonly chosen: string;
  readonly redraw: () => void | Promise<void>;
}

async function change(app: App, { select, chosen, redraw }: Change): Promise<void> {
  const code = select.value;
  select.disabled = true;
  try {
    await app.speak(code || browserLanguage().code);
  } catch {
    if (!select.isConnected) return;
    select.disabled = false;
    select.value = chosen;
    return app.say(app.t('language.failed'));
  }
  keepChoice(code);
  tellLanguage(app);
  // The person may have gone on while the texts were on their way.
  if (!select.isConnected) return;
  await redraw();
  document.getElementById('language')?.focus();
}

/** Tells the server in which language this user reads, for its messages, if a session is open. What comes of it changes nothing here. */
export function tellLanguage({ phone, t }: App): void {
  void phone.setLanguage(t.language).catch(() => undefined);
}
