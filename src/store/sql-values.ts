/** What both SQL drivers do to a parameter before it is bound, and to a statement before it is prepared. */
import { AuthError } from '../errors.ts';
import type { SqlValue } from './ports.ts';

/** What is left after normalising: every engine stores and returns these unchanged. */
export type BoundValue = string | number | Uint8Array | null;

/** SQLite cuts text at NUL, PostgreSQL refuses it, and both replace half a surrogate pair: what is read would not be what was written. */
const unstorable = /[\0\p{Surrogate}]/u;

/**
 * Makes a parameter safe to bind: booleans become 0 and 1, `undefined` becomes NULL. Throws `invalid_request` on text with a NUL or
 * half a surrogate pair, and `internal` on NaN, infinities, unsafe integers and types that no column holds.
 */
export function bindable(value: SqlValue): BoundValue {
  switch (typeof value) {
    case 'string':
      if (unstorable.test(value)) {
        throw new AuthError('invalid_request', { message: 'a text holds a character that cannot be stored' });
      }
      return value;
    case 'number':
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        throw new AuthError('internal', { detail: `the number ${value} cannot be stored` });
      }
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'undefined':
      return null;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      throw new AuthError('internal', { detail: `a value of type ${typeof value} cannot be stored` });
  }
}

/** A statement with anonymous `?` placeholders; `order[i]` is the index of the value that the i-th of them takes. */
export interface AnonymousStatement {
  readonly text: string;
  readonly order: readonly number[];
}

const quotedOrNumbered = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\d+)/g;

/** Rewrites `$n` to `?`, outside of quotes and comments; a number may come twice and in any order. */
export function anonymousPlaceholders(numbered: string): AnonymousStatement {
  const order: number[] = [];
  const text = numbered.replace(quotedOrNumbered, (match: string, number: string | undefined) => {
    if (number === undefined) return match;
    order.push(Number(number) - 1);
    return '?';
  });
  return { text, order };
}

const quotedOrEnd = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|;/g;

/** Splits a script at the semicolons that stand outside of quotes and comments; empty statements are dropped. */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let start = 0;
  for (const match of script.matchAll(quotedOrEnd)) {
    if (match[0] !== ';') continue;
    statements.push(script.slice(start, match.index));
    start = match.index + 1;
  }
  statements.push(script.slice(start));
  return statements.map((statement) => statement.trim()).filter((statement) => !isBlank(statement));
}

function isBlank(statement: string): boolean {
  return statement.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').trim() === '';
}
