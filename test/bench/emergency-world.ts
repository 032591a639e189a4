/** People with a phone, a portal session, a grant and a refresh token each, written directly: what a deactivation must end. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { systemClock } from '../../src/clock.ts';
import { defaultRules } from '../../src/companies/rules.ts';
import { randomId, randomToken } from '../../src/crypto/random.ts';
import { createClient } from '../../src/oidc/clients.ts';
import type { RecordStore, Records } from '../../src/store/records.ts';

/** One person and all that hangs on their phone. */
export interface Subject {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionUid: string;
  /** The portal's name of the session, in its logout token. */
  readonly sid: string;
  readonly grantLookup: string;
  readonly refreshLookup: string;
}

/** A portal that only takes logout tokens. */
export interface LogoutReceiver {
  readonly uri: string;
  /** `sid` of every token that came. */
  readonly sids: ReadonlySet<string>;
  close(): Promise<void>;
}

/** A machine of the bank, with its key. */
export interface Operator {
  readonly clientId: string;
  readonly privateKey: CryptoKey;
  readonly kid: string;
}

const actor = { name: 'bench' } as const;
const subjectsAtOnce = 100;
const lifetimeMs = 12 * 3600_000;

/** Listens on the loopback interface. */
export async function startLogoutReceiver(): Promise<LogoutReceiver> {
  const sids = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token') ?? '';
      const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
      sids.add((JSON.parse(payload || '{}') as { sid?: string }).sid ?? '');
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout`,
    sids,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A machine that may end devices. */
export async function addOperator(records: RecordStore): Promise<Operator> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = randomId('key');
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid };
  const metadata = { scope: 'admin:devices admin:read', jwks: { keys: [publicJwk] } };
  const input = { kind: 'admin', name: 'Bench operator', metadata } as const;
  const { client } = await createClient({ records, clock: systemClock }, input, actor);
  return { clientId: client.id, privateKey, kid };
}

/** The company, the portal, and `count` people. */
export async function addSubjects(records: RecordStore, backchannelUri: string, count: number): Promise<Subject[]> {
  const companyId = await addCompany(records, count);
  const metadata = { redirect_uris: ['http://localhost:9/callback'], backchannel_logout_uri: backchannelUri };
  const input = { kind: 'portal', name: 'Bench portal', metadata } as const;
  const { client } = await createClient({ records, clock: systemClock }, input, actor);
  const subjects: Subject[] = [];
  while (subjects.length < count) {
    const batch = Math.min(subjectsAtOnce, count - subjects.length);
    await records.transaction(async (within) => {
      for (let index = 0; index < batch; index += 1)
        subjects.push(await addSubject(within, { companyId, clientId: client.id }));
    });
  }
  return subjects;
}

async function addCompany(records: RecordStore, count: number): Promise<string> {
  const id = randomId('co');
  await records.companies.insert({
    id,
    name: 'Emergency',
    status: 'active',
    userLimit: count,
    deviceLimit: 1,
    selfActivation: true,
    mpinLength: 5,
    rules: defaultRules,
    isBank: false,
    createdAt: systemClock.now(),
    version: 1,
  });
  return id;
}

interface Belonging {
  readonly companyId: string;
  readonly clientId: string;
}

async function addSubject(records: Records, { companyId, clientId }: Belonging): Promise<Subject> {
  const [userId, deviceId] = [randomId('usr'), randomId('dev')];
  const [sessionUid, sid, grantLookup, refreshLookup] = [randomToken(), randomToken(), randomToken(), randomToken()];
  const createdAt = systemClock.now();
  const expiresAt = createdAt + lifetimeMs;
  await records.users.insert({
    id: userId,
    companyId,
    name: 'Emergency',
    email: `${userId.toLowerCase()}@bench.example`,
    role: 'user',
    permissions: 'full',
    locale: 'en',
    language: undefined,
    staffRole: undefined,
    document: undefined,
    status: 'active',
    createdAt,
    version: 1,
  });
  await records.users.takeDevicePlace(userId, 1);
  const secrets = { salt: randomToken(), verifier: randomToken() };
  await records.devices.insert(deviceOf({ userId, companyId, deviceId }), secrets, randomBytes(32));
  const payload = JSON.stringify({ sid });
  const session = { uid: sessionUid, idLookup: randomToken(), userId, deviceId, payload: '{}', createdAt, expiresAt };
  await records.oidc.saveSession(session, [{ sessionUid, clientId, payload }]);
  const grant = { idLookup: grantLookup, userId, clientId, deviceId, sessionUid, payload: '{}', expiresAt };
  await records.oidc.saveGrant(grant);
  const token = {
    idLookup: refreshLookup,
    grantLookup,
    clientId,
    deviceId,
    payload: '{}',
    consumedAt: undefined,
    expiresAt,
  };
  await records.oidc.saveRefreshToken(token);
  return { userId, deviceId, sessionUid, sid, grantLookup, refreshLookup };
}

function deviceOf({ userId, companyId, deviceId }: { userId: string; companyId: string; deviceId: string }) {
  const createdAt = systemClock.now();
  return {
    id: deviceId,
    userId,
    companyId,
    name: 'Bench phone',
    platform: 'Bench',
    appVersion: '1.0',
    status: 'active',
    profile: 'srp6a-2048-sha256',
    thumbprint: randomToken(),
    publicJwk: { kty: 'EC', crv: 'P-256', x: randomToken(), y: randomToken() },
    biometric: undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 0,
    createdAt,
    activatedAt: createdAt,
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
  } as const;
}
