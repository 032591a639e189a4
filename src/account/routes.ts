/** The account API: what users see and end of what is theirs from a portal's session, at any hour and without the phone. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { AuthError } from '../errors.ts';
import { clientAddress } from '../http/addresses.ts';
import { type LimitDeps, limit } from '../http/limits.ts';
import { accountScope } from '../oidc/deps.ts';
import { AccountDeactivate, AccountDeviceParams, AccountSessionParams } from '../protocol/account.ts';
import { strict } from '../protocol/common.ts';
import {
  type AccountAct,
  deactivateAllOwn,
  deactivateOwn,
  devicesOf,
  endOthers,
  endOwn,
  sessionsOf,
} from './account.ts';
import { type AccountCaller, type AccountDeps, accountCaller } from './caller.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the account API once token, session and device were found to be alive. */
    accountCaller?: AccountCaller;
  }
}

interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** Below `/account/v1`. */
  readonly path: string;
  readonly params?: TSchema;
  readonly body?: TSchema;
  readonly answer: (act: AccountAct, request: FastifyRequest) => Promise<unknown>;
}

/** All endpoints, on the public listener. */
export function registerAccount(app: FastifyInstance, deps: AccountDeps & LimitDeps): void {
  app.decorateRequest('accountCaller');
  for (const { method, path, params, body, answer } of endpoints(deps)) {
    app.route({
      method,
      url: `/account/v1${path}`,
      bodyLimit: 4 * 1024,
      exposeHeadRoute: false,
      schema: { ...(params ? { params } : {}), ...(body ? { body } : {}) },
      // Before the schema: who has no token learns nothing of what a body should look like.
      preValidation: async (request, reply) => {
        request.accountCaller = await admit(deps, request, reply);
      },
      handler: async (request, reply) => {
        const { accountCaller: caller } = request;
        if (caller === undefined) throw new AuthError('internal', { detail: 'an account endpoint without a caller' });
        const origin = { address: clientAddress(request), requestId: request.id };
        // The answer is made after the commit: it arrives also where it ends the session that asked.
        return reply.header('cache-control', 'no-store').send(await answer({ caller, origin }, request));
      },
    });
  }
}

function endpoints(deps: AccountDeps): readonly Endpoint[] {
  return [
    { method: 'GET', path: '/devices', answer: ({ caller }) => devicesOf(deps, caller) },
    {
      method: 'POST',
      path: '/devices/:deviceId/deactivate',
      params: AccountDeviceParams,
      body: AccountDeactivate,
      answer: (act, { params, body }) =>
        deactivateOwn(deps, act, { ...(params as { deviceId: string }), ...(body as { reason: string }) }),
    },
    {
      method: 'POST',
      path: '/devices/deactivate',
      body: AccountDeactivate,
      answer: (act, { body }) => deactivateAllOwn(deps, act, (body as { reason: string }).reason),
    },
    { method: 'GET', path: '/sessions', answer: ({ caller }) => sessionsOf(deps, caller) },
    {
      method: 'POST',
      path: '/sessions/:sessionUid/end',
      params: AccountSessionParams,
      body: strict({}),
      answer: (act, { params }) => endOwn(deps, act, (params as { sessionUid: string }).sessionUid),
    },
    { method: 'POST', path: '/sessions/end', body: strict({}), answer: (act) => endOthers(deps, act) },
  ];
}

/** The caller, counted as one request of its user. What is refused is told as RFC 6750 §3 and RFC 9449 §7.1 say. */
async function admit(
  deps: AccountDeps & LimitDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<AccountCaller> {
  try {
    const caller = await accountCaller(deps, request);
    await limit(deps, { kind: 'user', group: 'account', subject: caller.userId, rate: deps.limits.perUser });
    return caller;
  } catch (error) {
    const challenge = error instanceof AuthError ? challengeOf(error, request) : undefined;
    if (challenge !== undefined) reply.header('www-authenticate', challenge);
    throw error;
  }
}

function challengeOf({ code }: AuthError, { headers }: FastifyRequest): string | undefined {
  const isBound = /^dpop /i.test(headers.authorization ?? '');
  const scheme = isBound ? 'DPoP algs="ES256 PS256", ' : 'Bearer ';
  if (code === 'authentication_failed')
    return headers.authorization === undefined ? 'Bearer' : `${scheme}error="invalid_token"`;
  return code === 'access_denied' ? `${scheme}error="insufficient_scope", scope="${accountScope}"` : undefined;
}
