/** Whether something from outside has the form that a wire schema says. */
import type { Static, TSchema } from 'typebox';

/** The part of JSON Schema that the wire schemas are written in. */
interface WireSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly WireSchema[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: WireSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, WireSchema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, WireSchema>>;
  readonly additionalProperties?: boolean;
}

const keywords: ReadonlySet<string> = new Set(
  [
    'type const anyOf pattern minLength maxLength minimum maximum items minItems maxItems'.split(' '),
    'properties required patternProperties additionalProperties'.split(' '),
  ].flat(),
);

/**
 * Checks by interpretation, without generated code, so that it runs under a strict content security policy. It judges like the
 * checker of `typebox`, which would be half of an app's size in a browser. Nothing fits a schema with a word that is not known here.
 */
export function matches<T extends TSchema>(schema: T, value: unknown): value is Static<T> {
  return fits(schema as WireSchema, value);
}

function fits(schema: WireSchema, value: unknown): boolean {
  // A rule that were passed over in silence would let through what it is there to stop: nothing fits it instead.
  if (!Object.keys(schema).every((word) => keywords.has(word))) return false;
  return (
    isOfType(schema.type, value) &&
    (!('const' in schema) || value === schema.const) &&
    (schema.anyOf === undefined || schema.anyOf.some((one) => fits(one, value))) &&
    (typeof value !== 'string' || fitsText(schema, value)) &&
    (typeof value !== 'number' || fitsNumber(schema, value)) &&
    (!Array.isArray(value) || fitsList(schema, value)) &&
    (!isRecord(value) || fitsRecord(schema, value))
  );
}

function isOfType(type: string | undefined, value: unknown): boolean {
  switch (type) {
    case undefined:
      return true;
    case 'object':
      return isRecord(value);
    case 'array':
      return Array.isArray(value);
    case 'string':
    case 'boolean':
      // oxlint-disable-next-line valid-typeof -- exactly one of the two above
      return typeof value === type;
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'null':
      return value === null;
    default:
      return false;
  }
}

/** A value of which nothing is said is not judged, not even one that JSON does not have. */
function fitsNumber({ minimum, maximum }: WireSchema, value: number): boolean {
  return (minimum === undefined && maximum === undefined) || isWithin(value, minimum, maximum);
}

/** Lengths count code points. */
function fitsText({ pattern, minLength, maxLength }: WireSchema, text: string): boolean {
  const isMeasured = minLength !== undefined || maxLength !== undefined;
  return (
    (!isMeasured || isWithin([...text].length, minLength, maxLength)) &&
    (pattern === undefined || new RegExp(pattern, 'u').test(text))
  );
}

function fitsList({ items, minItems, maxItems }: WireSchema, list: readonly unknown[]): boolean {
  return isWithin(list.length, minItems, maxItems) && (items === undefined || list.every((item) => fits(items, item)));
}

function fitsRecord(schema: WireSchema, record: Readonly<Record<string, unknown>>): boolean {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const patterns = Object.entries(schema.patternProperties ?? {}).map(([text, one]) => ({
    pattern: new RegExp(text, 'u'),
    one,
  }));
  if (!required.every((name) => Object.hasOwn(record, name))) return false;
  return Object.getOwnPropertyNames(record).every((name) => {
    const value = record[name];
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const byPattern = patterns.filter(({ pattern }) => pattern.test(name));
    if (own === undefined && byPattern.length === 0) return additionalProperties;
    return (own === undefined || fits(own, value)) && byPattern.every(({ one }) => fits(one, value));
  });
}

function isWithin(value: number, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY): boolean {
  return value >= minimum && value <= maximum;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON to a value, or `undefined` where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
