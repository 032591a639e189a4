/** A few words of what is signed, for lists and for afterwards. */
import { describe, expect, it } from 'vitest';
import { headline } from '../../../src/protocol/templates/headline.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { samples, templateNames } from './samples.ts';

const headlineOf = (template: TemplateName, changes: object = {}): string[] => {
  const checked = checkFields({ template, version: 1, fields: { ...samples[template], ...changes } });
  return headline(render(checked.name, checked.fields, 'en').lines).map(({ label, value }) => `${label}: ${value}`);
};

describe('the headline of what is signed', () => {
  it('is what a person decides by, with its label: amount and payee, or what the portal calls it (T-01, T-07)', () => {
    expect(Object.fromEntries(templateNames.map((name) => [name, headlineOf(name)]))).toMatchInlineSnapshot(`
      {
        "admin-act": [
          "Act: Suspend a user",
          "Concerns: Otto Own",
        ],
        "consent": [
          "Who gets access: Budget App",
        ],
        "document": [
          "Document: Loan agreement 4711",
        ],
        "mandate": [
          "Payee: Power Ltd",
          "At most: 150.00 EUR",
        ],
        "payee-add": [
          "Payee: Water Company",
          "Account of the payee: NL91 ABNA 0417 1643 00",
        ],
        "payment": [
          "Amount: 1,250.00 EUR",
          "Payee: Jansen & Zn",
        ],
        "payment-batch": [
          "Total: 12,500.01 EUR",
          "Number of payments: 2",
        ],
        "reservation": [
          "Up to, in total: 400.00 EUR",
          "Payee: Hotel Aurora",
        ],
        "text": [
          "The portal writes: I have read the notice of 21 November. …",
        ],
      }
    `);
  });

  it('is short, whatever the portal wrote, and never half of a character (T-08)', () => {
    const [words = ''] = headlineOf('text', { words: `${'🙂'.repeat(300)}\nPayee: somebody else` });
    expect(words).toMatch(/: 🙂{79}…$/u);
    expect(words).not.toContain('somebody');
    expect(headlineOf('text', { words: `First\nSecond` })).toEqual([expect.stringMatching(/: First …$/)]);
    expect(headlineOf('document', { title: 'a'.repeat(200) })[0]).toMatch(/: a{79}…$/);
    expect(headlineOf('document', { title: 'a'.repeat(80) })[0]).toMatch(/: a{80}$/);
  });
});
