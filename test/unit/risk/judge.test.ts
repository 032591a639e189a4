/** Each rule about risk on each side of its limit, and how several are one answer. */
import { describe, expect, it } from 'vitest';
import { conclude, groundsOf, judgeByRules, judgeDevice, type Opinion } from '../../../src/risk/judge.ts';
import type { RiskFacts } from '../../../src/risk/port.ts';
import { defaultRiskRules, type RiskAction, type RiskRules, riskActions } from '../../../src/risk/rules.ts';

const hour = 3_600_000;
const at = Date.UTC(2026, 10, 20, 12);

const device = (activatedAt: number): RiskFacts['use']['activeDevices'][number] => ({
  id: 'dev_1',
  status: 'active',
  platform: 'android',
  appVersion: '1.0',
  attestation: 'none',
  registeredAt: activatedAt,
  activatedAt,
  lastUsedAt: null,
  place: null,
  endedAt: null,
  endedReason: null,
  wrongMpins: 0,
});

/** Nothing about it is a risk. */
const calm: RiskFacts = {
  subject: {
    signingId: 'sig_1',
    clientId: 'portal',
    door: 'api',
    userId: 'usr_1',
    companyId: 'co_1',
    template: 'payment',
  },
  at,
  compromised: { endedDevices: [], reportedAt: [] },
  amount: { amount: 1000, currency: 'EUR' },
  scenarios: {
    payees: [{ account: 'BE71096123456769', isNew: false }],
    isUnusualHour: false,
    requestsInTenMinutes: 0,
    requestsInDay: 0,
  },
  software: [],
  use: { activeDevices: [device(at - 1000 * hour)], declines: 0, wrongMpins: 0 },
};

const limits = [
  { currency: 'EUR', amount: 1_000_000 },
  { currency: 'JPY', amount: 0 },
];
const risk: RiskRules = { ...defaultRiskRules, amount: { action: 'step-up', limits } };
const reasonsOf = (facts: Partial<RiskFacts>, rules = risk) =>
  conclude(judgeByRules({ risk: rules }, { ...calm, ...facts })).reasons;
const use = (changes: Partial<RiskFacts['use']>) => ({ use: { ...calm.use, ...changes } });
const scenarios = (changes: Partial<RiskFacts['scenarios']>) => ({ scenarios: { ...calm.scenarios, ...changes } });
const reported = (...reportedAt: number[]) => ({ compromised: { endedDevices: [], reportedAt } });
const amount = (minorUnits: number, currency = 'EUR') => ({ amount: { amount: minorUnits, currency } });

describe('the rules about risk (A-08)', () => {
  it.each<[string, Partial<RiskFacts>, readonly string[]]>([
    ['nothing is wrong', {}, []],
    ['every phone is a minute too young', use({ activeDevices: [device(at - 24 * hour + 60_000)] }), ['new_device']],
    ['the phone is old enough to the millisecond', use({ activeDevices: [device(at - 24 * hour)] }), []],
    ['a new phone is not the only one', use({ activeDevices: [device(at), device(at - 25 * hour)] }), []],
    ['there is no phone', use({ activeDevices: [] }), []],
    [
      'one payee of two is new',
      scenarios({ payees: [...calm.scenarios.payees, { account: 'x', isNew: true }] }),
      ['new_payee'],
    ],
    ['nobody is paid', scenarios({ payees: [] }), []],
    ['the amount is the limit', amount(1_000_000), []],
    ['the amount is a cent above', amount(1_000_001), ['amount_over_policy']],
    ['it is the largest amount that there is', amount(99_999_999_999_999), ['amount_over_policy']],
    ['the limit of the currency is nothing', amount(1, 'JPY'), ['amount_over_policy']],
    ['somebody picks a currency without a limit', amount(1, 'USD'), ['amount_over_policy']],
    ['a mandate has no maximum', { amount: { amount: null, currency: null } }, ['amount_over_policy']],
    ['it is not about money', { amount: null }, []],
    ['the hour is unusual', scenarios({ isUnusualHour: true }), ['unusual_hour']],
    ['nobody says which hours are usual', scenarios({ isUnusualHour: null }), []],
    ['four were declined', use({ declines: 4 }), []],
    ['five were declined', use({ declines: 5 }), ['many_declines']],
    ['something was reported a day ago', reported(at - 24 * hour), []],
    ['something was reported a millisecond later', reported(at - 24 * hour + 1), ['reported_before']],
    ['an old report stands beside a new one', reported(at - 1, at - 700 * hour), ['reported_before']],
  ])('judge where %s', (_what, facts, reasons) => {
    expect(reasonsOf(facts)).toEqual(reasons);
  });

  it('do what each is told to, from nothing to refusal', () => {
    const answers = riskActions.map((action: RiskAction) => {
      const rules = { ...risk, declines: { action, count: 5 } };
      return conclude(judgeByRules({ risk: rules }, { ...calm, ...use({ declines: 5 }) }));
    });
    const many = { reasons: ['many_declines'], mpinOnly: false, delaySeconds: 0 };
    expect(answers).toEqual([
      { verdict: 'allow', mpinOnly: false, delaySeconds: 0, reasons: [] },
      { verdict: 'allow', ...many },
      { verdict: 'step-up', ...many, mpinOnly: true },
      { verdict: 'delay', ...many, delaySeconds: 900 },
      { verdict: 'deny', ...many },
    ]);
  });

  it('limit nothing by amount where there is no limit at all', () => {
    expect(reasonsOf(amount(99_999_999_999_999), defaultRiskRules)).toEqual([]);
  });

  it('judge the very phone that asks, whatever other phones there are (A-08)', () => {
    const rules = { risk: { ...risk, newDevice: { action: 'deny', hours: 2 } as const } };
    expect(conclude(judgeDevice(rules, at - 2 * hour + 1, at)).verdict).toBe('deny');
    expect(judgeDevice(rules, at - 2 * hour, at)).toEqual([]);
    expect(conclude(judgeDevice(rules, undefined, at)).verdict).toBe('deny');
    expect(judgeDevice({ risk: { ...risk, newDevice: { action: 'off', hours: 2 } } }, at, at)).toEqual([]);
  });
});

describe('several opinions', () => {
  const opinion = (verdict: Opinion['verdict'], delaySeconds?: number): Opinion => ({
    verdict,
    reasons: verdict === 'allow' ? ['known_fraud', 'new_payee'] : ['other'],
    delaySeconds,
    grounds: { [`said${verdict.length}`]: verdict },
  });

  it('are the severest, with the longest delay, every reason once in one order, and the mPIN where anybody asks it', () => {
    expect(conclude([])).toEqual({ verdict: 'allow', mpinOnly: false, delaySeconds: 0, reasons: [] });
    const all = [
      opinion('delay', 60),
      opinion('allow'),
      opinion('delay', 3600),
      opinion('step-up'),
      opinion('delay', 5),
    ];
    expect(conclude(all)).toEqual({
      verdict: 'delay',
      mpinOnly: true,
      delaySeconds: 3600,
      reasons: ['new_payee', 'known_fraud', 'other'],
    });
    expect(conclude([...all, opinion('deny')])).toMatchObject({ verdict: 'deny', delaySeconds: 0 });
  });

  it('are told with the values by which each came to it', () => {
    const said = [opinion('allow'), opinion('step-up')];
    expect(groundsOf(conclude(said), said)).toEqual({
      verdict: 'step-up',
      reasons: 'new_payee known_fraud other',
      mpinOnly: true,
      delaySeconds: 0,
      said5: 'allow',
      said7: 'step-up',
    });
  });
});
