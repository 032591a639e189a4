/** The rules of a company as a form, and as facts for whoever may only look. */
import type { Company, CompanyRules } from '../../../admin-client/operations.ts';
import { element } from '../../design/dom.ts';
import type { Console } from '../context.ts';
import { areaField, checkField, checksField, choiceField, linesOf, textField } from '../fields.ts';
import { weekday } from '../format.ts';
import type { Messages } from '../messages.ts';
import { facts } from '../parts.ts';

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

type Hours = NonNullable<CompanyRules['hours']>;

const days = ['1', '2', '3', '4', '5', '6', '7'] as const;

/** `read` gives what differs from `rules`, or what is wrong. */
export function ruleFields(console: Console, rules: CompanyRules) {
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
  const hours = hourFields(console, rules.hours);
  return {
    banks: [permissions.input],
    rows: [permissions.row, sessions.row, minutes.row, networks.row, domains.row, hours.row, fourEyes.row],
    read: (): Partial<CompanyRules> | string => {
      const allowed = hours.read();
      if (typeof allowed === 'string') return allowed;
      // Approvers and risk are set by the command and the admin API.
      const entered: Omit<CompanyRules, 'approvers' | 'risk'> = {
        permissions: permissions.value(),
        sessionsPerUser: Number(sessions.input.value),
        sessionMinutes: Number(minutes.input.value),
        networks: linesOf(networks.input.value),
        emailDomains: linesOf(domains.input.value),
        fourEyes: fourEyes.values(),
        hours: allowed,
      };
      return changedOf(entered, rules);
    },
  };
}

function changedOf(entered: Partial<CompanyRules>, rules: CompanyRules): Partial<CompanyRules> {
  const plain = (value: unknown): string =>
    JSON.stringify(Array.isArray(value) ? value.map(String).toSorted((one, other) => one.localeCompare(other)) : value);
  const changed = Object.entries(entered).filter(
    ([key, value]) => plain(value) !== plain(rules[key as keyof CompanyRules]),
  );
  return Object.fromEntries(changed) as Partial<CompanyRules>;
}

function hourFields({ t }: Console, hours: Hours | null) {
  const isLimited = checkField({ name: 'hours', label: t('company.hours'), isOn: hours !== null });
  const chosen = (hours?.days ?? [1, 2, 3, 4, 5]).map(String);
  const week = checksField({
    name: 'days',
    legend: t('company.days'),
    options: days.map((day) => [day, weekday(t, Number(day))]),
    chosen,
  });
  const time = (name: 'from' | 'until', value: string) =>
    textField({ name, label: t(`company.${name}`), value, attributes: { type: 'time' } });
  const from = time('from', hours?.from ?? '07:00');
  const until = time('until', hours?.until ?? '19:00');
  const { timeZone: ownZone } = Intl.DateTimeFormat().resolvedOptions();
  const zone = textField({
    name: 'timeZone',
    label: t('company.timeZone'),
    value: hours?.timeZone ?? ownZone,
    attributes: { maxlength: '64', dir: 'ltr' },
  });
  const more = element(
    'div',
    { class: 'more' },
    week.row,
    element('div', { class: 'row' }, from.row, until.row, zone.row),
  );
  const toggle = (): void => {
    more.hidden = !isLimited.input.checked;
  };
  isLimited.input.addEventListener('change', toggle);
  toggle();
  return {
    row: element('div', {}, isLimited.row, more),
    read: (): Hours | null | string => {
      if (!isLimited.input.checked) return null;
      const on = week.values().map(Number);
      if (on.length === 0) return t('company.daysMissing');
      return { days: on, from: from.input.value, until: until.input.value, timeZone: zone.input.value.trim() };
    },
  };
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
export function ruleRows({ t }: Console, rules: Partial<CompanyRules>): (readonly [name: string, value: string])[] {
  const { permissions, sessionsPerUser, sessionMinutes, networks, emailDomains, hours, fourEyes } = rules;
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
  ] as const;
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

function hoursText(t: Messages, hours: Hours | null): string {
  if (hours === null) return t('list.no');
  return `${hours.days.map((day) => weekday(t, day)).join(', ')} ${hours.from}–${hours.until} ${hours.timeZone}`;
}
