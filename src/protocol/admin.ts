/** Wire schemas of the admin API: what an operator, or a company's own administration client, may send. */
import { type Static, Type } from 'typebox';
import { Id, PlainText, strict } from './common.ts';

/** What the outbox delivers, in the order in which it is listed. */
export const outboxKinds = [
  'email',
  'backchannel_logout',
  'backchannel_request',
  'backchannel_ping',
  'webhook',
  'portal_webhook',
  'push',
] as const;

export const Limit = Type.Integer({ minimum: 1, maximum: 200 });
export const Version = Type.Integer({ minimum: 1 });

export const CompanyId = Id('co');
export const UserId = Id('usr');
export const DeviceId = Id('dev');
export const ClientId = Type.String({ pattern: '^[A-Za-z0-9._-]{3,64}$' });

/** `shown`, unless told: the answer has the activation, and the confirmation code goes by e-mail; `email`: the other way about. */
export const ActivationCreate = strict({
  delivery: Type.Optional(Type.Union([Type.Literal('shown'), Type.Literal('email')])),
});
export type ActivationCreate = Static<typeof ActivationCreate>;

export const Reason = strict({ reason: PlainText(200) });
export type Reason = Static<typeof Reason>;

export const DeviceList = strict({
  companyId: Type.Optional(CompanyId),
  userId: Type.Optional(UserId),
  status: Type.Optional(
    Type.Union([
      Type.Literal('pending'),
      Type.Literal('active'),
      Type.Literal('blocked'),
      Type.Literal('deactivated'),
      Type.Literal('refused'),
    ]),
  ),
  after: Type.Optional(DeviceId),
  limit: Type.Optional(Limit),
});
export const ClientList = strict({ after: Type.Optional(ClientId), limit: Type.Optional(Limit) });
const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Instant = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });
const auditFilter = {
  companyId: Type.Optional(CompanyId),
  userId: Type.Optional(UserId),
  deviceId: Type.Optional(DeviceId),
  orderId: Type.Optional(Id('ord')),
  clientId: Type.Optional(ClientId),
  event: Type.Optional(Type.String({ pattern: '^[a-z]{1,20}\\.[a-z_]{1,30}$' })),
  actor: Type.Optional(PlainText(128)),
  /** Epoch-milliseconds; `from` is included, `until` is not. */
  from: Type.Optional(Instant),
  until: Type.Optional(Instant),
};
/** `after` is the record behind which the page begins, in the order that is asked for. */
export const AuditList = strict({
  ...auditFilter,
  order: Type.Optional(Type.Union([Type.Literal('oldest'), Type.Literal('newest')])),
  after: Type.Optional(Seq),
  limit: Type.Optional(Limit),
});
export const AuditExport = strict({
  ...auditFilter,
  format: Type.Optional(Type.Union([Type.Literal('jsonl'), Type.Literal('csv')])),
});

/** `metadata` is OpenID Connect client metadata (OIDC Registration §2); the server checks every member. */
export const ClientCreate = strict({
  id: ClientId,
  kind: Type.Union([Type.Literal('portal'), Type.Literal('admin')]),
  name: PlainText(80),
  companyId: Type.Optional(CompanyId),
  metadata: Type.Record(Type.String(), Type.Unknown()),
});
export type ClientCreate = Static<typeof ClientCreate>;

export const ClientUpdate = strict({
  version: Version,
  name: Type.Optional(PlainText(80)),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type ClientUpdate = Static<typeof ClientUpdate>;

/** `immediately`: use new keys at once; `withoutOverlap`: erase replaced keys now, for one that is known to others. */
export const KeysRotate = strict({
  immediately: Type.Optional(Type.Boolean()),
  withoutOverlap: Type.Optional(Type.Boolean()),
});
export type KeysRotate = Static<typeof KeysRotate>;

/** Every kind is said in a word of its own, so that an empty body moves nothing. */
const MessageKind = Type.Union([
  Type.Literal('all'),
  Type.Literal('email'),
  Type.Literal('backchannel_logout'),
  Type.Literal('backchannel_request'),
  Type.Literal('backchannel_ping'),
  Type.Literal('webhook'),
  Type.Literal('portal_webhook'),
  Type.Literal('push'),
]);
export const MessageId = Id('box');
export const DeadLetterList = strict({ after: Type.Optional(MessageId), limit: Type.Optional(Limit) });
/** All dead letters, or those of one kind. */
export const ResendAll = strict({ kind: MessageKind });
export type ResendAll = Static<typeof ResendAll>;

/** What webhooks tell of, by the names of the audit trail. */
export const webhookEvents = [
  'registration.finished',
  'device.approved',
  'device.refused',
  'device.deactivated',
  'mpin.blocked',
  'mpin.changed',
  'order.reported',
  'user.created',
  'user.updated',
  'user.suspended',
  'user.restored',
  'user.removed',
  'user.email_changed',
  'user.erased',
  'company.created',
  'company.updated',
  'company.suspended',
  'company.restored',
  'company.closed',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

const WebhookEvents = Type.Array(Type.Union(webhookEvents.map((event) => Type.Literal(event))), {
  maxItems: webhookEvents.length,
  uniqueItems: true,
});
export const WebhookId = Id('whk');
export const WebhookList = strict({ after: Type.Optional(WebhookId), limit: Type.Optional(Limit) });

/** No `companyId`: told of every company. No `events`, or none in it: all of them. The server judges the address. */
export const WebhookCreate = strict({
  name: PlainText(80),
  url: Type.String({ minLength: 8, maxLength: 500 }),
  companyId: Type.Optional(CompanyId),
  events: Type.Optional(WebhookEvents),
});
export type WebhookCreate = Static<typeof WebhookCreate>;

/** How long messages are signed with the replaced secret too; a day unless told. */
export const WebhookRotate = strict({ overlapHours: Type.Optional(Type.Integer({ minimum: 0, maximum: 168 })) });
export type WebhookRotate = Static<typeof WebhookRotate>;
