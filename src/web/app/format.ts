/** Times and numbers in the language of the app. */
import { systemClock } from '../../clock.ts';
import type { Messages } from './messages.ts';

/**
 * The variant of the app's language that the browser is set to: the same words, but the clock and the calendar of the person's country.
 * The digits are those of all other numbers on the screen.
 */
function localeOf({ language }: Messages): Intl.Locale {
  const { numberingSystem } = new Intl.NumberFormat(language).resolvedOptions();
  const own = navigator.languages.find((tag) => tag.toLowerCase().split('-', 1)[0] === language) ?? language;
  return new Intl.Locale(own, { numberingSystem });
}

/** A time of day; `time` in epoch milliseconds. */
export function formatTime(t: Messages, time: number, timeStyle: 'short' | 'medium' = 'short'): string {
  return new Date(time).toLocaleTimeString(localeOf(t), { timeStyle });
}

/** A day and a time of day. */
export function formatDateTime(t: Messages, time: number): string {
  return new Date(time).toLocaleString(localeOf(t), { dateStyle: 'medium', timeStyle: 'short' });
}

/** The time of day, and the day too where that is not today. */
export function formatMoment(t: Messages, time: number): string {
  const isToday = formatDay(t, time) === formatDay(t, systemClock.now());
  return isToday ? formatTime(t, time) : formatDateTime(t, time);
}

/** A day, with its weekday. */
export function formatDay(t: Messages, time: number): string {
  return new Date(time).toLocaleDateString(localeOf(t), { dateStyle: 'full' });
}

/** Minutes and seconds that are left. */
export function formatCountdown(t: Messages, seconds: number): string {
  const digits = (minimumIntegerDigits: number) => new Intl.NumberFormat(localeOf(t), { minimumIntegerDigits });
  return `${digits(1).format(Math.floor(seconds / 60))}:${digits(2).format(seconds % 60)}`;
}
