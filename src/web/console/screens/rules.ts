/** The rules of a company as a form, and as facts for whoever may only look. */
import type { Company, CompanyRules } from '../../../admin-client/operations.ts';
import type { Console } from '../context.ts';
import { areaField, checksField, choiceField, linesOf, textField } from '../fields.ts';
import { facts } from '../parts.ts';
import { approverFields, approversText } from './approver-rules.ts';
import { hourFields, hoursText } from './hours.ts';
import { type Risk, riskFields, riskText } from './risk-rules.ts';

/** Acts that a company may want two people for. */
const fourEyesActs = [
  'users.create',
  'users.change',
  'users.email',
  'users.restore',
  'activations.create',
  'devices.decide',
  'companies.change',
] as const;

/** `read` gives what differs from `rules`, or what is wrong. */
export function ruleFields(console: Console, rules: CompanyRules) {
  const login = loginFields(console, rules);
  const approvers = approverFields(console, rules.approvers);
  const risk = riskFields(console, rules.risk);
  return {
    banks: [login.permissions, ...risk.inputs],
    rows: [...login.rows, approvers.row, risk.row],
    read: (): RuleChanges | string => {
      const [entered, several, risks] = [login.read(), approvers.read(), risk.read()];
      if (typeof entered === 'string') return entered;
      if (typeof several === 'string') return several;
      if (typeof risks === 'string') return risks;
      return changedOf({ ...entered, approvers: several, risk: risks }, rules);
    },
  };
}

/** Who may be a user, and from where and when they log in. */
function loginFields(console: Console, rules: CompanyRules) {
  const { t } = console;
  const permissions = choiceField({
    name: 'permissions',
    label: t('company.permissions'),
    value: rules.permissions,
    options: (['full', 'mtoken'] as const).map((value) => [value, t(`permissions.${value}`)]),
  });
  const count = (key: 'sessionsPerUser' | 'sessionMinutes', max: number) =>
    textField({
      name: key,
      label: t(`company.${key}`),
      value: String(rules[key]),
      attributes: { type: 'number', min: '1', max: String(max), inputmode: 'numeric' },
    });
  const sessions = count('sessionsPerUser', 100);
  const minutes = count('sessionMinutes', 720);
  const area = (key: 'networks' | 'emailDomains') =>
    areaField({ name: key, label: t(`company.${key}`), hint: t(`company.${key}Hint`), value: rules[key].join('\n') });
  const networks = area('networks');
  const domains = area('emailDomains');
  const fourEyes = checksField({
    name: 'fourEyes',
    legend: t('company.fourEyes'),
    hint: t('company.fourEyesHint'),
    options: fourEyesActs.map((act) => [act, t(`fourEyes.${act}`)]),
    chosen: rules.fourEyes,
  });
  const hours = hourFields(console, rules.hours, { label: t('company.hours') });
  return {
    permissions: permissions.input,
    rows: [permissions.row, sessions.row, minutes.row, networks.row, domains.row, hours.row, fourEyes.row],
    read: (): Omit<CompanyRules, 'approvers' | 'risk'> | string => {
      const allowed = hours.read();
      if (typeof allowed === 'string') return allowed;
      return {
        permissions: permissions.value(),
        sessionsPerUser: Number(sessions.input.value),
        sessionMinutes: Number(minutes.input.value),
        networks: linesOf(networks.input.value),
        emailDomains: linesOf(domains.input.value),
        fourEyes: fourEyes.values(),
        hours: allowed,
      };
    },
  };
}

/** Of risk too those alone that differ. */
type RuleChanges = Partial<Omit<CompanyRules, 'risk'>> & { risk?: Partial<Risk> };

function changedOf({ risk, ...entered }: CompanyRules, rules: CompanyRules): RuleChanges {
  const risks = differing<Risk>(risk, rules.risk);
  return {
    ...differing<Omit<CompanyRules, 'risk'>>(entered, rules),
    ...(Object.keys(risks).length > 0 && { risk: risks }),
  };
}

function differing<T extends object>(entered: T, known: T): Partial<T> {
  const changed = Object.entries(entered).filter(([key, value]) => plain(value) !== plain(known[key as keyof T]));
  return Object.fromEntries(changed) as Partial<T>;
}

/** Lists and members without their order, which says nothing. */
function plain(value: unknown): string {
  const sorted = (texts: readonly string[]): string => texts.toSorted((one, other) => one.localeCompare(other)).join();
  if (Array.isArray(value)) return `[${sorted(value.map(plain))}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${sorted(Object.entries(value).map(([name, one]) => `${name}:${plain(one)}`))}}`;
}

/** For whoever may not change them. */
export function ruleFacts(console: Console, company: Company): HTMLElement {
  const { t } = console;
  return facts([
    [t('company.userLimit'), String(company.userLimit)],
    [t('company.deviceLimit'), String(company.deviceLimit)],
    [t('company.mpinLength'), String(company.mpinLength)],
    [t('company.selfActivation'), t(company.selfActivation ? 'list.yes' : 'list.no')],
    ...ruleRows(console, company.rules),
  ]);
}

/** Those rules that are given, each with its name. */
export function ruleRows({ t }: Console, rules: RuleChanges): (readonly [name: string, value: string])[] {
  const { permissions, sessionsPerUser, sessionMinutes, networks, emailDomains, hours, fourEyes, approvers, risk } =
    rules;
  const list = (values: readonly string[]): string => (values.length === 0 ? t('list.any') : values.join(', '));
  const rows = [
    [t('company.permissions'), permissions && t.named('permissions', permissions)],
    [t('company.sessionsPerUser'), sessionsPerUser?.toString()],
    [t('company.sessionMinutes'), sessionMinutes?.toString()],
    [t('company.networks'), networks && list(networks)],
    [t('company.emailDomains'), emailDomains && list(emailDomains)],
    [t('company.hours'), hours === undefined ? undefined : hoursText(t, hours)],
    [
      t('company.fourEyes'),
      fourEyes && (fourEyes.length === 0 ? t('list.no') : fourEyes.map((act) => t.named('fourEyes', act)).join(', ')),
    ],
    [t('company.approvers'), approvers && approversText(t, approvers)],
    [t('company.risk'), risk && riskText(t, risk)],
  ] as const;
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}
