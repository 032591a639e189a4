/** Which acts of a company's own administrators take two of them. */
import type { CompanyRules } from '../companies/rules.ts';
import type { User } from '../companies/store.ts';

/** An act of the admin API, as far as a second person has to do with it. */
export interface AskedAct {
  /** By its name in admin/permissions.ts. */
  readonly permission: string;
  readonly body: unknown;
  /** Of the user whom it is about, as it is now; undefined where it is about none of the company. */
  readonly subjectRole?: User['role'] | undefined;
}

/**
 * Whether the act takes two people in a company with these rules. Where any act does, so does all by which one person could become two
 * or take the rule away: changing the company, making an administrator or giving a suspended one back, and moving somebody's e-mail
 * address to one's own. Suspending and removing never do: they stop harm, and leave nobody who could do more. Where several people sign,
 * changing how many do takes two in any case: otherwise one administrator could take the rule away, sign alone and put it back.
 */
export function takesTwo(
  { fourEyes, approvers = [] }: Pick<CompanyRules, 'fourEyes'> & Partial<Pick<CompanyRules, 'approvers'>>,
  { permission, body, subjectRole }: AskedAct,
): boolean {
  if (approvers.length > 0 && permission === 'companies.change' && changesApprovers(approvers, body)) return true;
  if (fourEyes.length === 0) return false;
  if (fourEyes.some((name) => name === permission)) return true;
  switch (permission) {
    case 'companies.change':
    case 'users.email':
      return true;
    case 'users.create':
    case 'users.change':
      return isRecord(body) && body['role'] === 'administrator';
    case 'users.restore':
      return subjectRole === 'administrator';
    default:
      return false;
  }
}

function changesApprovers(approvers: CompanyRules['approvers'], body: unknown): boolean {
  const rules = isRecord(body) ? body['rules'] : undefined;
  if (!isRecord(rules) || rules['approvers'] === undefined) return false;
  return JSON.stringify(rules['approvers']) !== JSON.stringify(approvers);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
