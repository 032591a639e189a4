/** The login page's door to the provider: find a pending login of this browser, complete it, refuse it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { errors, type InteractionResults, type Interaction as ProviderInteraction } from 'oidc-provider';
import { AuthError } from '../errors.ts';
import type { CompletedLogin, Interaction, Interactions } from '../login/interactions.ts';
import { absoluteSeconds } from '../mpin/session.ts';
import { acr } from '../protocol/names.ts';
import { browserOf } from './browser.ts';
import type { OidcDeps } from './deps.ts';
import { toSeconds } from './lifetimes.ts';
import { logoUrl } from './logo.ts';
import type { Client } from './store.ts';

type InteractionDeps = Pick<OidcDeps, 'records' | 'sealing' | 'issuer' | 'assertUsable'>;

/** Over whichever provider is current: keys may rotate while somebody is logging in. */
export function interactions(deps: InteractionDeps, current: () => Provider): Interactions {
  return {
    find: async (request, reply) => {
      const details = await pending(current(), request, reply);
      const client = await deps.records.clients.find(String(details.params['client_id']));
      if (client?.status !== 'active') throw new AuthError('not_found');
      return describe(details, client);
    },
    complete: async (request, reply, login) => {
      await pending(current(), request, reply);
      await requireOwnDevice(deps, login);
      const result = { login: loginResult(login, browserOf(deps, request)) };
      return finish(current(), { request, reply, result });
    },
    refuse: async (request, reply, reason) => {
      await pending(current(), request, reply);
      const result = { error: 'access_denied', error_description: reason };
      return finish(current(), { request, reply, result });
    },
  };
}

/** The interaction that both the signed cookie and the path name: a link sent to somebody else's browser finds nothing (P-04). */
async function pending(provider: Provider, request: FastifyRequest, reply: FastifyReply): Promise<ProviderInteraction> {
  const details = await notFoundIfGone(() => provider.interactionDetails(request.raw, reply.raw));
  const { uid } = request.params as { uid?: string };
  if (details.uid !== uid || details.prompt.name !== 'login') throw new AuthError('not_found');
  return details;
}

interface Finish {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly result: InteractionResults;
}

/** Only what this moment says counts: nothing is merged from an earlier submission. */
function finish(provider: Provider, { request, reply, result }: Finish): Promise<string> {
  return notFoundIfGone(() =>
    provider.interactionResult(request.raw, reply.raw, result, { mergeWithLastSubmission: false }),
  );
}

async function notFoundIfGone<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) throw error;
    if (error.statusCode === 503) throw new AuthError('unavailable', { cause: error });
    const detail = error.error_description ?? error.message;
    throw new AuthError('not_found', {
      detail,
      cause: error,
      message: 'this login has ended; begin again at the portal',
    });
  }
}

function describe({ uid, params, exp }: ProviderInteraction, client: Client): Interaction {
  const redirectUri = new URL(String(params['redirect_uri']));
  const locales = params['ui_locales'];
  return {
    uid,
    client: { id: client.id, name: client.name, domain: redirectUri.host, logo: logoUrl(client) },
    origin: redirectUri.origin,
    uiLocales: typeof locales === 'string' ? locales.split(' ').filter((tag) => tag !== '') : [],
    expiresAt: exp * 1000,
    needsFreshProof: needsFreshProof(params),
  };
}

/**
 * An app session may have been opened half an hour ago. Who asks for `prompt=login`, or for a `max_age` that such a session could
 * exceed, asks for the person now (OIDC Core 1.0 §3.1.2.1, S-09).
 */
function needsFreshProof(params: ProviderInteraction['params']): boolean {
  const { prompt, max_age: maxAge } = params;
  const isAsked = typeof prompt === 'string' && prompt.split(' ').includes('login');
  return isAsked || (maxAge !== undefined && Number(maxAge) < absoluteSeconds);
}

/** A device approves for its own user only, and only while it may be used (T8). */
async function requireOwnDevice({ records, assertUsable }: InteractionDeps, login: CompletedLogin): Promise<void> {
  const device = await records.devices.find(login.deviceId);
  if (device?.userId !== login.userId)
    throw new AuthError('access_denied', { detail: 'the device is not of that user' });
  await assertUsable(login.deviceId);
}

/** What really happened, and no more (S-13): the factor that was proven, the hardware key, and that these are two. */
function loginResult(
  { userId, deviceId, orderId, factor, provedAt }: CompletedLogin,
  browser: string | null,
): InteractionResults['login'] {
  return {
    accountId: userId,
    acr,
    amr: [factor, 'hwk', 'mfa'],
    ts: toSeconds(provedAt),
    remember: false,
    deviceId,
    orderId,
    browser,
  };
}
