/** A registered phone that speaks docs/protocol.md with `node:crypto`, so fast that the server stays the one that is measured. */
import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes } from 'node:crypto';
import { encodeBase64url, sha256 } from '../../src/crypto/bytes.ts';
import { deriveSessionKeys, mpinTranscript, openReply, sealRequest } from '../../src/crypto/envelope.ts';
import type { JweKey } from '../../src/crypto/jwe.ts';
import { checkDeviceKey, type DeviceKey } from '../../src/crypto/jwk.ts';
import { type JwsKey, signCompactJws } from '../../src/crypto/jws.ts';
import { randomId } from '../../src/crypto/random.ts';
import type { InboxListed } from '../../src/protocol/inbox.ts';
import { appBasePath, envelopeContentType, typ } from '../../src/protocol/names.ts';
import type { OrderClaimed, OrderDecided, OrderDescriptor, OrderListed } from '../../src/protocol/orders.ts';
import type { MpinChallenge, SessionOpened } from '../../src/protocol/session.ts';
import type { ModularPower } from '../../src/srp/formulas.ts';
import { answerChallenge, beginExchange, type Enrolment, enrol } from './fast-srp.ts';
import type { Connections } from './http-client.ts';

/** What a registration leaves on the phone. */
export interface PhoneIdentity extends Enrolment {
  readonly deviceId: string;
  readonly key: DeviceKey;
  readonly privateKeyObject: KeyObject;
}

/** Keys and verifier of a phone that is about to be registered. */
export function newPhoneIdentity(power: ModularPower): PhoneIdentity {
  const deviceId = randomId('dev');
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const password = encodeBase64url(randomBytes(64));
  return {
    ...enrol(power, { identity: deviceId, password }),
    deviceId,
    key: checkDeviceKey(publicKey.export({ format: 'jwk' })),
    privateKeyObject: privateKey,
  };
}

/** Where the server is and what it publishes. */
export interface ServerSide {
  readonly issuer: string;
  readonly connections: Connections;
  readonly envelopeKid: string;
  readonly envelopeKey: KeyObject;
}

/** Reads the server's ECDH-ES envelope key. */
export async function findServer(issuer: string, connections: Connections): Promise<ServerSide> {
  const { text } = await connections.send({ method: 'GET', path: '/oauth2/jwks' });
  const { keys } = JSON.parse(text) as { keys: (JsonWebKey & { kid: string })[] };
  const jwk = keys.find((key) => key['use'] === 'enc' && key.kty === 'EC');
  if (jwk === undefined) throw new Error('the server publishes no ECDH-ES key');
  const envelopeKey = createPublicKey({ key: jwk, format: 'jwk' });
  return { issuer, connections, envelopeKid: jwk.kid, envelopeKey };
}

/** An open app session on the phone. */
interface PhoneSession {
  readonly id: string;
  readonly accessToken: string;
  readonly appToServerKey: Uint8Array;
  readonly serverToAppKey: Uint8Array;
}

export interface FastPhone {
  /** Opens a session with the mPIN. Throws where the server's proof is wrong. */
  unlock(): Promise<void>;
  /** Claims the order that a frame stands for. */
  claim(frame: string): Promise<OrderClaimed>;
  /** Approves it by the device key. */
  approve(claimed: OrderClaimed): Promise<void>;
  /** The ids of what waits in the inbox. */
  inbox(): Promise<readonly string[]>;
  /** Claims what waits. */
  claimWaiting(signingId: string): Promise<OrderClaimed>;
  /** A part of the list of a batch that it claimed. */
  listPart(orderId: string, part: number): Promise<OrderListed>;
  /** Approves it by the device key, with an mPIN proof of its own. */
  sign(claimed: OrderClaimed): Promise<void>;
}

/** A phone at a server. */
export function fastPhone(identity: PhoneIdentity, server: ServerSide, power: ModularPower): FastPhone {
  let session: PhoneSession | undefined;
  const inSession = async <T>(name: string, body: unknown): Promise<T> => {
    if (session === undefined) throw new Error('the phone is locked');
    return call<T>({ identity, server, session }, name, body);
  };
  return {
    unlock: async () => {
      session = await unlock(identity, server, power);
    },
    claim: (frame) => {
      const [, token = '', step = '', tag = ''] = /\/q\/([^.]+)\.(\d+)\.(.+)$/.exec(frame) ?? [];
      return inSession<OrderClaimed>('orders/claim', { via: 'qr', token, step: Number(step), tag });
    },
    approve: async ({ orderId, descriptor }) => {
      const approval = approvalOf(identity, server.issuer, descriptor);
      const { state } = await inSession<OrderDecided>('orders/decide', { orderId, approval, proof: null });
      if (state !== 'approved') throw new Error(`the order is ${state}`);
    },
    inbox: async () => {
      const { waiting } = await inSession<InboxListed>('orders/inbox', {});
      return waiting.map(({ signingId }) => signingId);
    },
    claimWaiting: (signingId) => inSession<OrderClaimed>('orders/claim', { via: 'inbox', signingId }),
    listPart: (orderId, part) => inSession<OrderListed>('orders/list', { orderId, part }),
    sign: async ({ orderId, descriptor }) => {
      const exchange = beginExchange(power);
      const { clientEphemeral } = exchange;
      const challenge = await inSession<MpinChallenge>('orders/proof', { orderId, clientEphemeral });
      const answer = answerChallenge(power, exchange, { ...identity, ...challenge, identity: identity.deviceId });
      const approval = approvalOf(identity, server.issuer, descriptor);
      const proof = { handshake: challenge.handshake, proof: answer.proof };
      const decided = await inSession<OrderDecided>('orders/decide', { orderId, approval, proof });
      if (decided.state !== 'approved') throw new Error(`the order is ${decided.state}`);
      if (decided.serverProof !== answer.expectedServerProof) throw new Error('the server did not prove itself');
    },
  };
}

