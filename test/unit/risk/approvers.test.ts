/** How many people must sign (T-15): the highest rule that fits, and what does not slip through below it. */
import { describe, expect, it } from 'vitest';
import { defaultRules } from '../../../src/companies/rules.ts';
import type { FieldsOf, TemplateName } from '../../../src/protocol/templates/templates.ts';
import { approversFor } from '../../../src/risk/approvers.ts';
import type { ApproverRule } from '../../../src/risk/rules.ts';
import { samples } from '../signing/samples.ts';

const rules: readonly ApproverRule[] = [
  { templates: ['payment', 'payment-batch', 'mandate', 'reservation'], currency: 'EUR', from: 1_000_000, needed: 2 },
  { templates: ['payment'], currency: 'EUR', from: 100_000_000, needed: 3 },
  { templates: ['payment'], currency: 'JPY', needed: 4 },
  { templates: ['document'], needed: 5 },
];

function needed(template: TemplateName, changes: object = {}, approvers: readonly ApproverRule[] = rules): number {
  const fields = { ...samples[template], ...changes } as unknown as FieldsOf<typeof template>;
  return approversFor({ rules: { ...defaultRules, approvers } }, template, fields);
}

describe('how many people must sign (T-15)', () => {
  it.each<[string, TemplateName, object, number]>([
    ['a payment a cent below the limit', 'payment', { amount: 999_999 }, 1],
    ['a payment of the limit', 'payment', { amount: 1_000_000 }, 2],
    ['a payment that two rules fit', 'payment', { amount: 100_000_000 }, 3],
    ['the largest payment', 'payment', { amount: 99_999_999_999_999 }, 3],
    ['a currency whose every payment counts', 'payment', { amount: 1, currency: 'JPY' }, 4],
    ['a batch by its total, not by its payments', 'payment-batch', { total: 1_000_000 }, 2],
    ['a batch below', 'payment-batch', { total: 999_999 }, 1],
    ['a reservation by what it can take', 'reservation', { maximum: 1_000_000 }, 2],
    ['a mandate by its maximum', 'mandate', { maximum: { amount: 1_000_000, currency: 'EUR' } }, 2],
    ['a mandate below', 'mandate', { maximum: { amount: 999_999, currency: 'EUR' } }, 1],
    ['what is not about money', 'document', {}, 5],
    ['a template without a rule', 'payee-add', {}, 1],
  ])('is told for %s', (_what, template, changes, people) => {
    expect(needed(template, changes)).toBe(people);
  });

  it('is not got around by a mandate that names no maximum, or by a currency that nobody thought of (T-15)', () => {
    expect(needed('mandate', { maximum: undefined })).toBe(2);
    expect(needed('payment', { amount: 1, currency: 'USD' })).toBe(4);
    expect(needed('payment-batch', { total: 2, currency: 'KWD' })).toBe(2);
  });

  it('is one where a rule about money is for what has none, and where there is no rule', () => {
    expect(needed('payee-add', {}, [{ templates: ['payee-add'], currency: 'EUR', needed: 2 }])).toBe(1);
    expect(needed('payment', { amount: 99_999_999_999_999 }, [])).toBe(1);
  });
});
