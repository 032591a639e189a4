/**
 * Wire schemas of what the admin API answers. A schema with a title is a component of the OpenAPI document. They are strict here, so that
 * nothing is sent that is not described; who reads must ignore members that a later version adds.
 */
import { type TSchema, Type } from 'typebox';
import { outboxKinds, webhookEvents } from './admin.ts';

function view<T extends Record<string, TSchema>>(title: string, properties: T) {
  return Type.Object(properties, { additionalProperties: false, title });
}

const oneOf = (words: readonly string[]) => Type.Union(words.map((word) => Type.Literal(word)));
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Text = Type.String();
const Time = Type.Integer({ description: 'epoch-milliseconds' });
const Count = Type.Integer({ minimum: 0 });
const Version = Type.Integer({ minimum: 1, description: 'rises with every change; also the ETag' });

/** A page of rows; `next` goes into `after` of the next request, and is null on the last page. */
function page<T extends TSchema, K extends TSchema>(title: string, item: T, next: K) {
  return view(title, { items: Type.Array(item), next: orNull(next) });
}

const LoginHours = Type.Object(
  { days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 })), from: Text, until: Text, timeZone: Text },
  { additionalProperties: false, description: 'weekdays (1 is Monday) and hours in which users may log in' },
);
const action = { action: oneOf(['off', 'warn', 'step-up', 'delay', 'deny']) };
const RiskRulesView = view('RiskRules', {
  newDevice: Type.Object({ ...action, hours: Count }, { additionalProperties: false }),
  newPayee: Type.Object(action, { additionalProperties: false }),
  amount: Type.Object(
    {
      ...action,
      limits: Type.Array(
        Type.Object(
          { currency: Text, amount: Type.Integer({ description: 'minor units' }) },
          { additionalProperties: false },
        ),
      ),
    },
    { additionalProperties: false },
  ),
  unusualHour: Type.Object({ ...action, hours: orNull(LoginHours) }, { additionalProperties: false }),
  declines: Type.Object({ ...action, count: Count }, { additionalProperties: false }),
  reported: Type.Object({ ...action, hours: Count }, { additionalProperties: false }),
  delaySeconds: Count,
});
export const CompanyRulesView = view('CompanyRules', {
  fourEyes: Type.Array(Text, { description: 'acts that take two people' }),
  permissions: oneOf(['mtoken', 'full']),
  sessionsPerUser: Type.Integer(),
  sessionMinutes: Type.Integer(),
  networks: Type.Array(Text),
  hours: orNull(LoginHours),
  emailDomains: Type.Array(Text),
  approvers: Type.Array(
    Type.Object(
      {
        templates: Type.Array(Text),
        currency: Type.Optional(Text),
        from: Type.Optional(Type.Integer({ description: 'minor units' })),
        needed: Type.Integer(),
      },
      { additionalProperties: false },
    ),
    { description: 'what is signed by several people; empty: everything by one' },
  ),
  risk: RiskRulesView,
});

export const CompanyView = view('Company', {
  id: Text,
  name: Text,
  status: oneOf(['active', 'suspended', 'closed']),
  userLimit: Type.Integer(),
  deviceLimit: Type.Integer(),
  selfActivation: Type.Boolean({ description: 'false: an administrator approves every registration' }),
  mpinLength: Type.Integer(),
  rules: CompanyRulesView,
  isBank: Type.Boolean({ description: "true for the bank's own company" }),
  createdAt: Time,
  version: Version,
});
export const CompanyPage = page('CompanyPage', CompanyView, Text);

export const UserView = view('User', {
  id: Text,
  companyId: Text,
  name: Text,
  email: Text,
  role: oneOf(['user', 'administrator']),
  staffRole: orNull(oneOf(['operator', 'support', 'auditor'])),
  permissions: oneOf(['mtoken', 'full']),
  locale: Text,
  language: orNull(Text),
  document: orNull(Type.Object({ reference: Text, expiresAt: orNull(Time) }, { additionalProperties: false })),
  status: oneOf(['invited', 'active', 'suspended', 'removed']),
  createdAt: Time,
  version: Version,
});
export const UserPage = page('UserPage', UserView, Text);

export const ActivationView = view('Activation', {
  activationId: Text,
  delivery: oneOf(['shown', 'email']),
  activationText: Type.Optional(Type.String({ description: 'of `shown`: for the QR code' })),
  code: Type.Optional(
    Type.String({ description: 'of `shown`, and shown this once; the confirmation code goes by e-mail' }),
  ),
  confirmationCode: Type.Optional(
    Type.String({ description: 'of `email`, and shown this once; the activation goes by e-mail' }),
  ),
  expiresAt: Time,
});

export const DeviceView = view('Device', {
  id: Text,
  userId: Text,
  userName: Text,
  companyId: Text,
  name: Text,
  platform: Text,
  appVersion: Text,
  status: oneOf(['pending', 'active', 'blocked', 'deactivated', 'refused']),
  attestationLevel: Text,
  hasBiometrics: Type.Boolean(),
  attemptsLeft: Count,
  createdAt: Time,
  activatedAt: orNull(Time),
  lastUsedAt: orNull(Time),
  place: Type.Union([Text, Type.Null()], {
    description: 'the network that it was used from last, such as 192.0.2.0/24',
  }),
  endedAt: orNull(Time),
  endedReason: orNull(Text),
});
export const DevicePage = page('DevicePage', DeviceView, Text);
export const DeactivatedView = view('Deactivated', { deactivated: Count });

