/** What a company's rules about signing may be, and how they are written down in the trail. */

import type { LoginHours } from '../companies/rules.ts';
import { AuthError } from '../errors.ts';
import { createValidate } from '../http/validation.ts';
import { ApproverRules, RiskChanges } from '../protocol/admin-risk.ts';
import { currencyExponent } from '../protocol/templates/money.ts';
import { type TemplateName, templateFields } from '../protocol/templates/templates.ts';
import type { ApproverRule, RiskRules } from './rules.ts';

const validateRisk = createValidate(RiskChanges, 'rules.risk');
const validateApprovers = createValidate(ApproverRules, 'rules.approvers');

/** The rules with those that were given in their place. `checkHours` judges hours. Throws `invalid_request`. */
export function changedRisk(
  before: RiskRules,
  changes: unknown,
  checkHours: (hours: LoginHours, name: string) => LoginHours,
): RiskRules {
  validateRisk(changes);
  const after = merged(before, changes as RiskChanges);
  const { amount, unusualHour } = after;
  const hours = unusualHour.hours === null ? null : checkHours(unusualHour.hours, 'rules.risk.unusualHour.hours');
  const limits = amount.limits.toSorted((one, other) => (one.currency < other.currency ? -1 : 1));
  for (const { currency } of limits) assertCurrency(currency, 'rules.risk.amount.limits');
  if (new Set(limits.map(({ currency }) => currency)).size !== limits.length) {
    throw invalid('rules.risk.amount.limits names a currency twice');
  }
  return { ...after, amount: { ...amount, limits }, unusualHour: { ...unusualHour, hours } };
}

/** What is not given stays, of each rule too. */
function merged(before: RiskRules, changes: RiskChanges): RiskRules {
  const rules = Object.entries(before).map(([name, rule]: [string, RiskRules[keyof RiskRules]]) => {
    const given = changes[name as keyof RiskRules];
    return [name, typeof rule === 'object' && typeof given === 'object' ? { ...rule, ...given } : (given ?? rule)];
  });
  return Object.fromEntries(rules) as RiskRules;
}

/** The list in its canonical form. Throws `invalid_request`. */
export function checkedApprovers(rules: unknown): readonly ApproverRule[] {
  validateApprovers(rules);
  return (rules as ApproverRules).map(({ templates, currency, from, needed }) => {
    if (currency !== undefined) assertCurrency(currency, 'rules.approvers');
    if (from !== undefined && currency === undefined) {
      throw invalid('rules.approvers must name the currency beside from: minor units of which one?');
    }
    const names = [...new Set(templates.map(checkedTemplate))].sort();
    return {
      templates: names,
      ...(currency === undefined ? {} : { currency }),
      ...(from === undefined ? {} : { from }),
      needed,
    };
  });
}

function checkedTemplate(name: string): TemplateName {
  if (Object.hasOwn(templateFields, name)) return name as TemplateName;
  throw invalid(`rules.approvers may name the templates ${Object.keys(templateFields).join(', ')}`);
}

function assertCurrency(currency: string, place: string): void {
  if (currencyExponent(currency) === undefined) throw invalid(`${place} must name currencies of ISO 4217`);
}

/** Each rule about risk as the trail names it, in one text; so two rules are the same exactly where their texts are. */
export function riskTexts(risk: RiskRules): Readonly<Record<string, string>> {
  const { newDevice, newPayee, amount, unusualHour, declines, reported, delaySeconds } = risk;
  const limits = amount.limits.map((limit) => `${limit.currency} ${limit.amount}`).join(', ');
  const hours = unusualHour.hours;
  return {
    riskNewDevice: `${newDevice.action} ${newDevice.hours} h`,
    riskNewPayee: newPayee.action,
    riskAmount: `${amount.action} ${limits || 'none'}`,
    riskUnusualHour: `${unusualHour.action} ${hours === null ? 'as logins' : hoursText(hours)}`,
    riskDeclines: `${declines.action} ${declines.count}`,
    riskReported: `${reported.action} ${reported.hours} h`,
    riskDelaySeconds: String(delaySeconds),
  };
}

/** Such as `2 for payment, payment-batch from 1000000 EUR`. */
export function approversText(rules: readonly ApproverRule[]): string {
  const texts = rules.map(({ templates, currency, from, needed }) => {
    const money = currency === undefined ? '' : from === undefined ? ` in ${currency}` : ` from ${from} ${currency}`;
    return `${needed} for ${templates.join(', ')}${money}`;
  });
  return texts.join('; ') || 'none';
}

/** Days, times and zone of hours. */
export function hoursText({ days, from, until, timeZone }: LoginHours): string {
  return `${days.join(' ')} ${from}-${until} ${timeZone}`;
}

function invalid(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
