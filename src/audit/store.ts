/** What the audit trail needs of a store. */
import type { AuditEvent } from './events.ts';

/** One record as it is written; `data` holds what the event's entry in `events.ts` allows and no secret. */
export interface AuditRecord {
  readonly event: AuditEvent;
  readonly actor: string;
  readonly companyId?: string | undefined;
  readonly userId?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly orderId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface AuditEntry extends AuditRecord {
  readonly seq: number;
  readonly at: number;
  readonly previousHash: string;
  readonly hash: string;
}

/** What a search is narrowed to; every member that is set must hold. */
export interface AuditFilter {
  readonly companyId?: string | undefined;
  readonly userId?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly orderId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly event?: string | undefined;
  readonly actor?: string | undefined;
  /** No index of its own: to be set beside what narrows a search. */
  readonly requestId?: string | undefined;
  /** Epoch-milliseconds, included. */
  readonly from?: number | undefined;
  /** Epoch-milliseconds, not included. */
  readonly until?: number | undefined;
}

/** The first and the last record of a time. Clocks of several servers differ, so what lies between them may be of another time. */
export interface AuditSpan {
  readonly first: number;
  readonly last: number;
}

/** Which part of what a search finds. */
export interface AuditPage {
  readonly order: 'oldest' | 'newest';
  /** Only records behind this one, in the order that is asked for. */
  readonly after?: number | undefined;
  readonly limit: number;
  /** The answer of `span` for the filter's time, where it is known already. */
  readonly span?: AuditSpan | undefined;
}

/** The place and hash of one record. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export interface AuditStore {
  /** Appends to the chain; inside a transaction it commits with the act it records. */
  append(record: AuditRecord, at: number): Promise<AuditEntry>;
  /**
   * Takes back a record that a restored backup has lost, from a copy: only the one that follows on the head, by its number, its link
   * and its hash; false for any other.
   */
  extend(entry: AuditEntry): Promise<boolean>;
  /** Entries with `seq` greater than `after`, oldest first. */
  read(after: number, limit: number, filter?: AuditFilter): Promise<AuditEntry[]>;
  /** Entries that the filter fits, a page at a time. */
  search(filter: AuditFilter, page: AuditPage): Promise<AuditEntry[]>;
  /** Where the records of a time begin and end; undefined where there are none. */
  span(from: number | undefined, until: number | undefined): Promise<AuditSpan | undefined>;
  head(): Promise<AuditHead>;
}

/** head: the chain's head at some time · cut: up to here the trail was exported and cut off. */
export type StatementKind = 'head' | 'cut';

/** A signed statement about one record of the chain, as it is kept. */
export interface KeptStatement {
  readonly seq: number;
  readonly at: number;
  /** Compact JWS; undefined where what is kept was not written by this server or was altered. */
  readonly statement: string | undefined;
}

/** Signed statements about the chain, sealed at rest, so that who can write the database alone cannot make or move one. */
export interface CheckpointStore {
  /** The head, held until the transaction ends: nothing is appended meanwhile. Only inside of a transaction. */
  lockHead(): Promise<AuditHead>;
  /** False where there is one of that record already. */
  insert(kind: StatementKind, statement: { seq: number; at: number; statement: string }): Promise<boolean>;
  /** Those with `seq` greater than `after`, oldest first. */
  list(kind: StatementKind, after: number, limit: number): Promise<KeptStatement[]>;
  last(kind: StatementKind): Promise<KeptStatement | undefined>;
  /** The last one of kind `head` that is of this record or one before it. */
  before(seq: number): Promise<KeptStatement | undefined>;
  /** Removes up to `limit` records, and checkpoints, that the last cut covers, oldest first; answers how many records. */
  removeCut(limit: number): Promise<number>;
}

/** How far the trail was streamed; one worker at a time. */
export interface AuditStreamStore {
  /** Takes or keeps the stream; answers the last record that was streamed, or undefined where another worker has it. */
  claim(name: string, worker: string, at: number, leaseMs: number): Promise<number | undefined>;
  /** Notes the last record that was streamed; false where another worker took over. */
  advance(name: string, worker: string, seq: number): Promise<boolean>;
  release(name: string, worker: string): Promise<void>;
  /** The last record that was streamed; 0 where none was. */
  position(name: string): Promise<number>;
}
