/** Delivers what the outbox holds: leased, in order where it has one, tried again with growing pauses, given up after a day, never lost. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { randomToken } from '../crypto/random.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';
import type { OutboxKind, OutboxMessage } from './store.ts';

/** Topic on which every worker hears that something was enqueued. Hearing it late or never costs a second. */
export const outboxTopic = 'outbox.wake';

/** Delivers one message or throws; it may be called again for a message that was delivered, when a process died after it. */
export type Deliver = (message: OutboxMessage) => Promise<void>;

export interface OutboxDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly clock: Clock;
  readonly deliverers: Readonly<Record<OutboxKind, Deliver>>;
  readonly log: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface OutboxOptions {
  /** How long to wait for a wake-up before looking again; 1 s unless told. */
  readonly pollMs?: number;
  /** How long one claim may take before others may have its messages; 60 s unless told. */
  readonly leaseMs?: number;
  /** Messages of one kind delivered at the same time; 20 unless told. */
  readonly concurrency?: number;
  /** After so many failures a message is dead; 100 unless told, which is about a day. */
  readonly maxAttempts?: number;
  /** The longest pause between two tries; 20 min unless told: after an outage nobody should wait for long. */
  readonly maxPauseMs?: number;
  /** 0 to 1, for the jitter; for tests. */
  readonly random?: () => number;
}

export interface OutboxWorker {
  /** Stops claiming and waits for deliveries under way, at most `graceMs` (5 s unless told). What is not done stays in the outbox. */
  stop(graceMs?: number): Promise<void>;
}

const defaults: Required<OutboxOptions> = {
  pollMs: 1_000,
  leaseMs: 60_000,
  concurrency: 20,
  maxAttempts: 100,
  maxPauseMs: 20 * 60_000,
  random: () => randomInt(1_000_000) / 1_000_000,
};

/** Calls every worker at once; for after the commit of what was enqueued. Never throws. */
export async function wakeOutbox(shortLived: ShortLivedStore): Promise<void> {
  await shortLived.publish(outboxTopic, '').catch(() => undefined);
}

/**
 * Starts to deliver, in the background, until it is stopped. Any number of processes may run one. Each kind of message has a turn of its
 * own, so that neither a mail server nor receivers that hang hold up a logout.
 */
export function startOutboxWorker(deps: OutboxDeps, options: OutboxOptions = {}): OutboxWorker {
  const settings = { ...defaults, ...options };
  const worker = `worker_${randomToken(9)}`;
  const stopping = new AbortController();
  const kinds = (Object.keys(deps.deliverers) as OutboxKind[]).map((kind) => ({ kind, bell: createBell() }));
  const ring = (): void => {
    for (const { bell } of kinds) bell.ring();
  };
  const listening = deps.shortLived.subscribe(outboxTopic, ring).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'the outbox cannot hear of new messages and looks for them every second');
    return () => undefined;
  });
  const running = Promise.all(
    kinds.map(({ kind, bell }) => run({ deps, settings, worker, kind, bell, signal: stopping.signal })),
  );
  return {
    stop: async (graceMs = 5_000) => {
      stopping.abort();
      ring();
      (await listening)();
      const timer = new AbortController();
      const grace = sleep(graceMs, undefined, { ref: false, signal: timer.signal }).catch(() => undefined);
      await Promise.race([running, grace]);
      timer.abort();
    },
  };
}

interface Work {
  readonly deps: OutboxDeps;
  readonly settings: Required<OutboxOptions>;
  readonly worker: string;
  readonly kind: OutboxKind;
  readonly bell: Bell;
  readonly signal: AbortSignal;
}

async function run(work: Work): Promise<void> {
  const { deps, settings, bell, signal } = work;
  const underWay = new Set<Promise<void>>();
  while (!signal.aborted) {
    const room = settings.concurrency - underWay.size;
    let claimed = 0;
    try {
      claimed = room > 0 ? await deliverDue(work, underWay, room) : 0;
    } catch (error) {
      // The store is down: nothing is lost, and the next look may find it up again.
      deps.log.warn({ err: error }, 'the outbox could not be read');
    }
    if ((claimed < room || room === 0) && !signal.aborted) await bell.wait(settings.pollMs);
  }
  await Promise.all(underWay);
}

/** Begins as many deliveries as there is room for, without waiting: a mail server that hangs holds up no logout. */
async function deliverDue(work: Work, underWay: Set<Promise<void>>, room: number): Promise<number> {
  const { deps, settings, worker, kind, bell } = work;
  const { leaseMs } = settings;
  const messages = await deps.records.outbox.claim({ worker, at: deps.clock.now(), leaseMs, limit: room, kind });
  for (const message of messages) {
    const delivery = deliverOne(work, message)
      .catch((error: unknown) => {
        // Its lease runs out and it is sent again: twice rather than never.
        deps.log.warn({ err: error, messageId: message.id }, 'the outbox could not be written');
      })
      .finally(() => {
        underWay.delete(delivery);
        // There is room again, and the next one in order may be due.
        bell.ring();
      });
    underWay.add(delivery);
  }
  return messages.length;
}

async function deliverOne({ deps, settings, worker }: Work, message: OutboxMessage): Promise<void> {
  const { id, kind, attempts } = message;
  try {
    await withinLease(deps.deliverers[kind](message), settings.leaseMs);
  } catch (error) {
    const failures = attempts + 1;
    const isDead = failures >= settings.maxAttempts || error instanceof UndeliverableError;
    const nextAt = isDead ? undefined : deps.clock.now() + pauseAfter(failures, settings);
    await deps.records.outbox.markFailed(id, worker, errorText(error), nextAt);
    const fields = { messageId: id, kind, worker, attempts: failures, error: errorText(error) };
    if (isDead) deps.log.error(fields, 'an outbox message is given up');
    else deps.log.warn(fields, 'an outbox message could not be delivered yet');
    return;
  }
  await deps.records.outbox.markSent(id, worker, deps.clock.now());
}

/** Fails before the lease runs out, so that no other worker delivers what this one is still trying to. */
async function withinLease(delivery: Promise<void>, leaseMs: number): Promise<void> {
  const timer = new AbortController();
  const tooLate = sleep(leaseMs * 0.8, undefined, { ref: false, signal: timer.signal }).then(() => {
    throw new Error('the delivery took too long');
  });
  try {
    await Promise.race([delivery, tooLate]);
  } finally {
    tooLate.catch(() => undefined);
    timer.abort();
  }
}

/** Thrown by a deliverer where trying again cannot help: the message is dead at once. */
export class UndeliverableError extends Error {
  override readonly name = 'UndeliverableError';
}

/** Doubling from one second, the second half of it by chance, so that all that failed together does not come back together. */
function pauseAfter(failures: number, { maxPauseMs, random }: Required<OutboxOptions>): number {
  const full = Math.min(maxPauseMs, 1_000 * 2 ** (failures - 1));
  return Math.ceil(full / 2 + (full / 2) * random());
}

/** Mail servers repeat the address that they refuse; neither the record nor the log may hold it in clear (C-13). */
function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown';
  return text.replace(/[^\s<>"']+@[^\s<>"']+/g, '<address>').slice(0, 300);
}

interface Bell {
  ring(): void;
  /** Resolves when it rings, at once if it rang since the last wait, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void>;
}

function createBell(): Bell {
  let rang = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rang = true;
      wake?.();
    },
    wait: async (timeoutMs) => {
      if (!rang) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          // Waiting for messages must not keep a process alive that has nothing else to do.
          timer.unref();
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rang = false;
      wake = undefined;
    },
  };
}
