/** A whole system: servers on chosen stores, a company with users, a portal, and everything that a test needs to play all parts. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { createUser } from '../../../src/companies/users.ts';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { explainProblems } from '../../../src/config/problem.ts';
import { randomId } from '../../../src/crypto/random.ts';
import { createLog, type Log } from '../../../src/http/logging.ts';
import { type Mailbox, memoryMailbox } from '../../../src/notify/mailbox.ts';
import { createClient } from '../../../src/oidc/clients.ts';
import { adminScopes } from '../../../src/oidc/deps.ts';
import { createActivation } from '../../../src/registration/activations.ts';
import { createPhone, type FetchLike, memoryKeyStore, type Phone, type PhoneOptions } from '../../../src/sdk/index.ts';
import { openStores } from '../../../src/server/stores.ts';
import { buildServer, type Server } from '../../../src/server.ts';
import { giveRsaKey } from '../../server-keys.ts';
import type { SystemStores } from './engines.ts';
import { createPortal, listenAsPortal, type Portal } from './portal.ts';

export const bank = { name: 'cli' } as const;
export const mpin = '83920';

/** Enough for every test from one address. */
export const generousLimits: Readonly<Record<string, string>> = {
  MTOKEN_LIMIT_PER_ADDRESS: '1000000',
  MTOKEN_LIMIT_LOGINS_PER_ADDRESS: '1000000',
  MTOKEN_LIMIT_PER_DEVICE: '100000',
  MTOKEN_LIMIT_PER_USER: '100000',
  MTOKEN_LIMIT_GLOBAL: '10000000',
};

/** The environment of every server of a system. */
export function serverEnv(issuer: string, stores: Pick<SystemStores, 'env'>): Record<string, string> {
  return {
    MTOKEN_ISSUER: issuer,
    MTOKEN_HOST: 'localhost',
    MTOKEN_PORT: '0',
    MTOKEN_ADMIN_PORT: '0',
    MTOKEN_INTERNAL_PORTALS: '127.0.0.1,localhost',
    // Every phone comes from an address of its own, so that tests which share a Redis do not meet each other's limits.
    MTOKEN_TRUSTED_PROXIES: '127.0.0.1,::1',
    ...generousLimits,
    ...stores.env,
  };
}

export interface OpenServerOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly mailbox?: Mailbox;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** A server in this process; it listens only once it is started. */
export async function openServer({
  env,
  mailbox,
  clock,
  log = createLog('silent'),
}: OpenServerOptions): Promise<Server> {
  const result = readConfig({ env, readFile: () => '', realPath: (path) => path });
  if (result.outcome === 'refused') throw new Error(explainProblems(result.problems));
  await withKeys(result.config, clock ?? systemClock);
  return buildServer({
    config: result.config,
    log,
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(clock === undefined ? {} : { clock }),
  });
}

/** The first server of a store finds an RSA key there. */
async function withKeys(config: Config, clock: Clock): Promise<void> {
  const stores = await openStores({ config, clock, log: createLog('silent'), isServer: false });
  try {
    await giveRsaKey(stores.records, { at: clock.now() });
  } finally {
    await stores.close();
  }
}

/** What a test finds in mailboxes: of this process, or of the mail server that processes send to. */
export interface Mails {
  /** Text of the mails to an address, the newest last. */
  to(address: string): readonly string[];
}

export interface System {
  readonly issuer: string;
  adminUrl: string;
  /** The one server, or a desk beside the server processes that never listens. */
  readonly server: Server;
  readonly company: Company;
  readonly user: User;
  readonly administrator: User;
  readonly portal: Portal;
  readonly mails: Mails;
  readonly clock: Clock;
  /** Ends what the rig started; engines are closed by who opened them. */
  close(): Promise<void>;
}

/** Data of a system over a server (or desk) that is open. */
export async function furnish(
  server: Server,
  { issuer, mails, clock = systemClock }: { readonly issuer: string; readonly mails: Mails; readonly clock?: Clock },
): Promise<Omit<System, 'adminUrl'> & { adminUrl: string }> {
  const { admin } = server.capabilities;
  const company = await createCompany(admin, {
    name: 'Northwind Trading',
    userLimit: 1000,
    deviceLimit: 20,
    selfActivation: true,
    actor: bank,
  });
  const administrator = await addUser(server, company.id, { role: 'administrator', name: 'Charles Administrator' });
  const user = await addUser(server, company.id, { name: 'Ada Example' });
  const portal = await addPortal(server, issuer);
  return {
    issuer,
    adminUrl: '',
    server,
    company,
    user,
    administrator,
    portal,
    mails,
    clock,
    close: async () => {
      await portal.close();
      await server.close();
    },
  };
}

/** A system of one server in this process, listening. */
export async function startSystem(
  stores: SystemStores,
  { env = {}, clock, log }: { env?: Readonly<Record<string, string>>; clock?: Clock; log?: Log } = {},
): Promise<System> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const mailbox = memoryMailbox(clock ?? systemClock);
  const server = await openServer({
    env: { ...serverEnv(issuer, stores), MTOKEN_PORT: String(port), ...env },
    mailbox,
    ...(clock === undefined ? {} : { clock }),
    ...(log === undefined ? {} : { log }),
  });
  try {
    const { adminUrl } = await server.start();
    const mails: Mails = {
      to: (address) =>
        mailbox
          .messages()
          .filter((mail) => mail.to.address === address)
          .map(({ text }) => text)
          .reverse(),
    };
    const system = await furnish(server, { issuer, mails, ...(clock === undefined ? {} : { clock }) });
    system.adminUrl = adminUrl;
    return system;
  } catch (error) {
    await server.close();
    throw error;
  }
}

