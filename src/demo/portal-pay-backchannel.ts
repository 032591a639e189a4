/**
 * Door (b), the back channel (CIBA, poll mode): for a payment whose maker has no page of the bank before them, or none at all. The
 * request is signed by the portal's key; the phone finds it in its inbox; the portal's server asks the token endpoint until it is over.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { outcomeOf, type Till } from './portal-pay-api.ts';
import { signingIdOf } from './portal-pay-redirect.ts';
import { detailOf, newPaymentId, type Outcome, type Payment } from './portal-payments.ts';

const requestSeconds = 60;
const standardInterval = 5;

/**
 * Asks the phone of the payment's user; from then on the end is waited for beside all requests, and noted. Throws what the server
 * refuses.
 */
export async function askPhone(till: Till, payment: Payment, signal: AbortSignal): Promise<void> {
  const { portal, payments } = till;
  const { clientKey, clientId, issuer } = portal.options;
  const config = await portal.discover();
  const request = await new SignJWT({
    scope: 'openid',
    login_hint: payment.userId,
    ui_locales: 'en',
    authorization_details: [detailOf(payment)],
  })
    .setProtectedHeader({ alg: 'ES256', kid: clientKey.kid })
    .setIssuer(clientId)
    .setAudience(issuer)
    .setJti(newPaymentId())
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime(`${requestSeconds}s`)
    .sign(clientKey.privateKey);
  const begun = await oidc.initiateBackchannelAuthentication(config, { request });
  void waitForEnd(till, begun, signal).then((outcome) => {
    if (outcome !== undefined) payments.note(payment.id, { outcome });
  });
}

/** Undefined where the portal itself ends before. */
async function waitForEnd(
  { portal, signing }: Till,
  begun: oidc.BackchannelAuthenticationResponse,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const until = Date.now() + begun.expires_in * 1000;
  while (!signal.aborted) {
    try {
      // Waits `interval` seconds between two questions, and longer once it is told to slow down.
      const tokens = await oidc.pollBackchannelAuthenticationGrant(await portal.discover(), begun, undefined, {
        signal,
      });
      const signingId = signingIdOf(tokens.authorization_details);
      if (signingId === undefined) return { state: 'failed', detail: 'The tokens name nothing that was approved.' };
      return outcomeOf(await signing.read(signingId));
    } catch (error) {
      const outcome = endOf(error);
      if (outcome !== undefined) return outcome;
      // No answer at all: it is asked again, for as long as the request lives.
      if (Date.now() > until) return { state: 'expired' };
      await pause(1000 * (begun.interval ?? standardInterval), undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

/** What a refusal says of the end (CIBA Core 1.0 §11); undefined where it says nothing. */
function endOf(error: unknown): Outcome | undefined {
  if (!(error instanceof oidc.ResponseBodyError) || error.status >= 500) return undefined;
  if (error.error === 'access_denied') return { state: 'declined' };
  if (error.error === 'expired_token') return { state: 'expired' };
  return { state: 'failed', detail: error.error_description ?? error.error };
}
