/** Checks receipts before the portal pays: whatever door they came through. */
import type { Receipt } from '../protocol/receipt.ts';
import { draw } from '../protocol/templates/draw.ts';
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

/**
 * A genuine receipt of another payment pays nothing: its reference must be the payment's, and every line that was signed the one that
 * the portal's own fields make.
 */
function isOf({ id, fields }: Payment, { reference, lines, locale }: ReceiptFacts): boolean {
  const own = draw('payment', fields, locale);
  const isSame = lines.every(({ name, value }, index) => name === own[index]?.name && value === own[index].value);
  return reference === id && lines.length === own.length && isSame;
}

/** The keys that the server ever signed with. Keep a copy where you keep the receipts. */
async function keyHistory({ issuer, fetch: send = fetch }: Pick<PortalOptions, 'issuer' | 'fetch'>): Promise<unknown> {
  return (await send(`${issuer}/.well-known/mtoken-key-history`)).json();
}
