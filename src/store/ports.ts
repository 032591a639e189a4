/** The two ports behind which every storage engine stands: durable SQL and short-lived keys. Types only. */

export type SqlValue = string | number | boolean | Uint8Array | null | undefined;
export type Row = Record<string, string | number | Uint8Array | null>;

/** Runs parameterised SQL of the portable subset (`$1` placeholders, epoch-milliseconds, JSON as text). */
export interface Sql {
  /** Rows returned by a SELECT or a RETURNING clause; an empty array where there are none. */
  query<T = Row>(text: string, values?: readonly SqlValue[]): Promise<T[]>;
  /** Runs a statement and tells how many rows it changed. */
  run(text: string, values?: readonly SqlValue[]): Promise<number>;
  /** Which engine answers, for the few places where SQL differs. */
  readonly dialect: 'sqlite' | 'postgres';
}

/** The record of truth. A resolved promise means committed and synced to disk. */
export interface DurableStore extends Sql {
  /** Runs `work` in one transaction; commits when it resolves, rolls back when it throws. Never nested. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Throws where the store cannot be used safely (unreachable, fsync off, migrations missing). */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** A short-lived value with the version that compare-and-set expects. */
export interface Versioned {
  readonly value: string;
  readonly version: number;
}

/** Outcome of taking an attempt from a budget. */
export type Reservation =
  | { readonly outcome: 'taken'; readonly count: number }
  | { readonly outcome: 'exhausted' }
  | { readonly outcome: 'missing' };

/**
 * Values that live for minutes. Every method is one atomic step; every mutating method carries an attempt id of its own
 * inside, so that a command which the client sends again after a lost reply cannot act twice.
 * Keys look like `order:{ord_x}`; all keys that one call touches share the hash tag in braces.
 * A store that is down makes every method throw `AuthError('unavailable')`.
 */
export interface ShortLivedStore {
  get(key: string): Promise<Versioned | undefined>;
  /** Creates the value unless the key is taken; tells whether it was created. `ttlMs` > 0. */
  create(key: string, value: string, ttlMs: number): Promise<boolean>;
  /** Writes only if the stored version is still `version`; tells whether it wrote. Keeps the remaining lifetime where `ttlMs` is absent. */
  compareAndSet(key: string, version: number, value: string, ttlMs?: number): Promise<boolean>;
  /** Reads and deletes in one step: of any number of callers exactly one gets the value. */
  take(key: string): Promise<string | undefined>;
  remove(key: string): Promise<void>;
  /** Sets the remaining lifetime of a live key; false where it is gone. */
  touch(key: string, ttlMs: number): Promise<boolean>;

  /** Takes one of `max` attempts if fewer are taken. `missing` where the counter is not there and must be seeded. */
  reserve(key: string, max: number, ttlMs: number): Promise<Reservation>;
  /** Raises the counter to at least `count`; never lowers it. */
  seed(key: string, count: number, ttlMs: number): Promise<void>;
  /** Gives one attempt back; never below zero. */
  release(key: string): Promise<void>;

  /** Counts a hit in a fixed window that begins with the first hit (its lifetime is set once, later hits never extend it). */
  hit(key: string, windowMs: number): Promise<{ readonly count: number; readonly resetMs: number }>;

  /** Tells every process, this one included. Best effort: a listener must also be able to read the state. */
  publish(topic: string, message: string): Promise<void>;
  /** Calls `listener` for every message on the topic until the returned function is called. */
  subscribe(topic: string, listener: (message: string) => void): Promise<() => void>;

  /** Throws where the store cannot be used safely. */
  check(): Promise<void>;
  close(): Promise<void>;
}
