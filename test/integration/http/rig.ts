/** A whole server on stores of its own, echo endpoints behind its app channel, and phones that speak the protocol byte by byte. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { JWK } from 'jose';
import { Type } from 'typebox';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { explainProblems } from '../../../src/config/problem.ts';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { openReply, sealRequest } from '../../../src/crypto/envelope.ts';
import type { JweKey } from '../../../src/crypto/jwe.ts';
import { jwkThumbprint } from '../../../src/crypto/jwk.ts';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import { randomId } from '../../../src/crypto/random.ts';
import { createApp } from '../../../src/http/app.ts';
import { type AppChannelDeps, registerAppEndpoints } from '../../../src/http/app-channel.ts';
import { type AppEndpoint, deviceKeyEndpoint, sessionEndpoint } from '../../../src/http/app-endpoint.ts';
import { createLog } from '../../../src/http/logging.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { createWorkGate } from '../../../src/http/work-gate.ts';
import { loadSession, openSession, touchSession } from '../../../src/mpin/session.ts';
import { strict } from '../../../src/protocol/common.ts';
import { buildServer, type Server } from '../../../src/server.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { sampleCompany, sampleDevice, sampleSecrets, sampleUser } from '../../contracts/samples.ts';

export const issuer = 'http://localhost:3000';

/** What the echo endpoints take and give. */
const Text = strict({ text: Type.String({ maxLength: 20_000 }) });

export interface Rig {
  readonly server: Server;
  readonly channel: FastifyInstance;
  readonly clock: TestClock;
  /** Bodies that reached an endpoint. */
  readonly reached: unknown[];
  /** What was logged, a line each. */
  readonly lines: string[];
  close(): Promise<void>;
}

export function testConfig(env: Record<string, string>): Config {
  const result = readConfig({
    env: { MTOKEN_PORT: '0', MTOKEN_ADMIN_PORT: '0', MTOKEN_ISSUER: issuer, ...env },
    readFile: () => '',
    realPath: (path) => path,
  });
  if (result.outcome === 'refused') throw new Error(explainProblems(result.problems));
  return result.config;
}

export async function startRig(env: Record<string, string> = {}): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'mtoken-http-'));
  const lines: string[] = [];
  const log = createLog('debug', { write: (line: string) => void lines.push(line) });
  const clock = fixedClock();
  const config = testConfig({ MTOKEN_DATA_DIR: directory, ...env });
  const server = await buildServer({ config, clock, log, webDirectory: `${directory}/` });
  const channel = createApp({ log, metrics: createMetrics(), issuer, trustedProxies: config.trustedProxies });
  const reached: unknown[] = [];
  registerAppEndpoints(channel, channelDeps(server, config, clock), echoEndpoints(reached));
  await channel.ready();
  const close = async (): Promise<void> => {
    await channel.close();
    await server.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { server, channel, clock, reached, lines, close };
}

function channelDeps(server: Server, config: Config, clock: TestClock): AppChannelDeps {
  const { mpin, keys } = server.capabilities;
  return {
    issuer,
    clock,
    shortLived: server.stores.shortLived,
    records: server.stores.records,
    limits: config.limits,
    gate: createWorkGate({ maxRunning: 8, maxWaiting: 64, waitMs: 5000 }),
    envelopeKey: async (kid) => {
      const found = await keys.envelopeKey(kid);
      return found === undefined ? undefined : { alg: found.alg, key: found.privateKey };
    },
    findSession: (id) => loadSession(mpin, id),
    touchSession: (id) => touchSession(mpin, id),
  };
}

function echoEndpoints(reached: unknown[]): AppEndpoint[] {
  const answer = async ({ body }: { body: { text: string } }): Promise<{ text: string }> => {
    reached.push(body);
    if (body.text === 'throw') throw new Error('select secret from table');
    return body.text === 'misfit' ? ({ text: 7 } as unknown as { text: string }) : body;
  };
  return [
    deviceKeyEndpoint({ name: 'echo', body: Text, reply: Text, answer }),
    deviceKeyEndpoint({ name: 'other', body: Text, reply: Text, answer }),
    sessionEndpoint({ name: 'session-echo', body: Text, reply: Text, answer }),
    sessionEndpoint({ name: 'session-other', body: Text, reply: Text, answer }),
  ];
}

/** A device key pair, and a session where the device is registered. */
export interface Phone {
  readonly jwk: JWK;
  readonly thumbprint: string;
  readonly privateKey: KeyObject;
}

export interface PhoneSession {
  readonly id: string;
  readonly accessToken: string;
  readonly appToServerKey: Uint8Array;
  readonly serverToAppKey: Uint8Array;
}

export function newPhone(): Phone {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' }) as JWK;
  return { jwk, thumbprint: jwkThumbprint(jwk), privateKey };
}

