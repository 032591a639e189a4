import { describe, expect, it } from 'vitest';
import { amountOf } from '../../../src/protocol/templates/amount.ts';
import type { FieldsOf, TemplateName } from '../../../src/protocol/templates/templates.ts';
import { samples, templateNames } from './samples.ts';

const of = <Name extends TemplateName>(name: Name, changed: object = {}) =>
  amountOf(name, { ...samples[name], ...changed } as unknown as FieldsOf<Name>);

describe('what an approval can cost', () => {
  it('is the amount, the total of a batch, and of a reservation and a mandate their maximum (T-07, T-15)', () => {
    expect(Object.fromEntries(templateNames.map((name) => [name, of(name)]))).toEqual({
      payment: { amount: 125_000, currency: 'EUR' },
      'payment-batch': { amount: 1_250_001, currency: 'EUR' },
      reservation: { amount: 40_000, currency: 'EUR' },
      'payee-add': undefined,
      mandate: { amount: 15_000, currency: 'EUR' },
      consent: undefined,
      document: undefined,
      'admin-act': undefined,
      text: undefined,
    });
    expect(of('mandate', { maximum: undefined })).toBeUndefined();
  });
});