export function addUser(
  server: Server,
  companyId: string,
  { name, role = 'user' }: { readonly name: string; readonly role?: 'user' | 'administrator' },
): Promise<User> {
  const email = `${randomId('usr')
    .slice(4, 16)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, 'x')}@northwind.example`;
  return createUser(server.capabilities.admin, { companyId, name, email, role, permissions: 'full', actor: bank });
}

/** A portal that is registered and listens. */
export async function addPortal(
  server: Server,
  issuer: string,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<Portal> {
  const listener = await listenAsPortal();
  const { client, secret = '' } = await createClient(
    server.capabilities.admin,
    {
      kind: 'portal',
      name: 'Business portal',
      metadata: {
        redirect_uris: [listener.redirectUri],
        backchannel_logout_uri: listener.backchannelUri,
        grant_types: ['authorization_code', 'refresh_token'],
        ...metadata,
      },
    },
    bank,
  );
  return createPortal(issuer, listener, { id: client.id, secret });
}

/** A fresh activation of the user and the confirmation code from the user's own mailbox. */
export async function activate(
  system: Pick<System, 'server' | 'mails'>,
  user: User,
): Promise<{ readonly activationText: string; readonly code: string; readonly confirmationCode: string }> {
  const before = system.mails.to(user.email).length;
  const activation = await createActivation(system.server.capabilities.registration, { userId: user.id, actor: bank });
  const confirmationCode = await eventually('the confirmation mail', () =>
    system.mails
      .to(user.email)
      .slice(before)
      .map((text) => /^ *([0-9]{8})\r?$/m.exec(text)?.[1])
      .find((found) => found !== undefined),
  );
  return { ...activation, confirmationCode };
}

export interface RegisterOptions {
  readonly user?: User;
  readonly biometric?: 'fpt' | 'face' | 'user';
  readonly options?: Partial<PhoneOptions>;
}

/** A phone of the user: registered, and active where the company lets it be. */
export async function registerPhone(
  system: System,
  { user = system.user, biometric, options = {} }: RegisterOptions = {},
): Promise<Phone> {
  const { activationText, confirmationCode } = await activate(system, user);
  const phone = createPhone({
    keyStore: memoryKeyStore(),
    allowLoopbackHttp: true,
    clock: system.clock,
    fetch: fetchFrom(randomAddress()),
    ...options,
  });
  const device = { name: 'Test phone', platform: 'Test', appVersion: '1.0' };
  await phone.beginRegistration(activationText, { device, ...(biometric === undefined ? {} : { biometric }) });
  await phone.finishRegistration({ confirmationCode, mpin });
  return phone;
}

/** Sends as a client at that address, as the reverse proxy would tell. */
export function fetchFrom(address: string): FetchLike {
  return (url, init) => fetch(url, { ...init, headers: { ...init.headers, 'x-forwarded-for': address } });
}

export function randomAddress(): string {
  return `10.${[...randomBytes(3)].join('.')}`;
}

/** The id of a registered phone. */
export async function deviceIdOf(phone: Phone): Promise<string> {
  const state = await phone.state();
  if (state.kind !== 'registered') throw new Error('the phone is not registered');
  return state.deviceId;
}

export interface AdminClient {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly scope: string;
}

/** A client of the admin API with keys of its own; the bank's unless confined. */
export async function addAdminClient(
  server: Server,
  { scope = adminScopes.join(' '), companyId }: { readonly scope?: string; readonly companyId?: string } = {},
): Promise<AdminClient> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: randomId('key') };
  const { client } = await createClient(
    server.capabilities.admin,
    { kind: 'admin', name: 'Operator', companyId, metadata: { scope, jwks: { keys: [publicJwk] } } },
    bank,
  );
  return { id: client.id, privateKey, publicJwk, scope };
}

/** An access token of the admin API by private_key_jwt (RFC 7523). */
export async function adminToken(
  { issuer, clock }: Pick<System, 'issuer' | 'clock'>,
  client: AdminClient,
  { scope = client.scope }: { readonly scope?: string } = {},
): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  const assertion = await new SignJWT({ jti: randomId('hs') })
    .setProtectedHeader({ alg: 'ES256', kid: client.publicJwk.kid ?? '' })
    .setIssuer(client.id)
    .setSubject(client.id)
    .setAudience(issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(client.privateKey);
  const response = await fetch(`${issuer}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client.id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope,
      resource: `${issuer}/admin`,
    }),
  });
  const answer = (await response.json()) as { access_token?: string };
  if (answer.access_token === undefined) throw new Error(`no admin token: ${JSON.stringify(answer)}`);
  return answer.access_token;
}

/** Waits until `find` answers something; says what it waited for where that takes longer than `limitMs`. */
export async function eventually<T>(
  what: string,
  find: () => T | undefined | Promise<T | undefined>,
  limitMs = 20_000,
): Promise<T> {
  const steps = Math.ceil(limitMs / 20);
  for (let step = 0; step < steps; step += 1) {
    const found = await find();
    if (found !== undefined) return found;
    await wait(20);
  }
  throw new Error(`${what} did not come`);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