async function unlock(identity: PhoneIdentity, server: ServerSide, power: ModularPower): Promise<PhoneSession> {
  const { deviceId } = identity;
  const exchange = beginExchange(power);
  const { clientEphemeral } = exchange;
  const start = { deviceId, method: 'mpin', clientEphemeral };
  const challenge = await call<MpinChallenge>({ identity, server }, 'session/start', start);
  const { handshake, serverEphemeral } = challenge;
  const answer = answerChallenge(power, exchange, { ...identity, ...challenge, identity: deviceId });
  const { proof } = answer;
  const opened = await call<SessionOpened>({ identity, server }, 'session/finish', { handshake, proof });
  const serverProof = opened.serverProof ?? '';
  if (serverProof !== answer.expectedServerProof) throw new Error('the server did not prove itself');
  const parts = { handshake, deviceId, clientEphemeral, serverEphemeral, proof, serverProof };
  const keys = deriveSessionKeys({ secret: answer.sessionKey, transcript: mpinTranscript(parts) });
  return { id: opened.sessionId, accessToken: opened.accessToken, ...keys };
}

function approvalOf({ deviceId, privateKeyObject }: PhoneIdentity, issuer: string, descriptor: string): string {
  const payload = JSON.parse(Buffer.from(descriptor.split('.')[1] ?? '', 'base64url').toString()) as OrderDescriptor;
  const { orderId, purpose, client, origin, challenge, display } = payload;
  return signCompactJws({
    typ: typ.approval,
    key: { alg: 'ES256', key: privateKeyObject },
    payload: {
      aud: issuer,
      orderId,
      deviceId,
      purpose,
      decision: 'approve',
      clientId: client.id,
      origin,
      challenge,
      displayHash: encodeBase64url(sha256(display.text)),
      descriptorHash: encodeBase64url(sha256(descriptor)),
      factors: ['mpin'],
      iat: Math.floor(Date.now() / 1000),
    },
  });
}

/** Who calls: within a session where there is one. */
export interface Caller {
  readonly identity: PhoneIdentity;
  readonly server: Pick<ServerSide, 'issuer' | 'envelopeKid' | 'envelopeKey'>;
  readonly session?: PhoneSession | undefined;
}

/** A request as it goes over the wire, and what opens its reply. */
export interface SealedCall {
  readonly htu: string;
  readonly jti: string;
  readonly body: string;
  readonly dpop: string;
  readonly replyKey: Uint8Array;
}

/** Seals and signs one request (docs/protocol.md §3). */
export function sealCall({ identity, server, session }: Caller, name: string, body: unknown): SealedCall {
  const { key, privateKeyObject } = identity;
  const htu = `${server.issuer}${appBasePath}/${name}`;
  const jti = randomBytes(16).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const envelope = { htu, jti, jkt: key.thumbprint, iat, body };
  const ownReplyKey = new Uint8Array(randomBytes(64));
  const toServer: JweKey =
    session === undefined ? { alg: 'ECDH-ES', key: server.envelopeKey } : { alg: 'dir', key: session.appToServerKey };
  const sealed = sealRequest({
    key: toServer,
    kid: session?.id ?? server.envelopeKid,
    envelope: session === undefined ? { ...envelope, replyKey: ownReplyKey } : envelope,
  });
  const bh = encodeBase64url(sha256(sealed));
  const ath = session === undefined ? {} : { ath: encodeBase64url(sha256(session.accessToken)) };
  const signer: JwsKey = { alg: 'ES256', key: privateKeyObject };
  const dpop = signCompactJws({
    typ: typ.dpop,
    key: signer,
    header: { jwk: key.publicJwk },
    payload: { jti, htm: 'POST', htu, iat, bh, ...ath },
  });
  return { htu, jti, body: sealed, dpop, replyKey: session?.serverToAppKey ?? ownReplyKey };
}

async function call<T>(caller: Caller & { readonly server: ServerSide }, name: string, body: unknown): Promise<T> {
  const sealed = sealCall(caller, name, body);
  const { session } = caller;
  const response = await caller.server.connections.send({
    method: 'POST',
    path: `${appBasePath}/${name}`,
    headers: {
      'content-type': envelopeContentType,
      dpop: sealed.dpop,
      ...(session && { authorization: `DPoP ${session.accessToken}` }),
    },
    body: sealed.body,
  });
  if (response.headers['content-type'] !== envelopeContentType) {
    throw new Error(`${name}: ${response.status} ${response.text}`);
  }
  const reply = openReply({
    token: response.text,
    key: sealed.replyKey,
    ...(session && { kid: session.id }),
    expected: { re: sealed.jti, htu: sealed.htu },
  });
  if (reply.status !== 200) throw new Error(`${name}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body as T;
}
