/** A real server with the OpenID Connect side alone, and a login page that approves without a phone. */

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../../../src/clock.ts';
import { systemClock } from '../../../src/clock.ts';
import { defaultRules } from '../../../src/companies/rules.ts';
import { randomId, randomToken } from '../../../src/crypto/random.ts';
import { assertUsable } from '../../../src/devices/devices.ts';
import type { Device } from '../../../src/devices/store.ts';
import { AuthError } from '../../../src/errors.ts';
import { createKeyRing, type KeyRing } from '../../../src/keys/key-ring.ts';
import { ensureKeys, rotateKeys } from '../../../src/keys/keys.ts';
import type { CompletedLogin } from '../../../src/login/interactions.ts';
import { createClient, type NewClient } from '../../../src/oidc/clients.ts';
import type { OidcDeps } from '../../../src/oidc/deps.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { createOidc, type Oidc } from '../../../src/oidc/plugin.ts';
import type { ShortLivedStore } from '../../../src/store/ports.ts';
import { giveRsaKey } from '../../server-keys.ts';
import { type TestStores, testStores } from '../../stores.ts';

export const adminAudience = 'https://admin.bank.example';

/** One line of the log, for tests that look at what is told. */
export interface LogLine {
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export interface OidcServer {
  readonly issuer: string;
  readonly app: FastifyInstance;
  readonly deps: OidcDeps;
  readonly stores: TestStores;
  readonly keys: KeyRing;
  readonly oidc: Oidc;
  readonly log: LogLine[];
  readonly user: { readonly userId: string; readonly deviceId: string; readonly companyId: string };
  /** What the login page does with the next interactions; it approves by the user's first device unless told. */
  decision: Decision;
  /** How often the login page was shown. */
  shown: number;
  /** Another active device of the same user. */
  addDevice(): Promise<string>;
  /** Another user, with a device. */
  addUser(): Promise<OidcServer['user']>;
  addClient(client: Partial<NewClient> & Pick<NewClient, 'metadata'>): Promise<{ id: string; secret: string }>;
  /** Puts new keys into use; with `forget` the old ones are erased at once. */
  rotate(options?: { forget: boolean }): Promise<void>;
  close(): Promise<void>;
}

export type Decision =
  | { readonly kind: 'approve'; readonly login?: Partial<CompletedLogin> }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'wait' };

export interface ServerOptions {
  /** Instead of the listener's own address: for what depends on https. */
  readonly issuer?: string;
  readonly clock?: Clock;
  /** Stands between the provider and its short-lived store. */
  readonly watch?: (store: ShortLivedStore) => ShortLivedStore;
  /** Other engines than the embedded ones. */
  readonly stores?: TestStores;
  /** Every call of a store takes turns of the event loop, as on a network: in process, requests would hardly ever meet. */
  readonly isSlow?: boolean;
}

export const bank = { name: 'cli' };
const quiet = { error: () => undefined };

export async function startOidcServer({
  issuer: given,
  clock = systemClock,
  watch = (store) => store,
  stores: others,
  isSlow = false,
}: ServerOptions = {}): Promise<OidcServer> {
  const stores = others ?? (await testStores(clock));
  const { records, shortLived, sealing } = stores;
  const port = await freePort();
  const issuer = given ?? `http://localhost:${port}`;
  const log: LogLine[] = [];
  const write = (fields: object, message: string): void => {
    log.push({ fields: { ...fields }, message });
  };
  const keyDeps = { records, shortLived, clock };
  await giveRsaKey(records, { at: clock.now(), rsaBits: testKeyPolicy.rsaBits });
  await ensureKeys(keyDeps, { ...testKeyPolicy });
  const keys = await createKeyRing({ ...keyDeps, issuer });
  const deps: OidcDeps = {
    records: isSlow ? { ...records, oidc: slowly(records.oidc), clients: slowly(records.clients) } : records,
    shortLived: isSlow ? slowly(shortLived) : watch(shortLived),
    sealing,
    clock,
    log: { info: write, warn: write, error: write },
    keys,
    assertUsable: (deviceId) => assertUsable({ records, shortLived, clock, endLogins, log: quiet }, deviceId),
    issuer,
    adminAudience,
  };
  const oidc = createOidc(deps);
  const user = await addUser(stores, clock);
  const app = Fastify({ logger: false, forceCloseConnections: true });
  const server: OidcServer = {
    issuer,
    app,
    deps,
    stores,
    keys,
    oidc,
    log,
    user,
    decision: { kind: 'approve' },
    shown: 0,
    addDevice: () => addDevice(stores, clock, user),
    addUser: () => addUser(stores, clock),
    addClient: async (client) => {
      const made = await createClient(deps, { kind: 'portal', name: 'A portal', ...client }, bank);
      return { id: made.client.id, secret: made.secret ?? '' };
    },
    rotate: async ({ forget } = { forget: false }) => {
      await rotateKeys(keyDeps, { actor: 'cli', immediately: true, withoutOverlap: forget, policy: testKeyPolicy });
      await keys.reload();
    },
    close: async () => {
      oidc.close();
      keys.close();
      await app.close();
      await stores.close();
    },
  };
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof AuthError ? error.status : 500;
    return reply
      .status(status)
      .send({ code: error instanceof AuthError ? error.code : 'internal', error: String(error) });
  });
  await app.register(oidc.plugin);
  mountLoginPage(server);
  await app.listen({ port, host: 'localhost' });
  return server;
}

