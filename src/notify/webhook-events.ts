/** Which endpoints are told of an event, and what: written beside the audit record, in the same transaction. */
import type { AuditEvent } from '../audit/events.ts';
import type { AuditRecord, AuditStore } from '../audit/store.ts';
import { defaultRules } from '../companies/rules.ts';
import type { WebhookEvent } from '../protocol/admin.ts';
import type { RecordStore, Records } from '../store/records.ts';
import type { WebhookEndpoint } from './store.ts';

const policies = ['userLimit', 'deviceLimit', 'selfActivation', 'mpinLength'] as const;
const rules = Object.keys(defaultRules);

/**
 * Members of an event's record that are told besides ids and time. Only what a receiver has to act on: no names, no reasons that
 * somebody wrote, no addresses.
 */
const told = {
  'registration.finished': ['status'],
  'device.approved': [],
  'device.refused': [],
  'device.deactivated': [],
  'mpin.blocked': [],
  'mpin.changed': [],
  'order.reported': ['purpose'],
  'user.created': ['role', 'permissions'],
  'user.updated': ['roleBefore', 'roleAfter', 'permissionsBefore', 'permissionsAfter'],
  'user.suspended': [],
  'user.restored': [],
  'user.removed': [],
  'user.email_changed': [],
  'user.erased': [],
  'company.created': policies,
  'company.updated': [...policies, ...rules].flatMap((policy) => [`${policy}Before`, `${policy}After`]),
  'company.suspended': [],
  'company.restored': [],
  'company.closed': [],
} as const satisfies { readonly [Event in WebhookEvent]: readonly string[] } & Partial<Record<AuditEvent, unknown>>;

/** Whether the endpoint may be told of something that happened in that company, undefined for what belongs to none. */
export function mayHearOf(endpoint: WebhookEndpoint, companyId: string | undefined): boolean {
  return endpoint.companyId === undefined || endpoint.companyId === companyId;
}

/** What is sent: the members of a record that are told. `at` in epoch-milliseconds. */
export interface WebhookBody {
  readonly type: WebhookEvent | 'webhook.test';
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

/** The same records, telling webhooks of every event that is appended to the trail: none can be forgotten by who appends it. */
export function tellingRecords(records: RecordStore): RecordStore {
  return {
    ...records,
    audit: {
      ...records.audit,
      append: (record, at) =>
        isTold(record.event)
          ? records.transaction((inside) => tellingAudit(inside).append(record, at))
          : records.audit.append(record, at),
    },
    transaction: (work) => records.transaction((inside) => work({ ...inside, audit: tellingAudit(inside) })),
  };
}

function tellingAudit(records: Records): AuditStore {
  return {
    ...records.audit,
    append: async (record, at) => {
      // Before the record, whose head everybody else waits for.
      await tellEndpoints(records, record, at);
      return records.audit.append(record, at);
    },
  };
}

async function tellEndpoints(records: Records, record: AuditRecord, at: number): Promise<void> {
  const { event, companyId } = record;
  if (!isTold(event)) return;
  const endpoints = await records.webhooks.listening(companyId);
  // Judged again here: no fault in a store's filter may tell another company (T31, T32).
  const hearing = endpoints.filter((endpoint) => mayHearOf(endpoint, companyId) && wants(endpoint, event));
  if (hearing.length === 0) return;
  const payload = JSON.stringify(webhookBody(event, record, at));
  for (const { id } of hearing) {
    await records.outbox.enqueue({ kind: 'webhook', recipient: id, payload, about: event, isOrdered: true }, at);
  }
}

function webhookBody(event: WebhookEvent, record: AuditRecord, at: number): WebhookBody {
  const { companyId, userId, deviceId, orderId, clientId, data = {} } = record;
  const ids = { companyId, userId, deviceId, orderId, clientId };
  const present = Object.entries(ids).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const names: readonly string[] = told[event];
  const details = Object.entries(data).filter(([name]) => names.includes(name));
  return {
    type: event,
    timestamp: new Date(at).toISOString(),
    data: { ...Object.fromEntries(details), ...Object.fromEntries(present) },
  };
}

function isTold(event: AuditEvent): event is WebhookEvent {
  return Object.hasOwn(told, event);
}

function wants({ events }: WebhookEndpoint, event: WebhookEvent): boolean {
  return events.length === 0 || events.includes(event);
}
