/** What the outbox needs of a store. */

export type OutboxKind = 'email' | 'backchannel_logout';

export interface OutboxMessage {
  readonly id: string;
  readonly kind: OutboxKind;
  /** Whom it is for, as an id (user or client), never an address. */
  readonly recipient: string;
  /** JSON, sealed under the data key at rest. */
  readonly payload: string;
  readonly attempts: number;
  readonly createdAt: number;
}

export interface OutboxStore {
  /** Written in the transaction of the event it tells of. */
  enqueue(message: { kind: OutboxKind; recipient: string; payload: string }, at: number): Promise<string>;
  /** Leases up to `limit` due messages to `worker` until `at + leaseMs`; no two workers get the same one. */
  claim(worker: string, at: number, leaseMs: number, limit: number): Promise<OutboxMessage[]>;
  markSent(id: string, worker: string, at: number): Promise<void>;
  /** Counts the failure; `nextAt` undefined makes it dead. */
  markFailed(id: string, worker: string, error: string, nextAt: number | undefined): Promise<void>;
  count(status: 'pending' | 'sent' | 'dead'): Promise<number>;
}
