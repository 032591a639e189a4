/** What the outbox and the webhooks need of a store. */
import type { outboxKinds, WebhookEvent } from '../protocol/admin.ts';

export type OutboxKind = (typeof outboxKinds)[number];
export type OutboxStatus = 'pending' | 'sent' | 'dead';

export interface NewOutboxMessage {
  readonly kind: OutboxKind;
  /** Whom it is for, as an id (user, client, endpoint or device), never an address. */
  readonly recipient: string;
  /** JSON, sealed under the data key at rest. */
  readonly payload: string;
  /** The name of the event that it tells of; nothing that is secret. */
  readonly about?: string | undefined;
  /** True: not before the earlier ordered messages of its kind to the same recipient have been delivered or given up. */
  readonly isOrdered?: boolean | undefined;
}

export interface OutboxMessage {
  readonly id: string;
  readonly kind: OutboxKind;
  readonly recipient: string;
  readonly payload: string;
  readonly attempts: number;
  readonly createdAt: number;
}

/** A message that was given up, as it may be shown: without what it says. */
export interface DeadLetter {
  readonly id: string;
  readonly kind: OutboxKind;
  readonly recipient: string;
  readonly about: string | undefined;
  readonly attempts: number;
  readonly lastError: string | undefined;
  readonly createdAt: number;
}

/** When a message was written and delivered, and what it told of. */
export interface SentMessage {
  readonly kind: OutboxKind;
  readonly about: string | null;
  readonly createdAt: number;
  /** Null where it was not delivered. */
  readonly sentAt: number | null;
}

export interface OutboxClaim {
  readonly worker: string;
  readonly at: number;
  readonly leaseMs: number;
  readonly limit: number;
  /** Messages of this kind alone; of any kind where absent. */
  readonly kind?: OutboxKind;
}

export interface OutboxStore {
  /** Written in the transaction of the event it tells of. Answers its id. */
  enqueue(message: NewOutboxMessage, at: number): Promise<string>;
  /**
   * Leases up to `limit` due messages to `worker` until `at + leaseMs`; no two workers get the same one. Of ordered messages of one kind
   * and recipient only the first that is neither delivered nor given up is due.
   */
  claim(claim: OutboxClaim): Promise<OutboxMessage[]>;
  markSent(id: string, worker: string, at: number): Promise<void>;
  /** Counts the failure; `nextAt` undefined makes it dead. */
  markFailed(id: string, worker: string, error: string, nextAt: number | undefined): Promise<void>;
  count(status: OutboxStatus): Promise<number>;
  /** What waits and what was given up, by kind; kinds without either are absent. */
  summary(): Promise<readonly { readonly kind: OutboxKind; readonly pending: number; readonly dead: number }[]>;
  /** When the oldest message that still waits was written; undefined where none waits. */
  oldestPendingAt(): Promise<number | undefined>;
  /** Dead letters in the order of their ids. */
  deadLetters(page: { readonly after?: string; readonly limit: number }): Promise<DeadLetter[]>;
  /** What was written to one recipient, as far as it is remembered, without what it says; oldest first. */
  sentTo(recipient: string): Promise<readonly SentMessage[]>;
  /** Makes a dead letter due again, with all its tries; false where there is no such dead letter. */
  revive(id: string, at: number): Promise<boolean>;
  /** Makes all dead letters (of a kind) due again and answers how many. */
  reviveAll(at: number, kind?: OutboxKind): Promise<number>;
  /** Removes up to `limit` rows: delivered before `sentBefore`, or dead and written before `deadBefore`. Answers how many. */
  purge(terms: { readonly sentBefore: number; readonly deadBefore: number; readonly limit: number }): Promise<number>;
}

/** An address of the bank or of a company that is told of events. */
export interface WebhookEndpoint {
  readonly id: string;
  /** The one company whose events it is told of; undefined: every company's. */
  readonly companyId: string | undefined;
  readonly name: string;
  readonly url: string;
  /** Empty: all. */
  readonly events: readonly WebhookEvent[];
  readonly status: 'active' | 'disabled';
  /** `whsec_` and base64; sealed at rest. */
  readonly secret: string;
  /** The secret before the last rotation: until then messages are signed with it too. */
  readonly previous: { readonly secret: string; readonly until: number } | undefined;
  readonly createdAt: number;
  readonly version: number;
}

export interface WebhookStore {
  insert(endpoint: WebhookEndpoint): Promise<void>;
  find(id: string): Promise<WebhookEndpoint | undefined>;
  list(after: string | undefined, limit: number): Promise<WebhookEndpoint[]>;
  /** Active endpoints that may hear of a company: its own, and those of every company. Of no company: the latter alone. */
  listening(companyId: string | undefined): Promise<WebhookEndpoint[]>;
  /** Writes name, address, events, status and secrets if the stored version is still this one; tells whether it wrote. */
  update(endpoint: WebhookEndpoint): Promise<boolean>;
  /** Erases previous secrets whose overlap ended before `at`. */
  forgetPrevious(at: number): Promise<void>;
}

/** What signs the messages to a portal's own `signing_webhook_uri`. */
export interface PortalWebhook {
  readonly clientId: string;
  /** `whsec_` and base64; sealed at rest. */
  readonly secret: string;
  /** The secret before the last rotation: until then messages are signed with it too. */
  readonly previous: { readonly secret: string; readonly until: number } | undefined;
}

export interface PortalWebhookStore {
  find(clientId: string): Promise<PortalWebhook | undefined>;
  /** Inserts or replaces it. */
  save(webhook: PortalWebhook): Promise<void>;
  remove(clientId: string): Promise<void>;
  /** Erases previous secrets whose overlap ended before `at`. */
  forgetPrevious(at: number): Promise<void>;
}
