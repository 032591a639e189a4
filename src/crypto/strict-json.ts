/** A JSON parser that accepts one reading of a text only: what two parsers could understand differently is refused (P-28). */
import { AuthError } from '../errors.ts';

/** Limits of a text. */
export interface StrictJsonOptions {
  /** How deep arrays and objects may nest; 16 unless told (docs/protocol.md §1). */
  readonly maxDepth?: number;
  /** How many values it may hold, arrays and objects counted too; 20,000 unless told. A bound on bytes alone lets millions through. */
  readonly maxValues?: number;
}

/** Members that reach an object's prototype when someone copies or merges it carelessly. No schema of ours has them. */
const forbiddenMembers = new Set(['__proto__', 'constructor', 'prototype']);

const whiteSpace = /[ \t\n\r]*/y;
/** From the space on, without the quote and the backslash: control characters must be escaped. */
const plainCharacters = /[ !#-[\]-\uffff]*/y;
const numberLiteral = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const fourHexDigits = /[0-9a-fA-F]{4}/y;
const loneSurrogate = /\p{Surrogate}/u;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Where the parser stands. */
interface Cursor {
  readonly text: string;
  readonly maxDepth: number;
  readonly maxValues: number;
  /** Values so far. */
  values: number;
  at: number;
  /** Members and indexes from the root to here, for messages. */
  readonly path: (string | number)[];
}

/**
 * Parses JSON (RFC 8259), given as text or as UTF-8 bytes. Refuses with `invalid_request`, saying what and where: duplicate members
 * (compared after unescaping), `__proto__`, `constructor` and `prototype` as members, nesting deeper than `maxDepth`, more values than
 * `maxValues`, anything after the value, a byte order mark, invalid UTF-8, lone surrogates, and numbers that a double cannot hold
 * exactly as an integer or at all. Objects in the result are plain.
 */
export function parseStrictJson(
  source: string | Uint8Array,
  { maxDepth = 16, maxValues = 20_000 }: StrictJsonOptions = {},
): unknown {
  const text = typeof source === 'string' ? source : decodeUtf8(source);
  const cursor: Cursor = { text, maxDepth, maxValues, values: 0, at: 0, path: [] };
  if (cursor.text.startsWith('\uFEFF')) throw refusal(cursor, 'a byte order mark is not allowed');
  const value = parseValue(cursor, 0);
  if (cursor.at < cursor.text.length) throw refusal(cursor, 'nothing may follow the value');
  return value;
}

/** Like {@link parseStrictJson}, but only an object will do. */
export function parseStrictObject(
  source: string | Uint8Array,
  options: StrictJsonOptions = {},
): Record<string, unknown> {
  const value = parseStrictJson(source, options);
  if (!isPlainObject(value)) throw new AuthError('invalid_request', { message: 'JSON: an object is expected' });
  return value;
}

/** Whether a parsed value is an object, neither array nor null. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AuthError('invalid_request', { message: 'JSON: the text is not valid UTF-8', cause });
  }
}

function parseValue(cursor: Cursor, depth: number): unknown {
  skipWhiteSpace(cursor);
  cursor.values += 1;
  if (cursor.values > cursor.maxValues) throw refusal(cursor, `there are more than ${cursor.maxValues} values`);
  const value = parseBareValue(cursor, depth);
  skipWhiteSpace(cursor);
  return value;
}

function parseBareValue(cursor: Cursor, depth: number): unknown {
  switch (cursor.text.charAt(cursor.at)) {
    case '{':
      return parseObject(cursor, depth + 1);
    case '[':
      return parseArray(cursor, depth + 1);
    case '"':
      return parseString(cursor);
    case 't':
      return parseWord(cursor, 'true', true);
    case 'f':
      return parseWord(cursor, 'false', false);
    case 'n':
      return parseWord(cursor, 'null', null);
    default:
      return parseNumber(cursor);
  }
}

function parseObject(cursor: Cursor, depth: number): Record<string, unknown> {
  enter(cursor, depth);
  const object: Record<string, unknown> = {};
  if (take(cursor, '}')) return object;
  do {
    skipWhiteSpace(cursor);
    if (cursor.text[cursor.at] !== '"') throw refusal(cursor, 'a member name in double quotes is expected');
    const start = cursor.at;
    const name = parseString(cursor);
    cursor.path.push(name);
    // Two members of one name are read differently by different parsers: what was checked might not be what is used.
    if (Object.hasOwn(object, name)) throw refusal(cursor, 'the member occurs twice', start);
    if (forbiddenMembers.has(name)) throw refusal(cursor, 'a member of this name is not allowed', start);
    skipWhiteSpace(cursor);
    expect(cursor, ':');
    object[name] = parseValue(cursor, depth);
    cursor.path.pop();
  } while (take(cursor, ','));
  expect(cursor, '}');
  return object;
}

function parseArray(cursor: Cursor, depth: number): unknown[] {
  enter(cursor, depth);
  const array: unknown[] = [];
  if (take(cursor, ']')) return array;
  do {
    cursor.path.push(array.length);
    array.push(parseValue(cursor, depth));
    cursor.path.pop();
  } while (take(cursor, ','));
  expect(cursor, ']');
  return array;
}

/** Steps over the opening bracket. */
function enter(cursor: Cursor, depth: number): void {
  if (depth > cursor.maxDepth) throw refusal(cursor, `the nesting is deeper than ${cursor.maxDepth}`);
  cursor.at += 1;
  skipWhiteSpace(cursor);
}

function parseString(cursor: Cursor): string {
  const start = cursor.at;
  cursor.at += 1;
  let result = '';
  for (;;) {
    result += match(cursor, plainCharacters);
    const character = cursor.text[cursor.at];
    if (character === undefined) throw refusal(cursor, 'the string does not end', start);
    if (character !== '"' && character !== '\\') throw refusal(cursor, 'a control character must be escaped');
    cursor.at += 1;
    if (character === '"') break;
    result += parseEscape(cursor);
  }
  // Half a character is written differently by different encoders, so signed and stored text could differ.
  if (loneSurrogate.test(result)) throw refusal(cursor, 'the string has a lone surrogate', start);
  return result;
}

function parseEscape(cursor: Cursor): string {
  const character = cursor.text[cursor.at] ?? '';
  cursor.at += 1;
  if (character === 'u') {
    const digits = match(cursor, fourHexDigits);
    if (digits === '') throw refusal(cursor, 'four hex digits are expected');
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
  const escape = escapes[character];
  if (escape === undefined) throw refusal(cursor, 'an unknown escape', cursor.at - 1);
  return escape;
}

function parseNumber(cursor: Cursor): number {
  const start = cursor.at;
  const literal = match(cursor, numberLiteral);
  if (literal === '')
    throw refusal(cursor, cursor.at < cursor.text.length ? 'a value is expected' : 'the text ends too soon');
  const value = Number(literal);
  // 9007199254740993 would silently become ...992: an amount or a time must never be another than the one that was written.
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw refusal(cursor, 'the number is out of range', start);
  }
  return value;
}

function parseWord<T>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw refusal(cursor, 'a value is expected');
  cursor.at += word.length;
  return value;
}

function skipWhiteSpace(cursor: Cursor): void {
  match(cursor, whiteSpace);
}

function match(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text)?.[0] ?? '';
  cursor.at += found.length;
  return found;
}

function take(cursor: Cursor, character: string): boolean {
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at += 1;
  return true;
}

function expect(cursor: Cursor, character: string): void {
  if (!take(cursor, character)) throw refusal(cursor, `"${character}" is expected`);
}

/** Says what is wrong and where; of the text itself only member names are repeated, shortened. */
function refusal(cursor: Cursor, what: string, at = cursor.at): AuthError {
  const place = cursor.path.map((part) => `/${String(part).slice(0, 40)}`).join('');
  const where = place === '' ? '' : ` at ${JSON.stringify(place)}`;
  return new AuthError('invalid_request', { message: `JSON: ${what}${where} (character ${at + 1})` });
}
