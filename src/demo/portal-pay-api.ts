/**
 * Door (c), the signing API: for a portal that has a session of its own with its user. Its server creates the order, its page shows the
 * code, and it hears of the end by a long poll. The other two doors fetch their receipts here.
 */
import * as oidc from 'openid-client';
import type { SigningFrame, SigningOrder } from '../protocol/signing-api.ts';
import type { TemplateName } from '../protocol/templates/templates.ts';
import type { Outcome, Payments } from './portal-payments.ts';
import type { Portal } from './portal-session.ts';

/** The server refused; the message is its own, for the portal's user or its developer. */
export class Refused extends Error {
  /** Whether the same request may be taken later. */
  readonly isTemporary: boolean;

  constructor(message: string, isTemporary: boolean) {
    super(message);
    this.isTemporary = isTemporary;
  }
}

/** What a user is to sign. */
export interface AskedToSign {
  /** The portal's own: it goes into the receipt, and as `Idempotency-Key` it makes sending twice harmless. */
  readonly id: string;
  readonly userId: string;
  readonly template: TemplateName;
  readonly fields: object;
}

export interface SigningApi {
  create(asked: AskedToSign): Promise<SigningOrder>;
  /** With `since` it answers as soon as the state is another one, or after 25 seconds. */
  read(signingId: string, since?: string): Promise<SigningOrder>;
  frame(signingId: string): Promise<SigningFrame>;
  cancel(signingId: string): Promise<SigningOrder>;
  /** Takes so many minor units of an approved reservation; under the same `id` once. */
  capture(signingId: string, taken: { readonly id: string; readonly amount: number }): Promise<SigningOrder>;
}

/** What the three doors share. */
export interface Till {
  readonly portal: Portal;
  readonly signing: SigningApi;
  readonly payments: Payments;
}

const waitSeconds = 25;
const timeoutMs = 40_000;
/** A token is not used in its last seconds: it would end on the way. */
const marginMs = 10_000;

/** The portal's own calls of the signing API; all of them throw {@link Refused}. */
export function signingApi(portal: Portal): SigningApi {
  const token = tokenKeeper(portal);
  const call = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const { issuer, fetch: send = fetch } = portal.options;
    const headers = { ...init.headers, authorization: `Bearer ${await token()}` };
    const url = `${issuer}/signing/v1/orders${path}`;
    const response = await send(url, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) });
    const answer = (await response.json()) as { readonly title?: string; readonly detail?: string };
    if (response.ok) return answer;
    const message = answer.detail ?? answer.title ?? `status ${response.status}`;
    throw new Refused(message, response.status === 429 || response.status >= 500);
  };
  const json = { 'content-type': 'application/json' };
  const place = (signingId: string): string => `/${encodeURIComponent(signingId)}`;
  const whenReached = async <T>(work: () => Promise<unknown>): Promise<T> => {
    try {
      return (await work()) as T;
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('The server that asks phones does not answer.', true);
    }
  };
  return {
    create: ({ id, userId, template, fields }) =>
      whenReached(() =>
        call('', {
          method: 'POST',
          headers: { ...json, 'idempotency-key': id },
          body: JSON.stringify({ user: userId, template, version: 1, fields, locale: 'en', reference: id }),
        }),
      ),
    read: (signingId, since) =>
      whenReached(() => call(`${place(signingId)}${since === undefined ? '' : `?wait=${waitSeconds}&since=${since}`}`)),
    frame: (signingId) => whenReached(() => call(`${place(signingId)}/frame`)),
    cancel: (signingId) =>
      whenReached(() => call(`${place(signingId)}/cancel`, { method: 'POST', headers: json, body: '{}' })),
    capture: (signingId, { id, amount }) =>
      whenReached(() =>
        call(`${place(signingId)}/capture`, {
          method: 'POST',
          headers: { ...json, 'idempotency-key': id },
          body: JSON.stringify({ amount }),
        }),
      ),
  };
}

/** How a thing ended, as the portal notes it; undefined while it has not. */
export function outcomeOf({ state, reason, receipts }: SigningOrder): Outcome | undefined {
  return state === 'pending' || state === 'claimed' ? undefined : { state, reason, receipts };
}

/** What a person should know while it waits: that the bank lets some time pass, and how many have approved. */
export function progressOf({ askableAt, approvers }: SigningOrder): string | undefined {
  if (askableAt !== undefined) return `The bank asks nobody before ${new Date(askableAt).toUTCString()}.`;
  return approvers.needed > 1
    ? `Approved by ${approvers.given} of ${approvers.needed} people. It waits in the app of each of them.`
    : undefined;
}

/** An access token of the signing API in the portal's own name; used until shortly before it ends. */
function tokenKeeper({ options, discover }: Portal): () => Promise<string> {
  let kept: { readonly token: string; readonly until: number } | undefined;
  return async () => {
    if (kept !== undefined && Date.now() < kept.until) return kept.token;
    const parameters = { scope: 'sign', resource: `${options.issuer}/signing` };
    const { access_token: token, expires_in: seconds = 0 } = await oidc.clientCredentialsGrant(
      await discover(),
      parameters,
    );
    kept = { token, until: Date.now() + seconds * 1000 - marginMs };
    return token;
  };
}
