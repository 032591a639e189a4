/** A small server that speaks docs/protocol.md strictly, in process, written apart from src/: the other end of the SDK's tests. */
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import {
  CompactEncrypt,
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  compactDecrypt,
  compactVerify,
  decodeProtectedHeader,
  exportJWK,
  GeneralSign,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import type { Clock } from '../../../src/clock.ts';
import type { FetchLike } from '../../../src/sdk/index.ts';
import { createSrpServer, type SrpServer } from '../../../src/srp/server.ts';

export const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('base64url');
export const id = (prefix: string) => `${prefix}_${b64(randomBytes(16))}`;

/** A refusal inside the envelope. */
export class Refusal extends Error {
  readonly status: number;
  readonly problem: Record<string, unknown>;
  constructor(status: number, code: string, members: Record<string, unknown> = {}) {
    super(code);
    this.status = status;
    this.problem = { type: `urn:mtoken:error:${code}`, title: code, status, instance: 'req-1', ...members };
  }
}

export interface Recorded {
  readonly name: string;
  /** The envelope's plaintext, headers and body: all that a phone ever sends, opened. */
  readonly plaintext: string;
  readonly header: Record<string, unknown>;
  readonly encrypted: string;
  readonly dpop: string;
  readonly body: Record<string, unknown>;
}

interface ServerSession {
  readonly id: string;
  readonly accessToken: string;
  readonly appToServer: Uint8Array;
  readonly serverToApp: Uint8Array;
}

/** Changes that a test makes to what an honest server would say. Each takes the honest value. */
export interface Tampering {
  challenge?: (challenge: Record<string, unknown>) => Record<string, unknown>;
  opened?: (opened: Record<string, unknown>) => Record<string, unknown>;
  descriptorClaims?: (claims: Record<string, unknown>) => Record<string, unknown>;
  descriptor?: (jws: string) => string | Promise<string>;
  replyEnvelope?: (envelope: Record<string, unknown>, name: string) => Record<string, unknown>;
  replyHeader?: (header: Record<string, unknown>) => Record<string, unknown>;
  /** On the way back: the HTTP body and status. */
  wire?: (
    reply: { body: string; status: number; type: string },
    request: { name: string; body: string },
  ) => { body: string; status: number; type: string };
  keySet?: (honest: object) => object | Promise<object>;
  configuration?: (honest: Record<string, unknown>) => Record<string, unknown>;
  /** Before the envelope is opened: answered in clear. */
  inClear?: (name: string) => { status: number; code: string } | undefined;
  /** Loses requests or answers. */
  lose?: (name: string) => 'request' | 'answer' | undefined;
  changed?: (reply: Record<string, unknown>) => Record<string, unknown>;
  inbox?: (honest: { waiting: Record<string, unknown>[] }) => object;
  history?: (honest: { past: Record<string, unknown>[]; hasMore: boolean }) => object;
  receipt?: (honest: Record<string, unknown>) => object;
  /** A part of the document; without it there is none. */
  document?: (part: number) => object;
  keyHistory?: (honest: object) => object | Promise<object>;
  decided?: (reply: Record<string, unknown>) => Record<string, unknown>;
}

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  readonly kid: string;
}

export interface Call {
  readonly name: string;
  readonly body: Record<string, unknown>;
  readonly jkt: string;
  readonly deviceJwk: JWK;
  readonly session: ServerSession | undefined;
}

export type Answer = (call: Call) => Promise<unknown>;

export interface Channel {
  readonly issuer: string;
  readonly clock: Clock;
  readonly fetch: FetchLike;
  readonly recorded: Recorded[];
  /** Every URL asked for, GET or POST. */
  readonly urls: string[];
  readonly tamper: Tampering;
  readonly sessions: Map<string, ServerSession>;
  readonly srp: SrpServer;
  signingKey: Key;
  envelopeKeys: Key[];
  publishedSigningKeys: Key[];
  sign(typ: string, claims: unknown, key?: Key): Promise<string>;
  keySet(keys?: { signers: Key[]; published: Key[]; iss?: string; iat?: number }): Promise<object>;
  /** The document of every key that ever signed, signed by these. */
  keyHistory(keys?: { signers: Key[]; published: Key[] }): Promise<object>;
  openSession(transcript: readonly string[], secret: Uint8Array): ServerSession;
  setAnswer(answer: Answer): void;
}

