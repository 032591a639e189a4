/** Weekdays and hours as fields, and in words. */
import type { CompanyRules } from '../../../admin-client/operations.ts';
import { element } from '../../design/dom.ts';
import type { Console } from '../context.ts';
import { checkField, checksField, textField } from '../fields.ts';
import { weekday } from '../format.ts';
import type { Messages } from '../messages.ts';

export type Hours = NonNullable<CompanyRules['hours']>;

const days = ['1', '2', '3', '4', '5', '6', '7'] as const;

interface HourOptions {
  /** Before the names of its fields, where a form has several. */
  readonly prefix?: string;
  readonly label: string;
}

/** `read` gives the hours, null where there are none, or what is wrong. */
export function hourFields({ t }: Console, hours: Hours | null, { prefix = '', label }: HourOptions) {
  const isLimited = checkField({ name: `${prefix}hours`, label, isOn: hours !== null });
  const chosen = (hours?.days ?? [1, 2, 3, 4, 5]).map(String);
  const week = checksField({
    name: `${prefix}days`,
    legend: t('company.days'),
    options: days.map((day) => [day, weekday(t, Number(day))]),
    chosen,
  });
  const time = (name: 'from' | 'until', value: string) =>
    textField({ name: `${prefix}${name}`, label: t(`company.${name}`), value, attributes: { type: 'time' } });
  const from = time('from', hours?.from ?? '07:00');
  const until = time('until', hours?.until ?? '19:00');
  const { timeZone: ownZone } = Intl.DateTimeFormat().resolvedOptions();
  const zone = textField({
    name: `${prefix}timeZone`,
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

export function hoursText(t: Messages, hours: Hours | null): string {
  if (hours === null) return t('list.no');
  return `${hours.days.map((day) => weekday(t, day)).join(', ')} ${hours.from}–${hours.until} ${hours.timeZone}`;
}
