/** How many of a company's people must sign the same text (T-15). */
import type { Company } from '../companies/store.ts';
import { amountOf } from '../protocol/templates/amount.ts';
import type { FieldsOf, TemplateName } from '../protocol/templates/templates.ts';
import type { RiskAmount } from './port.ts';
import type { ApproverRule } from './rules.ts';

/**
 * The highest number of people that a rule of the company asks for these fields; 1 where none fits. Who picks the currency, or leaves the
 * maximum of a mandate open, does not slip through: a currency that no rule of the template names, and an amount without a bound, are
 * judged by every rule that is about money (docs/decisions/0024).
 */
export function approversFor<Name extends TemplateName>(
  { rules }: Pick<Company, 'rules'>,
  template: Name,
  fields: FieldsOf<Name>,
): number {
  const ofTemplate = rules.approvers.filter(({ templates }) => templates.includes(template));
  const amount = moneyOf(template, fields);
  const named = new Set(ofTemplate.map(({ currency }) => currency));
  const isNamed = amount !== null && amount.currency !== null && named.has(amount.currency);
  const needed = ofTemplate.filter((rule) => isFitting(rule, amount, isNamed)).map((rule) => rule.needed);
  return Math.max(1, ...needed);
}

function isFitting({ currency, from = 0 }: ApproverRule, amount: RiskAmount | null, isNamed: boolean): boolean {
  if (currency === undefined) return true;
  if (amount === null) return false;
  if (amount.amount === null || !isNamed) return true;
  return amount.currency === currency && amount.amount >= from;
}

/** The money that the fields speak of; without a bound where a mandate names no maximum; null where there is none. */
export function moneyOf<Name extends TemplateName>(template: Name, fields: FieldsOf<Name>): RiskAmount | null {
  return amountOf(template, fields) ?? (template === 'mandate' ? { amount: null, currency: null } : null);
}
