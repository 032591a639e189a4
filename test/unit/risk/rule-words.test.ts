/** Rules about signing in words, as an approver reads them before they agree. */
import { describe, expect, it } from 'vitest';
import english from '../../../src/texts/languages/en.json' with { type: 'json' };
import { textsOf } from '../../../src/texts/texts.ts';
import type { Messages } from '../../../src/web/console/messages.ts';
import { approversText } from '../../../src/web/console/screens/approver-rules.ts';
import { type Risk, riskText } from '../../../src/web/console/screens/risk-rules.ts';

const table: Readonly<Record<string, unknown>> = english.console;
const texts = textsOf('en', english.console, english.console);
const t = Object.assign(texts, {
  named: (group: string, name: string) => String(table[`${group}.${name}`] ?? name),
}) as Messages;

describe('rules about signing in words', () => {
  it('name people, what they sign, and from which amount on (T-15, A-10)', () => {
    const rules = [
      { templates: ['payment', 'mandate'], currency: 'EUR', from: 500_050, needed: 2 },
      { templates: ['text'], needed: 3 },
    ];
    expect(approversText(t, rules)).toBe('2: Payment, Direct debit mandate (≥ EUR 5000.50); 3: Text of the portal');
    expect(approversText(t, [])).toBe('No');
  });

  it('name each rule about risk with what it does and its values', () => {
    const risk: Partial<Risk> = {
      newDevice: { action: 'deny', hours: 48 },
      amount: { action: 'step-up', limits: [{ currency: 'JPY', amount: 5 }] },
      delaySeconds: 60,
    };
    expect(riskText(t, risk)).toBe(
      'New phone: Refuse (For how many hours: 48); Amount above its limit: Ask for the mPIN (JPY 5); Seconds to wait: 60',
    );
  });

  it.each([{ amount: { action: 'deny' } }, { declines: { count: 3 } }, { newer: { action: 'deny' } }])(
    'are none of %o, which is then shown as it was asked: nothing of a request is left out (A-10)',
    (risk) => {
      expect(riskText(t, risk as Partial<Risk>)).toBeUndefined();
    },
  );
});
