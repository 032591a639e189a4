/** Remembers the newest head of the audit trail outside of the database: in Redis, or beside the embedded database in a file. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { ShortLivedStore, Versioned } from '../store/ports.ts';
import type { SeenHead, Witness } from './store.ts';

/** Ten years: longer than any server stands still, and begun anew with every record. */
const lifetimeMs = 3650 * 86_400_000;

const schema = Compile(
  Type.Object({ trail: Type.String(), seq: Type.Integer({ minimum: 0 }), hash: Type.String() }, {}),
);

/** In the short-lived store that all servers of an issuer share. */
export function sharedWitness(shortLived: ShortLivedStore, issuer: string): Witness {
  const key = `audit.seen:{${encodeBase64url(sha256(issuer))}}`;
  const write = async (head: SeenHead, mayReplace: (seen: SeenHead | undefined) => boolean): Promise<void> => {
    const value = JSON.stringify(head);
    for (;;) {
      const found: Versioned | undefined = await shortLived.get(key);
      if (!mayReplace(found && parse(found.value))) return;
      const isWritten =
        found === undefined
          ? await shortLived.create(key, value, lifetimeMs)
          : await shortLived.compareAndSet(key, found.version, value, lifetimeMs);
      if (isWritten) return;
    }
  };
  return {
    where: 'Redis',
    read: async () => {
      const found = await shortLived.get(key);
      return found && parse(found.value);
    },
    raise: (head) => write(head, (seen) => isNewer(head, seen)),
    replace: (head) => write(head, () => true),
  };
}

/** In a file of this machine, for the embedded database, which one server alone has. */
export function fileWitness(path: string): Witness {
  const read = async (): Promise<SeenHead | undefined> => {
    try {
      return parse(await readFile(path, 'utf8'));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  const replace = async (head: SeenHead): Promise<void> => {
    // Never half a file: who reads sees the old one or the new one.
    const next = `${path}.${randomToken()}`;
    await writeFile(next, `${JSON.stringify(head)}\n`, { mode: 0o600 });
    await rename(next, path);
  };
  return {
    where: path,
    read,
    raise: async (head) => {
      if (isNewer(head, await read())) await replace(head);
    },
    replace,
  };
}

function isNewer(head: SeenHead, seen: SeenHead | undefined): boolean {
  return seen === undefined || seen.trail !== head.trail || seen.seq < head.seq;
}

/** What cannot be read must not pass for "nothing was seen". */
function parse(text: string): SeenHead {
  const value: unknown = JSON.parse(text);
  if (schema.Check(value)) return value;
  throw new AuthError('unavailable', { detail: 'the note of the newest audit head cannot be read' });
}
