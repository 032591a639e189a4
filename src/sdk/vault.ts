/**
 * What a phone keeps that is nobody's business while it is locked: AES-256-GCM under the vault key, which the server gives out with
 * each session and the phone forgets with it.
 */
import { type Bytes, fromBase64url, fromUtf8, randomBytes, toBase64url, utf8 } from './bytes.ts';
import { parseJson } from './matches.ts';

const ivBytes = 12;

/** Seals a value of JSON as text. `purpose` is bound in: what was sealed for one phone or use opens for no other. */
export async function sealInVault(vaultKey: Bytes, purpose: string, value: unknown): Promise<string> {
  const iv = randomBytes(ivBytes);
  const key = await importKey(vaultKey, 'encrypt');
  const data = utf8(JSON.stringify(value));
  const sealed = await globalThis.crypto.subtle.encrypt(parameters(iv, purpose), key, data);
  return toBase64url(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
}

/** The value, unjudged; `undefined` where it was sealed under another key or for another purpose, or was changed. */
export async function openFromVault(vaultKey: Bytes, purpose: string, sealed: string): Promise<unknown> {
  const bytes = fromBase64url(sealed);
  if (bytes === undefined) return undefined;
  try {
    const key = await importKey(vaultKey, 'decrypt');
    const [iv, data] = [bytes.slice(0, ivBytes), bytes.slice(ivBytes)];
    const opened = await globalThis.crypto.subtle.decrypt(parameters(iv, purpose), key, data);
    return parseJson(fromUtf8(new Uint8Array(opened)));
  } catch {
    return undefined;
  }
}

async function importKey(vaultKey: Bytes, usage: 'encrypt' | 'decrypt') {
  return globalThis.crypto.subtle.importKey('raw', vaultKey, 'AES-GCM', false, [usage]);
}

function parameters(iv: Bytes, purpose: string) {
  return { name: 'AES-GCM', iv, additionalData: utf8(purpose) };
}
