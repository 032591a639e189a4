/** Compiles TypeBox schemas to validators that coerce nothing and drop nothing (P-28). */
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { Errors } from 'typebox/value';
import { AuthError } from '../errors.ts';

/** Throws `invalid_request` where `value` does not fit, naming the place and what was expected there, never the value. */
export type Validate = (value: unknown) => void;

/** The compiled validator of a schema. `what` names the value in messages, such as `body`. */
export function createValidate(schema: TSchema, what: string): Validate {
  const validator = Compile(schema);
  return (value) => {
    if (validator.Check(value)) return;
    const { place, message } = firstMisfit(schema, value, what);
    throw new AuthError('invalid_request', { message: `${place} ${message}` });
  };
}

/** For Fastify: its routes' schemas go through the same validators. */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }) {
  const validate = createValidate(schema as TSchema, httpPart ?? 'request');
  return (value: unknown): { value: unknown } => {
    validate(value);
    return { value };
  };
}

interface Misfit {
  readonly place: string;
  readonly message: string;
}

/** The members of a schema that are looked at here. */
interface Shape {
  readonly items?: TSchema;
  readonly properties?: Readonly<Record<string, TSchema>>;
}

/**
 * Finds the first misfit and looks no further. The library's `Errors` visits every value that there is, which took seconds and
 * hundreds of megabytes of a body of four: it is only asked about one level, with what lies below it left out.
 */
function firstMisfit(schema: TSchema, value: unknown, place: string): Misfit {
  const { items, properties } = schema as Shape;
  if (items !== undefined && Array.isArray(value)) {
    const { items: _, ...itself } = schema as TSchema & Shape;
    const own = misfitOf(itself, value, place);
    return own ?? inside(value, { place, name: value.findIndex((one) => !fits(items, one)), schema: items });
  }
  if (properties !== undefined && isObject(value)) {
    const known = Object.keys(properties);
    const itself = { ...schema, properties: Object.fromEntries(known.map((name) => [name, {}])) };
    const isWrong = (name: string) => {
      const inner = properties[name];
      return inner !== undefined && value[name] !== undefined && !fits(inner, value[name]);
    };
    const own = misfitOf(itself, sampleOf(value, properties), place);
    if (own !== undefined) return own;
    const name = known.find(isWrong);
    return inside(value, { place, name, schema: name === undefined ? undefined : properties[name] });
  }
  return misfitOf(schema, value, place) ?? { place, message: 'does not fit' };
}

interface Inner {
  readonly place: string;
  readonly name: string | number | undefined;
  readonly schema: TSchema | undefined;
}

function inside(value: object, { place, name, schema }: Inner): Misfit {
  if (schema === undefined || name === undefined || name === -1) return { place, message: 'does not fit' };
  return firstMisfit(schema, (value as Readonly<Record<string | number, unknown>>)[name], `${place}/${name}`);
}

/** The members that the schema knows, and of those that it does not know the first: one is enough to be refused. */
function sampleOf(value: Readonly<Record<string, unknown>>, properties: NonNullable<Shape['properties']>) {
  const isKnown = (name: string) => Object.hasOwn(properties, name);
  const unknown = Object.keys(value).find((name) => !isKnown(name));
  const names = Object.keys(properties).filter((name) => Object.hasOwn(value, name));
  return Object.fromEntries([...names, ...(unknown === undefined ? [] : [unknown])].map((name) => [name, value[name]]));
}

function misfitOf(schema: TSchema, value: unknown, place: string): Misfit | undefined {
  const [first] = Errors(schema, value);
  return first && { place: `${place}${first.instancePath}`, message: inWords(first.message) };
}

/** The library's own words, but where they say nothing to whoever wrote the request. */
function inWords(message: string): string {
  if (message === 'schema is false') return 'is not known here';
  // A class of all that may stand: the pattern is longer than the answer, and not to be read.
  if (message.startsWith('must match pattern "^[^')) return 'holds a character that may not stand here';
  return message;
}

/** Of inner schemas, made when the first misfit is looked for. */
const validators = new WeakMap<TSchema, Validator>();

function fits(schema: TSchema, value: unknown): boolean {
  const validator = validators.get(schema) ?? Compile(schema);
  validators.set(schema, validator);
  return validator.Check(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
