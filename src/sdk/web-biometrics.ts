/**
 * The biometric key of a browser. Where the authenticator has the PRF extension, a signing key that is kept only wrapped under its
 * output, so that each signature takes a finger or face; where it has not, the WebAuthn credential itself.
 */
import type { CryptoKey } from 'jose';
import type { PublicJwk } from '../protocol/common.ts';
import { label } from '../protocol/names.ts';
import { type Bytes, randomBytes, utf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';
import type { CredentialAssertion, SignOptions } from './key-store.ts';
import { ecdsaP256, generateSigningKeys, importSpki, signEs256 } from './web-keys.ts';
import { askUser, forgetCredential, makeCredential } from './webauthn.ts';

/** As kept. Nothing of it signs without the authenticator that made the credential. */
interface Kept {
  /** Names this phone to the authenticator, and nobody to anybody else. */
  readonly handle: Bytes;
  readonly key?: {
    readonly publicJwk: PublicJwk;
    readonly id: Bytes;
    readonly wrapped?: { readonly salt: Bytes; readonly iv: Bytes; readonly data: ArrayBuffer };
  };
}

/** How long a key that was just made may sign without a finger, once. */
const freshMs = 30_000;

type KeptKey = NonNullable<Kept['key']>;
type Wrapped = KeptKey & Required<Pick<KeptKey, 'wrapped'>>;

/** Where it is kept. */
export interface BiometricShelf {
  read(): Promise<unknown>;
  write(kept: unknown): Promise<void>;
}

export interface WebBiometrics {
  create(): Promise<PublicJwk>;
  publicKey(): Promise<PublicJwk | undefined>;
  sign(data: Bytes, options?: SignOptions): Promise<Bytes>;
  assert(challenge: Bytes, options?: SignOptions): Promise<CredentialAssertion | undefined>;
  remove(): Promise<void>;
}

/** A biometric key over `shelf`. */
export function webBiometrics(shelf: BiometricShelf): WebBiometrics {
  // The person was checked a moment ago, when the key was made: its first signature, if it follows soon, asks for no second finger.
  let fresh: CryptoKey | undefined;
  const keepFresh = (key: CryptoKey | undefined): void => {
    fresh = key;
    setTimeout(() => {
      if (fresh === key) fresh = undefined;
    }, freshMs);
  };
  const read = async (): Promise<Kept | undefined> => (await shelf.read()) as Kept | undefined;
  const keyOf = async (): Promise<KeptKey> => {
    const key = (await read())?.key;
    if (key === undefined) throw new PhoneError('key_store', { detail: 'there is no biometric key' });
    return key;
  };
  return {
    create: async () => {
      const handle = (await read())?.handle ?? randomBytes(32);
      const { key, unwrapped } = await makeKey(handle);
      await shelf.write({ handle, key });
      keepFresh(unwrapped);
      return key.publicJwk;
    },
    publicKey: async () => (await read())?.key?.publicJwk,
    sign: async (data, options) => {
      const key = await keyOf();
      const first = fresh;
      fresh = undefined;
      return signEs256(first ?? (await askForKey(key, options)), data);
    },
    assert: async (challenge, options) => {
      const { id, wrapped } = await keyOf();
      if (wrapped !== undefined) return undefined;
      return (await askUser({ id, challenge, signal: options?.signal })).assertion;
    },
    remove: async () => {
      fresh = undefined;
      const kept = await read();
      if (kept?.key === undefined) return;
      await shelf.write({ handle: kept.handle });
      await forgetCredential(kept.key.id);
    },
  };
}

async function makeKey(handle: Bytes): Promise<{ key: KeptKey; unwrapped?: CryptoKey }> {
  const salt = randomBytes(32);
  const { id, spki, prf } = await makeCredential(handle, salt);
  const secret = prf === true ? (await askUser({ id, salt })).prf : prf;
  if (secret === undefined || secret === false) {
    if (spki === undefined)
      throw new PhoneError('biometric_unavailable', { detail: 'a credential without a known key' });
    return { key: { publicJwk: await importSpki(spki), id } };
  }
  const { privateKey, publicJwk } = await generateSigningKeys({ extractable: true });
  const iv = randomBytes(12);
  const key = await wrappingKey(secret);
  const data = await globalThis.crypto.subtle.wrapKey('pkcs8', privateKey, key, sealing(iv, publicJwk));
  const kept = { publicJwk, id, wrapped: { salt, iv, data } };
  return { key: kept, unwrapped: await unwrap(kept, key) };
}

/** The key for one signature: it cannot be read out, and is gone with the call. */
async function askForKey(key: KeptKey, options: SignOptions | undefined): Promise<CryptoKey> {
  const { wrapped } = key;
  if (wrapped === undefined) throw new PhoneError('key_store', { detail: 'this key signs assertions only' });
  const { prf } = await askUser({ id: key.id, salt: wrapped.salt, signal: options?.signal });
  try {
    if (prf !== undefined) return await unwrap({ ...key, wrapped }, await wrappingKey(prf));
  } catch {
    // Another output than that under which it was wrapped.
  }
  throw new PhoneError('biometric_lost');
}

async function unwrap({ publicJwk, wrapped }: Wrapped, key: CryptoKey): Promise<CryptoKey> {
  const { data, iv } = wrapped;
  const { subtle } = globalThis.crypto;
  return subtle.unwrapKey('pkcs8', data, key, sealing(iv, publicJwk), ecdsaP256, false, ['sign']);
}

/** AES-256-GCM; the public half is bound in, so that no other key can be put in the place of the one that is registered. */
function sealing(iv: Bytes, publicJwk: PublicJwk) {
  return { name: 'AES-GCM', iv, additionalData: utf8(JSON.stringify(publicJwk)) };
}

/** Overwrites the secret. */
async function wrappingKey(secret: Bytes): Promise<CryptoKey> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  secret.fill(0);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(label.biometricWrap) };
  return subtle.deriveKey(parameters, key, { name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey']);
}
