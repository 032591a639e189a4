/** How many people sign what, as a form to which rules are added, and in words. */
import type { CompanyRules } from '../../../admin-client/operations.ts';
import { readMoney, writeMoney } from '../../../protocol/templates/written.ts';
import { button, element, focusOn } from '../../design/dom.ts';
import type { Console } from '../context.ts';
import { checksField, textField } from '../fields.ts';
import type { Messages } from '../messages.ts';

type Rules = CompanyRules['approvers'];
type Rule = Rules[number];

/** In the order of the templates. */
const templates = [
  'payment',
  'payment-batch',
  'reservation',
  'payee-add',
  'mandate',
  'consent',
  'document',
  'admin-act',
  'text',
] as const;

/** `read` gives the rules as they were entered, or what is wrong. */
export function approverFields(console: Console, rules: Rules) {
  const { t } = console;
  const shown: ReturnType<typeof oneRule>[] = [];
  const list = element('div', {});
  let made = 0;
  const show = (rule: Rule): void => {
    made += 1;
    const fields = oneRule(console, rule, `approvers-${made}`);
    const away = button(
      t('company.approversRemove'),
      () => {
        shown.splice(shown.indexOf(fields), 1);
        fields.row.remove();
        focusOn(add);
      },
      'quiet',
    );
    fields.row.append(away);
    shown.push(fields);
    list.append(fields.row);
  };
  const add = button(
    t('company.approversAdd'),
    () => {
      show({ templates: [], needed: 2 });
      shown.at(-1)?.row.querySelector('input')?.focus();
    },
    'quiet',
  );
  for (const rule of rules) show(rule);
  const row = element(
    'fieldset',
    { id: 'approvers' },
    element('legend', { text: t('company.approvers') }),
    element('p', { class: 'soft', text: t('company.approversHint') }),
    list,
    add,
  );
  return {
    row,
    read: (): Rules | string => {
      const entered = shown.map((fields) => fields.read());
      return entered.includes(undefined) ? t('company.approversWrong') : entered.filter((rule) => rule !== undefined);
    },
  };
}

function oneRule({ t }: Console, rule: Rule, name: string) {
  const what = checksField({
    name: `${name}-templates`,
    legend: t('company.approversTemplates'),
    options: templates.map((template) => [template, t(`template.${template}`)]),
    chosen: rule.templates,
  });
  const { currency: known, from: least } = rule;
  const written = known === undefined || least === undefined ? '' : writeMoney({ currency: known, amount: least });
  const currency = textField({
    name: `${name}-currency`,
    label: t('company.approversCurrency'),
    value: known ?? '',
    attributes: { maxlength: '3', dir: 'ltr', autocapitalize: 'characters' },
  });
  const from = textField({
    name: `${name}-from`,
    label: t('company.approversFrom'),
    value: written.slice(4),
    attributes: { maxlength: '19', inputmode: 'decimal', dir: 'ltr' },
  });
  const needed = textField({
    name: `${name}-needed`,
    label: t('company.approversNeeded'),
    value: String(rule.needed),
    attributes: { type: 'number', min: '2', max: '10', inputmode: 'numeric' },
  });
  return {
    row: element(
      'div',
      { class: 'more' },
      what.row,
      element('div', { class: 'row' }, currency.row, from.row, needed.row),
    ),
    /** Undefined where something is missing or is no amount. */
    read: (): Rule | undefined => {
      const [code, amount] = [currency.input.value.trim().toUpperCase(), from.input.value.trim()];
      const money = amount === '' ? undefined : readMoney(`${code} ${amount}`);
      if (what.values().length === 0 || (amount !== '' && money === undefined)) return undefined;
      return {
        templates: what.values(),
        ...(code === '' ? {} : { currency: code }),
        ...(money === undefined ? {} : { from: money.amount }),
        needed: Number(needed.input.value),
      };
    },
  };
}

/** Each rule with its number of people. */
export function approversText(t: Messages, rules: Rules): string {
  const texts = rules.map(({ templates: names, currency, from, needed }) => {
    const money =
      currency === undefined ? '' : from === undefined ? currency : `≥ ${writeMoney({ currency, amount: from })}`;
    return `${needed}: ${names.map((name) => t.named('template', name)).join(', ')}${money && ` (${money})`}`;
  });
  return texts.join('; ') || t('list.no');
}
