/**
 * Door (a), `authorization_details` (RFC 9396) in a redirect: for a portal that sends its user to the bank's page anyway. The payment is
 * pushed (RFC 9126) before the browser goes, so nobody can change it on the way; it comes back with the tokens exactly as it was approved.
 */
import * as oidc from 'openid-client';
import { outcomeOf, type Till } from './portal-pay-api.ts';
import { detailOf, type Outcome, type Payment } from './portal-payments.ts';

/** What the portal remembers until the browser comes back. */
export interface Sent {
  readonly paymentId: string;
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** Pushes the payment. Answers where to send the browser, and what to remember until it is back. Throws what the server refuses. */
export async function sendToBank(
  { portal: { options, discover } }: Till,
  payment: Payment,
): Promise<{ readonly url: string; readonly sent: Sent }> {
  const sent = {
    paymentId: payment.id,
    codeVerifier: oidc.randomPKCECodeVerifier(),
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
  };
  const url = await oidc.buildAuthorizationUrlWithPAR(await discover(), {
    redirect_uri: `${options.baseUrl}/payments/callback`,
    scope: 'openid',
    authorization_details: JSON.stringify([detailOf(payment)]),
    code_challenge: await oidc.calculatePKCECodeChallenge(sent.codeVerifier),
    code_challenge_method: 'S256',
    state: sent.state,
    nonce: sent.nonce,
  });
  return { url: url.href, sent };
}

/** How it ended, from the address that the browser came back to; receipts by the id in the approved details. */
export async function comeBack(
  { portal: { discover }, signing }: Till,
  { payment, sent, url }: { readonly payment: Payment; readonly sent: Sent; readonly url: URL },
): Promise<Outcome> {
  try {
    const tokens = await oidc.authorizationCodeGrant(await discover(), url, {
      pkceCodeVerifier: sent.codeVerifier,
      expectedState: sent.state,
      expectedNonce: sent.nonce,
      idTokenExpected: true,
    });
    if (tokens.claims()?.sub !== payment.userId) return { state: 'failed', detail: 'Somebody else approved it.' };
    const signingId = signingIdOf(tokens.authorization_details);
    if (signingId === undefined) return { state: 'failed', detail: 'The tokens name nothing that was approved.' };
    return outcomeOf(await signing.read(signingId)) ?? { state: 'failed', detail: 'It is not over yet.' };
  } catch (error) {
    if (error instanceof oidc.AuthorizationResponseError && error.error === 'access_denied') {
      return outcomeOfDenial(error.error_description);
    }
    return { state: 'failed', detail: error instanceof Error ? error.message : undefined };
  }
}

const endStates: ReadonlySet<string> = new Set(['declined', 'reported', 'cancelled', 'expired'] as const);
const declineReasons: ReadonlySet<string> = new Set(['amount', 'payee', 'unexpected'] as const);

/** What `access_denied` means: `error_description` says whether somebody decided, or nobody was asked (docs/signing.md). */
export function outcomeOfDenial(description = ''): Outcome {
  const [state = '', reason = ''] = description.split(': ');
  if (!endStates.has(state)) return { state: 'refused', detail: description === '' ? undefined : description };
  const isReason = state === 'declined' && declineReasons.has(reason);
  return { state: state as Outcome['state'], ...(isReason && { reason: reason as Outcome['reason'] }) };
}

/** The id of what was approved, in details that came with tokens. */
export function signingIdOf(details: unknown): string | undefined {
  const [detail] = Array.isArray(details) ? (details as readonly { readonly signing_id?: unknown }[]) : [];
  return typeof detail?.signing_id === 'string' ? detail.signing_id : undefined;
}
