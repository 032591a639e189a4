/** Signatures: statements by the phone's keys, and those of the server that the phone verifies. */
import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import { Type } from 'typebox';
import { type PublicJwk, strict } from '../protocol/common.ts';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';
import type { KeyName, KeyStore, SignOptions } from './key-store.ts';
import { matches, parseJson } from './matches.ts';
import type { TrustedKeys } from './trust.ts';

/** The public half of a key of this phone. Throws `key_store` where it is missing. */
export async function publicKeyOf(keys: KeyStore, name: KeyName): Promise<PublicJwk> {
  const jwk = await keys.publicKey(name);
  if (jwk === undefined) throw new PhoneError('key_store', { detail: `there is no ${name} key` });
  return jwk;
}

/** RFC 7638 thumbprint with SHA-256. */
export async function thumbprintOf(jwk: PublicJwk): Promise<string> {
  return calculateJwkThumbprint({ ...jwk } as JWK);
}

/** What is signed: `typ` keeps one kind of statement from passing for another (RFC 8725 §3.11). */
export interface Statement {
  readonly typ: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A compact JWS by a key of this phone; the header names the key by its thumbprint. */
export async function signStatement(
  keys: KeyStore,
  name: KeyName,
  { typ, claims }: Statement,
  options?: SignOptions,
): Promise<string> {
  const jwk = await publicKeyOf(keys, name);
  return signCompact(keys, name, { header: { typ, alg: algOf(jwk), kid: await thumbprintOf(jwk) }, claims, options });
}

/** Like {@link signStatement}, with the public key in the header as DPoP wants it (RFC 9449 §4.2). */
export async function signWithEmbeddedKey(keys: KeyStore, { typ, claims }: Statement): Promise<string> {
  const jwk = await publicKeyOf(keys, 'device');
  return signCompact(keys, 'device', { header: { typ, alg: algOf(jwk), jwk }, claims });
}

async function signCompact(
  keys: KeyStore,
  name: KeyName,
  signed: { readonly header: unknown; readonly claims: unknown; readonly options?: SignOptions | undefined },
): Promise<string> {
  const input = `${encodeJson(signed.header)}.${encodeJson(signed.claims)}`;
  return `${input}.${toBase64url(await keys.sign(name, utf8(input), signed.options))}`;
}

function algOf(jwk: PublicJwk): 'ES256' | 'PS256' {
  return jwk.kty === 'EC' ? 'ES256' : 'PS256';
}

function encodeJson(value: unknown): string {
  return toBase64url(utf8(JSON.stringify(value)));
}

/**
 * Verifies a compact JWS of the server under a trusted key and gives its payload, or `undefined` where its key is not among the
 * trusted ones (a newer key set may have it). Throws `server_not_authentic` for everything else that does not fit.
 */
export async function verifyServerJws(
  jws: string,
  typ: string,
  trusted: TrustedKeys,
): Promise<{ payload: unknown } | undefined> {
  // One spelling only: otherwise an altered copy would verify, and its hash would be another one.
  if (!jws.split('.').every((part) => fromBase64url(part) !== undefined))
    throw notAuthentic('a signature is not canonical');
  const header = parseJson(decodeText(jws.split('.')[0] ?? '')) as { readonly kid?: unknown } | null | undefined;
  const known = trusted.signing.find(({ kid }) => kid === header?.kid);
  if (known === undefined) return undefined;
  try {
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK({ ...known.jwk } as JWK, 'ES256'), {
      algorithms: ['ES256'],
    });
    if (protectedHeader.typ !== typ) throw notAuthentic('a signature is for another purpose');
    return { payload: parseJson(fromUtf8(payload)) };
  } catch (cause) {
    if (cause instanceof PhoneError) throw cause;
    throw notAuthentic('a signature is wrong', cause);
  }
}

/** The header of a JWS by the server: these members and no other (protocol §2). */
const ServerHeader = strict({
  alg: Type.Literal('ES256'),
  typ: Type.String(),
  kid: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
});

/**
 * What a compact JWS says before anybody has verified it, or `undefined` where it has not the form of one by the server as `expected`:
 * only to judge whether it is worth another look at the server's keys.
 */
export function unverifiedJws(jws: string, expected: string): { payload: unknown } | undefined {
  const [header = '', payload = '', signature = '', ...rest] = jws.split('.');
  const said = parseJson(decodeText(header));
  const isOfServer = matches(ServerHeader, said) && said.typ === expected;
  if (!isOfServer || rest.length > 0 || fromBase64url(signature)?.length !== 64) return undefined;
  return { payload: parseJson(decodeText(payload)) };
}

function decodeText(part: string): string {
  try {
    return fromUtf8(fromBase64url(part) ?? new Uint8Array());
  } catch {
    return '';
  }
}

function notAuthentic(detail: string, cause?: unknown): PhoneError {
  return new PhoneError('server_not_authentic', { detail, cause });
}
