/** What is too long for one reply, kept in parts: each is read, opened and given alone, whatever the length of the whole. */
import { encodeBase64url } from '../crypto/bytes.ts';
import type { OrderListed } from '../protocol/orders.ts';
import type { OrderDeps } from './deps.ts';
import { partBytes } from './parts.ts';

type KeptDeps = Pick<OrderDeps, 'shortLived' | 'sealing'>;

/** Of each kind there is one at most of an order, or of whatever else it belongs to. */
export interface Kept {
  readonly kind: 'list' | 'document' | 'receipt';
  /** An id. */
  readonly of: string;
}

const keyOf = ({ kind, of }: Kept, part: number): string => `order-${kind}:{${of}}:${part}`;
/** The number of parts is sealed with each of them, so that whoever writes the store cannot make it another. */
const contextOf = ({ kind, of }: Kept, part: number, parts: string): string => `orders.${kind}:${of}:${part}/${parts}`;

/** Keeps it sealed for that long, in milliseconds; what is kept already stays. */
export async function keepParts(deps: KeptDeps, name: Kept, bytes: Uint8Array, lifetimeMs: number): Promise<void> {
  const parts = String(Math.ceil(bytes.length / partBytes));
  for (let part = 0; part < Number(parts); part += 1) {
    const slice = bytes.subarray(part * partBytes, (part + 1) * partBytes);
    const sealed = deps.sealing.seal(slice, contextOf(name, part, parts));
    await deps.shortLived.create(keyOf(name, part), `${parts} ${sealed}`, lifetimeMs);
  }
}

/** One part, counted from 0; undefined where there is no such part, or none any more. */
export async function keptPart(deps: KeptDeps, name: Kept, part: number): Promise<OrderListed | undefined> {
  const stored = await deps.shortLived.get(keyOf(name, part));
  if (stored === undefined) return undefined;
  const [parts = '', sealed = ''] = stored.value.split(' ');
  return { bytes: encodeBase64url(deps.sealing.open(sealed, contextOf(name, part, parts))), parts: Number(parts) };
}
