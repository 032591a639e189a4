/** What a body that does not fit is told, and how little of it is looked at for that. */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { createValidate } from '../../../src/http/validation.ts';
import { strict } from '../../../src/protocol/common.ts';
import { refusalOf } from '../mpin/world.ts';

const Payment = strict({ amount: Type.Integer({ minimum: 1 }), name: Type.String({ maxLength: 9 }) });
const schema = strict({
  payments: Type.Array(Payment, { minItems: 1, maxItems: 100_000 }),
  note: Type.Optional(Type.String()),
});
const fine = { amount: 1, name: 'Zoë' };

const refusal = (value: unknown, of: Parameters<typeof createValidate>[0] = schema) =>
  refusalOf((async () => createValidate(of, 'body')(value))());

/** Counts how often a member or an element is read. */
function counted<T extends object>(target: T): { readonly value: T; readonly reads: () => number } {
  let reads = 0;
  const value = new Proxy(target, {
    get: (inner, name, receiver) => {
      // `length` and methods are no elements.
      if (typeof name === 'string' && /\d$/.test(name)) reads += 1;
      return Reflect.get(inner, name, receiver) as unknown;
    },
  });
  return { value, reads: () => reads };
}

describe('a body that does not fit', () => {
  it.each([
    [[], 'body must be object'],
    [{ payments: 1 }, 'body/payments must be array'],
    [{}, 'body must have required properties payments'],
    [{ payments: [] }, 'body/payments must not have fewer than 1 items'],
    [{ payments: [fine, { ...fine, amount: 0 }] }, 'body/payments/1/amount must be >= 1'],
    [{ payments: [fine, 1] }, 'body/payments/1 must be object'],
    [{ payments: [fine], note: 1 }, 'body/note must be string'],
  ])('is told its first misfit, in the library’s own words: %j', async (value, message) => {
    expect(await refusal(value)).toMatchObject({ code: 'invalid_request', message });
    const [first] = Compile(schema).Errors(value);
    expect(`body${first?.instancePath} ${first?.message}`).toBe(message);
  });

  it('is told in other words where the library’s say nothing', async () => {
    const quoted = createValidate(Type.Object({ title: Type.String({ pattern: '^[^\\u201c]*$' }) }), 'body');
    expect(() => quoted({ title: '“x' })).toThrow('body/title holds a character that may not stand here');
    for (const [value, place] of [
      [{ payments: [fine], more: 1 }, 'body/more'],
      [{ payments: [{ ...fine, more: 1 }] }, 'body/payments/0/more'],
    ] as const) {
      expect((await refusal(value)).message).toBe(`${place} is not known here`);
    }
  });

  it('is read as far as its first misfit, however long it is: [1,1,1,…] stops no process (X-10)', async () => {
    const { value, reads } = counted<unknown[]>(Array.from({ length: 50_000 }, () => 1));
    expect((await refusal({ payments: value })).message).toBe('body/payments/0 must be object');
    expect(reads()).toBeLessThan(10);
  });

  it('has one of its unknown members looked at, however many it has (X-10)', async () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, 1]));
    const { value, reads } = counted({ payments: [fine], ...many });
    expect((await refusal(value)).message).toBe('body/k0 is not known here');
    expect(reads()).toBeLessThan(10);
    const inner = counted({ ...fine, ...many });
    expect((await refusal({ payments: [inner.value] })).message).toBe('body/payments/0/k0 is not known here');
    expect(inner.reads()).toBeLessThan(10);
  });

  it('is refused for its length before any of it is read (X-10)', async () => {
    const { value, reads } = counted<unknown[]>(Array.from({ length: 101 }, () => 1));
    const short = Type.Array(Payment, { maxItems: 100 });
    expect((await refusal(value, short)).message).toBe('body must not have more than 100 items');
    expect(reads()).toBeLessThan(10);
  });
});
