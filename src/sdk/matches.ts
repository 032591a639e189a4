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

/** Whether a value fits the one schema that it was made of. */
type Fit = (value: unknown) => boolean;

/** What was made of the schemas so far: they are constants of the code, and none changes once it is made. */
const made = new WeakMap<WireSchema, Fit>();

/**
 * Checks without generated code, so that it runs under a strict content security policy. It judges like the checker of `typebox`,
 * which would be half of an app's size in a browser. Nothing fits a schema with a word that is not known here.
 */
export function matches<T extends TSchema>(schema: T, value: unknown): value is Static<T> {
  return fitOf(schema as WireSchema)(value);
}

function fitOf(schema: WireSchema): Fit {
  const known = made.get(schema);
  if (known !== undefined) return known;
  const fit = makeFit(schema);
  made.set(schema, fit);
  return fit;
}

function makeFit(schema: WireSchema): Fit {
  // A rule that were passed over in silence would let through what it is there to stop: nothing fits it instead.
  if (!Object.keys(schema).every((word) => keywords.has(word))) return () => false;
  const [fitsText, fitsList, fitsRecord] = [textFit(schema), listFit(schema), recordFit(schema)];
  const choices = schema.anyOf?.map(fitOf);
  const isConstant = 'const' in schema;
  return (value) =>
    isOfType(schema.type, value) &&
    (!isConstant || value === schema.const) &&
    (choices === undefined || choices.some((fit) => fit(value))) &&
    (typeof value !== 'string' || fitsText(value)) &&
    (typeof value !== 'number' || fitsNumber(schema, value)) &&
    (!Array.isArray(value) || fitsList(value)) &&
    (!isRecord(value) || fitsRecord(value));
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

function textFit({ pattern, minLength, maxLength }: WireSchema): (text: string) => boolean {
  const isMeasured = minLength !== undefined || maxLength !== undefined;
  const expression = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  return (text) =>
    (!isMeasured || isLongAs(text, minLength, maxLength)) && (expression === undefined || expression.test(text));
}

/** Lengths count code points, of which each takes one unit or two: only where that leaves a doubt are they counted. */
function isLongAs(text: string, minimum?: number, maximum?: number): boolean {
  const isSure = isWithin(text.length, minimum, maximum) && isWithin(text.length / 2, minimum, maximum);
  return isSure || isWithin([...text].length, minimum, maximum);
}

function listFit({ items, minItems, maxItems }: WireSchema): (list: readonly unknown[]) => boolean {
  const fit = items === undefined ? undefined : fitOf(items);
  return (list) => isWithin(list.length, minItems, maxItems) && (fit === undefined || list.every((item) => fit(item)));
}

function recordFit(schema: WireSchema): (record: Readonly<Record<string, unknown>>) => boolean {
  const { required = [], additionalProperties = true } = schema;
  const own = new Map(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, fitOf(one)]));
  const patterns = Object.entries(schema.patternProperties ?? {}).map(([text, one]) => ({
    pattern: new RegExp(text, 'u'),
    fit: fitOf(one),
  }));
  return (record) =>
    required.every((name) => Object.hasOwn(record, name)) &&
    Object.getOwnPropertyNames(record).every((name) => {
      const value = record[name];
      const fit = own.get(name);
      const byPattern = patterns.filter(({ pattern }) => pattern.test(name));
      if (fit === undefined && byPattern.length === 0) return additionalProperties;
      return (fit === undefined || fit(value)) && byPattern.every((one) => one.fit(value));
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
