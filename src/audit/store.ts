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

export interface AuditStore {
  /** Appends to the chain; inside a transaction it commits with the act it records. */
  append(record: AuditRecord, at: number): Promise<AuditEntry>;
  /** Entries with `seq` greater than `after`, oldest first. */
  read(
    after: number,
    limit: number,
    filter?: { companyId?: string; userId?: string; deviceId?: string },
  ): Promise<AuditEntry[]>;
  head(): Promise<{ readonly seq: number; readonly hash: string }>;
}
