/** The life of the server's own keys: made at first start, published, used, kept for an overlap, erased. */
import type { Clock } from '../clock.ts';
import { AuthError } from '../errors.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';
import { generateServerKey, type KeyAlgorithm, type RsaBits } from './generate.ts';
import type { KeyStatus, ServerKey } from './store.ts';

/** Topic on which every process hears that keys changed; the message holds nothing. */
export const keysChangedTopic = 'keys.changed';

const hour = 3_600_000;
const day = 24 * hour;

export interface KeyDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly clock: Clock;
}

/** Which keys there are and for how long; times in milliseconds. */
export interface KeyPolicy {
  /** Also RS256, for portals that cannot verify ES256. */
  readonly rsaSigning: boolean;
  readonly rsaBits: RsaBits;
  /** How long a key is used before the next one takes its place. */
  readonly activeMs: number;
  /** How long a new key is published before it is used, so that every cache and phone knows it. */
  readonly publishMs: number;
  /** How long a replaced signing key is kept: a phone that was away for longer no longer knows a key that signs the set. */
  readonly signingOverlapMs: number;
  /** How long requests to a replaced envelope key are still opened. */
  readonly envelopeOverlapMs: number;
}

export const defaultKeyPolicy: KeyPolicy = {
  rsaSigning: false,
  rsaBits: 3072,
  activeMs: 90 * day,
  publishMs: day,
  signingOverlapMs: 180 * day,
  envelopeOverlapMs: 7 * day,
};

/** One change of one key. */
export interface KeyStep {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly from: KeyStatus | 'none';
  readonly to: KeyStatus;
}

/**
 * Makes the keys that are missing and answers what was made. Of any number of processes that start at once one makes them:
 * the store takes one active key of each algorithm.
 */
export async function ensureKeys(deps: KeyDeps, policy: KeyPolicy = defaultKeyPolicy): Promise<readonly KeyStep[]> {
  const isActive = (keys: readonly ServerKey[], alg: KeyAlgorithm): boolean =>
    keys.some((key) => key.alg === alg && key.status === 'active');
  const made: KeyStep[] = [];
  for (const alg of algorithms(policy)) {
    if (isActive(await deps.records.keys.list(), alg)) continue;
    const key = await generateServerKey({ alg, rsaBits: policy.rsaBits, status: 'active', at: deps.clock.now() });
    made.push(...(await unlessOthersDid(() => insertKey(deps, key, 'server'))));
    if (!isActive(await deps.records.keys.list(), alg)) {
      throw new AuthError('internal', { detail: `there is no active ${alg} key though one was made` });
    }
  }
  await announce(deps, made);
  return made;
}

export interface Rotation {
  /** Who asked for it, as the audit trail names it. */
  readonly actor: string;
  /** Use the new key at once, without publishing it first: for a key that is known to others. */
  readonly immediately?: boolean | undefined;
  /** Erase replaced keys now: what they signed or what was encrypted to them is refused from here on. */
  readonly withoutOverlap?: boolean | undefined;
  readonly policy?: KeyPolicy | undefined;
}

/**
 * Moves every algorithm one step on: publishes a next key where there is none, puts a published one into use after `publishMs`,
 * erases replaced ones after their overlap. Call it again to take the next step. Answers what changed.
 */
export async function rotateKeys(deps: KeyDeps, rotation: Rotation): Promise<readonly KeyStep[]> {
  return advance(deps, { ...rotation, isDue: () => true });
}

/** As `rotateKeys`, but begins only with keys that are as old as the policy lets them be. For a timer: doing it often is harmless. */
export async function maintainKeys(deps: KeyDeps, policy: KeyPolicy = defaultKeyPolicy): Promise<readonly KeyStep[]> {
  const begin = deps.clock.now() + policy.publishMs - policy.activeMs;
  return advance(deps, { actor: 'server', policy, isDue: (key) => (key.activatedAt ?? key.createdAt) <= begin });
}

type Advance = Rotation & { readonly isDue: (active: ServerKey) => boolean };

async function advance(deps: KeyDeps, options: Advance): Promise<readonly KeyStep[]> {
  const steps: KeyStep[] = [];
  for (const active of (await deps.records.keys.list()).filter(({ status }) => status === 'active')) {
    steps.push(...(await publishNext(deps, active, options)));
    steps.push(...(await activateNext(deps, active, options)));
  }
  steps.push(...(await retire(deps, options)));
  await announce(deps, steps);
  return steps;
}