const client = {
  id: Text,
  kind: oneOf(['portal', 'admin']),
  name: Text,
  companyId: orNull(Text),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  status: oneOf(['active', 'disabled']),
  createdAt: Time,
  version: Version,
};
export const ClientView = view('Client', client);
export const ClientPage = page('ClientPage', ClientView, Text);
/** `secret` is there once: in the answer that makes it. */
export const ClientWithSecretView = view('ClientWithSecret', {
  ...client,
  secret: Type.Optional(Type.String({ description: 'shown this once; absent where the client has keys of its own' })),
  webhookSecret: Type.Optional(
    Type.String({ description: 'signs what its signing_webhook_uri is sent; shown this once, where it was made' }),
  ),
});
export const ClientWebhookView = view('ClientWebhook', {
  clientId: Text,
  secret: Type.String({ description: 'shown this once' }),
  overlapUntil: orNull(Time),
});

const KeyStatus = oneOf(['next', 'active', 'retiring', 'retired']);
export const KeyView = view('Key', {
  kid: Text,
  use: oneOf(['sig', 'enc']),
  alg: Text,
  status: KeyStatus,
  createdAt: Time,
});
export const KeyList = view('KeyList', { items: Type.Array(KeyView) });
export const KeyStepsView = view('KeySteps', {
  steps: Type.Array(
    Type.Object(
      { kid: Text, alg: Text, from: Type.Union([KeyStatus, Type.Literal('none')]), to: KeyStatus },
      { additionalProperties: false },
    ),
  ),
});

const Scalar = Type.Union([Text, Type.Number(), Type.Boolean(), Type.Null()]);
export const AuditRecordView = view('AuditRecord', {
  seq: Count,
  at: Time,
  event: Text,
  actor: Text,
  companyId: Type.Optional(Text),
  userId: Type.Optional(Text),
  deviceId: Type.Optional(Text),
  orderId: Type.Optional(Text),
  clientId: Type.Optional(Text),
  address: Type.Optional(Text),
  requestId: Type.Optional(Text),
  data: Type.Optional(Type.Record(Type.String(), Scalar)),
  previousHash: Text,
  hash: Text,
});
export const AuditPage = page('AuditPage', AuditRecordView, Count);
export const CheckpointView = view('Checkpoint', {
  seq: Count,
  at: Time,
  statement: Type.String({ description: 'compact JWS, signed by a key of the server' }),
});

const OutboxKind = oneOf(outboxKinds);
export const NotificationsView = view('Notifications', {
  kinds: Type.Array(Type.Object({ kind: OutboxKind, pending: Count, dead: Count }, { additionalProperties: false })),
  oldestPendingAt: orNull(Time),
});
export const DeadLetterView = view('DeadLetter', {
  id: Text,
  kind: OutboxKind,
  recipient: Text,
  about: orNull(Text),
  attempts: Count,
  lastError: orNull(Text),
  createdAt: Time,
});
export const DeadLetterPage = page('DeadLetterPage', DeadLetterView, Text);
export const ResentView = view('Resent', { resent: Count });

const webhook = {
  id: Text,
  companyId: orNull(Text),
  name: Text,
  url: Text,
  events: Type.Array(oneOf(webhookEvents), { description: 'empty: all' }),
  status: oneOf(['active', 'disabled']),
  overlapUntil: orNull(Time),
  createdAt: Time,
  version: Version,
};
export const WebhookView = view('Webhook', webhook);
export const WebhookPage = page('WebhookPage', WebhookView, Text);
export const WebhookWithSecretView = view('WebhookWithSecret', {
  ...webhook,
  secret: Type.String({ description: 'shown this once' }),
});
export const WebhookTrialView = view('WebhookTrial', {
  isDelivered: Type.Boolean(),
  answer: Type.String({ description: "the receiver's status, or why there is none" }),
});

const Permitted = Type.Record(
  Type.String(),
  Type.Object(
    { reach: oneOf(['all', 'own']), proof: oneOf(['session', 'fresh', 'confirmed']) },
    { additionalProperties: false },
  ),
  { description: 'by the name of the permission; one that is not there is not given' },
);
/** The caller: members that only people have are null for machines. */
export const MeView = view('Me', {
  kind: oneOf(['person', 'machine']),
  userId: orNull(Text),
  clientId: orNull(Text),
  name: Text,
  role: orNull(oneOf(['operator', 'support', 'auditor', 'administrator'])),
  companyId: orNull(Text),
  companyName: orNull(Text),
  language: orNull(Type.String({ description: 'in which the person is written to' })),
  provedAt: orNull(Time),
  isConfirmed: Type.Boolean({ description: 'true: a proof for one act is there that nobody has used' }),
  permissions: Permitted,
});

const ComponentView = Type.Object(
  { name: Text, isHealthy: Type.Boolean(), durationMs: Type.Number() },
  { additionalProperties: false },
);
export const HealthView = view('Health', {
  isReady: Type.Boolean({ description: 'false: load balancers send nobody here' }),
  components: Type.Array(ComponentView),
});
