/** A key store that lives as long as the process: for tests and for trying things out. */
import type { CryptoKey } from 'jose';
import { PhoneError } from './errors.ts';
import type { KeyName, KeyStore } from './key-store.ts';
import { generateSecretKey, generateSigningKeys, macSha512, type SigningKeys, signEs256 } from './web-keys.ts';

/** Keys are WebCrypto keys that cannot be read out; everything is gone with the process. */
export function memoryKeyStore(): KeyStore {
  const keys = new Map<KeyName, SigningKeys>();
  let secret: CryptoKey | undefined;
  let state: string | undefined;
  return {
    createKey: async (name) => {
      const pair = await generateSigningKeys({ extractable: false });
      keys.set(name, pair);
      return pair.publicJwk;
    },
    publicKey: async (name) => keys.get(name)?.publicJwk,
    sign: async (name, data) => {
      const pair = keys.get(name);
      if (pair === undefined) throw new PhoneError('key_store', { detail: `there is no ${name} key` });
      return signEs256(pair.privateKey, data);
    },
    removeKey: async (name) => void keys.delete(name),
    createSecret: async () => {
      secret = await generateSecretKey({ extractable: false });
    },
    mac: async (data) => {
      if (secret === undefined) throw new PhoneError('key_store', { detail: 'there is no device secret' });
      return macSha512(secret, data);
    },
    readState: async () => state,
    writeState: async (text) => {
      state = text;
    },
    erase: async () => {
      keys.clear();
      secret = undefined;
      state = undefined;
    },
  };
}
