/** Compact JWS (RFC 7515), narrowed to what this protocol uses: one algorithm for each key, exact types, one spelling. */
import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { AuthError } from '../errors.ts';
import { encodeBase64url, tryDecodeBase64url } from './bytes.ts';
import { checkDeviceKey, type DeviceKey, type KeyCache, type SignatureAlgorithm } from './jwk.ts';
import { isPlainObject, parseStrictObject } from './strict-json.ts';

/** Longest compact JWS that is looked at, in characters (`CompactJws` of the wire schemas). */
const defaultMaxLength = 16_384;

/** A key together with the one algorithm it is used with: the header never chooses (RFC 8725 §3.1). */
export interface JwsKey {
  readonly key: KeyObject;
  readonly alg: SignatureAlgorithm;
}

/** What a verified token says. */
export interface VerifiedJws {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The bytes that were signed as payload, for hashing and keeping. */
  readonly payloadBytes: Uint8Array;
}

export interface VerifyOptions {
  readonly token: string;
  /** The exact `typ` of the header. `undefined` only for formats without one of their own, such as client assertions. */
  readonly typ: string | undefined;
  /** One key, or a choice by the header's `kid`; the choice answers `undefined` for a key that is not known. */
  readonly key: JwsKey | ((kid: string | undefined) => JwsKey | undefined);
  /** In characters; 16,384 unless told. */
  readonly maxLength?: number;
}

/**
 * Verifies a compact JWS whose payload is a JSON object. Refuses with `invalid_request`, with one message whatever is wrong: size,
 * form, base64url that is not canonical, duplicate or unexpected header members (`crit`, `b64`, `jwk`, `jku`, `x5u`, … among them),
 * another `typ`, another `alg` than the key's, an unknown `kid`, a signature that does not fit, a payload that is not strict JSON.
 */
export function verifyCompactJws(options: VerifyOptions): VerifiedJws {
  const { header, payloadBytes } = verifyJwsBytes(options);
  return { header, payloadBytes, payload: strictPayload(payloadBytes) };
}

/** Like {@link verifyCompactJws}, for any payload. */
export function verifyJwsBytes(options: VerifyOptions): { header: Record<string, unknown>; payloadBytes: Uint8Array } {
  const parts = splitJws(options.token, options.maxLength);
  const kid = checkHeader(parts.header, options.typ, ['alg', 'typ', 'kid']);
  const key = typeof options.key === 'function' ? options.key(kid) : options.key;
  if (key === undefined) throw refused('unknown kid');
  checkSignature(parts, key);
  return { header: parts.header, payloadBytes: parts.payloadBytes };
}

/**
 * Verifies a compact JWS by the public device key in its own header (DPoP, RFC 9449 §4.2; a registration). It proves possession of
 * that key and nothing about whose it is: compare the thumbprint. Refuses as {@link verifyCompactJws} does.
 */
export function verifySelfSignedJws(options: {
  readonly token: string;
  readonly typ: string;
  readonly cache?: KeyCache;
  readonly maxLength?: number;
}): VerifiedJws & { readonly deviceKey: DeviceKey } {
  const parts = splitJws(options.token, options.maxLength);
  checkHeader(parts.header, options.typ, ['alg', 'typ', 'jwk']);
  const deviceKey = acceptableKey(parts.header.jwk, options.cache);
  checkSignature(parts, deviceKey);
  const { header, payloadBytes } = parts;
  return { header, payloadBytes, payload: strictPayload(payloadBytes), deviceKey };
}

/**
 * The header of a compact JWS that has **not** been verified, for choosing the key by `kid` or issuer in advance. Refuses what
 * {@link verifyCompactJws} would refuse for its form.
 */
export function readJwsHeader(token: string, maxLength = defaultMaxLength): Readonly<Record<string, unknown>> {
  return splitJws(token, maxLength).header;
}

