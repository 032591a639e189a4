/** Codes that a person types instead of scanning: twelve digits that name an order for two minutes and allow nothing else. */
import { typedCode } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { OrderDeps } from './deps.ts';
import { type Order, orderTimes } from './order.ts';

/** For how long a code is accepted. */
export const typedCodeLifetimeMs = 120_000;
/** Wrong codes of one device, and for how long they count after the last of them: docs/decisions/0008-typed-codes.md has the arithmetic. */
export const typedMisses = { max: 10, windowMs: 600_000 } as const;

/** Kept longer than it is accepted, so that a phone whose reply was lost is told again what it has claimed. */
const retainMs = typedCodeLifetimeMs + orderTimes.decideLogin;
/** Twice the same code of 10^12 is rare, so many times in a row a fault. */
const maxDraws = 8;
const maxRounds = 64;

type TypedDeps = Pick<OrderDeps, 'shortLived' | 'sealing' | 'clock'>;

/** A code and the order it stands for; the code itself is not kept. */
interface Kept {
  readonly orderId: string;
  readonly until: number;
}

const codeKeyOf = (lookup: string): string => `order-code:{${lookup}}`;
/** Names the one code of an order that is alive. */
const currentKeyOf = (orderId: string): string => `order-code-of:{${orderId}}`;

/** The look-up value under which a code finds its order: the store holds no code in clear. */
function lookupOf({ sealing }: Pick<OrderDeps, 'sealing'>, code: string): string {
  return sealing.lookup(code, 'orders.typed-code');
}

export interface TypedCode {
  /** Twelve decimal digits; may begin with 0. */
  readonly code: string;
  /** Whole seconds for which it is accepted. */
  readonly secondsLeft: number;
}

/** A new code for a pending order; the one before it is dead from now on. Throws `order_unavailable` for an order in any other state. */
export async function newTypedCode(deps: TypedDeps, { terms, state }: Order): Promise<TypedCode> {
  if (state.name !== 'pending') throw new AuthError('order_unavailable', { detail: `typed code: ${state.name}` });
  const until = deps.clock.now() + typedCodeLifetimeMs;
  const code = await drawCode(deps, { orderId: terms.id, until });
  await makeCurrent(deps, terms.id, lookupOf(deps, code));
  return { code, secondsLeft: typedCodeLifetimeMs / 1000 };
}

async function drawCode(deps: TypedDeps, kept: Kept): Promise<string> {
  for (let draw = 0; draw < maxDraws; draw += 1) {
    const code = typedCode();
    if (await deps.shortLived.create(codeKeyOf(lookupOf(deps, code)), JSON.stringify(kept), retainMs)) return code;
  }
  throw new AuthError('internal', { detail: 'every typed code that was drawn is in use' });
}

/** Of parallel callers the last one's code lives, and only that. */
async function makeCurrent({ shortLived }: TypedDeps, orderId: string, lookup: string): Promise<void> {
  const key = currentKeyOf(orderId);
  for (let round = 0; round < maxRounds; round += 1) {
    const before = await shortLived.get(key);
    const isSet =
      before === undefined
        ? await shortLived.create(key, lookup, retainMs)
        : await shortLived.compareAndSet(key, before.version, lookup, retainMs);
    if (!isSet) continue;
    if (before !== undefined) await shortLived.remove(codeKeyOf(before.value));
    return;
  }
  throw new AuthError('unavailable', { detail: 'the typed code of an order changed too often' });
}

/** The order that a code names and whether the code may still be used; undefined for a code that there is not. */
export async function findByTypedCode(
  deps: TypedDeps,
  code: string,
): Promise<{ readonly orderId: string; readonly isFresh: boolean } | undefined> {
  const lookup = lookupOf(deps, code);
  const stored = await deps.shortLived.get(codeKeyOf(lookup));
  if (stored === undefined) return undefined;
  const { orderId, until } = JSON.parse(stored.value) as Kept;
  const current = await deps.shortLived.get(currentKeyOf(orderId));
  return { orderId, isFresh: current?.value === lookup && deps.clock.now() < until };
}

/**
 * Takes one of the guesses of a device before its code is looked at, so that parallel guesses count too. False where none is left.
 * Whoever was right gives it back with {@link returnGuess}.
 */
export async function takeGuess({ shortLived }: TypedDeps, deviceId: string): Promise<boolean> {
  const { max, windowMs } = typedMisses;
  const key = guessKeyOf(deviceId);
  const first = await shortLived.reserve(key, max, windowMs);
  if (first.outcome !== 'missing') return first.outcome === 'taken';
  await shortLived.seed(key, 0, windowMs);
  return (await shortLived.reserve(key, max, windowMs)).outcome === 'taken';
}

/** Gives back what {@link takeGuess} took. */
export async function returnGuess({ shortLived }: TypedDeps, deviceId: string): Promise<void> {
  await shortLived.release(guessKeyOf(deviceId));
}

const guessKeyOf = (deviceId: string): string => `order-code-misses:{${deviceId}}`;
