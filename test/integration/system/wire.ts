/** Requests as an attacker sends them: any method, header and body, over a real connection; and what no answer may ever do. */
import { Agent, request } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { expect } from 'vitest';

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** Sends it to a listener. */
export function send(origin: string, { method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { agent, host: hostname, port, method, path, headers: { ...lengthOf(body), ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function lengthOf(body: RawRequest['body']): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

export interface Route {
  readonly url: string;
  readonly methods: readonly string[];
}

/** Every route of a listener as its router has it: one that is added is tested without anybody thinking of it. */
export function routesOf(app: FastifyInstance): Route[] {
  const routes: Route[] = [];
  const prefix: string[] = [];
  for (const line of app.printRoutes().split('\n')) {
    const [, indent = '', label = ''] = /^((?:│ {3}| {4})*)(?:├── |└── )(.*)$/.exec(line) ?? [];
    if (label === '') continue;
    const [, part = label, methods] = /^(.*?) \(([A-Z, ]+)\)$/.exec(label) ?? [];
    const depth = indent.length / 4;
    prefix.length = depth;
    prefix[depth] = part === '(empty root node)' ? '' : part;
    if (methods !== undefined) routes.push({ url: prefix.join(''), methods: methods.split(', ') });
  }
  return routes;
}

/** A path of the route: parameters and wildcards filled in. */
export function pathOf({ url }: Route, values: Readonly<Record<string, string>> = {}): string {
  return url.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => values[name] ?? 'unknown').replace('*', 'unknown');
}

const everywhere: Readonly<Record<string, RegExp>> = {
  'x-content-type-options': /^nosniff$/,
  'referrer-policy': /^no-referrer$/,
  'content-security-policy': /frame-ancestors 'none'/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cache-control': /no-store|no-cache|max-age/,
  'x-request-id': /^req_[A-Za-z0-9_-]{22}$/,
};

/** Traces of our insides: stacks, paths, SQL, the names of what we are made of. */
export const insides =
  /node_modules|\.[cm]?[tj]s:\d|\n\s+at |\\n\s+at |SQLITE|\bselect\b.+\bfrom\b|\binsert into\b|ECONNREFUSED|ECONNRESET|ioredis|redis|postgres|fastify|\bkoa\b|oidc-provider|undefined is not|cannot read prop|<pre>/i;

export interface Expectations {
  /** RFC 6749 errors instead of problem documents. */
  readonly isOauth?: boolean;
  /** 503 is right where a store is down. */
  readonly mayBeUnavailable?: boolean;
}

/** What holds of every answer to anything at all (X-01, X-02, X-09, S-11). */
export function assertHarmless(answer: RawAnswer, label: string, expected: Expectations = {}): void {
  const { status, headers, text } = answer;
  const isFine = status < 500 || (expected.mayBeUnavailable === true && status === 503);
  expect(isFine, `${label}: ${status} ${text.slice(0, 300)}`).toBe(true);
  for (const [name, pattern] of Object.entries(everywhere)) {
    expect(String(headers[name]), `${label}: ${name}`).toMatch(pattern);
  }
  for (const name of ['server', 'x-powered-by', 'via']) expect(headers[name], `${label}: ${name}`).toBeUndefined();
  if (status < 400) return;
  const type = String(headers['content-type']).split(';', 1)[0];
  // A sealed reply is random to look at, and so is the request id.
  if (type !== 'application/jose') expect(text.replaceAll(/req_[A-Za-z0-9_-]{22}/g, ''), label).not.toMatch(insides);
  if (expected.isOauth || type === 'application/jose' || type === 'text/html' || text === '') return;
  expect(type, label).toBe('application/problem+json');
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(problem, label).toMatchObject({
    type: expect.stringMatching(/^urn:mtoken:error:[a-z_]+$/),
    title: expect.any(String),
    status,
    instance: headers['x-request-id'],
  });
}

/** The code of a problem document. */
export function codeOf({ text }: RawAnswer): string | undefined {
  try {
    const { type } = JSON.parse(text) as { type?: string };
    return type?.replace('urn:mtoken:error:', '');
  } catch {
    return undefined;
  }
}
