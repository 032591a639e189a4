/** The app's endpoints for orders: claim, proof, decide. Each takes a live app session. */
import { type AppEndpoint, sessionEndpoint } from '../http/app-endpoint.ts';
import { type LimitDeps, limit } from '../http/limits.ts';
import {
  OrderClaim,
  OrderClaimed,
  OrderDecide,
  OrderDecided,
  OrderListed,
  OrderListPart,
  OrderProofStart,
} from '../protocol/orders.ts';
import { MpinChallenge } from '../protocol/session.ts';
import { claimOrder } from './claim.ts';
import { decideOrder, startOrderProof } from './decide.ts';
import type { OrderDeps } from './deps.ts';
import { listPart } from './list.ts';

/** Claims of one device in a minute: enough to try again, too few to search for codes. */
const claimsPerMinute = 10;

/** The endpoints of docs/protocol.md §8. */
export function orderEndpoints(deps: OrderDeps & LimitDeps): AppEndpoint[] {
  return [
    sessionEndpoint({
      name: 'orders/claim',
      body: OrderClaim,
      reply: OrderClaimed,
      answer: async (call) => {
        const subject = call.device.id;
        await limit(deps, { kind: 'device', group: 'orders.claim', subject, rate: claimsPerMinute });
        return claimOrder(deps, call.body, call);
      },
    }),
    sessionEndpoint({
      name: 'orders/proof',
      body: OrderProofStart,
      reply: MpinChallenge,
      answer: async (call) => startOrderProof(deps, call.body, call),
    }),
    sessionEndpoint({
      name: 'orders/list',
      body: OrderListPart,
      reply: OrderListed,
      answer: async (call) => listPart(deps, call.body, call),
    }),
    sessionEndpoint({
      name: 'orders/decide',
      body: OrderDecide,
      reply: OrderDecided,
      answer: async (call) => decideOrder(deps, call.body, call),
    }),
  ];
}
