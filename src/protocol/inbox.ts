/** Wire schemas of the inbox: what waits for a person on their phone, what they signed, and the receipts of it (docs/protocol.md §8). */
import { type Static, Type } from 'typebox';
import { Id, strict } from './common.ts';
import { DeclineReason } from './orders.ts';

const Client = strict({ id: Type.String(), name: Type.String(), domain: Type.String() });
const Template = strict({ name: Type.String(), version: Type.Integer() });
const Approvers = strict({ needed: Type.Integer({ minimum: 1 }), given: Type.Integer({ minimum: 0 }) });

/** What it is about in a line or two, such as amount and payee; as `headline.ts` of the templates draws it, and signed by nobody. */
const About = Type.Array(Type.String({ minLength: 1, maxLength: 240 }), { maxItems: 2 });

/** One thing that waits. What it says in full only its order tells, which the server signs: nothing here may be decided about. */
export const Waiting = strict({
  signingId: Id('sig'),
  client: Client,
  template: Template,
  /** The template's title, in the language of the request. */
  title: Type.String(),
  about: About,
  approvers: Approvers,
  /** Epoch-milliseconds. */
  createdAt: Type.Integer(),
  expiresAt: Type.Integer(),
});
export type Waiting = Static<typeof Waiting>;

export const InboxListed = strict({ waiting: Type.Array(Waiting, { maxItems: 100 }) });
export type InboxListed = Static<typeof InboxListed>;

export const HistoryPage = strict({ before: Type.Optional(Id('sig')) });
export type HistoryPage = Static<typeof HistoryPage>;

export const Past = strict({
  signingId: Id('sig'),
  client: Client,
  template: Template,
  title: Type.String(),
  about: About,
  state: Type.Union([
    Type.Literal('approved'),
    Type.Literal('declined'),
    Type.Literal('reported'),
    Type.Literal('expired'),
    Type.Literal('cancelled'),
  ]),
  reason: Type.Optional(DeclineReason),
  endedAt: Type.Integer(),
  /** Whether this person approved it: then there is a receipt to fetch. */
  isSigned: Type.Boolean(),
});
export type Past = Static<typeof Past>;

export const HistoryListed = strict({
  past: Type.Array(Past, { maxItems: 50 }),
  /** Whether there is an older page. */
  hasMore: Type.Boolean(),
});
export type HistoryListed = Static<typeof HistoryListed>;

/** Asks for a part of one's own receipt, which holds the whole list of a batch; parts are counted from 0 and joined as those of a list. */
export const ReceiptPart = strict({ signingId: Id('sig'), part: Type.Integer({ minimum: 0, maximum: 999 }) });
export type ReceiptPart = Static<typeof ReceiptPart>;

/** Asks for a part of the document that the claimed order is about. */
export const DocumentPart = strict({ orderId: Id('ord'), part: Type.Integer({ minimum: 0, maximum: 999 }) });
export type DocumentPart = Static<typeof DocumentPart>;
