/** What a phone is given to sign, by a server that lies about it. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { displayText } from '../../../src/protocol/templates/draw.ts';
import type { FieldsOf, TemplateName } from '../../../src/protocol/templates/templates.ts';
import { readDisplay, readList } from '../../../src/sdk/display.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { languages } from '../../../src/texts/languages.ts';
import { samples, templateNames } from '../signing/samples.ts';

function displayOf(template: TemplateName, locale = 'en') {
  const { name, fields } = checkFields({ template, version: 1, fields: samples[template] });
  return render(name, fields, locale).display;
}
type Display = ReturnType<typeof displayOf>;

/** The display with something else in its template. */
const bent = (display: Display, changed: object): Display => ({
  ...display,
  template: { ...display.template, ...changed },
});
const refused = (display: Parameters<typeof readDisplay>[0], code: string): void =>
  expect(() => readDisplay(display)).toThrowError(expect.objectContaining({ code }));

describe('what a phone is given to sign', () => {
  it.each(templateNames)(
    'of the template %s is drawn again, line for line as the server drew it (T-05)',
    (template) => {
      const { name, fields } = checkFields({ template, version: 1, fields: samples[template] });
      for (const locale of ['en', 'de', 'ar', 'fr']) {
        const { display, lines } = render(name, fields, locale);
        expect(readDisplay(display).lines).toEqual(lines);
      }
    },
  );

  it('of a template or a version that this release does not know says "update the app" (T-08)', () => {
    const display = displayOf('payment');
    refused(bent(display, { name: 'payment-2' }), 'unsupported');
    refused(bent(display, { version: 2 }), 'unsupported');
    refused(bent(display, { name: 'toString' }), 'unsupported');
  });

  it('is refused with any field changed, left out or added, while the text stays (T-04, T-05)', () => {
    const display = displayOf('payment');
    const { fields } = display.template;
    const changes: Record<string, unknown> = {
      amount: 125_001,
      currency: 'USD',
      creditorName: 'Mallory',
      creditorIban: 'NL91ABNA0417164300',
      debtorIban: 'GB29NWBK60161331926819',
      date: '2026-11-24',
      reference: 'Invoice 2026/119',
    };
    expect(Object.keys(changes).sort()).toEqual(Object.keys(fields).sort());
    for (const [name, value] of Object.entries(changes)) {
      refused(bent(display, { fields: { ...fields, [name]: value } }), 'server_not_authentic');
      const { [name]: _, ...rest } = fields;
      refused(bent(display, { fields: rest }), 'server_not_authentic');
    }
    refused(bent(display, { fields: { ...fields, fee: 1 } }), 'server_not_authentic');
    refused(bent(display, { fields: { ...fields, currency: 'ZZZ' } }), 'server_not_authentic');
  });

  it('is refused with another text, title, language or wording than its own (T-05)', () => {
    const display = displayOf('mandate');
    const { wording, title } = display.template;
    refused({ ...display, text: `${display.text}\nAmount: 1` }, 'server_not_authentic');
    refused({ ...display, text: display.text.replace('150.00', '15.00') }, 'server_not_authentic');
    refused({ ...display, locale: 'de' }, 'server_not_authentic');
    refused(bent(display, { title: `${title} ` }), 'server_not_authentic');
    refused(bent(display, { wording: { ...wording, payee: 'From' } }), 'server_not_authentic');
    refused(bent(display, { wording: {} }), 'server_not_authentic');
  });

  it.each(languages)('has in $code labels that the phone takes (T-05)', ({ code }) => {
    for (const template of templateNames) expect(() => readDisplay(displayOf(template, code))).not.toThrow();
  });

  it.each([
    ['a line feed', 'Amount\nPayee'],
    ['a colon', 'Payee: Jansen, amount'],
    ['a colon that is another character', 'Payee\uff1a Jansen, amount'],
    ['nothing', ''],
    ['a blank', ' '],
    ['a blank after it', 'Amount '],
    ['a line separator', 'Amount\u2028Payee'],
    ['reordering', '\u202eAmount'],
    ['a character that nobody sees', 'Amo\u200bunt'],
    ['a filler', 'Amount\u3164'],
    ['the story of a lie', 'Limit of your card, which is raised when you approve this; nothing is paid'],
    ['the label of another line', 'Payee'],
  ])('is refused with a label or title that has %s, though text and fields fit (T-05)', (_what, said) => {
    const display = displayOf('payment');
    const { wording, title } = display.template;
    const lying = { ...wording, amount: said };
    const lines = readDisplay(display).lines.map((line) => (line.name === 'amount' ? { ...line, label: said } : line));
    refused({ ...bent(display, { wording: lying }), text: displayText(title, lines) }, 'server_not_authentic');
    if (said === 'Payee') return;
    const titled = { ...bent(display, { title: said }), text: displayText(said, readDisplay(display).lines) };
    refused(titled, 'server_not_authentic');
  });

  it('is refused with a word that nothing draws, and without one that is drawn (T-05)', () => {
    const display = displayOf('mandate');
    const { wording } = display.template;
    refused(bent(display, { wording: { ...wording, fee: 'Fee' } }), 'server_not_authentic');
    const { recurring: _, ...rest } = wording;
    refused(bent(display, { wording: rest }), 'server_not_authentic');
    refused(bent(display, { wording: { ...rest, fee: 'Fee' } }), 'server_not_authentic');
  });

  it('is refused as text alone, which nothing could be compared with (T-05)', () => {
    refused({ text: 'Pay 1 EUR', locale: 'en' }, 'server_not_authentic');
  });
});

