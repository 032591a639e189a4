/** The browser's key store: WebCrypto keys that cannot be read out, kept in IndexedDB. */
import type { CryptoKey } from 'jose';
import { PhoneError } from './errors.ts';
import type { KeyName, KeyStore } from './key-store.ts';
import { webBiometrics } from './web-biometrics.ts';
import { generateSecretKey, generateSigningKeys, macSha512, type SigningKeys, signEs256 } from './web-keys.ts';

/** The few parts of IndexedDB that are used here, so that this file compiles without the types of a browser. */
interface IdbRequest<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}
interface IdbTransaction {
  readonly error: unknown;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  onerror: (() => void) | null;
  objectStore(name: string): {
    get(key: string): IdbRequest<unknown>;
    put(value: unknown, key: string): unknown;
    delete(key: string): unknown;
    clear(): unknown;
  };
}
interface IdbDatabase {
  createObjectStore(name: string): unknown;
  transaction(name: string, mode: string, options?: { durability: string }): IdbTransaction;
  close(): void;
}
interface IdbFactory {
  open(name: string, version: number): IdbRequest<IdbDatabase> & { onupgradeneeded: (() => void) | null };
}

/**
 * Keeps one phone in the database `name` (`mtoken-phone` unless told otherwise) of this origin. The biometric key is released by
 * WebAuthn: see web-biometrics.ts. Ask `navigator.storage.persist()` before registering, so that the browser does not evict the keys.
 */
export function indexedDbKeyStore(name = 'mtoken-phone'): KeyStore {
  const read = async (key: string): Promise<unknown> =>
    inDatabase(name, async (database) => {
      const request = database.transaction(storeName, 'readonly').objectStore(storeName).get(key);
      return settled(request);
    });
  const write = async (key: string, value: unknown): Promise<void> =>
    change(name, (store) => void store.put(value, key));
  const biometrics = webBiometrics({
    read: async () => read('biometric'),
    write: async (kept) => write('biometric', kept),
  });
  const keysOf = async (key: KeyName): Promise<SigningKeys | undefined> => (await read(key)) as SigningKeys | undefined;

  return {
    createKey: async (key) => {
      if (key === 'biometric') return biometrics.create();
      const pair = await generateSigningKeys({ extractable: false });
      await write(key, pair);
      return pair.publicJwk;
    },
    publicKey: async (key) => (key === 'biometric' ? biometrics.publicKey() : (await keysOf(key))?.publicJwk),
    sign: async (key, data, options) => {
      if (key === 'biometric') return biometrics.sign(data, options);
      const pair = await keysOf(key);
      if (pair === undefined) throw new PhoneError('key_store', { detail: `there is no ${key} key` });
      return signEs256(pair.privateKey, data);
    },
    assert: async (challenge, options) => biometrics.assert(challenge, options),
    removeKey: async (key) =>
      key === 'biometric' ? biometrics.remove() : change(name, (store) => void store.delete(key)),
    createSecret: async () => write('secret', await generateSecretKey({ extractable: false })),
    mac: async (data) => {
      const secret = (await read('secret')) as CryptoKey | undefined;
      if (secret === undefined) throw new PhoneError('key_store', { detail: 'there is no device secret' });
      return macSha512(secret, data);
    },
    readState: async () => (await read('state')) as string | undefined,
    writeState: async (text) => write('state', text),
    erase: async () => {
      await biometrics.remove();
      await change(name, (store) => void store.clear());
    },
  };
}

const storeName = 'phone';

async function change(name: string, act: (store: ReturnType<IdbTransaction['objectStore']>) => void): Promise<void> {
  await inDatabase(name, async (database) => {
    // Strict: the promise may settle only when the key is on the disk, or a crash after registration would lose it.
    const transaction = database.transaction(storeName, 'readwrite', { durability: 'strict' });
    act(transaction.objectStore(storeName));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(failure(transaction.error));
      transaction.onerror = () => reject(failure(transaction.error));
    });
  });
}

async function inDatabase<T>(name: string, use: (database: IdbDatabase) => Promise<T>): Promise<T> {
  const { indexedDB } = globalThis as unknown as { readonly indexedDB?: IdbFactory };
  if (indexedDB === undefined) throw failure('there is no IndexedDB here');
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => void opening.result.createObjectStore(storeName);
  const database = await settled(opening);
  try {
    return await use(database);
  } finally {
    database.close();
  }
}

async function settled<T>(request: IdbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(failure(request.error));
  });
}

function failure(cause: unknown): PhoneError {
  return new PhoneError('key_store', { detail: 'IndexedDB', cause });
}
