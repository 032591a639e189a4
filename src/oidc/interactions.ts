/** The login page's door to the provider: find a pending request of this browser, complete its login, hand over its approval, refuse it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { errors, type InteractionResults, type Interaction as ProviderInteraction } from 'oidc-provider';
import { AuthError } from '../errors.ts';
import type { AskedSigning, CompletedLogin, Interaction, Interactions } from '../login/interactions.ts';
import { absoluteSeconds } from '../mpin/session.ts';
import { acr } from '../protocol/names.ts';
import { browserOf } from './browser.ts';
import type { OidcDeps } from './deps.ts';
import { toSeconds } from './lifetimes.ts';
import { logoUrl } from './logo.ts';
import { readDetails } from './rar.ts';
import type { ApprovalResult } from './rar-approval.ts';
import type { Client } from './store.ts';

type InteractionDeps = Pick<OidcDeps, 'records' | 'sealing' | 'issuer' | 'assertUsable'>;

/** Over whichever provider is current: keys may rotate while somebody is logging in. */
export function interactions(deps: InteractionDeps, current: () => Provider): Interactions {
  return {
    find: async (request, reply) => {
      const details = await pending(current(), request, reply);
      return describe(deps, details, await activeClient(deps, details));
    },
    complete: async (request, reply, login) => {
      requirePrompt(await pending(current(), request, reply), 'login');
      await requireOwnDevice(deps, login);
      const result = { login: loginResult(login, browserOf(deps, request)) };
      return finish(current(), { request, reply, result });
    },
    approve: async (request, reply, signingId) => {
      requirePrompt(await pending(current(), request, reply), 'consent');
      const consent: ApprovalResult = { signingId, browser: browserOf(deps, request) };
      return finish(current(), { request, reply, result: { consent: { ...consent } } });
    },
    refuse: async (request, reply, reason) => {
      const result = { error: 'access_denied', error_description: reason };
      const orphan = await withoutSession(current(), request, reply);
      if (orphan !== undefined) return refuseOrphan(orphan, result);
      await pending(current(), request, reply);
      return finish(current(), { request, reply, result });
    },
    findToRefuse: async (request, reply) => {
      const orphan = await withoutSession(current(), request, reply);
      const details = orphan ?? (await pending(current(), request, reply));
      const described = describe(deps, details, await activeClient(deps, details));
      return { ...described, hasSession: orphan === undefined };
    },
  };
}

async function activeClient({ records }: InteractionDeps, { params }: ProviderInteraction): Promise<Client> {
  const client = await records.clients.find(String(params['client_id']));
  if (client?.status !== 'active') throw new AuthError('not_found');
  return client;
}

/** The interaction that both the signed cookie and the path name: a link sent to somebody else's browser finds nothing (P-04). */
async function pending(provider: Provider, request: FastifyRequest, reply: FastifyReply): Promise<ProviderInteraction> {
  const details = await notFoundIfGone(() => provider.interactionDetails(request.raw, reply.raw));
  const { uid } = request.params as { uid?: string };
  // Nothing is approved in a request that was refused because its session had ended.
  const isOrphan = details.prompt.name === 'consent' && details.session?.uid === undefined;
  if (details.uid !== uid || isOrphan) throw new AuthError('not_found');
  return details;
}

/** What is used of the provider beyond its published types. */
interface ProviderInside {
  cookieName(type: 'interaction'): string;
}

/**
 * The interaction that this browser's cookie and the path name, where it waits for an approval and its session has ended: by a report on
 * the phone above all. It can be refused, and nothing else. Undefined for every other.
 */
async function withoutSession(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<ProviderInteraction | undefined> {
  const { cookies } = provider.createContext(request.raw, reply.raw);
  const id = cookies.get((provider as unknown as ProviderInside).cookieName('interaction'), { signed: true });
  const { uid } = request.params as { uid?: string };
  if (id === undefined || id !== uid) return undefined;
  const found = await notFoundIfGone(() => provider.Interaction.find(id));
  if (found?.prompt.name !== 'consent') return undefined;
  const { uid: sessionUid, accountId } = found.session ?? {};
  if (sessionUid === undefined) return found;
  const session = await notFoundIfGone(() => provider.Session.findByUid(sessionUid));
  return session?.accountId === accountId ? undefined : found;
}

/** The provider takes an interaction back in its own session only, unless it names none. */
async function refuseOrphan(orphan: ProviderInteraction, result: InteractionResults): Promise<string> {
  const { uid: _uid, ...session } = orphan.session ?? {};
  Object.assign(orphan, { session, result });
  await notFoundIfGone(() => orphan.persist());
  return orphan.returnTo;
}

/** A login answers no request to sign, and what was signed logs nobody in (T-10). */
function requirePrompt({ prompt }: ProviderInteraction, name: 'login' | 'consent'): void {
  if (prompt.name !== name) throw new AuthError('not_found', { detail: `the interaction waits for ${prompt.name}` });
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

function describe(deps: InteractionDeps, details: ProviderInteraction, client: Client): Interaction {
  const { uid, params, exp } = details;
  const redirectUri = new URL(String(params['redirect_uri']));
  const locales = params['ui_locales'];
  return {
    uid,
    client: { id: client.id, name: client.name, domain: redirectUri.host, logo: logoUrl(client) },
    origin: redirectUri.origin,
    uiLocales: typeof locales === 'string' ? locales.split(' ').filter((tag) => tag !== '') : [],
    expiresAt: exp * 1000,
    needsFreshProof: needsFreshProof(params),
    signing: details.prompt.name === 'consent' ? askedSigning(deps, details) : undefined,
  };
}

/** What the request asks to be signed, by the user of the session in which it was opened. */
function askedSigning({ sealing }: InteractionDeps, details: ProviderInteraction): AskedSigning {
  const { params, session } = details;
  const { parJti } = details as ProviderInteraction & { readonly parJti?: string };
  const userId = session?.accountId;
  if (userId === undefined || parJti === undefined) {
    throw new AuthError('internal', { detail: 'an approval is waited for without session or pushed request' });
  }
  const { asked } = readDetails(String(params['authorization_details']));
  return { ...asked, userId, key: sealing.lookup(parJti, 'oidc.rar') };
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
