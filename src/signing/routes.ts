/** The signing API on the public listener: a portal's server asks one of its users to sign, and fetches the receipt (docs/signing.md). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { createIdempotency, type Idempotency, idempotencyKeyOf } from '../admin/idempotency.ts';
import { parseStrictJson } from '../crypto/strict-json.ts';
import { AuthError } from '../errors.ts';
import { clientAddress } from '../http/addresses.ts';
import { applyLimitHeaders, type LimitDeps, limit } from '../http/limits.ts';
import { signingScope } from '../oidc/deps.ts';
import type { Client } from '../oidc/store.ts';
import { strict } from '../protocol/common.ts';
import { SigningCapture, SigningCreate, SigningOrderParams, SigningQuery } from '../protocol/signing-api.ts';
import { type CallerDeps, signingCaller } from './caller.ts';
import type { SigningDeps } from './deps.ts';
import { limitLarge, limitPortal, limitRead, limitStranger, portalLimits } from './limits.ts';
import {
  assertOwnOrder,
  cancelPortalOrder,
  capturePortalOrder,
  createPortalOrder,
  portalFrame,
  readPortalOrder,
} from './portal-orders.ts';
import { whenRequestChanged } from './wait.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the signing API once the token was found to be a portal's own. */
    signingCaller?: Client;
  }
}

export type SigningApiDeps = SigningDeps & CallerDeps & LimitDeps;

/** A batch of ten thousand payments; nobody without a token can send as much. */
const maxBatchBytes = 4 * 1024 * 1024;
const maxBodyBytes = 4 * 1024;
/** Ten thousand payments of four members each, with what is around them. */
const maxValues = 60_000;

interface Call {
  readonly client: Client;
  readonly request: FastifyRequest;
  /** Ends when the caller goes away or the server ends. */
  readonly signal: AbortSignal;
}

interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** Below `/signing/v1/orders`. */
  readonly path: string;
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly body?: TSchema;
  /** In bytes. */
  readonly bodyLimit?: number;
  readonly status?: number;
  readonly answer: (call: Call) => Promise<unknown>;
}

/** All endpoints of the signing API; `app` is a scope of their own. */
export function registerSigning(app: FastifyInstance, deps: SigningApiDeps): void {
  const idempotency = createIdempotency({ records: deps.records, clock: deps.clock });
  const ending = new AbortController();
  app.addHook('preClose', async () => ending.abort());
  app.decorateRequest('signingCaller');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: maxBatchBytes },
    async (_request: unknown, body: Buffer) => parseStrictJson(body, { maxValues }),
  );
  // Before any body is read: who has no token sends none.
  app.addHook('onRequest', async (request, reply) => {
    request.signingCaller = await admit(deps, request, reply);
  });
  for (const endpoint of endpoints(deps, idempotency)) {
    const { method, path, params, querystring, body, bodyLimit = maxBodyBytes, status = 200, answer } = endpoint;
    app.route({
      method,
      url: `/signing/v1/orders${path}`,
      bodyLimit,
      exposeHeadRoute: false,
      schema: { ...(params && { params }), ...(querystring && { querystring }), ...(body && { body }) },
      // Nothing at all is an empty object: who cancels has nothing to say, and who forgot the body is told what it lacks.
      preValidation: async (request) => {
        if (body !== undefined && request.body === undefined) request.body = {};
      },
      handler: async (request, reply) => {
        const { signingCaller: client } = request;
        if (client === undefined) throw new AuthError('internal', { detail: 'a signing endpoint without a caller' });
        const gone = new AbortController();
        reply.raw.once('close', () => gone.abort());
        const signal = AbortSignal.any([ending.signal, gone.signal]);
        const answered = await answer({ client, request, signal });
        return reply.status(status).header('cache-control', 'no-store').send(answered);
      },
    });
  }
}

function endpoints(deps: SigningApiDeps, idempotency: Idempotency): readonly Endpoint[] {
  const params = SigningOrderParams;
  return [
    {
      method: 'POST',
      path: '',
      body: SigningCreate,
      bodyLimit: maxBatchBytes,
      status: 201,
      answer: (call) => create(deps, idempotency, call),
    },
    { method: 'GET', path: '/:signingId', params, querystring: SigningQuery, answer: (call) => read(deps, call) },
    {
      method: 'GET',
      path: '/:signingId/frame',
      params,
      answer: ({ client, request }) => portalFrame(deps, client, signingIdOf(request)),
    },
    {
      method: 'POST',
      path: '/:signingId/cancel',
      params,
      body: strict({}),
      answer: ({ client, request }) => {
        const origin = { address: clientAddress(request), requestId: request.id };
        return cancelPortalOrder(deps, client, { signingId: signingIdOf(request), ...origin });
      },
    },
    {
      method: 'POST',
      path: '/:signingId/capture',
      params,
      body: SigningCapture,
      answer: (call) => capture(deps, idempotency, call),
    },
  ];
}

