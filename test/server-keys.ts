/** The RSA key of the servers of a test run: making one costs more than all else of a start, so that a worker makes one. */
import { generateServerKey, type RsaBits } from '../src/keys/generate.ts';
import type { ServerKey } from '../src/keys/store.ts';
import type { RecordStore } from '../src/store/records.ts';

const alg = 'RSA-OAEP-256';
const made = new Map<RsaBits, Promise<ServerKey>>();

function rsaKey(rsaBits: RsaBits): Promise<ServerKey> {
  const key = made.get(rsaBits) ?? generateServerKey({ alg, rsaBits, status: 'active', at: 0 });
  made.set(rsaBits, key);
  return key;
}

/** Gives a store that has no keys yet its RSA key, as the server would at its first start; the server finds it and makes the others. */
export async function giveRsaKey(
  records: RecordStore,
  { at, rsaBits = 3072 }: { at: number; rsaBits?: RsaBits },
): Promise<void> {
  if ((await records.keys.list()).length > 0) return;
  const key: ServerKey = { ...(await rsaKey(rsaBits)), createdAt: at, activatedAt: at };
  await records.transaction(async (inside) => {
    await inside.keys.insert(key);
    const data = { kid: key.kid, alg, from: 'none', to: key.status };
    await inside.audit.append({ event: 'keys.created', actor: 'server', data }, at);
  });
}
