/** The rules of a company beyond its limits: who may be its user, from where and when they log in, what takes several people, and what is a risk. */
import { type ApproverRule, defaultRiskRules, type RiskRules } from '../risk/rules.ts';

/** Acts that a company may want two people for, by their names in admin/permissions.ts. */
export const fourEyesActs = [
  'users.create',
  'users.change',
  'users.email',
  'users.restore',
  'activations.create',
  'devices.decide',
  'companies.change',
] as const;
export type FourEyesAct = (typeof fourEyesActs)[number];

/** Weekdays and hours in which logins are allowed, in the company's own time. */
export interface LoginHours {
  /** 1 Monday to 7 Sunday, each once. */
  readonly days: readonly number[];
  /** `HH:MM`, included. */
  readonly from: string;
  /** `HH:MM`, not included; before `from` where the hours go past midnight. */
  readonly until: string;
  /** An IANA time zone. */
  readonly timeZone: string;
}

export interface CompanyRules {
  /** Acts that take two people, by their names in admin/permissions.ts. */
  readonly fourEyes: readonly FourEyesAct[];
  /** The most that a user of the company may be given. */
  readonly permissions: 'mtoken' | 'full';
  /** Portal sessions that a user may have at once, 1 to 100: a further login ends the oldest. */
  readonly sessionsPerUser: number;
  /** Minutes after which a portal session ends however it is used, 5 to 720. */
  readonly sessionMinutes: number;
  /** Networks (CIDR) from which browser and phone may come; empty: any. */
  readonly networks: readonly string[];
  /** Null: always. */
  readonly hours: LoginHours | null;
  /** Domains that users' e-mail addresses may have, in lower case; empty: any. */
  readonly emailDomains: readonly string[];
  /** What is signed by several people; empty: everything by one. */
  readonly approvers: readonly ApproverRule[];
  /** What warns, is asked more of, waits or is refused before a phone is asked to sign. */
  readonly risk: RiskRules;
}

/** What holds where nobody has decided. */
export const defaultRules: CompanyRules = {
  fourEyes: [],
  permissions: 'full',
  sessionsPerUser: 10,
  sessionMinutes: 720,
  networks: [],
  hours: null,
  emailDomains: [],
  approvers: [],
  risk: defaultRiskRules,
};

/** What an older row knows nothing of. */
export type KeptRules = Partial<Omit<CompanyRules, 'risk'>> & { readonly risk?: Partial<RiskRules> };

/** The rules of a row, whatever release wrote it: of rules that came later it knows nothing. */
export function completeRules(kept: KeptRules): CompanyRules {
  return { ...defaultRules, ...kept, risk: { ...defaultRiskRules, ...kept.risk } };
}
