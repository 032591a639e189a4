/** How requests by CIBA are kept: found by a hash, their content sealed, each of them redeemed once. */
import { errors } from 'oidc-provider';
import { checkFields } from '../signing/check.ts';
import type { OidcDeps } from './deps.ts';
import { toSeconds } from './lifetimes.ts';
import { type AskedToSign, readDetails } from './rar.ts';
import type { BackchannelRow } from './store.ts';

/** What is kept, sealed, of a request by CIBA. */
export interface BackchannelPayload {
  /** As the provider reads it again. */
  readonly provider: Readonly<Record<string, unknown>>;
  /** The `jti` of the signed request: the portal's own name for it where it gave no other. */
  readonly requestJti: string;
  readonly bindingMessage: string | undefined;
  /** JSON text, as it was sent. */
  readonly authorizationDetails: string | undefined;
  readonly uiLocales: string | undefined;
  /** Of a portal that is told: its token, and the id that it is told; nothing of it for portals that poll. */
  readonly ping: { readonly token: string; readonly authReqId: string } | undefined;
}

/** What the phone is asked, as the portal sent it. */
export type BackchannelAsked = Pick<BackchannelPayload, 'requestJti' | 'bindingMessage' | 'authorizationDetails'>;

/** Without the token for the ping, which nobody needs who redeems. */
function askedBy({ requestJti, bindingMessage, authorizationDetails }: BackchannelPayload): BackchannelAsked {
  return { requestJti, bindingMessage, authorizationDetails };
}

/** The details, or the message as a text to be signed. Throws `invalid_request` for what could not be asked. */
export function toSign({ requestJti, bindingMessage, authorizationDetails }: BackchannelAsked): AskedToSign {
  if (authorizationDetails !== undefined) return readDetails(authorizationDetails);
  const asked = { template: 'text', version: 1, fields: { words: bindingMessage }, reference: requestJti } as const;
  return { asked, checked: checkFields(asked) };
}

/** Payload of a `backchannel_request` message: the user's phone is to be asked. */
export interface BackchannelMessage {
  readonly idLookup: string;
}

/** How a request by CIBA is kept under the hash of its `auth_req_id`. */
export function backchannelLookup({ sealing }: Pick<OidcDeps, 'sealing'>, authReqId: string): string {
  return sealing.lookup(authReqId, 'oidc.backchannel');
}

/**
 * The adapter of the provider's model. It is written by `ciba.ts` in one transaction with what it leads to, and found by a hash; of
 * parallel redemptions one goes on.
 */
export function backchannelAdapter({ records, sealing, clock }: Pick<OidcDeps, 'records' | 'sealing' | 'clock'>) {
  const find = (id: string): Promise<BackchannelRow | undefined> =>
    records.backchannel.find(backchannelLookup({ sealing }, id));
  return {
    upsert: async (): Promise<void> => undefined,
    find: async (id: string) => {
      const row = await find(id);
      if (row === undefined) return undefined;
      const payload = JSON.parse(row.payload) as BackchannelPayload;
      const { provider, authorizationDetails } = payload;
      const params = authorizationDetails === undefined ? {} : { authorization_details: authorizationDetails };
      const consumed = row.consumedAt === undefined ? {} : { consumed: toSeconds(row.consumedAt) };
      return {
        ...provider,
        ...consumed,
        params,
        signingId: row.signingId,
        isSettled: row.settledAt !== undefined,
        endsAt: row.endsAt,
        asked: askedBy(payload),
        jti: id,
      };
    },
    // Nothing is revoked: it takes the client's own key to ask twice, as two of its servers may.
    consume: async (id: string): Promise<void> => {
      if (await records.backchannel.consume(backchannelLookup({ sealing }, id), clock.now())) return;
      throw redeemed();
    },
    revokeByGrantId: async (): Promise<void> => undefined,
  };
}

/** The one answer to a second use. */
export function redeemed(): errors.InvalidGrant {
  return new errors.InvalidGrant('auth_req_id was already used');
}
