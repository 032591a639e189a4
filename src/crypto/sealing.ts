/** Sealing at rest: authenticated encryption under the data keys, stable look-up values, and secrets derived for one purpose each. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AuthError } from '../errors.ts';
import { encodeBase64url, frame, hmacSha256, tryDecodeBase64url } from './bytes.ts';

const version = 'v1';
const nonceBytes = 12;
const tagBytes = 16;
/** Purposes are column names in the code, so a handful; the bound holds even if a caller forgets the colon. */
const maxCachedKeys = 256;
const keyIdPattern = /^[A-Za-z0-9_-]{1,32}$/;
/** The id of the key, if listed, from which look-up values and derived secrets come instead of the oldest data key. */
const lookupKeyId = 'lookup';

/** A key of exactly 32 random bytes from outside the data store. */
export interface DataKey {
  /** One to 32 letters, digits, `_`, `-`; written into every sealed value. */
  readonly id: string;
  readonly key: Uint8Array;
}

/** What stores use to keep secrets unreadable and still findable (C-13). */
export interface Sealing {
  /** Encrypts under the primary key. `context` names row and column, as `devices.verifier:dev_x`; the value opens under it only. */
  seal(plaintext: string | Uint8Array, context: string): string;
  /** Decrypts what any listed key sealed. Throws `internal` on an altered value, another context or an unknown key. */
  open(sealed: string, context: string): Uint8Array;
  /** Like `open`, for UTF-8 text. */
  openText(sealed: string, context: string): string;
  /** A stable 256-bit value (base64url) for finding `text` without storing it. `label` separates one use from another. */
  lookup(text: string, label: string): string;
}

/** Sealing and, beside it, secrets of their own for other purposes (C-11). */
export interface KeyedSealing extends Sealing {
  /** 32 bytes for the purpose `label` alone, such as the fake salts of unknown devices; stable while the data keys rotate. */
  deriveSecret(label: string): Uint8Array;
}

/**
 * Seals with AES-256-GCM: format `v1.<keyId>.<base64url of nonce, ciphertext, tag>`, random 96-bit nonce, a key for each purpose
 * (the context up to its first colon) by HKDF-SHA-256, version, key id and context as associated data.
 *
 * The first key is primary. To rotate, put the new key in front and keep the others: they still open. Look-up values and derived
 * secrets must not change with that, so they come from the **last** listed key, the oldest, and depend on its bytes alone. Before
 * the oldest key is dropped, list its bytes once more under the id `lookup`: that entry never seals nor opens anything, it only
 * carries look-ups and derived secrets on. Throws `internal` on unusable keys.
 */
export function createSealing(dataKeys: readonly DataKey[]): KeyedSealing {
  const { primary, byId, root } = arrange(dataKeys);
  const derivedKeys = new Map<string, Uint8Array>();

  const keyFor = (dataKey: DataKey, context: string): Uint8Array => {
    const purpose = context.split(':', 1)[0] ?? '';
    const name = `${dataKey.id}.${purpose}`;
    const cached = derivedKeys.get(name);
    if (cached !== undefined) return cached;
    if (derivedKeys.size >= maxCachedKeys) derivedKeys.clear();
    const key = derive(dataKey.key, ['mtoken/v1/seal', purpose]);
    derivedKeys.set(name, key);
    return key;
  };

  const lookupKeys = new Map<string, Uint8Array>();
  const lookupKeyFor = (label: string): Uint8Array => {
    const cached = lookupKeys.get(label);
    if (cached !== undefined) return cached;
    if (lookupKeys.size >= maxCachedKeys) lookupKeys.clear();
    const key = derive(root, ['mtoken/v1/lookup', label]);
    lookupKeys.set(label, key);
    return key;
  };

  const open = (sealed: string, context: string): Uint8Array => {
    const { keyId, box } = parseSealed(sealed, context);
    const dataKey = byId.get(keyId);
    if (dataKey === undefined) throw unreadable(context, `sealed under the unknown data key "${keyId}"`);
    return decrypt(box, { key: keyFor(dataKey, context), keyId, context });
  };

  return {
    seal: (plaintext, context) => {
      const box = encrypt(plaintext, { key: keyFor(primary, context), keyId: primary.id, context });
      return `${version}.${primary.id}.${encodeBase64url(box)}`;
    },
    open,
    openText: (sealed, context) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(open(sealed, context)),
    lookup: (text, label) => encodeBase64url(hmacSha256(lookupKeyFor(label), text)),
    deriveSecret: (label) => derive(root, ['mtoken/v1/secret', label]),
  };
}

interface BoxOptions {
  readonly key: Uint8Array;
  readonly keyId: string;
  readonly context: string;
}

function encrypt(plaintext: string | Uint8Array, { key, keyId, context }: BoxOptions): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData(keyId, context));
  const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext);
  return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]);
}

function decrypt(box: Uint8Array, { key, keyId, context }: BoxOptions): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes), { authTagLength: tagBytes });
  // The context is authenticated, so a box moved to another row or column does not open: no verifier can be swapped for another.
  decipher.setAAD(associatedData(keyId, context));
  decipher.setAuthTag(box.subarray(box.length - tagBytes));
  try {
    const body = decipher.update(box.subarray(nonceBytes, box.length - tagBytes));
    return new Uint8Array(Buffer.concat([body, decipher.final()]));
  } catch (cause) {
    throw unreadable(
      context,
      'altered, moved from another place, or sealed under other bytes of the same key id',
      cause,
    );
  }
}

function associatedData(keyId: string, context: string): Uint8Array {
  return frame([version, keyId, context]);
}

function parseSealed(sealed: string, context: string): { keyId: string; box: Uint8Array } {
  const [head, keyId, text, ...rest] = sealed.split('.');
  if (head !== version || keyId === undefined || text === undefined || rest.length > 0) {
    throw unreadable(context, 'not a sealed value of a known version');
  }
  const box = tryDecodeBase64url(text);
  if (box === undefined || box.length < nonceBytes + tagBytes) throw unreadable(context, 'truncated or not base64url');
  return { keyId, box };
}

/** The detail names place and cause for the operator and holds nothing of the value. */
function unreadable(context: string, why: string, cause?: unknown): AuthError {
  return new AuthError('internal', { detail: `a sealed value at ${context} cannot be opened: ${why}`, cause });
}

function derive(key: Uint8Array, info: readonly string[]): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), frame(info), 32));
}

function arrange(dataKeys: readonly DataKey[]): { primary: DataKey; byId: Map<string, DataKey>; root: Uint8Array } {
  const ids = new Set<string>();
  for (const { id, key } of dataKeys) {
    if (!keyIdPattern.test(id)) throw unusable(`the id "${id}" is not 1 to 32 letters, digits, "_" or "-"`);
    if (ids.has(id)) throw unusable(`the id "${id}" is listed twice`);
    if (key.length !== 32) throw unusable(`the key "${id}" has ${key.length} bytes instead of 32`);
    ids.add(id);
  }
  const sealingKeys = dataKeys.filter(({ id }) => id !== lookupKeyId);
  const primary = sealingKeys[0];
  const oldest = sealingKeys.at(-1);
  if (primary === undefined || oldest === undefined) throw unusable('there is none that may seal');
  const root = dataKeys.find(({ id }) => id === lookupKeyId) ?? oldest;
  return { primary, byId: new Map(sealingKeys.map((dataKey) => [dataKey.id, dataKey])), root: root.key };
}

function unusable(why: string): AuthError {
  return new AuthError('internal', { detail: `the data keys cannot be used: ${why}` });
}
