/** Delivers one back-channel logout message: a fresh logout token, one POST to the portal (OIDC Back-Channel Logout 1.0 §2). */
import { SignJWT } from 'jose';
import { randomToken } from '../crypto/random.ts';
import { post } from '../http/outbound.ts';
import { UndeliverableError } from '../notify/outbox.ts';
import type { OidcDeps } from './deps.ts';
import type { LogoutMessage } from './end-logins.ts';
import { lifetimeSeconds, toSeconds } from './lifetimes.ts';
import type { Client } from './store.ts';

export interface LogoutDeliveryDeps extends Pick<OidcDeps, 'records' | 'keys' | 'clock' | 'issuer'> {
  /** Hosts (`name` or `name:port`) of portals that may be in a private network. */
  readonly internalHosts: readonly string[];
}

const timeoutMs = 5_000;

/**
 * Sends the message of an outbox payload. Throws where it should be tried again: no connection, no answer in time, an answer that is
 * neither 2xx nor 400. Throws `UndeliverableError` where that would change nothing: the portal refuses it or is no longer there.
 */
export async function deliverLogout(deps: LogoutDeliveryDeps, payload: string): Promise<void> {
  const message = JSON.parse(payload) as LogoutMessage;
  const client = await deps.records.clients.find(message.clientId);
  const uri = client?.metadata['backchannel_logout_uri'];
  if (client?.status !== 'active' || typeof uri !== 'string') {
    throw new UndeliverableError(`the client ${message.clientId} takes no logout tokens any more`);
  }
  const body = new URLSearchParams({ logout_token: await logoutToken(deps, client, message) });
  const form = { body: body.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const status = await post(new URL(uri), form, { internalHosts: deps.internalHosts, timeoutMs });
  if (status >= 200 && status < 300) return;
  if (status === 400) throw new UndeliverableError(`the portal ${client.id} refuses the logout token`);
  throw new Error(`the portal ${client.id} answered ${status}`);
}

/** `logout+jwt` with the event and, by §2.4, never a nonce: it can pass for no ID token. */
async function logoutToken(
  { keys, clock, issuer }: LogoutDeliveryDeps,
  client: Client,
  { sub, sid }: LogoutMessage,
): Promise<string> {
  const signer = keys.activeSigner(client.metadata['id_token_signed_response_alg'] === 'RS256' ? 'RS256' : 'ES256');
  const issuedAt = toSeconds(clock.now());
  return new SignJWT({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, sid })
    .setProtectedHeader({ alg: signer.alg, kid: signer.kid, typ: 'logout+jwt' })
    .setIssuer(issuer)
    .setAudience(client.id)
    .setSubject(sub)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds.logoutToken)
    .setJti(randomToken(16))
    .sign(signer.privateKey);
}
