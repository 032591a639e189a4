/** Serves the admin API: token, scope, reach and schema are checked here, once, for every endpoint. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Clock } from '../clock.ts';
import type { Actor } from '../companies/actor.ts';
import { isPlainObject } from '../crypto/strict-json.ts';
import { AuthError } from '../errors.ts';
import { applyLimitHeaders, type LimitDeps, limitCaller } from '../http/limits.ts';
import { compileValidator } from '../http/validation.ts';
import type { RecordStore } from '../store/records.ts';
import type { AdminCall, AdminEndpoint, StreamedAnswer } from './endpoint.ts';
import { type Idempotency, idempotencyKeyOf } from './idempotency.ts';
import { type AdminIdentity, actorOf, freshMs, judge } from './identity.ts';
import { creates, takesVersion } from './openapi.ts';
import { membersOf } from './openapi-schemas.ts';
import { permission } from './permissions.ts';
import { withSecondPerson } from './second-person.ts';
import { assertMatches, etagOf, ifMatchOf, takeVersion } from './versions.ts';

export interface AdminPluginDeps extends LimitDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Who calls: a machine by its access token, or a person by the console's session. Throws `authentication_failed`. */
  readonly authenticate: (request: FastifyRequest) => Promise<AdminIdentity>;
  /** Throws `internal` rather than send what the endpoint does not declare: for development and tests, so that the document is true. */
  readonly checksReplies: boolean;
  /** Over whose records the endpoints work. */
  readonly idempotency: Idempotency;
}

/** Registers the endpoints below `/admin/v1`. */
export function registerAdminEndpoints(
  app: FastifyInstance,
  deps: AdminPluginDeps,
  endpoints: readonly AdminEndpoint[],
): void {
  app.decorateRequest('adminCaller');
  for (const endpoint of endpoints) {
    const shows = endpoints.find(({ method, path }) => method === 'GET' && path === endpoint.path);
    const isConditional = takesVersion(endpoint);
    app.route({
      method: endpoint.method,
      url: `/admin/v1${endpoint.path}`,
      bodyLimit: endpoint.bodyLimit ?? 64 * 1024,
      // Asking for its head alone would make the whole file.
      exposeHeadRoute: endpoint.files === undefined,
      schema: {
        ...(endpoint.params ? { params: endpoint.params } : {}),
        ...(endpoint.query ? { querystring: endpoint.query } : {}),
        ...(endpoint.body ? { body: endpoint.body } : {}),
      },
      validatorCompiler: compileAdminValidator,
      // Before the schema: a caller without a token learns nothing of what a body should look like.
      preValidation: async (request, reply) => {
        request.adminCaller = await admit(deps, request, { endpoint, reply }).catch((error: unknown) => {
          challenge(reply, endpoint, error);
          throw error;
        });
        if (isConditional) takeVersion(request);
        else refusePrecondition(request, endpoint);
      },
      // After the schema: a request that was not well formed uses no confirmation up.
      preHandler: async (request, reply) => {
        if (shows !== undefined && isConditional && ifMatchOf(request) !== undefined) {
          assertMatches(request, await shows.answer(callOf(request)));
        }
        await confirm(request, endpoint).catch((error: unknown) => {
          challenge(reply, endpoint, error);
          throw error;
        });
      },
      handler: async (request, reply) => {
        const { status, answer, isReplayed } = await perform(deps, request, endpoint);
        reply.code(status).header('cache-control', 'no-store');
        if (endpoint.files !== undefined && isFile(answer)) return sendFile(reply, answer);
        if (isReplayed) reply.header('idempotency-replayed', 'true');
        const etag = etagOf(answer);
        if (etag !== undefined) reply.header('etag', etag);
        return reply.send(answer);
      },
    });
  }
}

interface Performed {
  readonly status: number;
  readonly answer: unknown;
}

/** A creation with a key is done once; everything else is done as often as it is sent. */
async function perform(
  deps: AdminPluginDeps,
  request: FastifyRequest,
  endpoint: AdminEndpoint,
): Promise<Performed & { readonly isReplayed: boolean }> {
  const call = callOf(request);
  const act = async (): Promise<Performed> => {
    // Over the records of the idempotency keys, as every act.
    const served = await withSecondPerson({ ...deps, records: deps.idempotency.records }, endpoint, call);
    const answer = await served.answer(call);
    if (deps.checksReplies && served.files === undefined) checkReply(served, answer);
    return { status: served.status, answer };
  };
  const key = creates(endpoint) ? idempotencyKeyOf(request.headers['idempotency-key']) : undefined;
  if (key === undefined) return { ...(await act()), isReplayed: false };
  const asked = [endpoint.name, call.params, call.query, call.body];
  const once = await deps.idempotency.once({ caller: call.actor.name, key, asked }, act);
  return { ...(once.answer as Performed), isReplayed: once.isReplayed };
}

function callOf({ adminCaller, params, query, body }: FastifyRequest): AdminCall<unknown, unknown, unknown> {
  if (!adminCaller) throw new AuthError('internal', { detail: 'admin endpoint without an actor' });
  const { actor, identity: caller } = adminCaller;
  return { params, query, body, actor, caller };
}

