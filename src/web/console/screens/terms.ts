/** What users agree to before they begin: its versions, and a new one. */

import { languages } from '../../../texts/languages.ts';
import { button, element, paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { type NewTerms, publishTerms } from '../deeds/terms.ts';
import { areaField, choiceField, textField } from '../fields.ts';
import { when } from '../format.ts';
import { buttons, link, pager, table } from '../parts.ts';
import { actForm } from '../submit.ts';

const path = '/terms';

export const termsScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const { items, next } = await list('listTerms', query);
  return {
    title: t('nav.terms'),
    content: [
      paragraph(t('terms.text'), 'soft'),
      buttons(console.may('terms.publish') ? link('/terms/new', t('terms.publish'), 'button') : undefined),
      table({
        caption: t('nav.terms'),
        rows: items,
        empty: t('terms.none'),
        columns: [
          { head: t('terms.version'), cell: ({ version }) => link(`/terms/${version}`, version) },
          { head: t('terms.publishedAt'), cell: ({ publishedAt }) => when(t, publishedAt) },
        ],
      }),
      pager(console, { path, query, next }),
    ],
  };
};

export const termsVersionScreen: Screen = async (console, { params }) => {
  const { t } = console;
  const version = params['version'] ?? '';
  const { texts, publishedAt } = await api('getTerms', { params: { version } });
  const shown = texts.map(({ language, title, text }) =>
    element(
      'details',
      {},
      element('summary', { text: `${nameOf(language)}: ${title}` }),
      element('div', { class: 'terms', text, attributes: { lang: language, dir: 'auto' } }),
    ),
  );
  return {
    title: t('terms.title', { version }),
    back: link(path, t('nav.terms'), 'back'),
    content: [element('p', {}, t('terms.publishedAt'), ' ', when(t, publishedAt)), ...shown],
  };
};

const nameOf = (code: string): string => languages.find((language) => language.code === code)?.name ?? code;

export const newTermsScreen: Screen = (console) => {
  const { t } = console;
  const version = textField({
    name: 'version',
    label: t('terms.version'),
    hint: t('terms.versionHint'),
    attributes: { maxlength: '32' },
  });
  const texts = textFields(console);
  const made = actForm(console, {
    act: publishTerms,
    fields: [version.row, texts.row],
    read: () => {
      const entered = { version: version.input.value.trim(), texts: texts.read() };
      const isWhole = entered.version !== '' && entered.texts.every(({ title, text }) => title !== '' && text !== '');
      return isWhole ? entered : t('terms.missing');
    },
  });
  return Promise.resolve({
    title: t('terms.publish'),
    back: link(path, t('nav.terms'), 'back'),
    content: [made ?? paragraph(t('error.access_denied'), 'trouble')],
  });
};

/** The terms in one language, and in as many more as are wanted. */
function textFields({ t }: Console) {
  const rows = element('div', {});
  const fields: { readonly read: () => NewTerms['texts'][number] }[] = [];
  const add = (code: string): void => {
    const number = fields.length + 1;
    const language = choiceField({
      name: `language-${number}`,
      label: t('terms.language'),
      value: code,
      options: languages.map((one) => [one.code, one.name]),
    });
    const title = textField({
      name: `title-${number}`,
      label: t('terms.heading'),
      attributes: { maxlength: '120', dir: 'auto' },
    });
    const text = areaField({ name: `text-${number}`, label: t('terms.body'), rows: 12 });
    rows.append(
      element('fieldset', {}, element('legend', { text: String(number) }), language.row, title.row, text.row),
    );
    fields.push({
      read: () => ({ language: language.input.value, title: title.input.value.trim(), text: text.input.value.trim() }),
    });
  };
  add('en');
  const more = button(t('terms.more'), () => add(t.language), 'quiet');
  return { row: element('div', {}, rows, more), read: () => fields.map((field) => field.read()) };
}
