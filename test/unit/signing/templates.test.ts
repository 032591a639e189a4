import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { formatIban, isIban } from '../../../src/protocol/templates/iban.ts';
import { currencyExponent, formatAmount } from '../../../src/protocol/templates/money.ts';
import type { BatchPayment, TemplateName } from '../../../src/protocol/templates/templates.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { type Rendered, render } from '../../../src/signing/wording.ts';
import { languages } from '../../../src/texts/languages.ts';
import { samples, templateNames } from './samples.ts';

type Fields = Readonly<Record<string, unknown>>;

function show(template: TemplateName, fields: Fields = samples[template], locale = 'en'): Rendered {
  const checked = checkFields({ template, version: 1, fields });
  return render(checked.name, checked.fields, locale);
}

const textOf = (template: TemplateName, fields?: Fields, locale?: string): string =>
  show(template, fields, locale).display.text;

/** The public message of the refusal. */
function refusal(template: string, fields: Fields, version = 1): string {
  try {
    checkFields({ template, version, fields });
  } catch (error) {
    if (error instanceof AuthError && error.code === 'invalid_request') return error.publicMessage ?? '';
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(fields)}`);
}

describe('every template, in every language', () => {
  it.each(languages)('is drawn in $code as the golden file has it (T-01, T-08)', async ({ code }) => {
    const texts = templateNames.map((name) => textOf(name, samples[name], code));
    await expect(`${texts.join('\n\n')}\n`).toMatchFileSnapshot(`golden/${code}.txt`);
  });

  it.each(languages)(
    'has in $code a title of its own, and no two lines under one label but accounts (T-08)',
    ({ code }) => {
      const shown = templateNames.map((name) => show(name, samples[name], code));
      expect(new Set(shown.map(({ display }) => display.template.title)).size).toBe(templateNames.length);
      for (const { lines } of shown) {
        const labels = lines.filter(({ name }) => name !== 'account').map(({ label }) => label);
        expect(new Set(labels).size, `${code}: ${labels.join()}`).toBe(labels.length);
        expect(labels.filter((label) => label.includes(':'))).toEqual([]);
      }
    },
  );

  it('is drawn in English where there are no texts in the language, and says so', () => {
    expect(show('payment', samples.payment, 'xx-YY').display).toMatchObject({ locale: 'en' });
    expect(show('payment', samples.payment, 'de-AT').display).toMatchObject({ locale: 'de' });
  });
});

describe('a payment', () => {
  it('shows amount, currency, payee and account (T-01)', () => {
    const { lines } = show('payment');
    const shown = lines.filter(({ emphasis }) => emphasis === 'main').map(({ value }) => value);
    expect(shown).toEqual(['1,250.00\u00a0EUR', 'Jansen & Zn', 'BE71 0961 2345 6769']);
  });

  it.each(['amount', 'currency', 'creditorName', 'creditorIban', 'debtorIban', 'date'])(
    'is refused without its %s, and the refusal names it (T-01)',
    (field) => {
      const { [field]: _, ...rest } = samples.payment;
      expect(refusal('payment', rest)).toContain(field);
    },
  );

  it.each([
    ['decimals', 12.5],
    ['text', '1250'],
    ['text with a comma', '1.250,00'],
    ['negative', -1],
    ['zero', 0],
    ['beyond any', 1e30],
    ['no number', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['nothing', null],
    ['a list', [1]],
  ])('is refused with an amount that is %s (T-08)', (_what, amount) => {
    expect(refusal('payment', { ...samples.payment, amount })).toMatch(/^fields\/amount/);
  });

  it.each(['eur', 'EURO', 'XXX', 'XAU', 'ZZZ', 'BTC', 'DEM', '', '€'])(
    'is refused in the currency %j (T-08)',
    (currency) => {
      expect(refusal('payment', { ...samples.payment, currency })).toMatch(/^fields\/currency/);
    },
  );

  it.each(['2026-02-30', '2026-13-01', '2026-1-1', '23.11.2026', '2036-11-23T00:00:00Z', '1999-01-01', 'tomorrow'])(
    'is refused on the date %s (T-08)',
    (date) => {
      expect(refusal('payment', { ...samples.payment, date })).toMatch(/^fields\/date/);
    },
  );

  it.each([
    ['one digit wrong', 'BE71096123456768'],
    ['two digits swapped', 'BE71096123457669'],
    ['too short', 'BE7109612345676'],
    ['too long', 'BE710961234567690'],
    ['with spaces', 'BE71 0961 2345 6769'],
    ['in small letters', 'be71096123456769'],
    ['of no country', 'ZZ71096123456769'],
    ['very long', 'BE71'.padEnd(1000, '0')],
  ])('is refused to an account that is %s (T-08)', (_what, creditorIban) => {
    expect(refusal('payment', { ...samples.payment, creditorIban })).toMatch(/^fields\/creditorIban/);
  });

  it.each([
    ['right-to-left override', 'Jan\u202esen'],
    ['isolate', 'Jan\u2066sen'],
    ['zero-width space', 'Jan\u200bsen'],
    ['zero-width joiner', 'Jan\u200dsen'],
    ['soft hyphen', 'Jan\u00adsen'],
    ['line feed', 'Jansen\nAmount: 1'],
    ['carriage return', 'Jansen\rX'],
    ['look-alike letters', 'J\u0430nsen'],
    ['another normal form', 'Zoe\u0308'],
    ['a blank of another width', 'Jansen\u2003Zn'],
    ['a no-break space', 'Jansen\u00a0Zn'],
    ['two blanks', 'Jansen  Zn'],
    ['a blank at its end', 'Jansen '],
    ['nothing but a blank', ' '],
    ['a hangul filler', 'Jansen\u3164'],
    ['a private character', 'Jansen\ue000'],
    ['too much', 'x'.repeat(71)],
    ['very much', 'x'.repeat(1_000_000)],
  ])('is refused to a name with %s (T-08)', (_what, creditorName) => {
    expect(refusal('payment', { ...samples.payment, creditorName })).toMatch(/^fields\/creditorName/);
  });

  it('is refused with a field that the template does not have (T-11)', () => {
    expect(refusal('payment', { ...samples.payment, fee: 1 })).toContain('fields');
  });
});

describe('a template', () => {
  it.each([
    ['unknown', 'paiement', 1],
    ['of another version', 'payment', 2],
    ['of no version', 'payment', 0],
    ['a member of every object', 'constructor', 1],
  ])('that is %s is refused', (_what, name, version) => {
    expect(refusal(name, samples.payment, version)).toMatch(/^template and version must be one of payment, /);
  });
});

describe('a batch', () => {
  const { payments, ...rest } = samples['payment-batch'] as Fields & { payments: BatchPayment[] };
  const batch = (changed: Fields): Fields => ({ ...rest, payments, ...changed });

  it('is bound to every payee, amount and their order by one hash in the text (T-06)', () => {
    const [first, second] = payments as [BatchPayment, BatchPayment];
    const texts = [
      payments,
      [second, first],
      [
        { ...first, creditorName: second.creditorName },
        { ...second, creditorName: first.creditorName },
      ],
      [
        { ...first, creditorIban: second.creditorIban },
        { ...second, creditorIban: first.creditorIban },
      ],
      [
        { ...first, amount: first.amount - 1 },
        { ...second, amount: second.amount + 1 },
      ],
      [first, { ...second, reference: 'December' }],
    ].map((list) => textOf('payment-batch', batch({ payments: list })));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('has the same hash whatever order the members of a payment were sent in (T-06)', () => {
    const turned = payments.map((payment) => Object.fromEntries(Object.entries(payment).reverse()));
    expect(textOf('payment-batch', batch({ payments: turned }))).toBe(textOf('payment-batch'));
  });

  it.each([
    ['another total', { total: 1_250_000 }, 'fields/total'],
    ['a total that is text', { total: '1250001' }, 'fields/total'],
    ['a total that is no number', { total: Number.NaN }, 'fields/total'],
    ['a total beyond every number', { total: Number.POSITIVE_INFINITY }, 'fields/total'],
    ['another count', { count: 3 }, 'fields/count'],
    ['one payment', { payments: payments.slice(1), count: 1 }, 'fields/payments'],
    ['no payments', { payments: undefined }, 'fields/payments'],
    ['a hash of its own', { paymentsHash: 'x'.repeat(43) }, 'fields/paymentsHash'],
    [
      'an account that is none',
      { payments: [payments[0], { ...payments[1], creditorIban: 'BE71096123456768' }] },
      'fields/payments/1/creditorIban',
    ],
  ])('is refused with %s (T-06)', (_what, changed, place) => {
    expect(refusal('payment-batch', batch(changed)).startsWith(place)).toBe(true);
  });

  it('of ten thousand payments is summed exactly and judged whole; one more is too many (T-06)', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({ ...payments[0], amount: 99_999_999 + index }));
    const total = many.reduce((sum, { amount }) => sum + amount, 0);
    expect(textOf('payment-batch', batch({ payments: many, count: 10_000, total }))).toContain('10,000');
    const more = [...many, { ...payments[0], amount: 1 }];
    expect(refusal('payment-batch', batch({ payments: more, count: 10_001, total: total + 1 }))).toMatch(
      /^fields\/payments/,
    );
  });
});

describe('a consent', () => {
  it('is refused where it names an account or a kind of access twice (T-08)', () => {
    const [iban] = samples.consent['accountIbans'] as string[];
    expect(refusal('consent', { ...samples.consent, accountIbans: [iban, iban] })).toContain('twice');
    expect(refusal('consent', { ...samples.consent, access: ['details', 'details'] })).toContain('twice');
  });
});

describe('what the portal wrote', () => {
  it('cannot pass for a line of the server’s: it is quoted, line by line (T-08)', () => {
    const words = 'Harmless\nAmount: 1.00 EUR\n\n> quoted';
    expect(textOf('text', { words })).toBe(
      'Text of the portal\nThe portal writes:\n> Harmless\n> Amount: 1.00 EUR\n> \n> > quoted',
    );
    expect(textOf('payment', { ...samples.payment, reference: 'Amount: 1' })).toContain('\nReference: “Amount: 1”');
  });

  it.each([
    ['payment', 'reference'],
    ['payment-batch', 'reference'],
    ['payee-add', 'reference'],
    ['document', 'title'],
    ['admin-act', 'act'],
    ['admin-act', 'target'],
    ['admin-act', 'reason'],
  ] as const)('closes no quotation that the server opened: in %s the %s has none (T-08)', (template, field) => {
    for (const mark of ['“', '”', '‟', '″', '‶', '❝', '❞', '〝', '〞']) {
      const fields = { ...samples[template], [field]: `x${mark} Confirmed by your bank: ${mark}y` };
      expect(refusal(template, fields), mark).toMatch(new RegExp(`^fields/${field}`));
    }
    expect(textOf(template, { ...samples[template], [field]: '‚so‘ «so» "so" ’so’' })).toContain('«so»');
  });
});

/** A letter, a digit, or what could be taken for the server's own marks. */
const letters = fc.constantFrom(...'abXY09:“”>.-,');
const phrase = fc
  .array(fc.array(letters, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })
  .map((words) => words.map((word) => word.join('')).join(' '));
/** What is drawn within quotation marks. */
const note = phrase.map((text) => text.replace(/[“”]/g, '"'));
const ibans = fc.constantFrom(
  'BE71096123456769',
  'NL91ABNA0417164300',
  'GB29NWBK60161331926819',
  'DE89370400440532013000',
);
const amounts = fc.integer({ min: 1, max: 99_999_999_999_999 });
const currencies = fc.constantFrom('EUR', 'JPY', 'KWD', 'HUF');
const days = fc.constantFrom('2036-11-23', '2026-12-31');
const payment = fc.record(
  {
    amount: amounts,
    currency: currencies,
    creditorName: phrase,
    creditorIban: ibans,
    debtorIban: ibans,
    date: days,
    reference: note,
  },
  { requiredKeys: ['amount', 'currency', 'creditorName', 'creditorIban', 'debtorIban', 'date'] },
);
const anything = fc.oneof(
  payment.map((fields) => ['payment', fields] as const),
  fc
    .record({ payeeName: phrase, payeeIban: ibans, reference: note }, { requiredKeys: ['payeeName', 'payeeIban'] })
    .map((fields) => ['payee-add', fields] as const),
  fc
    .record({ act: note, target: note, reason: note }, { requiredKeys: ['act', 'target'] })
    .map((fields) => ['admin-act', fields] as const),
  fc.array(phrase, { minLength: 1, maxLength: 4 }).map((rows) => ['text', { words: rows.join('\n') }] as const),
);

describe('no two different transactions', () => {
  it('are drawn alike, in any language (T-02, T-04, T-08)', () => {
    fc.assert(
      fc.property(
        anything,
        anything,
        fc.constantFrom(...languages),
        ([name, fields], [other, otherFields], { code }) => {
          fc.pre(name !== other || JSON.stringify(sorted(fields)) !== JSON.stringify(sorted(otherFields)));
          expect(textOf(name, fields, code)).not.toBe(textOf(other, otherFields, code));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are drawn alike where one amount, currency or language alone differs (T-02, T-08)', () => {
    fc.assert(
      fc.property(amounts, amounts, currencies, currencies, (one, other, currency, second) => {
        fc.pre(one !== other || currency !== second);
        expect(formatAmount(one, currency, 'de')).not.toBe(formatAmount(other, second, 'de'));
      }),
    );
  });
});

function sorted(fields: object): object {
  return Object.fromEntries(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1)));
}

describe('money', () => {
  it('is written with all decimals of its currency, whatever the language (T-08)', () => {
    expect(formatAmount(1, 'EUR', 'en')).toBe('0.01\u00a0EUR');
    expect(formatAmount(123_456_789, 'EUR', 'de')).toBe('1.234.567,89\u00a0EUR');
    expect(formatAmount(123_456_789, 'JPY', 'fr')).toBe('123\u00a0456\u00a0789\u00a0JPY');
    expect(formatAmount(1_005, 'KWD', 'en')).toBe('1.005\u00a0KWD');
    expect(() => formatAmount(1, 'ZZZ', 'en')).toThrow(RangeError);
  });

  it('has the marks that each language uses, as the engine knows them today (T-08)', () => {
    for (const { code } of languages) {
      const parts = new Intl.NumberFormat(code === 'ar' ? 'ar-u-nu-latn' : code).formatToParts(1_234_567.5);
      const decimal = parts.find(({ type }) => type === 'decimal')?.value;
      expect(formatAmount(123_456_750, 'EUR', code), code).toContain(`567${decimal}50`);
    }
  });

  it('knows the currencies of ISO 4217 with their decimals, as far as the engine knows them', () => {
    const known = Intl.supportedValuesOf('currency').filter((code) => currencyExponent(code) !== undefined);
    expect(known.length).toBeGreaterThan(145);
    expect([currencyExponent('EUR'), currencyExponent('ISK'), currencyExponent('TND')]).toEqual([2, 0, 3]);
    expect(['XAU', 'XXX', 'XTS', 'DEM', 'CLF', 'toString'].map(currencyExponent)).toEqual(Array(6).fill(undefined));
  });
});

describe('an account number', () => {
  it('is right with right check digits only: every other pair is refused', () => {
    const [country, rest] = ['BE', '096123456769'];
    const right = Array.from({ length: 97 }, (_, index) => String(index + 2).padStart(2, '0')).filter((pair) =>
      isIban(`${country}${pair}${rest}`),
    );
    expect(right).toEqual(['71']);
  });

  it.each([
    'AD1200012030200359100100',
    'AT611904300234573201',
    'CH9300762011623852957',
    'FR1420041010050500013M02606',
    'IE29AIBK93115212345678',
    'MT84MALT011000012345MTLCAST001S',
    'NO9386011117947',
    'PL61109010140000071219812874',
    'LC55HEMM000100010012001200023015',
    'SE4550000000058398257466',
  ])('%s is one', (iban) => {
    expect(isIban(iban)).toBe(true);
    expect(formatIban(iban).replaceAll(' ', '')).toBe(iban);
  });
});
