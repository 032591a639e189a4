/** What each rule may be, who may change it, and what it says about a user. */
import { isIP } from 'node:net';
import { AuthError } from '../errors.ts';
import type { ApproverRules, RiskChanges } from '../protocol/admin-risk.ts';
import { changedRisk, checkedApprovers } from '../risk/rule-checks.ts';
import { checkedInteger } from './fields.ts';
import { type CompanyRules, type FourEyesAct, fourEyesActs, type LoginHours } from './rules.ts';

/** Each rule as somebody may give it; what is not given stays. */
export type RuleChanges = {
  readonly [Name in Exclude<keyof CompanyRules, 'fourEyes' | 'approvers' | 'risk'>]?: CompanyRules[Name] | undefined;
} & {
  readonly fourEyes?: readonly string[] | undefined;
  readonly approvers?: ApproverRules | undefined;
  /** Of these too what is not given stays. */
  readonly risk?: RiskChanges | undefined;
};

/** Rules that the bank alone changes: the most that its customer may give its own users, and the monitoring of risk, for which it answers (RTS art. 2). */
export const bankRules: ReadonlySet<keyof CompanyRules> = new Set(['permissions', 'risk']);

const maxEntries = 100;
const domainPattern = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const clockPattern = /^([01]\d|2[0-3]):[0-5]\d$/;

type Check<Name extends keyof CompanyRules> = (
  value: CompanyRules[Name],
  before: CompanyRules[Name],
) => CompanyRules[Name];

const checks: { readonly [Name in keyof CompanyRules]: Check<Name> } = {
  fourEyes: (acts) => list(acts, 'fourEyes', checkedAct),
  permissions: (most) => {
    if (most !== 'mtoken' && most !== 'full') throw invalid('rules.permissions must be "mtoken" or "full"');
    return most;
  },
  sessionsPerUser: (count) => checkedInteger(count, 'rules.sessionsPerUser', { min: 1, max: 100 }),
  sessionMinutes: (minutes) => checkedInteger(minutes, 'rules.sessionMinutes', { min: 5, max: 720 }),
  networks: (networks) => list(networks, 'networks', checkedNetwork),
  hours: (hours) => (hours === null ? null : checkedHours(hours)),
  emailDomains: (domains) => list(domains, 'emailDomains', checkedDomain),
  approvers: checkedApprovers,
  risk: (changes, before) => changedRisk(before, changes, checkedHours),
};

/** The rules with those that were given in their place. Throws `invalid_request`, also for a rule that there is not. */
export function changedRules(rules: CompanyRules, changes: RuleChanges): CompanyRules {
  const changed: Record<string, unknown> = { ...rules };
  for (const [name, value] of Object.entries(changes)) {
    if (!isRule(name)) throw invalid('rules names a rule that there is not');
    if (value === undefined) continue;
    const check = checks[name] as (given: unknown, before: unknown) => unknown;
    changed[name] = check(value, rules[name]);
  }
  return changed as unknown as CompanyRules;
}

function isRule(name: string): name is keyof CompanyRules {
  return Object.hasOwn(checks, name);
}

/** Each entry in its canonical form, once, in order: two spellings of one thing are one entry. */
function list<T extends string>(given: readonly unknown[], name: string, check: (entry: string) => T): readonly T[] {
  if (!Array.isArray(given) || given.length > maxEntries) throw invalid(`rules.${name} must be at most 100 entries`);
  const entries = given.map((entry: unknown) => {
    if (typeof entry !== 'string') throw invalid(`rules.${name} must hold texts`);
    return check(entry);
  });
  return [...new Set(entries)].sort();
}

function checkedAct(act: string): FourEyesAct {
  const known = fourEyesActs.find((candidate) => candidate === act);
  if (known === undefined) throw invalid(`rules.fourEyes may hold ${fourEyesActs.join(', ')}`);
  return known;
}

/** Without what would make it mean more than it says: an IPv4 network written as an IPv6 one, a scope, a width of nothing. */
function checkedNetwork(network: string): string {
  const [address = '', width = '', ...rest] = network.split('/');
  const version = isIP(address);
  const isSound =
    rest.length === 0 && version > 0 && /^\d{1,3}$/.test(width) && Number(width) <= (version === 4 ? 32 : 128);
  if (!isSound || address.includes('%') || /^::ffff:/i.test(address)) {
    throw invalid('rules.networks must hold networks such as 192.0.2.0/24 or 2001:db8::/32');
  }
  const canonical = version === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
  return `${canonical}/${Number(width)}`;
}

function checkedDomain(domain: string): string {
  if (domain.length > 253 || !domainPattern.test(domain)) {
    throw invalid('rules.emailDomains must hold domains such as example.com, in ASCII and lower case');
  }
  return domain;
}

function checkedHours(hours: LoginHours, name = 'rules.hours'): LoginHours {
  const { days, from, until, timeZone, ...unknown } = hours;
  const isWeek =
    Array.isArray(days) &&
    days.length > 0 &&
    new Set(days).size === days.length &&
    days.every((day: unknown) => Number.isInteger(day) && Number(day) >= 1 && Number(day) <= 7);
  if (!isWeek) throw invalid(`${name}.days must be weekdays from 1 (Monday) to 7 (Sunday), each once`);
  if (!clockPattern.test(from) || !clockPattern.test(until) || from === until) {
    throw invalid(`${name}.from and until must be different times such as 07:30 and 18:00`);
  }
  if (!isTimeZone(timeZone)) throw invalid(`${name}.timeZone must be a time zone such as Europe/Brussels`);
  if (Object.keys(unknown).length > 0) throw invalid(`${name} holds something else than days, from, until, timeZone`);
  return { days: days.toSorted((one, other) => one - other), from, until, timeZone };
}

/** An IANA name. An offset such as "+01:00" is none: it knows no summer time. */
function isTimeZone(name: unknown): name is string {
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What the rules say about a user. */
interface Ruled {
  readonly email: string;
  readonly permissions: 'mtoken' | 'full';
}

/**
 * Asserts that the rules allow a user with that address and those permissions, or the one of both that is named. `email` is one that
 * `checkedEmail` let through. Throws `invalid_request`.
 */
export function assertWithinRules(
  { emailDomains, permissions }: CompanyRules,
  user: Ruled,
  judged: readonly (keyof Ruled)[] = ['email', 'permissions'],
): void {
  if (judged.includes('permissions') && permissions === 'mtoken' && user.permissions === 'full') {
    throw invalid('the company may not give its users full permissions');
  }
  // The whole of what follows the last @: a domain that merely ends like an allowed one is another one.
  const domain = user.email.slice(user.email.lastIndexOf('@') + 1).toLowerCase();
  if (judged.includes('email') && emailDomains.length > 0 && !emailDomains.includes(domain)) {
    throw invalid(`e-mail addresses of the company must end in ${emailDomains.map((name) => `@${name}`).join(', ')}`);
  }
}

function invalid(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
