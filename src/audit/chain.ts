/** The hash that chains audit records: pure, so that anyone can verify an exported trail offline. */
import { hash } from 'node:crypto';
import { frame } from '../crypto/bytes.ts';
import type { AuditEntry, AuditRecord } from './store.ts';

const version = 'mtoken/audit/v1';

/** A record's data as the one text that is hashed and stored: JSON with its names in order. */
export function auditDataText(data: AuditRecord['data']): string {
  const entries = Object.entries(data ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify(Object.fromEntries(entries));
}

/**
 * SHA-256 (64 lower-case hex digits) over every field and the previous record's hash. Each part follows its length, and a field
 * that is absent differs from an empty one, so that no change of a record keeps its hash. `dataText` is the text of its data, where
 * it is known already.
 */
export function auditHash(entry: Omit<AuditEntry, 'hash'>, dataText = auditDataText(entry.data)): string {
  const parts = [
    version,
    String(entry.seq),
    String(entry.at),
    entry.event,
    entry.actor,
    present(entry.companyId),
    present(entry.userId),
    present(entry.deviceId),
    present(entry.orderId),
    present(entry.clientId),
    present(entry.address),
    present(entry.requestId),
    dataText,
    entry.previousHash,
  ];
  return hash('sha256', frame(parts), 'hex');
}

function present(value: string | undefined): string {
  return value === undefined ? '' : `=${value}`;
}
