/** Amounts as an operator writes them into a form or a command: exact, or refused. */
import { describe, expect, it } from 'vitest';
import { readMoney, writeMoney } from '../../../src/protocol/templates/written.ts';

describe('an amount in a form', () => {
  it.each([
    ['EUR 10000.00', { currency: 'EUR', amount: 1_000_000 }],
    ['EUR 10000', { currency: 'EUR', amount: 1_000_000 }],
    [' EUR  0.5 ', { currency: 'EUR', amount: 50 }],
    ['EUR 1.15', { currency: 'EUR', amount: 115 }],
    ['JPY 1', { currency: 'JPY', amount: 1 }],
    ['KWD 0.001', { currency: 'KWD', amount: 1 }],
    ['EUR 999999999999.99', { currency: 'EUR', amount: 99_999_999_999_999 }],
    ['EUR 0', { currency: 'EUR', amount: 0 }],
  ])('is read from %s to the last digit', (text, money) => {
    expect(readMoney(text)).toEqual(money);
    expect(readMoney(writeMoney(money))).toEqual(money);
  });

  it.each([
    '10000',
    'EUR',
    'eur 1',
    'XXX 1',
    'EUR 1,50',
    'EUR 1.234',
    'JPY 1.5',
    'EUR -1',
    'EUR 1e3',
    'EUR 1 000',
    'EUR 1000000000000.00',
    'EUR 99999999999999',
    'EUR ١',
    'EUR NaN',
    'EUR 1.',
  ])('is none in %s', (text) => {
    expect(readMoney(text)).toBeUndefined();
  });
});