export async function newKey(alg: 'ES256' | 'ECDH-ES' | 'RSA-OAEP-256'): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const { kty, crv, x, y, n, e } = await exportJWK(publicKey);
  const bare = (kty === 'EC' ? { kty, crv, x, y } : { kty, n, e }) as JWK;
  const kid = await calculateJwkThumbprint(bare);
  return { privateKey, kid, jwk: { ...bare, kid, alg, use: alg === 'ES256' ? 'sig' : 'enc' } };
}

/** What nobody replaces, all banks of a run share: an RSA key costs more than the rest of a bank. */
let rsaKey: Promise<Key> | undefined;

const srp = createSrpServer({ poolSize: 0 });

function sharedRsaKey(): Promise<Key> {
  rsaKey ??= newKey('RSA-OAEP-256');
  return rsaKey;
}

export async function createChannel(options: { issuer: string; clock: Clock }): Promise<Channel> {
  const { issuer, clock } = options;
  const tamper: Tampering = {};
  const sessions = new Map<string, ServerSession>();
  const recorded: Recorded[] = [];
  const urls: string[] = [];
  const usedJti = new Set<string>();
  let answer: Answer = async () => ({});
  const signingKey = await newKey('ES256');
  const seconds = () => Math.floor(clock.now() / 1000);

  const channel: Channel = {
    issuer,
    clock,
    recorded,
    urls,
    tamper,
    sessions,
    srp,
    signingKey,
    envelopeKeys: [await newKey('ECDH-ES'), await sharedRsaKey()],
    publishedSigningKeys: [signingKey],
    sign: async (typ, claims, key = channel.signingKey) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'ES256', typ, kid: key.kid })
        .sign(key.privateKey),
    keySet: async (
      keys = {
        signers: channel.publishedSigningKeys,
        published: [...channel.publishedSigningKeys, ...channel.envelopeKeys],
      },
    ) => {
      const payload = {
        iss: keys.iss ?? issuer,
        iat: keys.iat ?? seconds(),
        keys: keys.published.map(({ jwk }) => jwk),
      };
      const signer = new GeneralSign(Buffer.from(JSON.stringify(payload)));
      for (const { privateKey, kid } of keys.signers) {
        signer.addSignature(privateKey).setProtectedHeader({ alg: 'ES256', typ: 'mtoken-keys+jws', kid });
      }
      return signer.sign();
    },
    keyHistory: async (keys = { signers: channel.publishedSigningKeys, published: channel.publishedSigningKeys }) => {
      const published = keys.published.map(({ jwk: { kty, crv, x, y }, kid }) => {
        return { kid, kty, crv, x, y, from: 0, until: null };
      });
      const payload = { iss: issuer, iat: seconds(), keys: published };
      const signer = new GeneralSign(Buffer.from(JSON.stringify(payload)));
      for (const { privateKey, kid } of keys.signers) {
        signer.addSignature(privateKey).setProtectedHeader({ alg: 'ES256', typ: 'mtoken-key-history+jws', kid });
      }
      return signer.sign();
    },
    openSession: (transcript, secret) => {
      const salt = createHash('sha512').update(framed(transcript)).digest();
      const derive = (info: string) => new Uint8Array(hkdfSync('sha512', secret, salt, info, 64));
      const session = {
        id: id('ses'),
        accessToken: b64(randomBytes(32)),
        appToServer: derive('mtoken/v1/app-to-server'),
        serverToApp: derive('mtoken/v1/server-to-app'),
      };
      sessions.set(session.id, session);
      return session;
    },
    setAnswer: (next) => {
      answer = next;
    },
    fetch: async (url, init) => {
      urls.push(url);
      if (!url.startsWith(`${issuer}/`)) throw new Error(`the SDK asked ${url}`);
      if (url === `${issuer}/.well-known/mtoken-configuration`) return json(configuration());
      if (url === `${issuer}/.well-known/mtoken-keys`) {
        const honest = await channel.keySet();
        return json((await tamper.keySet?.(honest)) ?? honest);
      }
      if (url === `${issuer}/.well-known/mtoken-key-history`) {
        const honest = await channel.keyHistory();
        return json((await tamper.keyHistory?.(honest)) ?? honest);
      }
      const name = url.slice(`${issuer}/app/v1/`.length);
      const lost = tamper.lose?.(name);
      if (lost === 'request') throw new Error('lost');
      const clear = tamper.inClear?.(name);
      const reply = clear
        ? { status: clear.status, type: 'application/problem+json', body: problemText(clear.code) }
        : await exchange(name, { url, body: init.body ?? '', headers: init.headers });
      if (lost === 'answer') throw new Error('lost');
      const { status, type, body } = tamper.wire?.(reply, { name, body: init.body ?? '' }) ?? reply;
      return response(status, type, body);
    },
  };

  const configuration = () => {
    const honest = {
      issuer,
      versions: [1],
      app_base: `${issuer}/app/v1`,
      keys_uri: `${issuer}/.well-known/mtoken-keys`,
      time: seconds(),
      envelope: { alg: ['ECDH-ES', 'RSA-OAEP-256'], enc: ['A256CBC-HS512'] },
      profiles: ['srp6a-2048-sha256', 'rfc5054-2048-sha256'],
    };
    return tamper.configuration?.(honest) ?? honest;
  };

  const exchange = async (name: string, request: { url: string; body: string; headers: Record<string, string> }) => {
    const opened = await openRequest(request).catch((error: Error) => error);
    if (opened instanceof Error) {
      const code = opened instanceof Refusal ? opened.message : 'invalid_request';
      return {
        status: code === 'invalid_request' ? 400 : 401,
        type: 'application/problem+json',
        body: problemText(code, opened.message),
      };
    }
    const { message, deviceJwk, session, replyKey } = opened;
    const { jkt, body } = message;
    let status = 200;
    let replyBody: unknown;
    try {
      replyBody = await answer({ name, body, jkt, deviceJwk, session });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = error.status;
      replyBody = error.problem;
    }
    const honest = { re: message.jti, htu: request.url, iat: seconds(), status, body: replyBody, pad: '' };
    const envelope = tamper.replyEnvelope?.(honest, name) ?? honest;
    const header = {
      alg: 'dir',
      enc: 'A256CBC-HS512',
      typ: 'mtoken-reply+jwe',
      ...(session ? { kid: session.id } : {}),
    };
    const sealed = await new CompactEncrypt(Buffer.from(JSON.stringify(envelope)))
      .setProtectedHeader((tamper.replyHeader?.(header) ?? header) as { alg: string; enc: string })
      .encrypt(session?.serverToApp ?? replyKey);
    return { status, type: 'application/jose', body: sealed };
  };

  /** Protocol §3, in its order of checks; anything unusual is thrown and answered as invalid_request. */
  const openRequest = async ({
    url,
    body,
    headers,
  }: {
    url: string;
    body: string;
    headers: Record<string, string>;
  }) => {
    const expect = (isRight: boolean, what: string) => {
      if (!isRight) throw new Error(what);
    };
    expect(body.length <= 32_768, 'size');
    expect(headers['content-type'] === 'application/jose', 'content type');
    const dpop = headers['dpop'] ?? '';
    const dpopHeader = decodeProtectedHeader(dpop) as { jwk: JWK; typ: string; alg: string };
    expect(Object.keys(dpopHeader).sort().join() === 'alg,jwk,typ' && dpopHeader.typ === 'dpop+jwt', 'dpop header');
    expect(!('d' in dpopHeader.jwk), 'private key');
    const { payload } = await compactVerify(dpop, await importJWK(dpopHeader.jwk, dpopHeader.alg));
    const claims = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
    const header = decodeProtectedHeader(body) as Record<string, unknown>;
    const session = header['alg'] === 'dir' ? sessions.get(String(header['kid'])) : undefined;
    if (header['alg'] === 'dir' && session === undefined) throw new Refusal(401, 'session_expired');
    const expectedClaims = session ? 'ath,bh,htm,htu,iat,jti' : 'bh,htm,htu,iat,jti';
    expect(Object.keys(claims).sort().join() === expectedClaims, 'dpop claims');
    expect(claims['htm'] === 'POST' && claims['htu'] === url && claims['bh'] === sha256(body), 'dpop claims');
    expect(Math.abs(Number(claims['iat']) - seconds()) <= 60, 'dpop iat');
    if (session)
      expect(
        claims['ath'] === sha256(session.accessToken) && headers['authorization'] === `DPoP ${session.accessToken}`,
        'ath',
      );
    const jti = String(claims['jti']);
    expect(/^[A-Za-z0-9_-]{22,86}$/.test(jti) && !usedJti.has(jti), 'jti');
    usedJti.add(jti);
    const key = session
      ? session.appToServer
      : channel.envelopeKeys.find(({ kid }) => kid === header['kid'])?.privateKey;
    expect(key !== undefined, 'kid');
    const names = header['alg'] === 'ECDH-ES' ? 'alg,enc,epk,kid,typ' : 'alg,enc,kid,typ';
    expect(Object.keys(header).sort().join() === names && header['typ'] === 'mtoken-request+jwe', 'envelope header');
    const { plaintext } = await compactDecrypt(body, key as CryptoKey);
    const text = Buffer.from(plaintext).toString();
    const message = JSON.parse(text) as {
      jti: string;
      jkt: string;
      htu: string;
      htm: string;
      replyKey?: string;
      body: Record<string, unknown>;
    };
    const members = session ? 'body,htm,htu,iat,jkt,jti' : 'body,htm,htu,iat,jkt,jti,replyKey';
    expect(Object.keys(message).sort().join() === members, 'envelope members');
    const jkt = await calculateJwkThumbprint(dpopHeader.jwk);
    expect(message.jti === jti && message.jkt === jkt && message.htu === url && message.htm === 'POST', 'envelope');
    recorded.push({
      name: url.slice(`${issuer}/app/v1/`.length),
      plaintext: text,
      header,
      encrypted: body,
      dpop,
      body: message.body,
    });
    return { message, deviceJwk: dpopHeader.jwk, session, replyKey: Buffer.from(message.replyKey ?? '', 'base64url') };
  };
  return channel;
}

/** Protocol §1. */
function framed(parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(part));
      return [length, Buffer.from(part)];
    }),
  );
}

function problemText(code: string, detail?: string): string {
  return JSON.stringify({
    type: `urn:mtoken:error:${code}`,
    title: code,
    status: 400,
    instance: 'req-1',
    ...(detail ? { detail } : {}),
  });
}

function json(value: unknown) {
  return response(200, 'application/json', JSON.stringify(value));
}

function response(status: number, type: string, body: string) {
  return {
    status,
    headers: { get: (name: string) => (name === 'content-type' ? type : null) },
    text: async () => body,
  };
}

/** A frame that looks right; the server in these tests knows it by its token. */
export function frameText(issuer: string, via: 'q' | 'l' = 'q', token = b64(randomBytes(16))): string {
  const tag = createHmac('sha256', 'frames').update(token).digest().subarray(0, 12);
  return `${issuer}/${via}/${token}.890000000.${b64(tag)}`;
}
