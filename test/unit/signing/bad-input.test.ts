/** What portals send wrongly, in every field of every template where it can stand: refused at creation, by the name of the field. */
import { describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { isIban } from '../../../src/protocol/templates/iban.ts';
import { readDisplay } from '../../../src/sdk/display.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { samples, templateNames } from './samples.ts';

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

function* leaves(value: unknown, path: Path = []): Generator<{ path: Path; value: unknown }> {
  if (typeof value !== 'object' || value === null) yield { path, value };
  else for (const [name, one] of Object.entries(value)) yield* leaves(one, [...path, name]);
}

function withLeaf(value: unknown, [first, ...rest]: Path, leaf: unknown): unknown {
  if (first === undefined) return leaf;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[first] = withLeaf(copy[first], rest, leaf);
  return copy;
}

function refusal(template: string, fields: Fields, version = 1): string {
  try {
    checkFields({ template, version, fields });
  } catch (error) {
    if (error instanceof AuthError && error.code === 'invalid_request') return error.publicMessage ?? '';
    throw error;
  }
  throw new Error(`accepted: ${template} ${JSON.stringify(fields).slice(0, 500)}`);
}

/** Every place in every template where a value of that kind stands. */
const places = (isWanted: (value: unknown, field: string) => boolean) =>
  templateNames.flatMap((name) =>
    [...leaves(samples[name])]
      .map(({ path, value }) => ({ name, path, value, place: path.join('.') }))
      .filter(({ path, value }) => isWanted(value, String(path.findLast((step) => !/^\d+$/.test(String(step)))))),
  );

const refusedAt = (name: keyof typeof samples, path: Path, leaf: unknown): void => {
  const message = refusal(name, withLeaf(samples[name], path, leaf) as Fields);
  // The place, by its outermost name at least: a count that is wrong may show by what it counts.
  expect(message).toMatch(/^fields\//);
};

const wrongNumbers = [
  12.5,
  '1250',
  '1e3',
  '1.250,00',
  '1,250.00',
  '0x10',
  '',
  -1,
  0,
  -0,
  1e30,
  10 ** 14,
  Number.MAX_SAFE_INTEGER,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  null,
  true,
  [1],
  { amount: 1 },
];

describe('a number', () => {
  const numbers = places((value) => typeof value === 'number');

  it('stands in payments, batches, reservations, mandates and documents', () => {
    expect(new Set(numbers.map(({ name }) => name))).toEqual(
      new Set(['payment', 'payment-batch', 'reservation', 'mandate', 'document']),
    );
  });

  it.each(numbers)('in $name at $place is whole, above zero and not too large, or refused (T-08)', ({ name, path }) => {
    for (const wrong of wrongNumbers) refusedAt(name, path, wrong);
  });
});

describe('an account number', () => {
  const ibans = places((value, field) => typeof value === 'string' && /iban/i.test(field));

  /** With right check digits, of a length that its country does not have. */
  const ofLength = (length: number): string => {
    const rest = '096123456769'.repeat(3).slice(0, length - 4);
    const digits = BigInt(`${rest}111400`) % 97n;
    return `BE${String(98n - digits).padStart(2, '0')}${rest}`;
  };

  it('is none at any length but that of its country, though its check digits are right (T-08)', () => {
    const lengths = Array.from({ length: 36 }, (_, index) => index + 4);
    expect(lengths.filter((length) => isIban(ofLength(length)))).toEqual([16]);
  });

  it.each(ibans)('in $name at $place is refused at every wrong length (T-08)', ({ name, path }) => {
    for (const length of [0, 1, 2, 4, 5, 15, 17, 34, 35]) {
      refusedAt(name, path, length < 4 ? 'BE71'.slice(0, length) : ofLength(length));
    }
    for (const wrong of ['', 'be71096123456769', 'BE71 0961 2345 6769', 'XX00', 12, null]) refusedAt(name, path, wrong);
  });
});

describe('a currency', () => {
  it.each(places((_, field) => field === 'currency'))(
    'in $name at $place is one of ISO 4217, or refused (T-08)',
    (at) => {
      for (const wrong of ['eur', 'EURO', 'XXX', 'XAU', 'XTS', 'DEM', 'BTC', 'ZZZ', '€', '978', 978, '', null]) {
        refusedAt(at.name, at.path, wrong);
      }
    },
  );
});

describe('a day', () => {
  it.each(places((_, field) => field === 'date' || field === 'until'))(
    'in $name at $place is one of the calendar, or refused (T-08)',
    ({ name, path }) => {
      for (const wrong of [
        '2026-02-30',
        '2027-02-29',
        '2026-1-1',
        '23.11.2026',
        '1999-01-01',
        '2026-11-23T00:00Z',
        20261123,
        '',
      ]) {
        refusedAt(name, path, wrong);
      }
    },
  );
});

describe('a text of a million characters', () => {
  it.each(places((value) => typeof value === 'string'))('is refused in $name at $place (T-08)', ({ name, path }) => {
    refusedAt(name, path, 'x'.repeat(1_000_000));
    refusedAt(name, path, 'A\u0300'.repeat(500_000));
  });
});

describe('the address of a document', () => {
  it.each([
    ['in capital letters', 'https://Portal.example/a'],
    ['with a port that goes without saying', 'https://portal.example:443/a'],
    ['with steps back', 'https://portal.example/a/../b'],
    ['with a user', 'https://portal.example@evil.example/a'],
    ['with a fragment', 'https://portal.example/a#b'],
    ['without a path', 'https://portal.example'],
    ['of another scheme', 'ftp://portal.example/a'],
    ['of a file', 'file:///etc/passwd'],
    ['of the page itself', 'data:text/plain,a'],
    ['that is relative', '/a'],
    ['with a quotation mark', 'https://portal.example/a”b'],
    ['in letters that are not plain', 'https://pörtal.example/a'],
    ['with a blank', 'https://portal.example/a b'],
    ['with a backslash', 'https://portal.example\\@evil.example/a'],
    ['with an address written otherwise', 'https://0x7f.1/a'],
    ['that is too long', `https://portal.example/${'a'.repeat(500)}`],
  ])('is refused %s (T-08)', (_what, viewer) => {
    expect(refusal('document', { ...samples.document, viewer })).toMatch(/^fields\/viewer/);
  });

  it('goes with a kind that a phone can show and a size that it can hold, or is refused (T-08)', () => {
    for (const mediaType of ['text/html', 'image/svg+xml', 'application/PDF', 'text/plain; charset=utf-8', '']) {
      expect(refusal('document', { ...samples.document, mediaType })).toContain('mediaType');
    }
    expect(() =>
      checkFields({ template: 'document', version: 1, fields: { ...samples.document, size: 8 << 20 } }),
    ).not.toThrow();
    expect(refusal('document', { ...samples.document, size: (8 << 20) + 1 })).toContain('size');
  });
});

describe('a template', () => {
  it.each(templateNames)(
    '%s of a version that is not known is refused, and the phone says "update the app" (T-08)',
    (name) => {
      for (const version of [0, 2, -1, 1.5, Number.MAX_SAFE_INTEGER]) {
        expect(refusal(name, samples[name], version)).toMatch(/^template and version must be one of /);
      }
      const { fields } = checkFields({ template: name, version: 1, fields: samples[name] });
      const { display } = render(name, fields, 'en');
      const newer = { ...display, template: { ...display.template, version: 2 } };
      expect(() => readDisplay(newer)).toThrowError(expect.objectContaining({ code: 'unsupported' }));
    },
  );
});

describe('the creditor of a mandate', () => {
  it('is no account: approved for a few cents, it would be a known payee of any payment (A-08, T-08)', () => {
    const creditorId = samples.payment.creditorIban;
    expect(refusal('mandate', { ...samples.mandate, creditorId })).toMatch(/^fields\/creditorId .*account/);
  });
});
