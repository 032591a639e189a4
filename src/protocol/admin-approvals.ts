/** Wire schemas of acts that take two people. */
import { Type } from 'typebox';
import { Id, PlainText, strict } from './common.ts';

const statuses = ['pending', 'claimed', 'done', 'failed', 'refused', 'withdrawn', 'expired'] as const;
const Status = Type.Union(statuses.map((status) => Type.Literal(status)));

export const ApprovalId = Id('apr');
export const ApprovalList = strict({
  companyId: Type.Optional(Id('co')),
  status: Type.Optional(Status),
  after: Type.Optional(ApprovalId),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});
export const ApprovalRefuse = strict({ reason: PlainText(200) });

const Text = Type.String();
const Time = Type.Integer({ description: 'epoch-milliseconds' });
const orNull = (schema: typeof Text | typeof Time | typeof Person) => Type.Union([schema, Type.Null()]);
const Person = strict({ id: Text, name: Text });

const approval = {
  id: Text,
  companyId: Text,
  permission: Type.String({ description: 'by its name in the table of permissions' }),
  means: Type.String({ description: 'what that is, in words' }),
  endpoint: Type.String({ description: 'method and path of the act' }),
  requestedBy: Person,
  subject: orNull(Person),
  reason: orNull(Text),
  status: Status,
  decidedBy: orNull(Person),
  decidedAt: orNull(Time),
  decisionReason: orNull(Text),
  problem: Type.Union([Text, Type.Null()], {
    description: 'why an approved act was not done: an error code, device_ended, interrupted or restored',
  }),
  createdAt: Time,
  expiresAt: Time,
  settledAt: orNull(Time),
};

/** Also what an act is answered with, status 202, that was kept instead of being done. */
export const ApprovalView = Type.Object(approval, { additionalProperties: false, title: 'Approval' });
export const ApprovalPage = Type.Object(
  { items: Type.Array(ApprovalView), next: orNull(Text) },
  { additionalProperties: false, title: 'ApprovalPage' },
);
/** With the request that is done exactly as it stands once somebody agrees. */
export const ApprovalWithRequestView = Type.Object(
  {
    ...approval,
    request: Type.Union(
      [strict({ params: Type.Unknown(), query: Type.Unknown(), body: Type.Unknown() }), Type.Null()],
      { description: 'null a month after it ended' },
    ),
  },
  { additionalProperties: false, title: 'ApprovalWithRequest' },
);
/** With what the act itself answered, shown this once. */
export const ApprovedView = Type.Object(
  { ...approval, result: Type.Unknown() },
  { additionalProperties: false, title: 'Approved' },
);