/** Registers the phone as an active device of a new user and opens a session of it. */
export async function registered(rig: Rig, phone: Phone): Promise<{ session: PhoneSession; deviceId: string }> {
  const { records } = rig.server.stores;
  const company = sampleCompany();
  const user = sampleUser(company.id);
  const device = sampleDevice(user, { thumbprint: phone.thumbprint, publicJwk: phone.jwk, status: 'pending' });
  await records.companies.insert(company);
  await records.users.insert(user);
  await records.devices.insert(device, sampleSecrets, new Uint8Array(randomBytes(32)));
  await records.devices.activate(device.id, rig.clock.now());
  return { session: await sessionOf(rig, device.id), deviceId: device.id };
}

export async function sessionOf(rig: Rig, deviceId: string): Promise<PhoneSession> {
  const standing = await rig.server.stores.records.devices.standing(deviceId);
  if (standing === undefined) throw new Error('no such device');
  const keys = {
    appToServerKey: new Uint8Array(randomBytes(64)),
    serverToAppKey: new Uint8Array(randomBytes(64)),
  };
  const { user, company } = standing;
  const id = randomId('ses');
  const session = {
    id,
    deviceId,
    userId: user.id,
    companyId: company.id,
    method: 'mpin',
    factor: 'pin',
    openedAt: rig.clock.now(),
  } as const;
  const accessToken = await openSession(rig.server.capabilities.mpin, { session, standing, keys });
  return { id, accessToken, ...keys };
}

/** What a request is made of; every member may be wrong. */
export interface Parts {
  readonly name: string;
  readonly phone: Phone;
  readonly body: unknown;
  readonly session?: PhoneSession | undefined;
  readonly alg?: 'ECDH-ES' | 'RSA-OAEP-256';
  readonly envelope?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

export interface Built {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly payload: string;
  readonly jti: string;
  readonly replyKey: Uint8Array;
}

/** A request as a right phone makes it, but for what `parts` says otherwise. */
export async function build(rig: Rig, parts: Parts): Promise<Built> {
  const { phone, session, name } = parts;
  const jti = randomBytes(16).toString('base64url');
  const iat = Math.floor(rig.clock.now() / 1000);
  const htu = `${issuer}/app/v1/${name}`;
  const replyKey = new Uint8Array(randomBytes(64));
  const plain = { htu, iat, jti, jkt: phone.thumbprint, body: parts.body, ...(session ? {} : { replyKey }) };
  const envelope = { ...plain, ...parts.envelope } as typeof plain;
  const payload = parts.token ?? sealRequest({ ...(await envelopeKey(rig, parts)), envelope });
  const claims = {
    jti,
    htm: 'POST',
    htu,
    iat,
    bh: encodeBase64url(sha256(payload)),
    ...(session ? { ath: encodeBase64url(sha256(session.accessToken)) } : {}),
    ...parts.claims,
  };
  const headers = {
    'content-type': 'application/jose',
    dpop: proofOf(phone, claims),
    ...(session ? { authorization: `DPoP ${session.accessToken}` } : {}),
    ...parts.headers,
  };
  return { url: `/app/v1/${name}`, headers, payload, jti, replyKey };
}

/** A DPoP proof over the given claims. */
export function proofOf(phone: Phone, claims: Record<string, unknown>): string {
  const key = { key: phone.privateKey, alg: 'ES256' } as const;
  const { crv, kty, x, y } = phone.jwk;
  return signCompactJws({ payload: claims, typ: 'dpop+jwt', key, header: { jwk: { crv, kty, x, y } } });
}

async function envelopeKey(rig: Rig, { session, alg = 'ECDH-ES' }: Parts): Promise<{ key: JweKey; kid: string }> {
  if (session !== undefined) return { key: { alg: 'dir', key: session.appToServerKey }, kid: session.id };
  const { keys } = rig.server.capabilities.keys.publicJwks();
  const kid = keys.find((jwk) => jwk.use === 'enc' && jwk.alg === alg)?.kid;
  if (kid === undefined) throw new Error(`no ${alg} envelope key`);
  const found = await rig.server.capabilities.keys.envelopeKey(kid);
  if (found === undefined) throw new Error('the key is not held');
  const { createPublicKey } = await import('node:crypto');
  return { key: { alg, key: createPublicKey(found.privateKey) }, kid };
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

export async function send(rig: Rig, built: Pick<Built, 'url' | 'headers' | 'payload'>): Promise<Answer> {
  const { url, headers, payload } = built;
  const response = await rig.channel.inject({ method: 'POST', url, headers, payload });
  return { status: response.statusCode, headers: response.headers, text: response.body };
}

/** Opens the sealed reply to a request. */
export function opened(built: Built, answer: Answer, session?: PhoneSession) {
  const expected = { re: built.jti, htu: `${issuer}${built.url}` };
  return session === undefined
    ? openReply({ token: answer.text, key: built.replyKey, expected })
    : openReply({ token: answer.text, key: session.serverToAppKey, kid: session.id, expected });
}