interface Once {
  readonly call: Call;
  readonly idempotency: Idempotency;
  /** What is named in the refusal of a request without a key. */
  readonly what: string;
}

/** Does it once for a key, and commits it together with the key. */
async function once({ call, idempotency, what }: Once, act: () => Promise<unknown>): Promise<unknown> {
  const { client, request } = call;
  const key = idempotencyKeyOf(request.headers['idempotency-key']);
  if (key === undefined) {
    throw new AuthError('invalid_request', {
      message: `${what} takes an Idempotency-Key: sent again, it stays one`,
    });
  }
  const asked = { path: request.url, body: request.body };
  const { answer } = await idempotency.once({ caller: `signing:${client.id}`, key, asked }, act);
  return answer;
}

function capture(deps: SigningApiDeps, idempotency: Idempotency, call: Call): Promise<unknown> {
  const { client, request } = call;
  const body = request.body as SigningCapture;
  const from = { address: clientAddress(request), requestId: request.id };
  return once({ call, idempotency, what: 'a capture' }, () =>
    capturePortalOrder({ ...deps, records: idempotency.records }, client, { id: signingIdOf(request), body, ...from }),
  );
}

function create(deps: SigningApiDeps, idempotency: Idempotency, call: Call): Promise<unknown> {
  const { client, request } = call;
  const body = request.body as SigningCreate;
  return once({ call, idempotency, what: 'an order' }, async () => {
    // A portal that floods one user's phone must not keep another portal from it.
    const subject = `${client.id}:${body.user}`;
    await limit(deps, { kind: 'user', group: 'signing.create', subject, rate: deps.limits.perUser });
    return createPortalOrder({ ...deps, records: idempotency.records }, client, { body, requestId: request.id });
  });
}

async function read(deps: SigningApiDeps, { client, request, signal }: Call): Promise<unknown> {
  const signingId = signingIdOf(request);
  // What is another portal's is not counted: nobody uses up what its owner may ask.
  await assertOwnOrder(deps, client, signingId);
  await limitRead(deps, client.id, signingId);
  const { wait, since } = request.query as SigningQuery;
  const order = await readPortalOrder(deps, client, signingId);
  const isOver = order.state !== 'pending' && order.state !== 'claimed';
  if (wait === undefined || isOver) return order;
  await whenRequestChanged(deps, signingId, { since: since ?? order.state, milliseconds: Number(wait) * 1000, signal });
  return readPortalOrder(deps, client, signingId);
}

function signingIdOf({ params }: FastifyRequest): string {
  return (params as { readonly signingId: string }).signingId;
}

/** The portal, counted as one of its requests. What is refused is told as RFC 6750 §3 and RFC 9449 §7.1 say. */
async function admit(deps: SigningApiDeps, request: FastifyRequest, reply: FastifyReply): Promise<Client> {
  const client = await callerOf(deps, request, reply);
  applyLimitHeaders(reply, await limitPortal(deps, client.id), 'caller');
  if (sizeOf(request) > portalLimits.largeFrom) await limitLarge(deps, client.id);
  return client;
}

/** A portal's requests come from one address, often that of other servers too: only who is no portal counts by it. */
async function callerOf(deps: SigningApiDeps, request: FastifyRequest, reply: FastifyReply): Promise<Client> {
  try {
    return await signingCaller(deps, request);
  } catch (error) {
    const challenge = error instanceof AuthError ? challengeOf(error, request) : undefined;
    if (challenge !== undefined) {
      await limitStranger(deps, clientAddress(request));
      reply.header('www-authenticate', challenge);
    }
    throw error;
  }
}

/** Bytes of the body, or as many as it can have where the caller does not say. */
function sizeOf({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return maxBatchBytes;
  return Number(headers['content-length'] ?? 0);
}

function challengeOf({ code }: AuthError, { headers }: FastifyRequest): string | undefined {
  const scheme = /^dpop /i.test(headers.authorization ?? '') ? 'DPoP algs="ES256 PS256", ' : 'Bearer ';
  if (code === 'authentication_failed') {
    return headers.authorization === undefined ? 'Bearer' : `${scheme}error="invalid_token"`;
  }
  return code === 'access_denied' ? `${scheme}error="insufficient_scope", scope="${signingScope}"` : undefined;
}
