/** Whom what is signed lets be paid: what makes a payee a known one is that the company's people approved one before. */
import type { BatchPayment, FieldsOf, TemplateName } from '../protocol/templates/templates.ts';
import type { SigningRequest } from '../signing/store.ts';
import type { Records } from '../store/records.ts';

type Accounts<Name extends TemplateName> = (fields: FieldsOf<Name>, list: readonly BatchPayment[]) => readonly string[];

const none = (): readonly string[] => [];

const accounts: { readonly [Name in TemplateName]: Accounts<Name> } = {
  payment: ({ creditorIban }) => [creditorIban],
  'payment-batch': (_, list) => list.map(({ creditorIban }) => creditorIban),
  reservation: ({ creditorIban }) => [creditorIban],
  'payee-add': ({ payeeIban }) => [payeeIban],
  mandate: ({ creditorId }) => [creditorId],
  consent: none,
  document: none,
  'admin-act': none,
  text: none,
};

/** What is to be signed, with the payments of a batch as they were hashed. */
interface Payable {
  readonly template: TemplateName;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly list?: string | undefined;
}

/** IBANs, and identifiers of mandates' creditors; each once. */
export function payeesOf({ template, fields, list }: Payable): readonly string[] {
  const payments = list === undefined ? [] : (JSON.parse(list) as readonly BatchPayment[]);
  const all = (accounts[template] as Accounts<TemplateName>)(fields as FieldsOf<TemplateName>, payments);
  return [...new Set(all)];
}

/** Run within the transaction that ends a request: whom an approved one lets be paid, the company knows from then on. */
export async function rememberPayees(records: Records, request: SigningRequest): Promise<void> {
  const { template } = request.display;
  if (request.status !== 'approved' || template === undefined) return;
  const name = template.name as TemplateName;
  const list = name === 'payment-batch' ? await records.signings.list(request.id) : undefined;
  const payees = payeesOf({ template: name, fields: template.fields, list });
  if (payees.length > 0)
    await records.risk.rememberPayees(request.companyId, payees, request.endedAt ?? request.createdAt);
}
