/** "My phone is lost": a portal helps its user with the account API (docs/portal-account.md), by the session that is open. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as oidc from 'openid-client';
import type { AccountDevicesEnded, AccountSessions, AccountSessionsEnded } from '../protocol/account.ts';
import type { OwnDevices } from '../protocol/devices.ts';
import { lostPage, whatEndedPage } from './portal-lost-pages.ts';
import { errorPage } from './portal-pages.ts';
import { type Portal, sendPage, sessionId } from './portal-session.ts';

/** The server does not take the session any more: whatever ended it, it is over here too. */
class SessionOver extends Error {}

type Ended = AccountDevicesEnded | AccountSessionsEnded;

type Form = Readonly<Record<string, string>>;

/** What each button does: the path of the account API, and its body. */
const acts: ReadonlyMap<string, (form: Form) => readonly [path: string, body: object]> = new Map([
  ['device', ({ id = '', reason }: Form) => [`/devices/${encodeURIComponent(id)}/deactivate`, { reason }]],
  ['devices', ({ reason }: Form) => ['/devices/deactivate', { reason }]],
  ['session', ({ id = '' }: Form) => [`/sessions/${encodeURIComponent(id)}/end`, {}]],
  ['sessions', () => ['/sessions/end', {}]],
]);

/** The page, and its buttons. */
export function registerLostPhone(app: FastifyInstance, portal: Portal): void {
  app.get('/lost', (request, reply) =>
    whileLoggedIn(portal, { request, reply }, async (ask) => {
      const { devices } = (await ask('GET', '/devices')) as OwnDevices;
      const { sessions } = (await ask('GET', '/sessions')) as AccountSessions;
      return sendPage(reply, lostPage(devices, sessions));
    }),
  );

  app.post('/lost/:what', (request, reply) =>
    whileLoggedIn(portal, { request, reply }, async (ask) => {
      const act = acts.get((request.params as { what: string }).what);
      if (act === undefined) return sendPage(reply, errorPage('There is no such button.'), 404);
      const [path, body] = act((request.body ?? {}) as Form);
      const { devices } = (await ask('GET', '/devices')) as OwnDevices;
      const ended = (await ask('POST', path, body)) as Ended;
      // The answer came, and with it the end of this very login: the portal ends its own session too.
      if (ended.isLoggedOut) forget(portal, { request, reply });
      return sendPage(reply, whatEndedPage(ended, devices));
    }),
  );
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>;

async function whileLoggedIn(
  portal: Portal,
  exchange: Exchange,
  show: (ask: Ask) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const session = portal.sessions.get(sessionId(exchange.request));
  if (!session) return exchange.reply.redirect('/', 303);
  try {
    const token = await accountToken(portal, session.refreshToken);
    return await show((method, path, body) => call(portal, token, { method, path, body }));
  } catch (error) {
    if (!(error instanceof SessionOver)) throw error;
    forget(portal, exchange);
    return sendPage(exchange.reply, errorPage('You have been logged out meanwhile.'), 401);
  }
}

function forget({ sessions }: Portal, { request, reply }: Exchange): void {
  sessions.delete(sessionId(request));
  reply.clearCookie('portal_session', { path: '/' });
}

/** An access token of the account API, which lives for five minutes; the login's refresh token brings the next. */
async function accountToken({ options, discover }: Portal, refreshToken: string): Promise<string> {
  try {
    const resource = `${options.issuer}/account`;
    return (await oidc.refreshTokenGrant(await discover(), refreshToken, { resource })).access_token;
  } catch (error) {
    if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') throw new SessionOver();
    throw error;
  }
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: object | undefined;
}

async function call({ options }: Portal, token: string, { method, path, body }: Call): Promise<unknown> {
  const response = await (options.fetch ?? fetch)(`${options.issuer}/account/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { title?: string };
  if (response.status === 401) throw new SessionOver();
  if (!response.ok) throw new Error(answer.title ?? `status ${response.status}`);
  return answer;
}
