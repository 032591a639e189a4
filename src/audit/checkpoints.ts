/** Signs the head of the audit chain from time to time, so that what was written before cannot be rewritten by who has the database alone. */
import type { Clock } from '../clock.ts';
import { AuthError } from '../errors.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { RecordStore } from '../store/records.ts';
import { signStatement } from './statement.ts';
import type { AuditHead, KeptStatement } from './store.ts';

export interface CheckpointDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly issuer: string;
  readonly keys: Pick<KeyRing, 'signCompact'>;
}

/** A signed head of the chain. */
export interface Checkpoint {
  readonly seq: number;
  readonly at: number;
  /** Compact JWS. */
  readonly statement: string;
}

/** When a checkpoint is due. */
export interface CheckpointPolicy {
  /** After so many records. */
  readonly records: number;
  /** After so many milliseconds in which a record was written. */
  readonly everyMs: number;
}

interface Look {
  readonly head: AuditHead;
  readonly last: KeptStatement | undefined;
}

/**
 * Signs the head as it is now and keeps the statement; the one that is there where nothing was recorded since. Undefined where the
 * trail is empty. Throws `conflict` where the trail is shorter than its last checkpoint: records are missing.
 */
export async function makeCheckpoint(deps: CheckpointDeps): Promise<Checkpoint | undefined> {
  return deps.records.transaction(async (records) => {
    const head = await records.checkpoints.lockHead();
    const last = await records.checkpoints.last('head');
    refuseShorter({ head, last });
    if (head.seq === 0) return undefined;
    if (last?.seq === head.seq && last.statement !== undefined) return { ...last, statement: last.statement };
    const at = deps.clock.now();
    const statement = await signStatement(deps.keys, 'head', {
      ...head,
      issuer: deps.issuer,
      issuedAt: Math.floor(at / 1000),
      previous: last?.seq ?? 0,
    });
    await records.checkpoints.insert('head', { seq: head.seq, at, statement });
    return { seq: head.seq, at, statement };
  });
}

function refuseShorter({ head, last }: Look): void {
  if (last === undefined || last.seq <= head.seq) return;
  const detail = `the audit trail ends at record ${head.seq}, and a checkpoint was made at record ${last.seq}`;
  throw new AuthError('conflict', { detail });
}

/** Whether one is due, without holding anything up. */
async function isDue({ records, clock }: CheckpointDeps, policy: CheckpointPolicy): Promise<boolean> {
  const last = await records.checkpoints.last('head');
  const head = await records.audit.head();
  refuseShorter({ head, last });
  const since = head.seq - (last?.seq ?? 0);
  if (since === 0) return false;
  return last === undefined || since >= policy.records || clock.now() >= last.at + policy.everyMs;
}

export interface CheckpointOptions extends CheckpointPolicy {
  /** How often it is looked whether one is due; 5 s unless told. */
  readonly lookMs?: number;
}

export interface CheckpointMaker {
  /** Signs the last head and stops; a store that does not answer is waited for no longer than `graceMs` (2 s unless told). */
  stop(graceMs?: number): Promise<void>;
}

/** Makes checkpoints while the process runs. Any number of processes may do so. */
export function startCheckpoints(
  deps: CheckpointDeps & { readonly log: { error(fields: object, message: string): void } },
  { lookMs = 5_000, ...policy }: CheckpointOptions,
): CheckpointMaker {
  let failure: string | undefined;
  let current: Promise<void> | undefined;
  const attempt = async (isWanted: () => Promise<boolean>): Promise<void> => {
    try {
      if (await isWanted()) await makeCheckpoint(deps);
      failure = undefined;
    } catch (err) {
      // Told once, not at every look: the next one tries again.
      const message = err instanceof Error ? err.message : String(err);
      if (message !== failure) deps.log.error({ err }, 'no checkpoint of the audit trail could be made');
      failure = message;
    }
  };
  const look = (): void => {
    current ??= attempt(() => isDue(deps, policy)).finally(() => {
      current = undefined;
    });
  };
  look();
  const timer = setInterval(look, lookMs);
  timer.unref();
  return {
    stop: async (graceMs = 2_000) => {
      clearInterval(timer);
      const last = (current ?? Promise.resolve()).then(() => attempt(async () => true));
      let grace: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        grace = setTimeout(resolve, graceMs);
      });
      await Promise.race([last, over]);
      clearTimeout(grace);
    },
  };
}
