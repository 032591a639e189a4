/** The options of `mtoken company` for risk and approvers: what they say exactly, and what they refuse. */
import { describe, expect, it } from 'vitest';
import { CommandError } from '../../../src/cli/output.ts';
import { amountLimit, approverRule, riskRule, signingMembers } from '../../../src/cli/signing-rules.ts';
import { defaultRules } from '../../../src/companies/rules.ts';

const all = <T>(parse: (text: string, previous?: T) => T, ...texts: string[]) =>
  texts.reduce<T | undefined>((previous, text) => parse(text, previous), undefined);

describe('the options of a company about signing', () => {
  it('name what they change and nothing else', () => {
    expect(all(riskRule, 'newDevice=deny:48', 'newPayee=off', 'amount=step-up', 'declines=delay:3')).toEqual({
      newDevice: { action: 'deny', hours: 48 },
      newPayee: { action: 'off' },
      amount: { action: 'step-up' },
      declines: { action: 'delay', count: 3 },
    });
    expect(all(amountLimit, 'EUR 10000.00', 'JPY 5')).toEqual([
      { currency: 'EUR', amount: 1_000_000 },
      { currency: 'JPY', amount: 5 },
    ]);
    expect(all(approverRule, 'payment,mandate:2', 'payment:3:EUR 0.01')).toEqual([
      { templates: ['payment', 'mandate'], needed: 2 },
      { templates: ['payment'], needed: 3, currency: 'EUR', from: 1 },
    ]);
    expect([amountLimit('none', []), approverRule('none', [])]).toEqual([[], []]);
  });

  it.each([
    'newDevice',
    'newDevice=block',
    'newPayee=deny:3',
    'toString=deny',
    'declines=deny:-1',
    'amount=deny:100',
    '',
  ])('refuse --risk %s', (text) => {
    expect(() => riskRule(text)).toThrow(CommandError);
  });

  it.each(['payment', 'payment:two', ':2', 'payment:2:EUR', 'payment:2:EUR 1,50', 'payment:2:EUR 0', 'payment:222'])(
    'refuse --approvers %s',
    (text) => {
      expect(() => approverRule(text)).toThrow(CommandError);
      expect(() => amountLimit(text)).toThrow(CommandError);
    },
  );

  it('are shown of a company in words', () => {
    const hours = { days: [1, 2], from: '08:00', until: '18:00', timeZone: 'UTC' };
    const rules = {
      ...defaultRules,
      fourEyes: [],
      networks: [],
      emailDomains: [],
      approvers: [
        { templates: ['payment'], currency: 'EUR', from: 1_000_000, needed: 2 },
        { templates: ['document', 'text'], needed: 3 },
      ],
      risk: {
        ...defaultRules.risk,
        amount: { action: 'deny' as const, limits: [{ currency: 'JPY', amount: 5 }] },
        unusualHour: { action: 'warn' as const, hours },
      },
    };
    expect(signingMembers(rules)).toMatchObject({
      'several approvers': '2 for payment (from EUR 10000.00); 3 for document, text',
      'risk: amount': 'deny, JPY 5',
      'risk: unusual hour': 'warn, 08:00 to 18:00 on days 1 2, UTC',
    });
  });
});