async function publishNext(deps: KeyDeps, active: ServerKey, options: Advance): Promise<readonly KeyStep[]> {
  const { policy = defaultKeyPolicy, actor } = options;
  const { alg } = active;
  const keys = await deps.records.keys.list();
  if (keys.some((key) => key.alg === alg && key.status === 'next') || !options.isDue(active)) return [];
  const next = await generateServerKey({ alg, rsaBits: policy.rsaBits, status: 'next', at: deps.clock.now() });
  return unlessOthersDid(() => insertKey(deps, next, actor));
}

async function activateNext(deps: KeyDeps, active: ServerKey, options: Advance): Promise<readonly KeyStep[]> {
  const { policy = defaultKeyPolicy, actor, immediately = false } = options;
  const at = deps.clock.now();
  const next = (await deps.records.keys.list()).find(({ alg, status }) => alg === active.alg && status === 'next');
  if (next === undefined || (!immediately && at < next.createdAt + policy.publishMs)) return [];
  return unlessOthersDid(() =>
    moveKeys(deps, {
      // In this order: of each algorithm the store takes one active key.
      moves: [
        { key: active, to: 'retiring' },
        { key: next, to: 'active' },
      ],
      at,
      actor,
    }),
  );
}

async function retire(deps: KeyDeps, options: Advance): Promise<readonly KeyStep[]> {
  const { policy = defaultKeyPolicy, actor, withoutOverlap = false } = options;
  const at = deps.clock.now();
  const keys = await deps.records.keys.list();
  const steps: KeyStep[] = [];
  for (const key of keys.filter(({ status }) => status === 'retiring')) {
    const overlap = key.use === 'sig' ? policy.signingOverlapMs : policy.envelopeOverlapMs;
    if (!withoutOverlap && at < replacedAt(key, keys) + overlap) continue;
    const moves = [{ key, to: 'retired' }] as const;
    steps.push(...(await unlessOthersDid(() => moveKeys(deps, { moves, at, actor }))));
  }
  return steps;
}

/** Epoch-milliseconds; a key was replaced when the next one of its algorithm was put into use. */
export function replacedAt(key: ServerKey, keys: readonly ServerKey[]): number {
  const since = key.activatedAt ?? key.createdAt;
  const later = keys
    .filter(({ alg, kid, activatedAt }) => alg === key.alg && kid !== key.kid && (activatedAt ?? -1) >= since)
    .map(({ activatedAt }) => activatedAt ?? since);
  return later.length === 0 ? since : Math.min(...later);
}

function algorithms({ rsaSigning }: KeyPolicy): readonly KeyAlgorithm[] {
  return ['ES256', 'ECDH-ES', 'RSA-OAEP-256', ...(rsaSigning ? (['RS256'] as const) : [])];
}

function insertKey(deps: KeyDeps, key: ServerKey, actor: string): Promise<readonly KeyStep[]> {
  return deps.records.transaction(async (records) => {
    await records.keys.insert(key);
    const step = { kid: key.kid, alg: key.alg, from: 'none', to: key.status } as const;
    await records.audit.append({ event: 'keys.created', actor, data: { ...step } }, key.createdAt);
    return [step];
  });
}

/** All or none. The trail comes after the last row: see `devices/end.ts`. */
function moveKeys(
  { records: store }: KeyDeps,
  options: {
    readonly moves: readonly { readonly key: ServerKey; readonly to: KeyStatus }[];
    readonly at: number;
    readonly actor: string;
  },
): Promise<readonly KeyStep[]> {
  const { moves, at, actor } = options;
  return store.transaction(async (records) => {
    const steps: KeyStep[] = [];
    for (const { key, to } of moves) {
      if (!(await records.keys.move(key.kid, key.status, to, at))) throw new AuthError('conflict');
      steps.push({ kid: key.kid, alg: key.alg, from: key.status, to });
    }
    for (const step of steps) await records.audit.append({ event: 'keys.rotated', actor, data: { ...step } }, at);
    return steps;
  });
}

/** Another process may take the same step at the same time; then it is taken, and this one took none. */
async function unlessOthersDid(step: () => Promise<readonly KeyStep[]>): Promise<readonly KeyStep[]> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof AuthError && (error.code === 'already_exists' || error.code === 'conflict')) return [];
    throw error;
  }
}

/** Best effort: every process also reads the keys again by itself. */
async function announce(deps: KeyDeps, steps: readonly KeyStep[]): Promise<void> {
  if (steps.length > 0) await deps.shortLived.publish(keysChangedTopic, '').catch(() => undefined);
}
