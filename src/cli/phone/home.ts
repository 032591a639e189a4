/** The folder in which the phone in the terminal keeps its files: private to one user, written whole or not at all. */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PhoneError } from '../../sdk/index.ts';

/** Small JSON files by name. With a passphrase they are encrypted (scrypt, AES-256-GCM). */
export interface PhoneHome {
  readonly folder: string;
  /** Throws `key_store` where the file is damaged, readable by others, or the passphrase is wrong. */
  read(name: string): Promise<unknown>;
  write(name: string, value: unknown): Promise<void>;
  remove(name: string): Promise<void>;
}

/** `--home`, MTOKEN_PHONE_HOME or `~/.mtoken-phone`. */
export function homeFolder(option: string | undefined): string {
  return option ?? process.env['MTOKEN_PHONE_HOME'] ?? join(homedir(), '.mtoken-phone');
}

/** Opens the folder; it is made at the first write. */
export function openHome(folder: string, passphrase: string | undefined): PhoneHome {
  const path = (name: string) => join(folder, `${name}.json`);
  return {
    folder,
    read: async (name) => {
      const text = await readPrivate(path(name));
      if (text === undefined) return undefined;
      try {
        const value = JSON.parse(text) as unknown;
        return isSealed(value) ? (JSON.parse(unseal(value, { name, passphrase })) as unknown) : value;
      } catch (cause) {
        if (cause instanceof PhoneError) throw cause;
        throw new PhoneError('key_store', { detail: `${path(name)} is damaged`, cause });
      }
    },
    write: async (name, value) => {
      const text = JSON.stringify(value);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await replaceFile(path(name), passphrase === undefined ? text : JSON.stringify(seal(text, { name, passphrase })));
    },
    remove: async (name) => rm(path(name), { force: true }),
  };
}

async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    // As ssh does: keys that other users can read are not used any more.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new PhoneError('key_store', { detail: `other users can read ${path}: chmod 600 it, or register again` });
    }
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (cause instanceof PhoneError) throw cause;
    throw new PhoneError('key_store', { detail: `${path} cannot be read`, cause });
  }
}

/** A crash leaves the old file or the new one: written beside it, synced, then renamed over it. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

interface SealedFile {
  readonly kdf: 'scrypt';
  readonly salt: string;
  readonly nonce: string;
  readonly box: string;
}

interface SealOptions {
  readonly name: string;
  readonly passphrase: string | undefined;
}

const tagBytes = 16;
const scryptCost = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

function isSealed(value: unknown): value is SealedFile {
  return typeof value === 'object' && value !== null && 'kdf' in value && value.kdf === 'scrypt';
}

function seal(text: string, { name, passphrase = '' }: SealOptions): SealedFile {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', scryptSync(passphrase, salt, 32, scryptCost), nonce);
  cipher.setAAD(Buffer.from(name));
  const box = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return {
    kdf: 'scrypt',
    salt: salt.toString('base64url'),
    nonce: nonce.toString('base64url'),
    box: box.toString('base64url'),
  };
}

function unseal({ salt, nonce, box }: SealedFile, { name, passphrase }: SealOptions): string {
  if (passphrase === undefined) {
    throw new PhoneError('key_store', { detail: 'this phone has a passphrase: set MTOKEN_PHONE_PASSPHRASE' });
  }
  const key = scryptSync(passphrase, Buffer.from(salt, 'base64url'), 32, scryptCost);
  const bytes = Buffer.from(box, 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(name));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new PhoneError('key_store', { detail: 'the passphrase is wrong, or a file was altered', cause });
  }
}
