/** What the rules of signing need from outside. Types only. */
import type { Company } from '../companies/store.ts';
import type { EndLogins } from '../devices/end.ts';
import type { OrderDeps } from '../orders/deps.ts';
import type { FieldsOf, TemplateName } from '../protocol/templates/templates.ts';
import type { RiskPort } from '../risk/port.ts';
import type { Records } from '../store/records.ts';
import type { SigningRequest } from './store.ts';

/** Told, within the transaction that ends it, of a request as it is then; what it throws undoes the end. */
export type EndedHandler = (records: Records, request: SigningRequest) => Promise<void>;

/** How many people of the company must sign these fields. */
export type ApproversFor = <Name extends TemplateName>(
  company: Pick<Company, 'rules'>,
  template: Name,
  fields: FieldsOf<Name>,
) => number;

export interface SigningDeps extends OrderDeps {
  /** Undefined: nobody judges, and everything may be asked. */
  readonly risk?: RiskPort | undefined;
  /** Undefined: one person signs. */
  readonly approversFor?: ApproversFor | undefined;
  /** In their order. */
  readonly ended: readonly EndedHandler[];
  /** Of the user who says "this is not me". */
  readonly endLogins: EndLogins;
}
