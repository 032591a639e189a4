/** Names within a text of the other direction. Runs in browsers and on servers. */
import type { Language } from './languages.ts';
import type { Values } from './texts.ts';

/** The blocks in which Unicode puts what runs from right to left, also what it has not given out yet (DerivedBidiClass.txt). */
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

const controls = /[\u202a-\u202e\u2066-\u2069]/g;

/**
 * A name that is written the other way than the text around it would turn that text about: it is put between first-strong isolate and
 * its end (Unicode UAX #9). What in a name would turn text about by itself is left out.
 */
export function setApart(values: Values, { direction }: Language): Values {
  const apart = (value: string | number): string | number => {
    if (typeof value === 'number') return value;
    const name = value.replace(controls, '');
    return direction === 'rtl' || rightToLeft.test(name) ? `\u2068${name}\u2069` : name;
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, apart(value)]));
}

/** The text without what {@link setApart} put around names: for a place that takes no invisible characters. */
export function withoutIsolates(text: string): string {
  return text.replace(/[\u2068\u2069]/g, '');
}