describe('the list of a batch', () => {
  const payments = samples['payment-batch']['payments'] as readonly { amount: number }[];
  const {
    name,
    fields,
    list = '',
  } = checkFields({ template: 'payment-batch', version: 1, fields: samples['payment-batch'] });
  const batch = fields as FieldsOf<'payment-batch'>;
  const hashed = (value: unknown) => {
    const text = JSON.stringify(value);
    return { text, batch: { ...batch, paymentsHash: createHash('sha256').update(text).digest('base64url') } };
  };

  it('is the one that the fields name, and no other (T-06)', async () => {
    expect(name).toBe('payment-batch');
    expect(await readList(list, batch)).toEqual(payments);
    expect(await readList(JSON.stringify([...payments].reverse()), batch)).toBeUndefined();
    expect(await readList(`${list} `, batch)).toBeUndefined();
  });

  it('is refused where number or total are not those of the fields, though its hash is right (T-06)', async () => {
    const more = hashed([...payments, { ...payments[0], amount: 1 }]);
    expect(await readList(more.text, more.batch)).toBeUndefined();
    const other = hashed(payments.map((payment) => ({ ...payment, amount: payment.amount + 1 })));
    expect(await readList(other.text, other.batch)).toBeUndefined();
    for (const odd of [{}, null, [1, 2], 'x', payments.map((payment) => ({ ...payment, fee: 1 }))]) {
      const { text, batch: bound } = hashed(odd);
      expect(await readList(text, bound)).toBeUndefined();
    }
  });

  it('is refused where it can be read in two ways, though hash, number and total are right (T-06)', async () => {
    const bound = (text: string) => ({ ...batch, paymentsHash: createHash('sha256').update(text).digest('base64url') });
    expect(await readList(list, bound(list))).toHaveLength(2);
    for (const text of [
      list.replace('"amount":', '"amount":1,"amount":'),
      list.replace('"creditorName":', '"creditorName":"Mallory","creditorName":'),
      list.replace('1000000', '1e6'),
      list.replace('Ana', '\\u0041na'),
      list.replace(',', ', '),
    ]) {
      expect(text).not.toBe(list);
      expect(await readList(text, bound(text)), text).toBeUndefined();
    }
  });
});
