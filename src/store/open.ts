/** Puts the record stores of every capability behind one door, over any durable engine. */
import type { Sealing } from '../crypto/sealing.ts';
import { activationStore } from './activations.ts';
import { approvalStore } from './approvals.ts';
import { attemptStore } from './attempts.ts';
import { auditStore } from './audit.ts';
import { auditStreamStore, checkpointStore } from './audit-checkpoints.ts';
import { backchannelStore } from './backchannel.ts';
import { clientStore } from './clients.ts';
import { companyStore } from './companies.ts';
import { deviceStore } from './devices.ts';
import { idempotencyStore } from './idempotency.ts';
import { serverKeyStore } from './keys.ts';
import { oidcStore } from './oidc.ts';
import { outboxStore } from './outbox.ts';
import { portalWebhookStore } from './portal-webhooks.ts';
import type { DurableStore, Sql } from './ports.ts';
import type { RecordStore, Records } from './records.ts';
import { restoreStore } from './restore.ts';
import { riskStore } from './risk.ts';
import { signingStore } from './signings.ts';
import { termsStore } from './terms.ts';
import { userStore } from './users.ts';
import { webhookStore } from './webhooks.ts';

/** Records over `durable`; `transaction` gives the same records, bound to one transaction of it. */
export function openRecords(durable: DurableStore, sealing: Sealing): RecordStore {
  return {
    ...recordsOver(durable, sealing),
    transaction: (work) => durable.transaction((sql) => work(recordsOver(sql, sealing))),
  };
}

function recordsOver(sql: Sql, sealing: Sealing): Records {
  return {
    companies: companyStore(sql),
    users: userStore(sql, sealing),
    devices: deviceStore(sql, sealing),
    attempts: attemptStore(sql),
    activations: activationStore(sql),
    keys: serverKeyStore(sql, sealing),
    clients: clientStore(sql, sealing),
    oidc: oidcStore(sql, sealing),
    backchannel: backchannelStore(sql, sealing),
    audit: auditStore(sql),
    checkpoints: checkpointStore(sql, sealing),
    auditStreams: auditStreamStore(sql),
    outbox: outboxStore(sql, sealing),
    webhooks: webhookStore(sql, sealing),
    portalWebhooks: portalWebhookStore(sql, sealing),
    restore: restoreStore(sql),
    idempotency: idempotencyStore(sql, sealing),
    terms: termsStore(sql),
    approvals: approvalStore(sql, sealing),
    signings: signingStore(sql, sealing),
    risk: riskStore(sql, sealing),
  };
}
