/** Wire schemas of the admin API for companies and their users. What a rule or a policy may be beyond its form, the server judges. */
import { type Static, Type } from 'typebox';
import { CompanyId, Limit, UserId, Version } from './admin.ts';
import { ApproverRules, RiskChanges, WeekHours } from './admin-risk.ts';
import { PlainText, strict } from './common.ts';

const oneOf = <Word extends string>(...words: readonly Word[]) => Type.Union(words.map((word) => Type.Literal(word)));
const Permissions = oneOf('mtoken', 'full');
const texts = (maxLength: number) => Type.Array(Type.String({ minLength: 1, maxLength }), { maxItems: 100 });

/** Each may be given alone; what is not given stays. */
const Rules = strict({
  fourEyes: Type.Optional(texts(40)),
  permissions: Type.Optional(Permissions),
  sessionsPerUser: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  sessionMinutes: Type.Optional(Type.Integer({ minimum: 5, maximum: 720 })),
  networks: Type.Optional(texts(64)),
  hours: Type.Optional(Type.Union([Type.Null(), WeekHours])),
  emailDomains: Type.Optional(texts(253)),
  approvers: Type.Optional(ApproverRules),
  risk: Type.Optional(RiskChanges),
});

const policies = {
  userLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  deviceLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })),
  selfActivation: Type.Optional(Type.Boolean()),
  mpinLength: Type.Optional(Type.Integer({ minimum: 5, maximum: 8 })),
  rules: Type.Optional(Rules),
};

export const CompanyCreate = strict({ name: PlainText(120), ...policies });
export type CompanyCreate = Static<typeof CompanyCreate>;

export const CompanyUpdate = strict({ version: Version, name: Type.Optional(PlainText(120)), ...policies });
export type CompanyUpdate = Static<typeof CompanyUpdate>;

/** A part of the name, in any case and without its accents. */
const Search = Type.Optional(PlainText(120));

export const CompanyList = strict({
  search: Search,
  status: Type.Optional(oneOf('active', 'suspended', 'closed')),
  after: Type.Optional(CompanyId),
  limit: Type.Optional(Limit),
});

const Role = oneOf('user', 'administrator');
/** Which ones there are, the server says in the refusal of another. */
const Language = Type.String({ pattern: '^[a-z]{2,3}$' });
const Locale = Type.String({ pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$' });
const Email = Type.String({ minLength: 3, maxLength: 254 });

const Document = strict({
  reference: PlainText(64),
  /** Epoch-milliseconds, or null for one that does not expire. */
  expiresAt: Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })]),
});

export const UserCreate = strict({
  companyId: CompanyId,
  name: PlainText(120),
  email: Email,
  role: Type.Optional(Role),
  permissions: Type.Optional(Permissions),
  locale: Type.Optional(Locale),
  language: Type.Optional(Language),
  document: Type.Optional(Document),
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
  /** Null: none any more. */
  document: Type.Optional(Type.Union([Type.Null(), Document])),
});
export type UserUpdate = Static<typeof UserUpdate>;

export const UserEmail = strict({ version: Version, email: Email });
export type UserEmail = Static<typeof UserEmail>;

const StaffRole = oneOf('operator', 'support', 'auditor');

/** In the bank's own company, whose people are its staff. */
export const StaffCreate = strict({
  name: PlainText(120),
  email: Email,
  staffRole: StaffRole,
  permissions: Type.Optional(Permissions),
  locale: Type.Optional(Locale),
  language: Type.Optional(Language),
  document: Type.Optional(Document),
});
export type StaffCreate = Static<typeof StaffCreate>;

/** Who shall not be of the staff any more is removed. */
export const UserStaff = strict({ version: Version, staffRole: StaffRole });
export type UserStaff = Static<typeof UserStaff>;

/** `search` is a part of the name, or a whole e-mail address. */
export const UserList = strict({
  companyId: Type.Optional(CompanyId),
  search: Search,
  role: Type.Optional(oneOf('user', 'administrator', 'operator', 'support', 'auditor')),
  status: Type.Optional(oneOf('invited', 'active', 'suspended', 'removed')),
  after: Type.Optional(UserId),
  limit: Type.Optional(Limit),
});
