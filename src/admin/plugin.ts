/** Serves the admin API: token, scope, reach and schema are checked here, once, for every endpoint. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Clock } from '../clock.ts';
import type { Actor } from '../companies/actor.ts';
import { AuthError } from '../errors.ts';
import { clientAddress } from '../http/addresses.ts';
import { compileValidator } from '../http/validation.ts';
import type { RecordStore } from '../store/records.ts';
import type { AdminEndpoint, StreamedAnswer } from './endpoint.ts';

/** Whom an access token of the admin API speaks for. */
export interface AdminIdentity {
  readonly clientId: string;
  /** The company that the client is confined to; undefined for the bank's own. */
  readonly companyId: string | undefined;
  readonly scopes: ReadonlySet<string>;
}

export interface AdminPluginDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Verifies the `Authorization` header; throws `authentication_failed`. */
  readonly authenticate: (authorization: string | undefined) => Promise<AdminIdentity>;
}

/** Registers the endpoints below `/admin/v1`. */
export function registerAdminEndpoints(
  app: FastifyInstance,
  deps: AdminPluginDeps,
  endpoints: readonly AdminEndpoint[],
): void {
  app.decorateRequest('adminActor');
  for (const endpoint of endpoints) {
    app.route({
      method: endpoint.method,
      url: `/admin/v1${endpoint.path}`,
      bodyLimit: 64 * 1024,
      // Asking for its head alone would make the whole file.
      exposeHeadRoute: !endpoint.isStreamed,
      schema: {
        ...(endpoint.params ? { params: endpoint.params } : {}),
        ...(endpoint.query ? { querystring: endpoint.query } : {}),
        ...(endpoint.body ? { body: endpoint.body } : {}),
      },
      validatorCompiler: compileAdminValidator,
      // Before the schema: a caller without a token learns nothing of what a body should look like.
      preValidation: async (request, reply) => {
        request.adminActor = await permit(deps, request, endpoint).catch((error: unknown) => {
          challenge(reply, endpoint, error);
          throw error;
        });
      },
      handler: async (request, reply) => {
        const { params, query, body } = request;
        const actor = request.adminActor;
        if (!actor) throw new AuthError('internal', { detail: 'admin endpoint without an actor' });
        const answer = await endpoint.answer({ params, query, body, actor });
        reply.code(endpoint.status).header('cache-control', 'no-store');
        return endpoint.isStreamed ? sendFile(reply, answer as StreamedAnswer) : reply.send(answer);
      },
    });
  }
}

function sendFile(reply: FastifyReply, { type, fileName, body }: StreamedAnswer): FastifyReply {
  return reply.type(type).header('content-disposition', `attachment; filename="${fileName}"`).send(body);
}

/** A path and a query are text: "50" may stand for 50 there, and nowhere else. */
function compileAdminValidator(part: { schema: unknown; httpPart?: string }) {
  const validate = compileValidator(part);
  if (part.httpPart === 'body') return validate;
  return (value: unknown) => validate(Value.Convert(part.schema as TSchema, value));
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the admin API once the caller's token and scope were right. */
    adminActor?: Actor;
  }
}

/** Tells a client what kind of token it takes, and which scope (RFC 6750 §3). */
function challenge(reply: FastifyReply, { scope }: AdminEndpoint, error: unknown): void {
  if (!(error instanceof AuthError)) return;
  if (error.code === 'authentication_failed') reply.header('www-authenticate', 'Bearer');
  if (error.code === 'access_denied') {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${scope}"`);
  }
}

async function permit(deps: AdminPluginDeps, request: FastifyRequest, endpoint: AdminEndpoint): Promise<Actor> {
  const identity = await deps.authenticate(request.headers.authorization);
  const isAllowed = identity.scopes.has(endpoint.scope) && !(endpoint.bankOnly && identity.companyId !== undefined);
  const address = clientAddress(request);
  const actor: Actor = {
    name: `client:${identity.clientId}`,
    companyId: identity.companyId,
    address,
    requestId: request.id,
  };
  if (isAllowed) return actor;
  await deps.records.audit.append(
    {
      event: 'admin.refused',
      actor: actor.name,
      companyId: identity.companyId,
      address,
      requestId: request.id,
      data: { endpoint: `${endpoint.method} ${endpoint.path}`, scope: endpoint.scope },
    },
    deps.clock.now(),
  );
  throw new AuthError('access_denied', { message: `this takes the scope ${endpoint.scope}` });
}