/** A precondition that is not looked at would be taken for one that held. */
function refusePrecondition(request: FastifyRequest, { method }: AdminEndpoint): void {
  if (method === 'GET' || request.headers['if-match'] === undefined) return;
  throw new AuthError('invalid_request', { message: 'If-Match is taken by changes of one record alone' });
}

/** Judges what goes over the wire, so without the members that are undefined. */
function checkReply({ name, reply }: AdminEndpoint, answer: unknown): void {
  const schema = reply ?? Type.Never();
  const sent: unknown = JSON.parse(JSON.stringify(answer));
  if (Value.Check(schema, sent)) return;
  const places = Value.Errors(schema, sent).map(({ instancePath, message }) => `${instancePath} ${message}`);
  throw new AuthError('internal', { detail: `${name} answers what it does not declare: ${places.join(', ')}` });
}

function isFile(answer: unknown): answer is StreamedAnswer {
  return typeof answer === 'object' && answer !== null && 'fileName' in answer;
}

function sendFile(reply: FastifyReply, { type, fileName, body }: StreamedAnswer): FastifyReply {
  return reply.type(type).header('content-disposition', `attachment; filename="${fileName}"`).send(body);
}

/** A path and a query are text: "50" may stand for 50 there, and nowhere else. */
function compileAdminValidator(part: { schema: unknown; httpPart?: string }) {
  const validate = compileValidator(part);
  if (part.httpPart === 'body') return validate;
  const numbers = membersOf(part.schema as TSchema).flatMap(({ name, schema }) =>
    schema['type'] === 'integer' ? [name] : [],
  );
  return (value: unknown) => validate(withNumbers(numbers, value));
}

/** Digits alone, without a zero before them: "", "1e2" and "0x10" are numbers to some readers and not to others. */
function withNumbers(names: readonly string[], value: unknown): unknown {
  if (!isPlainObject(value)) return value;
  const isNumber = (text: unknown): text is string => typeof text === 'string' && /^(0|[1-9][0-9]{0,15})$/.test(text);
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => [name, names.includes(name) && isNumber(text) ? Number(text) : text]),
  );
}

interface AdminCaller {
  readonly identity: AdminIdentity;
  readonly actor: Actor;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the admin API once the caller may do what they ask. */
    adminCaller?: AdminCaller;
  }
}

/** Tells a caller what kind of token it takes, and which scope or proof (RFC 6750 §3, RFC 9470 §3). */
function challenge(reply: FastifyReply, { permission: name }: AdminEndpoint, error: unknown): void {
  if (!(error instanceof AuthError)) return;
  if (error.code === 'authentication_failed' || error.code === 'session_expired')
    reply.header('www-authenticate', 'Bearer');
  if (error.code === 'access_denied') {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${permission(name).scope}"`);
  }
  if (error.code === 'proof_required') {
    reply.header('www-authenticate', `Bearer error="insufficient_user_authentication", max_age=${freshMs / 1000}`);
  }
}

/** The caller, if they may. Each call counts for its caller, the refused one too: every refusal is a record of the trail. */
async function admit(
  deps: AdminPluginDeps,
  request: FastifyRequest,
  { endpoint, reply }: { readonly endpoint: AdminEndpoint; readonly reply: FastifyReply },
): Promise<AdminCaller> {
  const identity = await deps.authenticate(request);
  const actor = actorOf(identity, request);
  applyLimitHeaders(reply, await limitCaller(deps, actor.name), 'caller');
  const verdict = judge(identity, endpoint.permission, deps.clock.now());
  if (verdict === 'refused') throw await refuse(deps, endpoint, actor);
  if (verdict === 'proof') throw proofRequired(endpoint);
  return { identity, actor };
}

/** Takes the confirmation that a dangerous act of a person needs. */
async function confirm({ adminCaller }: FastifyRequest, endpoint: AdminEndpoint): Promise<void> {
  const identity = adminCaller?.identity;
  if (identity?.kind !== 'person' || permission(endpoint.permission).proof !== 'confirmed') return;
  if (!(await identity.takeConfirmation())) throw proofRequired(endpoint);
}

function proofRequired({ permission: name }: AdminEndpoint): AuthError {
  return new AuthError('proof_required', {
    message: 'show once more that it is you: log in again',
    members: { proof: permission(name).proof },
  });
}

async function refuse(
  deps: AdminPluginDeps,
  { method, path, permission: name }: AdminEndpoint,
  actor: Actor,
): Promise<AuthError> {
  const { scope } = permission(name);
  const { companyId, address, requestId } = actor;
  await deps.records.audit.append(
    {
      event: 'admin.refused',
      actor: actor.name,
      companyId,
      address,
      requestId,
      data: { endpoint: `${method} ${path}`, scope },
    },
    deps.clock.now(),
  );
  return new AuthError('access_denied', {
    message: `this takes the scope ${scope}, or a role that may ${permission(name).means}`,
  });
}
