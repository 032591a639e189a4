/** Times in the language of the page and the calendar of the person's country. */
import { element } from '../design/dom.ts';
import type { Messages } from './messages.ts';

function localeOf({ language }: Messages): Intl.Locale {
  const { numberingSystem } = new Intl.NumberFormat(language).resolvedOptions();
  const own = navigator.languages.find((tag) => tag.toLowerCase().split('-', 1)[0] === language) ?? language;
  return new Intl.Locale(own, { numberingSystem });
}

/** A day and a time of day; `time` in epoch-milliseconds, null: a dash. */
export function when(t: Messages, time: number | null | undefined): HTMLElement {
  if (time === null || time === undefined) return element('span', { text: '–' });
  const date = new Date(time);
  const text = date.toLocaleString(localeOf(t), { dateStyle: 'medium', timeStyle: 'short' });
  return element('time', { text, attributes: { datetime: date.toISOString() } });
}

/** The weekday of a number, 1 Monday to 7 Sunday. */
export function weekday(t: Messages, day: number): string {
  // The first of January 2024 was a Monday.
  return new Date(Date.UTC(2024, 0, day)).toLocaleDateString(localeOf(t), { weekday: 'long', timeZone: 'UTC' });
}
