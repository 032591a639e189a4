/** The app's endpoints for what waits, what has ended, and receipts (docs/protocol.md §8). Each takes a live app session. */
import { type AppEndpoint, sessionEndpoint } from '../http/app-endpoint.ts';
import { type LimitDeps, limit } from '../http/limits.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { Empty } from '../protocol/common.ts';
import { HistoryListed, HistoryPage, InboxListed, ReceiptPart } from '../protocol/inbox.ts';
import { OrderListed } from '../protocol/orders.ts';
import { listHistory, listInbox, receiptPart } from './inbox.ts';

/** Of one device in a minute: an app that looks every two seconds, someone who pages, and four receipts of the longest batches. */
const rates = { inbox: 40, history: 30, receipt: 120 } as const;

/** `orders/inbox`, `orders/history`, `orders/receipt`. */
export function inboxEndpoints(deps: OrderDeps & LimitDeps): AppEndpoint[] {
  const count = (group: keyof typeof rates, subject: string) =>
    limit(deps, { kind: 'device', group: `orders.${group}`, subject, rate: rates[group] });
  return [
    sessionEndpoint({
      name: 'orders/inbox',
      body: Empty,
      reply: InboxListed,
      answer: async (call) => {
        await count('inbox', call.device.id);
        return listInbox(deps, call);
      },
    }),
    sessionEndpoint({
      name: 'orders/history',
      body: HistoryPage,
      reply: HistoryListed,
      answer: async (call) => {
        await count('history', call.device.id);
        return listHistory(deps, call.body, call);
      },
    }),
    sessionEndpoint({
      name: 'orders/receipt',
      body: ReceiptPart,
      reply: OrderListed,
      answer: async (call) => {
        await count('receipt', call.device.id);
        return receiptPart(deps, call.body, call);
      },
    }),
  ];
}
