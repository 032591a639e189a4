/** All durable records behind one door: each capability's interface, and a transaction over them. Types only. */

import type { IdempotencyStore } from '../admin/store.ts';
import type { ApprovalStore } from '../approvals/store.ts';
import type { AuditStore, AuditStreamStore, CheckpointStore } from '../audit/store.ts';
import type { CompanyStore, UserStore } from '../companies/store.ts';
import type { DeviceStore } from '../devices/store.ts';
import type { ServerKeyStore } from '../keys/store.ts';
import type { AttemptStore } from '../lockout/store.ts';
import type { OutboxStore, PortalWebhookStore, WebhookStore } from '../notify/store.ts';
import type { BackchannelStore, ClientStore, OidcStore } from '../oidc/store.ts';
import type { ActivationStore } from '../registration/store.ts';
import type { RestoreStore } from '../restore/store.ts';
import type { RiskStore } from '../risk/store.ts';
import type { SigningStore } from '../signing/store.ts';
import type { TermsStore } from '../terms/store.ts';

export interface Records {
  readonly companies: CompanyStore;
  readonly users: UserStore;
  readonly devices: DeviceStore;
  readonly attempts: AttemptStore;
  readonly activations: ActivationStore;
  readonly keys: ServerKeyStore;
  readonly clients: ClientStore;
  readonly oidc: OidcStore;
  readonly backchannel: BackchannelStore;
  readonly audit: AuditStore;
  readonly checkpoints: CheckpointStore;
  readonly auditStreams: AuditStreamStore;
  readonly outbox: OutboxStore;
  readonly webhooks: WebhookStore;
  readonly portalWebhooks: PortalWebhookStore;
  readonly restore: RestoreStore;
  readonly idempotency: IdempotencyStore;
  readonly terms: TermsStore;
  readonly approvals: ApprovalStore;
  readonly signings: SigningStore;
  readonly risk: RiskStore;
  /** True where the bank has a gateway that nudges phones. */
  readonly isPushing?: boolean;
}

export interface RecordStore extends Records {
  /** Runs `work` over records that commit together or not at all. Never nested. */
  transaction<T>(work: (records: Records) => Promise<T>): Promise<T>;
}
