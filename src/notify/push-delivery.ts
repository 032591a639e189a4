/** Hands one nudge to the bank's own gateway: signed, one POST. The server itself talks to nobody who pushes to phones. */
import type { Clock } from '../clock.ts';
import type { Standing } from '../devices/store.ts';
import { post } from '../http/outbound.ts';
import type { RecordStore } from '../store/records.ts';
import { type Deliver, UndeliverableError } from './outbox.ts';
import { signedHeaders } from './webhook-signature.ts';

/** Where nudges go. */
interface PushGateway {
  readonly url: string;
  /** `whsec_` and base64; each signs, so that one can take the other's place. */
  readonly secrets: readonly string[];
}

export interface PushDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Undefined: this server knows of none. */
  readonly gateway: PushGateway | undefined;
  /** Hosts (`name` or `name:port`) that may be in a private network. */
  readonly internalHosts: readonly string[];
  /** How long the gateway may take to answer; 10 s unless told. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 10_000;

/**
 * The outbox's deliverer of nudges. Any 2xx is success. 410 means that the gateway knows no way to this phone: the nudge is dropped, for
 * the e-mail says the same. 404 may as well be a wrong address: a dead letter at once, which somebody sees and can send again. Everything
 * else is tried again. A phone that ended meanwhile is not nudged any more.
 */
export function pushDeliverer(deps: PushDeps): Deliver {
  return async ({ id, recipient, payload }) => {
    // Tried again and not given up: while a setting is rolled out another server knows the gateway.
    if (deps.gateway === undefined) throw new Error('this server knows no gateway: MTOKEN_PUSH_URL is not set');
    if (!mayAct(await deps.records.devices.standing(recipient))) return;
    const status = await send(deps, deps.gateway, { id, body: payload });
    if (status === 410 || (status >= 200 && status < 300)) return;
    if (status === 404) throw new UndeliverableError('the gateway answered 404');
    throw new Error(`the gateway answered ${status}`);
  };
}

function send(
  { clock, internalHosts, timeoutMs = defaultTimeoutMs }: PushDeps,
  { url, secrets }: PushGateway,
  message: { readonly id: string; readonly body: string },
): Promise<number> {
  const signed = signedHeaders({ ...message, at: clock.now() }, secrets);
  const headers = { 'content-type': 'application/json', ...signed };
  return post(new URL(url), { body: message.body, headers }, { internalHosts, timeoutMs });
}

/** What a phone may not fetch it need not hear of. */
function mayAct(standing: Standing | undefined): boolean {
  if (standing === undefined) return false;
  const { device, user, company } = standing;
  return device.status === 'active' && user.status === 'active' && company.status === 'active';
}
