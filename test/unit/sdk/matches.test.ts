/** The SDK's own check judges like the schema library's, over every schema of the wire and values near and far from them. */
import fc from 'fast-check';
import { type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import * as common from '../../../src/protocol/common.ts';
import * as devices from '../../../src/protocol/devices.ts';
import * as envelope from '../../../src/protocol/envelope.ts';
import * as orders from '../../../src/protocol/orders.ts';
import * as registration from '../../../src/protocol/registration.ts';
import * as session from '../../../src/protocol/session.ts';
import { templateFields } from '../../../src/protocol/templates/templates.ts';
import * as user from '../../../src/protocol/user.ts';
import { matches } from '../../../src/sdk/matches.ts';
import { RegisteredPhone, RegisteringPhone } from '../../../src/sdk/state.ts';
import { TrustedKeys } from '../../../src/sdk/trust.ts';

interface Json {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly Json[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Json;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly patternProperties?: Readonly<Record<string, Json>>;
}

const isSchema = (value: unknown): value is TSchema => typeof value === 'object' && value !== null;
const schemas = Object.entries({
  ...common,
  ...devices,
  ...envelope,
  ...orders,
  ...registration,
  ...session,
  ...user,
  ...templateFields,
  RegisteredPhone,
  RegisteringPhone,
  TrustedKeys,
  hex: common.Hex(8),
  plain: common.PlainText(3),
  list: Type.Array(Type.Number(), { minItems: 1, maxItems: 2 }),
  some: Type.Object({ a: Type.Optional(Type.Integer({ minimum: 1, maximum: 3 })), b: Type.Boolean() }),
  any: Type.Record(Type.String(), Type.Unknown()),
}).flatMap(([name, value]): [string, TSchema][] => (isSchema(value) ? [[name, value]] : []));

/** Values that fit, most of the time. */
function near(schema: Json): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(near));
  if (schema.properties !== undefined)
    return fc.record(Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, near(one)])));
  const [values] = Object.values(schema.patternProperties ?? {});
  if (values !== undefined) return fc.dictionary(fc.string(), near(values), { maxKeys: 3 });
  if (schema.items !== undefined)
    return fc.array(near(schema.items), { minLength: schema.minItems ?? 0, maxLength: schema.maxItems ?? 3 });
  if (schema.pattern !== undefined) {
    const { pattern } = schema;
    // The pattern of plain text says what is not in it.
    return pattern.includes('u0000')
      ? fc.string({ minLength: 1, maxLength: 3 })
      : fc.stringMatching(new RegExp(pattern));
  }
  if (schema.type === 'string')
    return fc.string({ unit: 'binary', minLength: schema.minLength ?? 0, maxLength: schema.maxLength ?? 8 });
  if (schema.type === 'integer') return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 2_000_000_000 });
  if (schema.type === 'number') return fc.double({ noNaN: true, noDefaultInfinity: true });
  if (schema.type === 'boolean') return fc.boolean();
  return schema.type === 'null' ? fc.constant(null) : fc.jsonValue();
}

const strange = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    null,
    '',
    0,
    -1,
    1.5,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    true,
    [],
    {},
    'ä',
    '\u202e',
    '😀😀😀',
    'A'.repeat(43),
  ),
);

/** The value with one member or item gone, replaced or added, at any depth. */
function bent(value: unknown, choices: readonly number[], put: unknown): unknown {
  const [choice = 0, ...others] = choices;
  if (typeof value !== 'object' || value === null || choices.length === 0) return put;
  const names = Object.keys(value);
  const name = names[choice % (names.length + 1)];
  const copy: Record<string, unknown> = { ...value };
  if (name === undefined) copy['more'] = put;
  else if (others.length === 0 && choice % 3 === 0) delete copy[name];
  else copy[name] = bent(copy[name], others, put);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

describe('the check of what comes from the server', () => {
  it('covers every schema of the wire', () => {
    expect(schemas.length).toBeGreaterThan(40);
  });

  it.each(schemas)('judges %s like the schema library: what fits, what nearly fits, what does not', (_, schema) => {
    let fitting = 0;
    fc.assert(
      fc.property(
        near(schema as Json),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
        strange,
        (good, at, odd) => {
          for (const value of [good, bent(good, at, odd), odd])
            expect(matches(schema, value)).toBe(Check(schema, value));
          if (matches(schema, good)) fitting += 1;
        },
      ),
      { numRuns: 25 },
    );
    expect(fitting).toBeGreaterThan(0);
  });

  it('lets nothing through by a rule that it does not know', () => {
    expect(matches(Type.Number({ multipleOf: 2 }), 4)).toBe(false);
    expect(matches(Type.BigInt(), 3n)).toBe(false);
    expect(matches(Type.String({ format: 'email' }), 'a@b.example')).toBe(false);
  });

  it('takes inherited members for missing and `__proto__` for a member like any other', () => {
    const schema = Type.Object({ toString: Type.String() }, { additionalProperties: false });
    expect(matches(schema, {})).toBe(false);
    expect(matches(common.Empty, JSON.parse('{"__proto__":{}}'))).toBe(false);
  });
});
