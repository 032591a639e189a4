/** The rules about risk as a form, and in words. */
import type { CompanyRules } from '../../../admin-client/operations.ts';
import { readMoney, writeMoney } from '../../../protocol/templates/written.ts';
import { element } from '../../design/dom.ts';
import type { Console } from '../context.ts';
import { areaField, choiceField, textField } from '../fields.ts';
import type { Messages } from '../messages.ts';
import { hourFields, hoursText } from './hours.ts';

export type Risk = CompanyRules['risk'];
type Action = Risk['newPayee']['action'];

const actions = ['off', 'warn', 'step-up', 'delay', 'deny'] as const satisfies readonly Action[];

/** `read` gives the rules as they were entered, or what is wrong. */
export function riskFields(console: Console, risk: Risk) {
  const { t } = console;
  const fields = inputsOf(console, risk);
  const { newDevice, newPayee, amount, unusualHour, declines, reported } = fields.actions;
  const hours = hourFields(console, risk.unusualHour.hours, { prefix: 'risk-', label: t('company.riskOwnHours') });
  const row = element(
    'fieldset',
    { id: 'risk' },
    element('legend', { text: t('company.risk') }),
    element('p', { class: 'soft', text: t('company.riskHint') }),
    element('div', { class: 'row' }, newDevice.row, fields.deviceHours.row),
    newPayee.row,
    amount.row,
    fields.limits.row,
    unusualHour.row,
    hours.row,
    element('div', { class: 'row' }, declines.row, fields.declineCount.row),
    element('div', { class: 'row' }, reported.row, fields.reportedHours.row),
    fields.delay.row,
  );
  return {
    row,
    inputs: [...row.querySelectorAll<HTMLInputElement>('input, select, textarea')],
    read: (): Risk | string => {
      const own = hours.read();
      if (typeof own === 'string') return own;
      // A comma is no line here: 1,000.00 shall be refused as it was written.
      const lines = fields.limits.input.value.split('\n').filter((line) => line.trim() !== '');
      const wrong = lines.find((line) => readMoney(line) === undefined);
      if (wrong !== undefined) return t('company.riskLimitsWrong', { line: wrong });
      return {
        newDevice: { action: newDevice.value(), hours: Number(fields.deviceHours.input.value) },
        newPayee: { action: newPayee.value() },
        amount: { action: amount.value(), limits: lines.flatMap((line) => readMoney(line) ?? []) },
        unusualHour: { action: unusualHour.value(), hours: own },
        declines: { action: declines.value(), count: Number(fields.declineCount.input.value) },
        reported: { action: reported.value(), hours: Number(fields.reportedHours.input.value) },
        delaySeconds: Number(fields.delay.input.value),
      };
    },
  };
}

function inputsOf({ t }: Console, risk: Risk) {
  const action = (rule: Exclude<keyof Risk, 'delaySeconds'>) =>
    choiceField<Action>({
      name: `risk-${rule}`,
      label: t(`riskRule.${rule}`),
      value: risk[rule].action,
      options: actions.map((one) => [one, t(`riskAction.${one}`)]),
    });
  const count = (name: string, label: string, { value, max }: { readonly value: number; readonly max: number }) =>
    textField({
      name: `risk-${name}`,
      label,
      value: String(value),
      attributes: { type: 'number', min: '1', max: String(max), inputmode: 'numeric' },
    });
  return {
    actions: {
      newDevice: action('newDevice'),
      newPayee: action('newPayee'),
      amount: action('amount'),
      unusualHour: action('unusualHour'),
      declines: action('declines'),
      reported: action('reported'),
    },
    deviceHours: count('deviceHours', t('company.riskHours'), { value: risk.newDevice.hours, max: 720 }),
    reportedHours: count('reportedHours', t('company.riskHours'), { value: risk.reported.hours, max: 720 }),
    declineCount: count('declineCount', t('company.riskCount'), { value: risk.declines.count, max: 100 }),
    delay: count('delay', t('company.riskDelay'), { value: risk.delaySeconds, max: 86_400 }),
    limits: areaField({
      name: 'risk-limits',
      label: t('company.riskLimits'),
      hint: t('company.riskLimitsHint'),
      value: risk.amount.limits.map(writeMoney).join('\n'),
    }),
  };
}

/** What makes a rule whole; what somebody asks for may be a part of one. */
const members: Readonly<Record<string, readonly string[]>> = {
  newDevice: ['action', 'hours'],
  newPayee: ['action'],
  amount: ['action', 'limits'],
  unusualHour: ['action', 'hours'],
  declines: ['action', 'count'],
  reported: ['action', 'hours'],
  delaySeconds: [],
};

/** Those rules that are given, each with its action and its values; undefined where one has no words here, or is not whole. */
export function riskText(t: Messages, risk: Partial<Risk>): string | undefined {
  const isWhole = Object.entries(risk).every(([name, rule]) =>
    members[name]?.every((member) => typeof rule === 'object' && Object.hasOwn(rule, member)),
  );
  if (!isWhole) return undefined;
  const { newDevice, newPayee, amount, unusualHour, declines, reported, delaySeconds } = risk;
  const texts = [
    newDevice && ruleText(t, 'newDevice', newDevice, `${t('company.riskHours')}: ${newDevice.hours}`),
    newPayee && ruleText(t, 'newPayee', newPayee),
    amount && ruleText(t, 'amount', amount, amount.limits.map(writeMoney).join(', ') || t('list.no')),
    unusualHour && ruleText(t, 'unusualHour', unusualHour, unusualHour.hours && hoursText(t, unusualHour.hours)),
    declines && ruleText(t, 'declines', declines, `${t('company.riskCount')}: ${declines.count}`),
    reported && ruleText(t, 'reported', reported, `${t('company.riskHours')}: ${reported.hours}`),
    delaySeconds === undefined ? undefined : `${t('company.riskDelay')}: ${delaySeconds}`,
  ].filter((text) => text !== undefined);
  return texts.length === Object.keys(risk).length ? texts.join('; ') : undefined;
}

function ruleText(
  t: Messages,
  name: Exclude<keyof Risk, 'delaySeconds'>,
  { action }: { readonly action: Action },
  more?: string | null,
): string {
  return `${t(`riskRule.${name}`)}: ${t.named('riskAction', action)}${more ? ` (${more})` : ''}`;
}
