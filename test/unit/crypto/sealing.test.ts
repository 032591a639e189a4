/** Sealing at rest: what opens, what does not, and what stays the same while keys rotate. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { AuthError } from '../../../src/errors.ts';

const dataKey = (id: string, byte: number) => ({ id, key: new Uint8Array(32).fill(byte) });
const sealing = createSealing([dataKey('k1', 1)]);
const context = 'devices.verifier:dev_a';

const failure = (act: () => unknown): AuthError => {
  try {
    act();
  } catch (error) {
    if (error instanceof AuthError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

it('opens what it sealed, bytes and text of any kind', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: 'grapheme' }),
      fc.string(),
      (bytes, text, where) => {
        expect(sealing.open(sealing.seal(bytes, where), where)).toEqual(bytes);
        expect(sealing.openText(sealing.seal(text, where), where)).toBe(text);
      },
    ),
  );
});

it('names version and key in the box and nothing of the content, and never seals alike twice (C-13)', () => {
  const boxes = Array.from({ length: 500 }, () => sealing.seal('a known secret', context));
  expect(new Set(boxes).size).toBe(500);
  for (const box of boxes) {
    expect(box).toMatch(/^v1\.k1\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(box.split('.')[2] ?? '', 'base64url').includes('known')).toBe(false);
  }
});

describe('a box does not open', () => {
  const box = sealing.seal('secret', context);

  it.each(['devices.verifier:dev_b', 'devices.salt:dev_a', 'devices.verifier:dev_a ', ''])(
    'in another place: %j (C-13)',
    (other) => {
      const error = failure(() => sealing.open(box, other));
      expect(error.code).toBe('internal');
      expect(error.detail).toContain('cannot be opened');
    },
  );

  it('when any of its bits is altered', () => {
    const bytes = Buffer.from(box.split('.')[2] ?? '', 'base64url');
    for (let position = 0; position < bytes.length; position += 1) {
      const altered = Buffer.from(bytes);
      altered[position] = (altered[position] ?? 0) ^ 1;
      expect(failure(() => sealing.open(`v1.k1.${altered.toString('base64url')}`, context)).code).toBe('internal');
    }
  });

  it.each([
    ['cut short', `v1.k1.${box.split('.')[2]?.slice(0, 20)}`],
    ['empty', ''],
    ['without its key id', box.replace('k1.', '')],
    ['of another version', box.replace('v1', 'v2')],
    ['with a fourth part', `${box}.AA`],
    ['with padding', `${box}=`],
    ['under an unknown key', box.replace('k1', 'k9')],
  ])('%s', (_, text) => {
    const error = failure(() => sealing.open(text, context));
    expect(error.code).toBe('internal');
    expect(error.detail).toContain(context);
  });

  it('under another key of the same id, or by the name of another listed key', () => {
    expect(failure(() => createSealing([dataKey('k1', 2)]).open(box, context)).code).toBe('internal');
    const two = createSealing([dataKey('k1', 1), dataKey('k2', 1)]);
    // Even with equal bytes: the key's id is authenticated.
    expect(failure(() => two.open(box.replace('k1', 'k2'), context)).code).toBe('internal');
  });
});

describe('rotation of the data keys', () => {
  const rotated = createSealing([dataKey('k2', 2), dataKey('k1', 1)]);

  it('seals with the first key and opens with all (C-12)', () => {
    expect(rotated.seal('new', context)).toMatch(/^v1\.k2\./);
    expect(rotated.openText(sealing.seal('old', context), context)).toBe('old');
    expect(rotated.openText(rotated.seal('new', context), context)).toBe('new');
  });

  it('leaves look-up values and derived secrets as they were', () => {
    const text = 'anna@example.com';
    expect(rotated.lookup(text, 'users.email')).toBe(sealing.lookup(text, 'users.email'));
    expect(rotated.deriveSecret('fake-salt')).toEqual(sealing.deriveSecret('fake-salt'));
  });

  it('may drop the oldest key when its bytes stay listed as "lookup", which opens and seals nothing', () => {
    const later = createSealing([dataKey('k2', 2), dataKey('lookup', 1)]);
    expect(later.lookup('a', 'b')).toBe(sealing.lookup('a', 'b'));
    expect(later.deriveSecret('a')).toEqual(sealing.deriveSecret('a'));
    expect(failure(() => later.open(sealing.seal('old', context), context)).detail).toContain('unknown data key');
    const first = createSealing([dataKey('lookup', 1), dataKey('k2', 2)]);
    expect(first.seal('x', context)).toMatch(/^v1\.k2\./);
    expect(failure(() => first.open(sealing.seal('x', context).replace('k1', 'lookup'), context)).code).toBe(
      'internal',
    );
  });
});

it('gives every purpose values of its own (C-11)', () => {
  const values = [
    sealing.lookup('a', 'users.email'),
    sealing.lookup('a', 'users.phone'),
    sealing.lookup('b', 'users.email'),
    Buffer.from(sealing.deriveSecret('a')).toString('base64url'),
    Buffer.from(sealing.deriveSecret('users.email')).toString('base64url'),
    createSealing([dataKey('k1', 2)]).lookup('a', 'users.email'),
  ];
  expect(new Set(values).size).toBe(values.length);
  for (const value of values) expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

it.each([
  ['no key', []],
  ['only a look-up key', [dataKey('lookup', 1)]],
  ['a short key', [{ id: 'k1', key: new Uint8Array(31) }]],
  ['two keys of one id', [dataKey('k1', 1), dataKey('k1', 2)]],
  ['an id with a dot', [dataKey('k.1', 1)]],
  ['an empty id', [dataKey('', 1)]],
])('refuses %s', (_, keys) => {
  expect(failure(() => createSealing(keys)).detail).toContain('data keys cannot be used');
});