/** Signs; an object becomes its JSON. `header` is for members besides `alg` and `typ`: `kid`, or `jwk` in a DPoP proof. */
export function signCompactJws(options: {
  readonly payload: Readonly<Record<string, unknown>> | string | Uint8Array;
  readonly typ: string;
  readonly key: JwsKey;
  readonly header?: Readonly<Record<string, unknown>>;
}): string {
  const { payload, typ, key, header } = options;
  const bytes = typeof payload === 'string' || payload instanceof Uint8Array ? payload : JSON.stringify(payload);
  const protectedHeader = encodeBase64url(JSON.stringify({ alg: key.alg, typ, ...header }));
  const signingInput = `${protectedHeader}.${encodeBase64url(bytes)}`;
  const signature = sign('sha256', Buffer.from(signingInput, 'ascii'), { key: key.key, ...signatureForm[key.alg] });
  return `${signingInput}.${encodeBase64url(signature)}`;
}

/** Whether a raw signature fits (RFC 7518 §3): ES256 as r ‖ s, 64 bytes, never DER; PS256 with a salt of 32 bytes; RS256. */
export function verifySignature(data: Uint8Array, signature: Uint8Array, { key, alg }: JwsKey): boolean {
  if (key.asymmetricKeyType !== (alg === 'ES256' ? 'ec' : 'rsa')) return false;
  // Node refuses other widths too; said here, so that one signature has one spelling whatever the platform does.
  if (alg === 'ES256' && signature.length !== 64) return false;
  return verify('sha256', data, { key, ...signatureForm[alg] }, signature);
}

const signatureForm = {
  ES256: { dsaEncoding: 'ieee-p1363' },
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  RS256: { padding: constants.RSA_PKCS1_PADDING },
} as const;

interface JwsParts {
  readonly header: Record<string, unknown>;
  readonly payloadBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly signingInput: string;
}

function splitJws(token: string, maxLength = defaultMaxLength): JwsParts {
  if (typeof token !== 'string' || token.length > maxLength) throw refused('too long');
  const [first = '', second = '', third = '', ...rest] = token.split('.');
  if (third === '' || rest.length > 0) throw refused('not three parts');
  const [headerBytes, payloadBytes, signature] = [first, second, third].map(tryDecodeBase64url);
  // Canonical text only: jose skips white space here, and a token with a second spelling would pass a replay check.
  if (headerBytes === undefined || payloadBytes === undefined || signature === undefined)
    throw refused('not base64url');
  return { header: strictHeader(headerBytes), payloadBytes, signature, signingInput: `${first}.${second}` };
}

/**
 * Only the expected members: so `crit`, `b64: false`, an embedded key, and keys to be fetched from a URL (`jku`, `x5u`) are refused
 * before anything looks at them (C-07). Answers `kid`.
 */
function checkHeader(
  header: Record<string, unknown>,
  typ: string | undefined,
  allowed: readonly string[],
): string | undefined {
  for (const member of Object.keys(header)) {
    if (!allowed.includes(member)) throw refused('an unexpected header member');
  }
  // The type stops a signature made for one purpose from passing for another (RFC 8725 §3.11).
  if (typ !== undefined && header.typ !== typ) throw refused('another typ');
  if (header.kid !== undefined && typeof header.kid !== 'string') throw refused('kid is not text');
  return header.kid;
}

function checkSignature({ header, signingInput, signature }: JwsParts, key: JwsKey): void {
  if (header.alg !== key.alg) throw refused('another alg than the key has');
  if (!verifySignature(Buffer.from(signingInput, 'ascii'), signature, key)) throw refused('the signature does not fit');
}

function acceptableKey(jwk: unknown, cache: KeyCache | undefined): DeviceKey {
  if (!isPlainObject(jwk)) throw refused('no jwk');
  try {
    return checkDeviceKey(jwk, cache);
  } catch (cause) {
    throw refused('the embedded key is not acceptable', cause);
  }
}

function strictHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    return parseStrictObject(bytes, { maxDepth: 2 });
  } catch (cause) {
    throw refused('the header is not strict JSON', cause);
  }
}

function strictPayload(bytes: Uint8Array): Record<string, unknown> {
  try {
    return parseStrictObject(bytes);
  } catch (cause) {
    throw refused('the payload is not strict JSON', cause);
  }
}

/** One public message for every cause; the cause is for the log. */
function refused(why: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', {
    message: 'the signed token is not acceptable',
    detail: `JWS: ${why}`,
    cause,
  });
}
