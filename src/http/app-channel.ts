/** Serves the endpoints of the app protocol: every check in the order of docs/protocol.md §3, replies sealed and padded. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sealReply } from '../crypto/envelope.ts';
import { AuthError } from '../errors.ts';
import { appBasePath, envelopeContentType } from '../protocol/names.ts';
import { clientAddress } from './addresses.ts';
import { answerError, logError, retryAfterOf } from './app.ts';
import type { AppEndpoint, CallOrigin } from './app-endpoint.ts';
import { type AppRequestDeps, enterSession, type OpenRequest, openAppRequest } from './app-request.ts';
import { applyLimitHeaders, type LimitDeps, limitAddress, limitDevice, limitUser } from './limits.ts';
import { problemOf, toAuthError } from './problem.ts';
import { createValidate, type Validate } from './validation.ts';
import type { WorkGate } from './work-gate.ts';

/** Largest request body, in bytes (docs/protocol.md §3). */
export const appBodyLimit = 32 * 1024;
/** Longest user agent that is kept. */
const maxUserAgentLength = 300;

export interface AppChannelDeps extends AppRequestDeps, LimitDeps {
  /** Around everything that costs a private-key operation or an exponentiation (L-16). */
  readonly gate: WorkGate;
}

interface Served {
  readonly endpoint: AppEndpoint;
  readonly validateBody: Validate;
  readonly validateReply: Validate;
}

/** What becomes of a request whose envelope was open. */
interface Outcome {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfter: string | undefined;
}

/** Registers every endpoint as `POST /app/v1/<name>`. */
export function registerAppEndpoints(
  app: FastifyInstance,
  deps: AppChannelDeps,
  endpoints: readonly AppEndpoint[],
): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      envelopeContentType,
      { parseAs: 'buffer', bodyLimit: appBodyLimit },
      async (_request: unknown, body: Buffer) => body,
    );
    scope.addHook('onRequest', async (request, reply) => {
      refuseBySize(request);
      applyLimitHeaders(reply, await limitAddress(deps, 'app', clientAddress(request)));
    });
    for (const endpoint of endpoints) {
      const served = {
        endpoint,
        validateBody: createValidate(endpoint.body, 'body'),
        validateReply: createValidate(endpoint.reply, 'reply'),
      };
      scope.post(`${appBasePath}/${endpoint.name}`, (request, reply) => serve(deps, served, { request, reply }));
    }
  });
}

/** The cheapest check: a length that is told is judged before anything is read or counted. */
function refuseBySize(request: FastifyRequest): void {
  if (Number(request.headers['content-length'] ?? 0) > appBodyLimit) throw new AuthError('payload_too_large');
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function serve(deps: AppChannelDeps, served: Served, { request, reply }: Exchange): Promise<FastifyReply> {
  // fastify parses no body where there is none; the rest of the checks would say the same later and dearer.
  if (!(request.body instanceof Uint8Array)) throw new AuthError('unsupported_media_type');
  try {
    return await deps.gate.run(() => exchange(deps, served, { request, reply }));
  } catch (error) {
    return answerError(error, request, reply);
  }
}

async function exchange(deps: AppChannelDeps, served: Served, { request, reply }: Exchange): Promise<FastifyReply> {
  const open = await openAppRequest(deps, served.endpoint, request).catch((error: unknown) => {
    throw named(error, request);
  });
  const outcome = await answer(deps, { served, open, origin: originOf(request) }).catch((thrown: unknown): Outcome => {
    const error = toAuthError(thrown);
    logError(error, request);
    return { status: error.status, body: problemOf(error, request.id), retryAfter: retryAfterOf(error) };
  });
  if (outcome.retryAfter !== undefined) reply.header('retry-after', outcome.retryAfter);
  return reply
    .status(outcome.status)
    .type(envelopeContentType)
    .send(seal(deps, open, outcome));
}

interface Call {
  readonly served: Served;
  readonly open: OpenRequest;
  readonly origin: CallOrigin;
}

/** Session and device, limits, schema, and only then the endpoint. */
async function answer(deps: AppChannelDeps, { served, open, origin }: Call): Promise<Outcome> {
  const { endpoint, validateBody, validateReply } = served;
  const { body } = open.opened;
  const call = { body, proofKey: open.proof, origin };
  let result: unknown;
  if (endpoint.access === 'session') {
    const { session, device } = await enterSession(deps, open);
    validateBody(body);
    await limitDevice(deps, device.id);
    await limitUser(deps, session.userId);
    result = await endpoint.answer({ ...call, device, session });
  } else {
    validateBody(body);
    const device = await deps.records.devices.findByThumbprint(open.proof.thumbprint);
    // A key that is not registered is limited as itself.
    await limitDevice(deps, device?.id ?? open.proof.thumbprint);
    result = await endpoint.answer({ ...call, device });
  }
  checkReply(validateReply, result, endpoint.name);
  return { status: 200, body: result, retryAfter: undefined };
}

/** A reply that does not fit its schema is our fault, and might tell what it should not. */
function checkReply(validateReply: Validate, result: unknown, name: string): void {
  try {
    validateReply(result);
  } catch (cause) {
    throw new AuthError('internal', { detail: `the reply of ${name} does not fit its schema`, cause });
  }
}

function seal(deps: AppChannelDeps, open: OpenRequest, { status, body }: Outcome): string {
  const { opened, proof, htu, live } = open;
  const reply = { re: proof.jti, htu, iat: Math.floor(deps.clock.now() / 1000), status, body };
  if (live !== undefined) return sealReply({ key: live.serverToAppKey, kid: live.session.id, reply });
  if (opened.replyKey === undefined)
    throw new AuthError('internal', { detail: 'an open envelope without a reply key' });
  return sealReply({ key: opened.replyKey, reply });
}

function originOf(request: FastifyRequest): CallOrigin {
  const userAgent = (request.headers['user-agent'] ?? '').slice(0, maxUserAgentLength);
  return { address: clientAddress(request), userAgent, requestId: request.id };
}

/** Names the refusal in the log: who watches it sees attacks on the channel. */
function named(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AuthError && error.code === 'invalid_request') {
    const event = error.message.startsWith('envelope') ? 'envelope.refused' : 'proof.refused';
    request.log.warn({ event, detail: error.message, address: clientAddress(request) }, event);
  }
  return error;
}
