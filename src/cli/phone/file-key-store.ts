/** The key store of the phone in the terminal: one private file. A stand-in for a secure element, for trials and tests. */
import type { JWK } from 'jose';
import { type KeyName, type KeyStore, PhoneError } from '../../sdk/index.ts';
import {
  exportPrivateJwk,
  generateSigningKeys,
  importSecretKey,
  importSigningKeys,
  macSha512,
  type SigningKeys,
  signEs256,
} from '../../sdk/web-keys.ts';
import type { PhoneHome } from './home.ts';

interface PhoneFile {
  readonly version: 1;
  readonly keys: Partial<Record<KeyName, JWK>>;
  readonly secret?: string;
  readonly state?: string;
}

const fileName = 'phone';

/** Keys as JWK, the device secret and the state in `phone.json` of the home folder. */
export function fileKeyStore(home: PhoneHome): KeyStore {
  const read = async (): Promise<PhoneFile> => {
    const file = ((await home.read(fileName)) ?? { version: 1, keys: {} }) as PhoneFile;
    if (file.version !== 1) throw new PhoneError('key_store', { detail: 'the file is of another version' });
    return file;
  };
  const change = async (members: Partial<PhoneFile>): Promise<void> =>
    home.write(fileName, { ...(await read()), ...members });
  const keysOf = async (name: KeyName): Promise<SigningKeys | undefined> => {
    const jwk = (await read()).keys[name];
    return jwk === undefined ? undefined : importSigningKeys(jwk);
  };

  return {
    createKey: async (name) => {
      const { privateKey, publicJwk } = await generateSigningKeys({ extractable: true });
      const { keys } = await read();
      await change({ keys: { ...keys, [name]: await exportPrivateJwk(privateKey) } });
      return publicJwk;
    },
    publicKey: async (name) => (await keysOf(name))?.publicJwk,
    sign: async (name, data) => {
      const keys = await keysOf(name);
      if (keys === undefined) throw new PhoneError('key_store', { detail: `there is no ${name} key` });
      return signEs256(keys.privateKey, data);
    },
    removeKey: async (name) => {
      const { [name]: _removed, ...keys } = (await read()).keys;
      await change({ keys });
    },
    createSecret: async () => {
      const secret = globalThis.crypto.getRandomValues(new Uint8Array(32));
      await change({ secret: Buffer.from(secret).toString('base64url') });
    },
    mac: async (data) => {
      const { secret } = await read();
      if (secret === undefined) throw new PhoneError('key_store', { detail: 'there is no device secret' });
      return macSha512(await importSecretKey(new Uint8Array(Buffer.from(secret, 'base64url'))), data);
    },
    readState: async () => (await read()).state,
    writeState: async (state) => change({ state }),
    erase: async () => home.remove(fileName),
  };
}
