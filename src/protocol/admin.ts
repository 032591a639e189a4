/** Wire schemas of the admin API: what an operator, or a company's own administration client, may send. */
import { type Static, Type } from 'typebox';
import { Id, PlainText, strict } from './common.ts';

const Limit = Type.Integer({ minimum: 1, maximum: 200 });
const Version = Type.Integer({ minimum: 1 });

export const CompanyId = Id('co');
export const UserId = Id('usr');
export const DeviceId = Id('dev');
export const ClientId = Type.String({ pattern: '^[A-Za-z0-9._-]{3,64}$' });

const policy = {
  userLimit: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  deviceLimit: Type.Integer({ minimum: 1, maximum: 20 }),
  selfActivation: Type.Boolean(),
  mpinLength: Type.Integer({ minimum: 5, maximum: 8 }),
};

export const CompanyCreate = strict({
  name: PlainText(120),
  userLimit: Type.Optional(policy.userLimit),
  deviceLimit: Type.Optional(policy.deviceLimit),
  selfActivation: Type.Optional(policy.selfActivation),
  mpinLength: Type.Optional(policy.mpinLength),
});
export type CompanyCreate = Static<typeof CompanyCreate>;

export const CompanyUpdate = strict({
  version: Version,
  name: Type.Optional(PlainText(120)),
  status: Type.Optional(Type.Union([Type.Literal('active'), Type.Literal('suspended'), Type.Literal('closed')])),
  userLimit: Type.Optional(policy.userLimit),
  deviceLimit: Type.Optional(policy.deviceLimit),
  selfActivation: Type.Optional(policy.selfActivation),
  mpinLength: Type.Optional(policy.mpinLength),
});
export type CompanyUpdate = Static<typeof CompanyUpdate>;

const Role = Type.Union([Type.Literal('user'), Type.Literal('administrator')]);
const Permissions = Type.Union([Type.Literal('mtoken'), Type.Literal('full')]);
/** Which ones there are, the server says in the refusal of another. */
const Language = Type.String({ pattern: '^[a-z]{2,3}$' });
const Locale = Type.String({ pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$' });

export const UserCreate = strict({
  companyId: CompanyId,
  name: PlainText(120),
  email: Type.String({ minLength: 3, maxLength: 254 }),
  role: Type.Optional(Role),
  permissions: Type.Optional(Permissions),
  locale: Type.Optional(Locale),
  language: Type.Optional(Language),
});
export type UserCreate = Static<typeof UserCreate>;

export const UserUpdate = strict({
  version: Version,
  name: Type.Optional(PlainText(120)),
  role: Type.Optional(Role),
  permissions: Type.Optional(Permissions),
  locale: Type.Optional(Locale),
  /** Null: none. */
  language: Type.Optional(Type.Union([Type.Null(), Language])),
});
export type UserUpdate = Static<typeof UserUpdate>;

export const Reason = strict({ reason: PlainText(200) });
export type Reason = Static<typeof Reason>;

export const CompanyList = strict({ after: Type.Optional(CompanyId), limit: Type.Optional(Limit) });
export const UserList = strict({
  companyId: Type.Optional(CompanyId),
  after: Type.Optional(UserId),
  limit: Type.Optional(Limit),
});
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
  Type.Literal('webhook'),
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
  'company.created',
  'company.updated',
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
