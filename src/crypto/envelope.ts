/** The encrypted envelope of app requests and replies, both ways (docs/protocol.md §3), and the keys of an app session (§6). */
import { hkdfSync } from 'node:crypto';
import { AuthError } from '../errors.ts';
import { label, proofWindowSeconds, replyBlockBytes, typ } from '../protocol/names.ts';
import { encodeBase64url, frame, sha512, tryDecodeBase64url } from './bytes.ts';
import { contentKeyBytes, type JweKey, type KeyManagement, openJwe, type ParsedJwe, parseJwe, sealJwe } from './jwe.ts';
import { parseStrictObject } from './strict-json.ts';

/** Longest request that is looked at, in characters. */
const maxRequestLength = 32 * 1024;
/** Replies come from ourselves or the server we trust; the bound is for an app's memory. */
const maxReplyLength = 1024 * 1024;

const plainMembers = ['htm', 'htu', 'iat', 'jti', 'jkt', 'body'];
const replyMembers = ['re', 'htu', 'iat', 'status', 'body', 'pad'];

/** What names the key of a request, before anything is authentic. */
export interface RequestKeyName {
  /** `dir`: within a session; otherwise to a server envelope key. */
  readonly alg: KeyManagement;
  /** The session id, or the envelope key's thumbprint. */
  readonly kid: string;
}

/** What the DPoP proof beside the envelope said; the envelope must say the same. */
export interface ExpectedRequest {
  /** The endpoint's full URL. */
  readonly htu: string;
  readonly jti: string;
  /** Thumbprint of the key that signed the proof. */
  readonly jkt: string;
}

/** An envelope that was opened and belongs to its proof. */
export interface OpenedRequest {
  readonly keyName: RequestKeyName;
  /** Seconds since the epoch, by the app's clock, within the window. */
  readonly iat: number;
  /** 64 bytes for the reply's `dir` key; absent within a session, whose own key serves. */
  readonly replyKey: Uint8Array | undefined;
  /** Strict JSON, not yet compared with the endpoint's schema. */
  readonly body: unknown;
}

/**
 * Opens a request. `keyFor` finds the key: the session's app-to-server key for `dir`, otherwise the private envelope key of that
 * `kid`; `undefined` where there is none. What it throws passes through. Everything else throws `invalid_request` with one message: size, form, header,
 * key, ciphertext, JSON, a missing or unknown member, and whatever does not fit URL, proof, sender or time (C-01, C-02, C-05). `nowMs`: the server's clock.
 */
export async function openRequest(options: {
  readonly token: string;
  readonly expected: ExpectedRequest;
  readonly nowMs: number;
  readonly keyFor: (name: RequestKeyName) => JweKey | undefined | Promise<JweKey | undefined>;
}): Promise<OpenedRequest> {
  const parsed = parseEnvelope(options.token, typ.requestEnvelope, maxRequestLength);
  if (parsed.kid === undefined) throw refused('no kid');
  const keyName = { alg: parsed.alg, kid: parsed.kid };
  const key = await options.keyFor(keyName);
  const envelope = openEnvelope(parsed, key);
  const isSession = parsed.alg === 'dir';
  checkMembers(envelope, isSession ? plainMembers : [...plainMembers, 'replyKey']);
  checkRequest(envelope, options.expected);
  return {
    keyName,
    iat: checkTime(envelope.iat, options.nowMs),
    replyKey: isSession ? undefined : contentKey(envelope.replyKey),
    body: envelope.body,
  };
}

/**
 * Makes a request, as an app does. `key`: the server's public envelope key with its `kid`, and then `replyKey`, 64 fresh random
 * bytes; or the session's app-to-server key with the session id, and no `replyKey`. `iat` in seconds.
 */
export function sealRequest(options: {
  readonly key: JweKey;
  readonly kid: string;
  readonly envelope: ExpectedRequest & { readonly iat: number; readonly body: unknown; readonly replyKey?: Uint8Array };
}): string {
  const { replyKey, htu, iat, jti, jkt, body } = options.envelope;
  const plain = { htm: 'POST', htu, iat, jti, jkt, ...(replyKey && { replyKey: encodeBase64url(replyKey) }), body };
  return sealJwe(utf8(JSON.stringify(plain)), options.key, { kid: options.kid, typ: typ.requestEnvelope });
}

/** What a reply says. */
export interface Reply {
  /** The `jti` of the request that it answers. */
  readonly re: string;
  readonly htu: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  /** The HTTP status, the same as outside. */
  readonly status: number;
  readonly body: unknown;
}

/**
 * Makes a reply under the reply key, or within a session under its server-to-app key with the session id as `kid`. The plaintext is
 * padded to a multiple of 512 bytes, so that the length tells no success from a failure (P-21). `key`: 64 bytes.
 */
export function sealReply(options: { readonly key: Uint8Array; readonly kid?: string; readonly reply: Reply }): string {
  const { re, htu, iat, status, body = null } = options.reply;
  const bare = utf8(JSON.stringify({ re, htu, iat, status, body, pad: '' })).length;
  const missing = (replyBlockBytes - (bare % replyBlockBytes)) % replyBlockBytes;
  const plain = JSON.stringify({ re, htu, iat, status, body, pad: ' '.repeat(missing) });
  const header = { ...(options.kid !== undefined && { kid: options.kid }), typ: typ.replyEnvelope };
  return sealJwe(utf8(plain), { alg: 'dir', key: options.key }, header);
}

