/** Tells a portal in ping mode that it may redeem its request (CIBA Core §10.2): by the outbox, written in the transaction of the end. */
import type { Clock } from '../clock.ts';
import { post } from '../http/outbound.ts';
import { type Deliver, UndeliverableError } from '../notify/outbox.ts';
import { unavailable } from '../orders/orders.ts';
import type { EndedHandler } from '../signing/deps.ts';
import type { RecordStore } from '../store/records.ts';
import type { BackchannelMessage, BackchannelPayload } from './ciba-adapter.ts';
import { lifetimeSeconds } from './lifetimes.ts';

export interface PingDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Hosts (`name` or `name:port`) of portals that may be in a private network. */
  readonly internalHosts: readonly string[];
}

const timeoutMs = 5_000;

/**
 * Notes the end in the request by CIBA, and enqueues the ping. Nothing where it merely expired: a user who does not exist expires as well,
 * and nobody notes or pings that (O-18). Throws `order_unavailable` for an approval of what the portal was told has expired: it goes on
 * without, so nobody signs it.
 */
export const pingWhenEnded: EndedHandler = async (records, { id, door, status, clientId, endedAt }) => {
  if (door !== 'backchannel' || endedAt === undefined || status === 'expired') return;
  const isInTime = await records.backchannel.settle(id, endedAt);
  if (!isInTime && status === 'approved') throw unavailable('backchannel: the portal was told that it has expired');
  const row = await records.backchannel.findBySigning(id);
  if (row === undefined || pingOf(row.payload) === undefined) return;
  const message: BackchannelMessage = { idLookup: row.idLookup };
  const payload = JSON.stringify(message);
  const about = `signing.${status}`;
  await records.outbox.enqueue({ kind: 'backchannel_ping', recipient: clientId, payload, about }, endedAt);
};

/** The outbox's deliverer of pings, to where the client is registered at that moment; 4xx is final, and nothing is sent after its time. */
export function pingDeliverer({ records, clock, internalHosts }: PingDeps): Deliver {
  return async ({ payload }) => {
    const { idLookup } = JSON.parse(payload) as BackchannelMessage;
    const row = await records.backchannel.find(idLookup);
    const ping = row === undefined ? undefined : pingOf(row.payload);
    if (row === undefined || ping === undefined) return;
    // Redeemed without it, or too late for it: then it tells nothing any more.
    if (row.consumedAt !== undefined || clock.now() >= row.endsAt + lifetimeSeconds.backchannelRedeem * 1000) return;
    const client = await records.clients.find(row.clientId);
    const uri = client?.metadata['backchannel_client_notification_endpoint'];
    if (client?.status !== 'active' || typeof uri !== 'string') {
      throw new UndeliverableError(`the client ${row.clientId} takes no pings any more`);
    }
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${ping.token}` };
    const body = JSON.stringify({ auth_req_id: ping.authReqId });
    const status = await post(new URL(uri), { body, headers }, { internalHosts, timeoutMs });
    if (status >= 200 && status < 300) return;
    if (status >= 400 && status < 500)
      throw new UndeliverableError(`the portal ${client.id} refuses the ping: ${status}`);
    throw new Error(`the portal ${client.id} answered ${status}`);
  };
}

function pingOf(payload: string): BackchannelPayload['ping'] {
  return (JSON.parse(payload) as BackchannelPayload).ping;
}
