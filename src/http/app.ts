/** The Fastify application that every listener starts from: limits, headers, errors, request ids, log lines. */

import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from 'fastify';
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { html } from '../html.ts';
import { textsFor } from '../texts/files.ts';
import { clientAddress } from './addresses.ts';
import { htmlDocument, ownLook, type PlainLook } from './document.ts';
import { documentSecurityPolicy, securityHeaders } from './headers.ts';
import { jsonBodyLimit, useStrictJson } from './json-body.ts';
import { wantedLanguages } from './language.ts';
import type { Log } from './logging.ts';
import type { Metrics } from './metrics.ts';
import { problemContentType, problemOf, toAuthError } from './problem.ts';
import { allowedMethods, type RoutePattern } from './route-table.ts';
import { compileValidator } from './validation.ts';

export interface AppDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Decides whether browsers are told to use https only. */
  readonly issuer: string;
  readonly trustedProxies: readonly string[];
  /** Development tells no browser to use https only: its host name has other ports, which have no certificate. */
  readonly mode?: 'production' | 'development' | undefined;
  /** How the page looks that says that there is nothing here. */
  readonly look?: PlainLook | undefined;
}

/** Seconds after which a caller may try again where the server cannot answer. */
const retryAfterSeconds = 2;

/** Node's own limits against slow and oversized requests. */
const serverLimits = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
} as const;

/** An application without routes. */
export function createApp({ log, metrics, issuer, trustedProxies, mode, look }: AppDeps): FastifyInstance {
  const headers = securityHeaders(issuer.startsWith('https:') && mode !== 'development');
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // Ids of ours only: a client's id could collide, or carry text into the log.
    genReqId: () => randomId('req'),
    requestIdHeader: false,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: jsonBodyLimit,
    // While it ends, the server answers those that are in, on connections that it closes after; 503 would be Fastify's own document.
    return503OnClosing: false,
    requestTimeout: serverLimits.requestTimeout,
    keepAliveTimeout: serverLimits.keepAliveTimeout,
    http: serverLimits,
    routerOptions: { maxParamLength: 256 },
    // An address that no router can read comes past no hook.
    frameworkErrors: (error, request, reply) => {
      writeHeaders(request, reply, headers);
      void answerError(error, request, reply);
    },
    clientErrorHandler: refuseSocket,
  }) as unknown as FastifyInstance;
  app.decorate('look', look);
  const routes: RoutePattern[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ url, methods: [method].flat() });
  });
  app.setValidatorCompiler(compileValidator);
  useStrictJson(app);
  // On the raw response, so that handlers which write by themselves carry them too; a route's own value wins.
  app.addHook('onRequest', async (request, reply) => writeHeaders(request, reply, headers));
  useRequestLog(app, metrics);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const methods = allowedMethods(routes, path);
    // A route that has the method and found nothing, such as a file that is not there.
    if (methods.length === 0 || methods.includes(request.method)) throw new AuthError('not_found');
    reply.header('allow', methods.join(', '));
    throw new AuthError('method_not_allowed');
  });
  return app;
}

function writeHeaders(request: FastifyRequest, reply: FastifyReply, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) reply.raw.setHeader(name, value);
  reply.raw.setHeader('x-request-id', request.id);
}

/** One line a request, by the route's pattern: a path may hold what should not be logged. */
function useRequestLog(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { statusCode: status, elapsedTime } = reply;
    metrics.observeRequest({ method: request.method, route, status }, elapsedTime / 1000);
    const fields = { method: request.method, route, status, durationMs: Math.round(elapsedTime) };
    request.log.debug({ ...fields, address: clientAddress(request) }, 'answered');
  });
}

/** Sends the problem document of whatever was thrown, and logs its cause. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toAuthError(thrown);
  logError(error, request);
  const problem = problemOf(error, request.id);
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (error.code === 'not_found' && isForPerson(request)) {
    reply.header('content-security-policy', documentSecurityPolicy());
    const { look } = request.server as { look?: PlainLook };
    return reply.status(problem.status).type('text/html; charset=utf-8').send(nothingHerePage(request, look));
  }
  return reply.status(problem.status).type(problemContentType).send(JSON.stringify(problem));
}

/** Somebody typed an address, or followed a link. */
function isForPerson({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

/** Nothing of the request is in it but the id that is ours. */
function nothingHerePage(request: FastifyRequest, plain: PlainLook | undefined): string {
  const { look = ownLook, style } = plain ?? {};
  const { language, t } = textsFor('portal', wantedLanguages(request));
  const heading = t('nothing.heading');
  const body = html`<main><h1>${heading}</h1><p>${t('nothing.text')}</p>
<p class="support">${t('error.detail', { detail: request.id })}</p></main>`;
  const title = `${heading} · ${look.name}`;
  return htmlDocument({ language: language.code, direction: language.direction, title, look, style, body });
}

/** The value of `Retry-After`, in seconds, where coming again makes sense. */
export function retryAfterOf({ status, members }: AuthError): string | undefined {
  if (status === 503) return String(retryAfterSeconds);
  return typeof members.retryAfterSeconds === 'number' ? String(members.retryAfterSeconds) : undefined;
}

/** A fault of ours is an error in the log; a caller's is for whoever looks closer. */
export function logError(error: AuthError, request: FastifyRequest): void {
  const route = request.routeOptions?.url ?? 'none';
  const fields = { code: error.code, route, err: error, address: clientAddress(request) };
  if (error.status >= 500) request.log.error(fields, 'failed');
  else request.log.info({ ...fields, err: undefined, detail: error.message }, 'refused');
}

/** Answers what is no HTTP request, or one too slow or too large in its headers, and closes. */
function refuseSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const problem = problemOf(new AuthError(isTooLarge ? 'payload_too_large' : 'invalid_request'), randomId('req'));
  const body = JSON.stringify(problem);
  const status = isTooLarge ? '413 Content Too Large' : '400 Bad Request';
  const head = [`HTTP/1.1 ${status}`, `content-type: ${problemContentType}`, `content-length: ${body.length}`];
  socket.end([...head, 'cache-control: no-store', 'connection: close', '', body].join('\r\n'));
}
