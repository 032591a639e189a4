/**
 * What the wire schemas need of `typebox`, as plain JSON Schema: the build puts it in the package's place in the pages' scripts, where
 * the package would be a third of the app. A test holds every schema made with it against the one that the package makes.
 */

type Schema = Readonly<Record<string, unknown>>;

const optional: unique symbol = Symbol('optional');

const made =
  (type: string) =>
  (options: Schema = {}): Schema => ({ type, ...options });

/** The members of the package's `Type` that the protocol and the SDK use. */
export const Type = {
  Null: made('null'),
  Boolean: made('boolean'),
  Integer: made('integer'),
  Number: made('number'),
  String: made('string'),
  Unknown: (): Schema => ({}),
  Literal: (value: unknown): Schema => ({ type: typeof value, const: value }),
  Union: (anyOf: readonly Schema[], options: Schema = {}): Schema => ({ ...options, anyOf }),
  Array: (items: Schema, options: Schema = {}): Schema => ({ type: 'array', ...options, items }),
  /** A schema whose type is said by hand. */
  Unsafe: (schema: Schema): Schema => schema,
  Optional: (schema: Schema): Schema => Object.defineProperty({ ...schema }, optional, { value: true }),
  /** With any text as the name of a member, which is the one kind that is used. */
  Record: (_key: Schema, value: Schema, options: Schema = {}): Schema => ({
    type: 'object',
    ...options,
    patternProperties: { '^.*$': value },
  }),
  Object: (properties: Readonly<Record<string, Schema>>, options: Schema = {}): Schema => {
    const required = Object.keys(properties).filter((name) => !(optional in (properties[name] ?? {})));
    return { type: 'object', ...options, ...(required.length > 0 && { required }), properties };
  },
};