/** Lets other requests go on before and after every call. */
function slowly<T extends object>(store: T): T {
  const turn = (): Promise<void> => new Promise((go) => setTimeout(go, 2));
  return new Proxy(store, {
    get: (target, name, receiver) => {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      return async (...values: unknown[]): Promise<unknown> => {
        await turn();
        const result: unknown = await method.apply(target, values);
        await turn();
        return result;
      };
    },
  });
}

const testKeyPolicy = {
  rsaSigning: true,
  rsaBits: 2048,
  activeMs: 90 * 86_400_000,
  publishMs: 0,
  signingOverlapMs: 86_400_000,
  envelopeOverlapMs: 86_400_000,
} as const;

/** Stands where the page with the QR code and the phone stand: at the seam `Interactions`. */
function mountLoginPage(server: OidcServer): void {
  server.app.get('/interaction/:uid', async (request, reply) => {
    const found = await server.oidc.interactions.find(request, reply);
    server.shown += 1;
    const { decision } = server;
    if (decision.kind === 'wait') return reply.send(found);
    const target =
      decision.kind === 'refuse'
        ? await server.oidc.interactions.refuse(request, reply, 'declined on the phone')
        : await server.oidc.interactions.complete(request, reply, loginOf(server, decision.login));
    return reply.redirect(target, 303);
  });
}

function loginOf({ user, deps }: OidcServer, login: Partial<CompletedLogin> = {}): CompletedLogin {
  const { userId, deviceId } = user;
  return { userId, deviceId, orderId: randomId('ord'), factor: 'pin', provedAt: deps.clock.now(), ...login };
}

async function addUser(stores: TestStores, clock: Clock): Promise<OidcServer['user']> {
  const companyId = randomId('co');
  const userId = randomId('usr');
  const at = clock.now();
  await stores.records.companies.insert({
    id: companyId,
    name: 'Acme NV',
    status: 'active',
    userLimit: 10,
    deviceLimit: 5,
    selfActivation: true,
    mpinLength: 5,
    rules: defaultRules,
    isBank: false,
    createdAt: at,
    version: 1,
  });
  await stores.records.users.insert({
    id: userId,
    companyId,
    name: 'Ann Peeters',
    email: 'ann@acme.example',
    role: 'user',
    permissions: 'full',
    locale: 'nl-BE',
    language: undefined,
    staffRole: undefined,
    document: undefined,
    status: 'active',
    createdAt: at,
    version: 1,
  });
  return { userId, companyId, deviceId: await addDevice(stores, clock, { userId, companyId }) };
}

async function addDevice(
  { records }: TestStores,
  clock: Clock,
  { userId, companyId }: { readonly userId: string; readonly companyId: string },
): Promise<string> {
  const id = randomId('dev');
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const device: Device = {
    id,
    userId,
    companyId,
    name: 'Phone',
    platform: 'test',
    appVersion: '1.0.0',
    status: 'active',
    profile: 'srp6a-2048-sha256',
    thumbprint: randomToken(),
    publicJwk: publicKey.export({ format: 'jwk' }),
    biometric: undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 1,
    createdAt: clock.now(),
    activatedAt: clock.now(),
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
  };
  await records.devices.insert(device, { salt: 'aa'.repeat(32), verifier: 'bb'.repeat(256) }, new Uint8Array(32));
  return id;
}

function freePort(): Promise<number> {
  return new Promise((fulfil) => {
    const probe = createServer();
    probe.listen(0, 'localhost', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => fulfil(port));
    });
  });
}
