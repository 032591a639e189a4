/** Checks receipts before the portal pays: whatever door they came through. */
import { isDeepStrictEqual } from 'node:util';
import { decodeJwt } from 'jose';
import type { OrderDescriptor } from '../protocol/orders.ts';
import type { Receipt } from '../protocol/receipt.ts';
import type { TemplateName } from '../protocol/templates/templates.ts';
import { type ReceiptFacts, verifyReceipt } from '../sdk/index.ts';
import type { JudgedReceipt } from './portal-pay-pages.ts';
import type { PortalOptions } from './portal-session.ts';

/** What the portal has asked for: its own name for it, and the fields that were to be signed. */
export interface AskedFor {
  readonly id: string;
  /** A payment unless told. */
  readonly template?: TemplateName;
  readonly fields: object;
}

/** Facts only of those that are genuine, the server's, and of this very payment. */
export async function judgeReceipts(
  options: Pick<PortalOptions, 'issuer' | 'fetch'>,
  asked: AskedFor,
  receipts: readonly Receipt[],
): Promise<readonly JudgedReceipt[]> {
  if (receipts.length === 0) return [];
  const history = await keyHistory(options);
  return Promise.all(
    receipts.map(async (receipt) => {
      const { facts } = await verifyReceipt(receipt, history);
      const isOurs = facts?.issuer === options.issuer && isOf(asked, receipt, facts);
      return { facts: isOurs ? facts : undefined };
    }),
  );
}

/**
 * A genuine receipt of something else is worth nothing: its reference must be the portal's own, and what was signed the template and the
 * fields that the portal asked for, every one of them. `order` may be read as it stands, because the receipt has been verified.
 */
function isOf(
  { id, template = 'payment', fields }: AskedFor,
  { order }: Receipt,
  { reference }: ReceiptFacts,
): boolean {
  const { display } = decodeJwt<{ readonly display: OrderDescriptor['display'] }>(order);
  const isAsked = display.template?.name === template && isDeepStrictEqual(display.template.fields, fields);
  return reference === id && isAsked;
}

/** The keys that the server ever signed with. Keep a copy where you keep the receipts. */
async function keyHistory({ issuer, fetch: send = fetch }: Pick<PortalOptions, 'issuer' | 'fetch'>): Promise<unknown> {
  return (await send(`${issuer}/.well-known/mtoken-key-history`)).json();
}
