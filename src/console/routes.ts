/** Logging in to the console and out of it: `/console/login`, `/console/callback`, `/console/logout` on the admin listener. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AuthError } from '../errors.ts';
import { clientAddress } from '../http/addresses.ts';
import { answerError, logError, retryAfterOf } from '../http/app.ts';
import { hostCookie, hostCookieName, noHostCookie, readCookie } from '../http/cookies.ts';
import { documentSecurityPolicy } from '../http/headers.ts';
import { wantedLanguages } from '../http/language.ts';
import { toAuthError } from '../http/problem.ts';
import { strict } from '../protocol/common.ts';
import type { ConsoleDeps } from './deps.ts';
import { authenticatePerson, sessionCookie, sessionIdOf } from './identity.ts';
import { logOut } from './logout.ts';
import { openFor } from './opening.ts';
import { assertNotFromElsewhere } from './own-request.ts';
import { noAccessPage, noAnswerPage, notLoggedInPage, type PageParts } from './pages.ts';
import { browserOf, keepPending, newBrowserToken, type PendingLogin, takePending } from './pending.ts';
import { beginLogin, finishLogin, LoginRefused } from './relying-party.ts';
import { consoleHome, returnPath } from './return-path.ts';
import { endConsoleSession, loadConsoleSession } from './sessions.ts';

/** By which a browser that began a login is known again; before `__Host-`. */
const browserCookie = 'mt_console_login';

const LoginQuery = strict({
  proof: Type.Optional(Type.Union([Type.Literal('session'), Type.Literal('fresh'), Type.Literal('confirmed')])),
  return: Type.Optional(Type.String({ maxLength: 600 })),
});
interface LoginQuery {
  readonly proof?: PendingLogin['proof'];
  readonly return?: string;
}

/** Registers the routes; the caller limits them. */
export function registerConsoleLogin(app: FastifyInstance, deps: ConsoleDeps): void {
  app.setErrorHandler((error, request, reply) => answerInWords(deps, error, { request, reply }));
  app.get<{ Querystring: LoginQuery }>(
    '/console/login',
    { schema: { querystring: LoginQuery }, exposeHeadRoute: false },
    (request, reply) => begin(deps, request, reply),
  );
  app.get('/console/callback', { exposeHeadRoute: false }, (request, reply) => finish(deps, request, reply));
  app.post('/console/logout', (request, reply) => end(deps, request, reply));
}

/** To the provider, with what this browser alone can bring back. */
async function begin(
  deps: ConsoleDeps,
  request: FastifyRequest<{ Querystring: LoginQuery }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { proof = 'session', return: wanted = consoleHome } = request.query;
  const returnTo = returnPath(wanted);
  if (returnTo === undefined) {
    throw new AuthError('invalid_request', { message: 'return must be the path of a page below /console/' });
  }
  if (proof !== 'session') assertNotFromElsewhere(request);
  const elsewhere = ownAddress(deps.origin, request);
  if (elsewhere !== undefined) return reply.redirect(elsewhere, 303);
  const known = readCookie(request, hostCookieName(deps.origin, browserCookie));
  const token = browserOf(known) === undefined || known === undefined ? newBrowserToken() : known;
  const session = await currentSession(deps, request);
  const visitor = { address: clientAddress(request), languages: wantedLanguages(request) };
  const { url, ...begun } = await beginLogin(deps, proof, visitor);
  await keepPending(deps, {
    ...begun,
    proof,
    returnTo,
    startedAt: deps.clock.now(),
    browser: browserOf(token) ?? '',
    userId: session?.userId,
  });
  reply.header('set-cookie', hostCookie(deps.origin, browserCookie, token));
  return reply.redirect(url, 303);
}

/**
 * On one machine the listener has many names, and a cookie of 127.0.0.1 does not come back to localhost. Elsewhere it is the proxy's to
 * say under which name it is reached.
 */
function ownAddress(origin: string, request: FastifyRequest): string | undefined {
  const isNamedSo = request.headers.host === new URL(origin).host;
  return origin.startsWith('https:') || isNamedSo ? undefined : `${origin}/console/login${queryOf(request)}`;
}

/** With its question mark; empty where there is none. */
function queryOf({ url }: FastifyRequest): string {
  return url.includes('?') ? url.slice(url.indexOf('?')) : '';
}

async function currentSession(deps: ConsoleDeps, request: FastifyRequest) {
  const id = sessionIdOf(deps, request);
  return id === undefined ? undefined : loadConsoleSession(deps, id);
}

/** Back from the provider: a session of its own id for every login, in place of the one before (S-03). */
async function finish(deps: ConsoleDeps, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = queryOf(request);
  const state = new URLSearchParams(query).get('state') ?? '';
  const browser = browserOf(readCookie(request, hostCookieName(deps.origin, browserCookie)));
  const pending = await takePending(deps, state, browser);
  if (pending === undefined) return sendPage(reply.code(400), notLoggedInPage(partsOf(deps, request)));
  const before = sessionIdOf(deps, request);
  try {
    const address = clientAddress(request);
    const login = await finishLogin(deps, { query, pending, address });
    const opened = await openFor(deps, { login, pending, address, requestId: request.id });
    if (before !== undefined) await endConsoleSession(deps, before);
    if (opened.outcome === 'refused') {
      reply.header('set-cookie', noHostCookie(deps.origin, sessionCookie));
      return await sendPage(reply.code(403), noAccessPage(partsOf(deps, request, opened.languages)));
    }
    reply.header('set-cookie', hostCookie(deps.origin, sessionCookie, opened.id));
    return await reply.redirect(opened.returnTo, 303);
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    request.log.info({ reason: error.reason, detail: error.detail }, 'a login to the console did not succeed');
    return sendPage(reply.code(403), notLoggedInPage({ ...partsOf(deps, request), detail: error.reason }));
  }
}

/** Here and at the provider; a session that is over already is none to end. */
async function end(deps: ConsoleDeps, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  await authenticatePerson(deps, request);
  const id = sessionIdOf(deps, request) ?? '';
  const session = await loadConsoleSession(deps, id);
  if (session !== undefined)
    await logOut(deps, { id, session, address: clientAddress(request), requestId: request.id });
  return reply.header('set-cookie', noHostCookie(deps.origin, sessionCookie)).code(204).send();
}

/** A person who is on the way somewhere reads a page; a page's script gets what every caller gets. */
function answerInWords(
  deps: ConsoleDeps,
  thrown: unknown,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): FastifyReply {
  const isForPerson = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  if (!isForPerson) return answerError(thrown, request, reply);
  const error = toAuthError(thrown);
  logError(error, request);
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  const parts = partsOf(deps, request);
  const isOurs = error.status >= 500 || error.code === 'too_many_requests';
  const page = isOurs ? noAnswerPage(parts, { isPassing: error.status !== 500 }) : notLoggedInPage(parts);
  return sendPage(reply.code(error.status), page);
}

function partsOf({ look }: ConsoleDeps, request: FastifyRequest, languages: readonly string[] = []): PageParts {
  return { look, languages: [...languages, ...wantedLanguages(request)], detail: request.id };
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .header('content-security-policy', documentSecurityPolicy())
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page);
}
