/** Checks receipts before the portal pays: whatever door they came through. */

import type { Receipt } from '../protocol/receipt.ts';
import { formatIban } from '../protocol/templates/iban.ts';
import { formatAmount } from '../protocol/templates/money.ts';
import { type ReceiptFacts, verifyReceipt } from '../sdk/index.ts';
import type { JudgedReceipt } from './portal-pay-pages.ts';
import type { Payment } from './portal-payments.ts';
import type { PortalOptions } from './portal-session.ts';

/** Facts only of those that are genuine, the server's, and of this very payment. */
export async function judgeReceipts(
  options: Pick<PortalOptions, 'issuer' | 'fetch'>,
  payment: Payment,
  receipts: readonly Receipt[],
): Promise<readonly JudgedReceipt[]> {
  if (receipts.length === 0) return [];
  const history = await keyHistory(options);
  return Promise.all(
    receipts.map(async (receipt) => {
      const { facts } = await verifyReceipt(receipt, history);
      const isOurs = facts?.issuer === options.issuer && isOf(payment, facts);
      return { facts: isOurs ? facts : undefined };
    }),
  );
}

/** A genuine receipt of another payment pays nothing: name, amount and account must be those that the portal is about to use. */
function isOf({ id, fields }: Payment, { reference, lines, locale }: ReceiptFacts): boolean {
  const said = (name: string): string | undefined => lines.find((line) => line.name === name)?.value;
  return (
    reference === id &&
    said('amount') === formatAmount(fields.amount, fields.currency, locale) &&
    said('payeeAccount') === formatIban(fields.creditorIban)
  );
}

/** The keys that the server ever signed with. Keep a copy where you keep the receipts. */
async function keyHistory({ issuer, fetch: send = fetch }: Pick<PortalOptions, 'issuer' | 'fetch'>): Promise<unknown> {
  return (await send(`${issuer}/.well-known/mtoken-key-history`)).json();
}
