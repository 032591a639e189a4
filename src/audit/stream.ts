/** Sends the trail on as it grows: every record that is committed, in order, at least once, beside the requests that write it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { randomToken } from '../crypto/random.ts';
import type { RecordStore } from '../store/records.ts';
import type { AuditEntry } from './store.ts';

/** Where records go. */
export interface AuditSink {
  /** Names the place: a new name is sent the whole trail. */
  readonly name: string;
  /** Resolves when the records were handed over, however long the reader takes; rejects where some may not have been. */
  write(entries: readonly AuditEntry[]): Promise<void>;
  close(): void;
}

export interface AuditStreamDeps {
  readonly records: Pick<RecordStore, 'audit' | 'auditStreams'>;
  readonly clock: Clock;
  readonly sink: AuditSink;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

export interface AuditStreamOptions {
  /** How often it is looked for new records; 1 s unless told. */
  readonly pollMs?: number;
  /** How long the stream stays with a process that died; 30 s unless told. */
  readonly leaseMs?: number;
  /** Records handed over at a time; 200 unless told. */
  readonly pageSize?: number;
}

export interface AuditStream {
  /** Stops; a reader that does not read is waited for no longer than `graceMs` (2 s unless told). What is not sent is sent next time. */
  stop(graceMs?: number): Promise<void>;
}

interface Lease {
  readonly position: number;
  readonly until: number;
}

interface Work {
  readonly deps: AuditStreamDeps;
  readonly options: Required<AuditStreamOptions>;
  readonly worker: string;
  readonly stopping: AbortController;
}

/** Starts to send. Any number of processes may do so: one of them has the stream, another takes over when it ends. */
export function startAuditStream(deps: AuditStreamDeps, options: AuditStreamOptions = {}): AuditStream {
  const work: Work = {
    deps,
    options: { pollMs: 1_000, leaseMs: 30_000, pageSize: 200, ...options },
    worker: `stream_${randomToken(9)}`,
    stopping: new AbortController(),
  };
  const running = run(work);
  return {
    stop: async (graceMs = 2_000) => {
      work.stopping.abort();
      const timer = new AbortController();
      await Promise.race([running, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
      deps.sink.close();
    },
  };
}

async function run(work: Work): Promise<void> {
  const { deps, options, worker, stopping } = work;
  let lease: Lease | undefined;
  let failures = 0;
  while (!stopping.signal.aborted) {
    try {
      const before: Lease | undefined = lease;
      lease = await step(work, lease);
      if (failures > 0) deps.log.info({ count: failures }, 'the audit stream goes on');
      failures = 0;
      if (lease === undefined || lease.position === before?.position) await pause(options.pollMs, stopping);
    } catch (err) {
      // What was handed over may not have arrived: it is sent again from the last position that was noted.
      lease = undefined;
      failures += 1;
      if (failures === 1) deps.log.warn({ err }, 'the audit stream is interrupted; what it misses is sent later');
      await pause(Math.min(30_000, options.pollMs * 2 ** Math.min(failures, 5)), stopping);
    }
  }
  await deps.records.auditStreams.release(deps.sink.name, worker).catch(() => undefined);
}

/** One page on, if this process has the stream. */
async function step({ deps, options, worker }: Work, held: Lease | undefined): Promise<Lease | undefined> {
  const { records, clock, sink } = deps;
  const lease = await keep({ deps, options, worker }, held);
  if (lease === undefined) return undefined;
  const page = await records.audit.read(lease.position, options.pageSize);
  const last = page.at(-1);
  if (last === undefined) return lease;
  await sink.write(page);
  // Another process took over while a slow reader held this one up: it has sent the same or more.
  if (!(await records.auditStreams.advance(sink.name, worker, last.seq))) return undefined;
  return { position: last.seq, until: lease.until > clock.now() ? lease.until : 0 };
}

/** The lease is written when half of it is over, so that an idle stream writes nothing most of the time. */
async function keep(
  { deps, options, worker }: Omit<Work, 'stopping'>,
  held: Lease | undefined,
): Promise<Lease | undefined> {
  const now = deps.clock.now();
  if (held !== undefined && now < held.until - options.leaseMs / 2) return held;
  const position = await deps.records.auditStreams.claim(deps.sink.name, worker, now, options.leaseMs);
  return position === undefined ? undefined : { position, until: now + options.leaseMs };
}

async function pause(milliseconds: number, { signal }: AbortController): Promise<void> {
  await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}

/** How many records wait to be sent; for watching that nobody stopped reading. */
export async function streamLag({ audit, auditStreams }: AuditStreamDeps['records'], name: string): Promise<number> {
  const [{ seq }, position] = await Promise.all([audit.head(), auditStreams.position(name)]);
  return seq - position;
}
