/** The login page on a real listener, with a double for the OpenID side alone. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { pino } from 'pino';
import type { Clock } from '../../../src/clock.ts';
import { AuthError } from '../../../src/errors.ts';
import { createApp } from '../../../src/http/app.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import type { LoginDeps } from '../../../src/login/deps.ts';
import type { CompletedLogin, Interaction } from '../../../src/login/interactions.ts';
import { loginPlugin } from '../../../src/login/routes.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { lifetimeSeconds } from '../../../src/oidc/lifetimes.ts';
import { createOrderWorld, type OrderWorld } from '../../unit/orders/order-world.ts';

export interface PageServer {
  readonly world: OrderWorld;
  readonly url: string;
  readonly completed: CompletedLogin[];
  readonly refused: string[];
  /** Interactions that exist; a browser holds one where its cookie names it. */
  readonly interactions: Map<string, Interaction>;
  begin(uid: string, client?: Partial<Interaction['client']>): void;
  close(): Promise<void>;
}

/** `issuer` is what the page believes to be served at. */
export async function startPage(
  options: {
    issuer?: string;
    deps?: Partial<LoginDeps>;
    clock?: Clock;
    port?: number;
    extend?: (app: FastifyInstance) => void;
  } = {},
): Promise<PageServer> {
  const { issuer = 'https://login.example.test', clock } = options;
  const world = await createOrderWorld({ orders: { issuer, ...(clock === undefined ? {} : { clock }) } });
  const interactions = new Map<string, Interaction>();
  const completed: CompletedLogin[] = [];
  const refused: string[] = [];
  const app = createApp({ log: pino({ level: 'silent' }), metrics: createMetrics(), issuer, trustedProxies: [] });
  const find = (request: FastifyRequest): Interaction => {
    const { uid } = request.params as { uid: string };
    const interaction = interactions.get(uid);
    const isThisBrowser = (request.headers.cookie ?? '').split(/; */).includes(`op_i=${uid}`);
    if (interaction === undefined || !isThisBrowser) throw new AuthError('not_found');
    return interaction;
  };
  await app.register(loginPlugin, {
    ...world.orders,
    signings: { ...world.orders, endLogins, ended: [] },
    limits: { perAddress: 1000, perDevice: 1000, perUser: 1000, global: 10_000 },
    assets: {
      script: { url: '/login.js', integrity: 'sha384-AA' },
      style: { url: '/page.css', integrity: 'sha384-BB' },
    },
    interactions: {
      find: async (request) => find(request),
      findToRefuse: async (request) => ({ ...find(request), hasSession: true }),
      complete: async (request, _reply, login) => {
        completed.push(login);
        return `${issuer}/oauth2/authorize/${(request.params as { uid: string }).uid}`;
      },
      approve: async (_request, _reply, signingId) => `${issuer}/oauth2/authorize/${signingId}`,
      refuse: async (_request, _reply, reason) => {
        refused.push(reason);
        return `${options.port === undefined ? 'https://portal.example' : issuer}/callback?error=access_denied`;
      },
    },
    ...options.deps,
  });
  options.extend?.(app);
  await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  return {
    world,
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    completed,
    refused,
    interactions,
    begin: (uid, client = {}) => {
      const expiresAt = world.orders.clock.now() + lifetimeSeconds.interaction * 1000;
      const named = { id: 'portal', name: 'Example Bank', domain: 'portal.example', ...client };
      interactions.set(uid, {
        uid,
        client: named,
        origin: 'https://portal.example',
        uiLocales: [],
        expiresAt,
        needsFreshProof: false,
      });
    },
    close: async () => {
      await app.close();
      await world.close();
    },
  };
}

/** A browser: it keeps cookies and says where its requests come from. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #server: PageServer;

  constructor(server: PageServer, uid?: string) {
    this.#server = server;
    if (uid !== undefined) this.cookies.set('op_i', uid);
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async send(
    method: 'GET' | 'POST',
    path: string,
    init: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<Response> {
    const from = method === 'POST' ? { origin: this.#server.world.orders.issuer, 'sec-fetch-site': 'same-origin' } : {};
    const response = await fetch(`${this.#server.url}${path}`, {
      method,
      redirect: 'manual',
      headers: { cookie: this.cookieHeader, ...from, ...init.headers },
      ...(init.body === undefined ? {} : { body: init.body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      const [name = '', value = ''] = pair.split('=');
      this.cookies.set(name, value);
    }
    return response;
  }

  /** A call of the page's script. */
  async call(name: string, uid = this.cookies.get('op_i')): Promise<{ status: number; body: Record<string, unknown> }> {
    const method = name === 'status' ? 'GET' : 'POST';
    const response = await this.send(method, `/interaction/${uid}/${name}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async events(uid = this.cookies.get('op_i')): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(`${this.#server.url}/interaction/${uid}/events`, {
      headers: { cookie: this.cookieHeader, accept: 'text/event-stream', 'sec-fetch-site': 'same-origin' },
      signal: abort.signal,
    });
    return new EventReader(response, abort);
  }
}

export interface ServerEvent {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads Server-Sent Events one after the other. */
export class EventReader {
  readonly response: Response;
  readonly #abort: AbortController;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #text = '';

  constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.#reader = response.body?.getReader();
  }

  /** The next event; undefined where the server has ended the stream. */
  async next(): Promise<ServerEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const [, event] = /^event: (.*)$/m.exec(block) ?? [];
        const [, data] = /^data: (.*)$/m.exec(block) ?? [];
        if (event === undefined || data === undefined) continue;
        return { event, data: JSON.parse(data) as Record<string, unknown> };
      }
      const chunk = await this.#reader?.read();
      if (chunk === undefined || chunk.done) return undefined;
      this.#text += new TextDecoder().decode(chunk.value, { stream: true });
    }
  }

  /** The next event that is no frame. */
  async nextState(): Promise<ServerEvent | undefined> {
    for (;;) {
      const event = await this.next();
      if (event?.event !== 'frame') return event;
    }
  }

  close(): void {
    this.#abort.abort();
  }
}