/**
 * Opens a reply, as an app does. Throws `invalid_request` where it does not open, or does not answer this request: a recorded reply,
 * or a request sent back, is refused (C-05).
 */
export function openReply(options: {
  readonly token: string;
  readonly key: Uint8Array;
  readonly kid?: string;
  readonly expected: { readonly re: string; readonly htu: string };
}): Reply {
  const parsed = parseEnvelope(options.token, typ.replyEnvelope, maxReplyLength);
  if (parsed.kid !== options.kid) throw refused('another kid');
  const envelope = openEnvelope(parsed, { alg: 'dir', key: options.key });
  checkMembers(envelope, replyMembers);
  const { re, htu, iat, status, body } = envelope;
  if (re !== options.expected.re || htu !== options.expected.htu) throw refused('it answers another request');
  if (typeof iat !== 'number' || typeof status !== 'number') throw refused('iat and status must be numbers');
  return { re, htu, iat, status, body };
}

/** A session's two keys, 64 bytes each: one per direction, so that nothing can be sent back to its sender (C-05). */
export interface SessionKeys {
  readonly appToServerKey: Uint8Array;
  readonly serverToAppKey: Uint8Array;
}

/**
 * Derives the keys of an app session by HKDF-SHA-512 (docs/protocol.md §6). `secret`: SRP's key K, or the session secret of a
 * biometric unlock, 32 bytes. `transcript`: the parts as they were on the wire, framed here, so that both sides hold the same keys only if they saw the
 * same handshake.
 */
export function deriveSessionKeys(options: {
  readonly secret: Uint8Array;
  readonly transcript: readonly (string | Uint8Array)[];
}): SessionKeys {
  const salt = sha512(frame(options.transcript));
  const derive = (info: string) => new Uint8Array(hkdfSync('sha512', options.secret, salt, info, contentKeyBytes));
  return { appToServerKey: derive(label.appToServer), serverToAppKey: derive(label.serverToApp) };
}

/** Parts of the transcript after an unlock with the mPIN. */
export function mpinTranscript(parts: {
  readonly handshake: string;
  readonly deviceId: string;
  readonly clientEphemeral: string;
  readonly serverEphemeral: string;
  readonly proof: string;
  readonly serverProof: string;
}): readonly string[] {
  const { handshake, deviceId, clientEphemeral, serverEphemeral, proof, serverProof } = parts;
  return ['mpin', handshake, deviceId, clientEphemeral, serverEphemeral, proof, serverProof];
}

/** Parts of the transcript after a biometric unlock. */
export function biometricTranscript(parts: {
  readonly handshake: string;
  readonly deviceId: string;
  readonly nonce: string;
  readonly signature: string;
}): readonly string[] {
  return ['biometric', parts.handshake, parts.deviceId, parts.nonce, parts.signature];
}

function parseEnvelope(token: string, expectedTyp: string, maxLength: number): ParsedJwe {
  const parsed = parseJwe(token, maxLength);
  if (parsed === undefined) throw refused('not a JWE of the accepted form');
  // The type tells the directions apart: a reply sent back is not a request.
  if (parsed.typ !== expectedTyp) throw refused('another typ');
  return parsed;
}

function openEnvelope(parsed: ParsedJwe, key: JweKey | undefined): Record<string, unknown> {
  if (key === undefined) throw refused('unknown kid');
  const plaintext = openJwe(parsed, key);
  if (plaintext === undefined) throw refused('it does not decrypt');
  try {
    // The body lies one level deep, and it may use the depth that §1 allows it.
    return parseStrictObject(plaintext, { maxDepth: 17 });
  } catch (cause) {
    throw refused('the plaintext is not strict JSON', cause);
  }
}

function checkMembers(envelope: Record<string, unknown>, members: readonly string[]): void {
  const hasAll = members.every((member) => Object.hasOwn(envelope, member));
  if (!hasAll || Object.keys(envelope).length !== members.length) throw refused('missing or unknown members');
}

/** A right envelope beside another proof, at another endpoint or of another sender is a replay or a forwarding. */
function checkRequest(envelope: Record<string, unknown>, { htu, jti, jkt }: ExpectedRequest): void {
  if (envelope.htm !== 'POST' || envelope.htu !== htu) throw refused('it is for another endpoint');
  if (envelope.jti !== jti) throw refused('it belongs to another proof');
  if (envelope.jkt !== jkt) throw refused('another sender');
}

function checkTime(iat: unknown, nowMs: number): number {
  if (typeof iat !== 'number' || !Number.isInteger(iat)) throw refused('iat must be an integer');
  if (Math.abs(nowMs / 1000 - iat) > proofWindowSeconds) throw refused('its time is outside the window');
  return iat;
}

function contentKey(text: unknown): Uint8Array {
  const key = typeof text === 'string' ? tryDecodeBase64url(text) : undefined;
  if (key?.length !== contentKeyBytes) throw refused(`the reply key must be ${contentKeyBytes} bytes in base64url`);
  return key;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** One public message for every cause: who does not hold the key learns nothing from trying (C-02). The cause is for the log. */
function refused(why: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', {
    message: 'the envelope is not acceptable',
    detail: `envelope: ${why}`,
    cause,
  });
}
