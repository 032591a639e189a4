/** How much money a template speaks of: what limits, approvers and risk are judged by. */
import type { FieldsOf, TemplateName } from './templates.ts';

/** Money in minor units of a currency of ISO 4217. */
export interface Amount {
  readonly amount: number;
  readonly currency: string;
}

type AmountOf<Name extends TemplateName> = (fields: FieldsOf<Name>) => Amount | undefined;

const amounts: { readonly [Name in TemplateName]: AmountOf<Name> } = {
  payment: ({ amount, currency }) => ({ amount, currency }),
  'payment-batch': ({ total, currency }) => ({ amount: total, currency }),
  // As much can be taken, so as much is approved, whatever is taken in the end (T-07).
  reservation: ({ maximum, currency }) => ({ amount: maximum, currency }),
  'payee-add': () => undefined,
  mandate: ({ maximum }) => maximum,
  consent: () => undefined,
  document: () => undefined,
  'admin-act': () => undefined,
  text: () => undefined,
};

/**
 * The most that an approval of checked fields can cost its payer; undefined where the template moves no money, or names no limit (a
 * mandate without `maximum` is not a small one).
 */
export function amountOf<Name extends TemplateName>(name: Name, fields: FieldsOf<Name>): Amount | undefined {
  return (amounts[name] as AmountOf<Name>)(fields);
}
