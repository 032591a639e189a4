/** What options take: each parser throws a usage error that names its option. */
import { readFileSync } from 'node:fs';
import { CommandError, exitCode } from './output.ts';

/** A whole number within bounds, both included. */
export function wholeNumber(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw usage(`${name} takes a whole number from ${min} to ${max}, not "${text}"`);
  };
}

/** A day or a time, in UTC unless it says otherwise, as epoch-milliseconds. */
export function instant(name: string): (text: string) => number {
  return (text) => {
    const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
    const value = isTime ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(value) && value >= 0) return value;
    throw usage(`${name} takes a day or a time such as 2026-11-20 or 2026-11-20T09:30:00Z, not "${text}"`);
  };
}

/** yes/no, on/off or true/false. */
export function yesNo(name: string): (text: string) => boolean {
  return (text) => {
    if (['yes', 'on', 'true'].includes(text)) return true;
    if (['no', 'off', 'false'].includes(text)) return false;
    throw usage(`${name} takes yes or no, not "${text}"`);
  };
}

/** One of the words. */
export function oneOf<const W extends string>(name: string, words: readonly W[]): (text: string) => W {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw usage(`${name} takes ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, not "${text}"`);
  };
}

/** For an option that is given again for more. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

/** For an option that is given again for more; `none` for an empty list. */
export function listed(value: string, previous: readonly string[] | undefined): string[] {
  return value === 'none' ? [] : [...(previous ?? []), value];
}

/** The text of a file. */
export function fileText(name: string): (path: string) => string {
  return (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw new CommandError(`${name}: ${path} cannot be read`, { exit: exitCode.usage, cause });
    }
  };
}

function usage(message: string): CommandError {
  return new CommandError(message, { exit: exitCode.usage });
}
