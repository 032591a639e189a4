/** Judges facts by a company's rules. Pure: what is judged, and when, is given. */
import type { CompanyRules } from '../companies/rules.ts';
import { type RiskReason, riskReasons } from '../protocol/risk.ts';
import { type RiskAnswer, type RiskFacts, type RiskVerdict, riskVerdicts } from './port.ts';
import type { RiskAction, RiskRules } from './rules.ts';

const hourMs = 3_600_000;

/** What one rule, or the engine, says. */
export interface Opinion {
  readonly verdict: RiskVerdict;
  readonly reasons: readonly RiskReason[];
  /** Of a delay. */
  readonly delaySeconds?: number | undefined;
  /** With what values it came to that. */
  readonly grounds: Readonly<Record<string, string | number>>;
}

interface Rule {
  readonly reason: RiskReason;
  readonly actionOf: (risk: RiskRules) => RiskAction;
  /** The values by which it speaks; undefined where it does not. */
  readonly grounds: (risk: RiskRules, facts: RiskFacts) => Opinion['grounds'] | undefined;
}

const rules: readonly Rule[] = [
  {
    reason: 'new_device',
    actionOf: ({ newDevice }) => newDevice.action,
    // Which phone will be used is not known yet. That it is a new one is certain where there is no other.
    grounds: ({ newDevice: { hours } }, { use: { activeDevices }, at }) =>
      activeDevices.length > 0 && activeDevices.every(({ activatedAt }) => isNew(activatedAt, hours, at))
        ? { newDeviceHours: hours }
        : undefined,
  },
  {
    reason: 'new_payee',
    actionOf: ({ newPayee }) => newPayee.action,
    grounds: (_, { scenarios: { payees } }) => {
      const newPayees = payees.filter(({ isNew: isNewPayee }) => isNewPayee).length;
      return newPayees === 0 ? undefined : { newPayees, payees: payees.length };
    },
  },
  {
    reason: 'amount_over_policy',
    actionOf: ({ amount }) => amount.action,
    grounds: ({ amount: { limits } }, { amount }) => {
      if (amount === null || limits.length === 0) return undefined;
      const limit = limits.find(({ currency }) => currency === amount.currency);
      // Who picks a currency that nobody thought of, or names no maximum, does not come below a limit by it.
      if (amount.amount === null || limit === undefined) return { amountLimit: 'none' };
      return amount.amount > limit.amount ? { amountLimit: limit.amount, limitCurrency: limit.currency } : undefined;
    },
  },
  {
    reason: 'unusual_hour',
    actionOf: ({ unusualHour }) => unusualHour.action,
    grounds: ({ unusualHour: { hours } }, { scenarios: { isUnusualHour } }) =>
      isUnusualHour === true ? { hoursOf: hours === null ? 'login' : 'risk' } : undefined,
  },
  {
    reason: 'many_declines',
    actionOf: ({ declines }) => declines.action,
    grounds: ({ declines: { count } }, { use }) =>
      use.declines >= count ? { declines: use.declines, declinesFrom: count } : undefined,
  },
  {
    reason: 'reported_before',
    actionOf: ({ reported }) => reported.action,
    grounds: ({ reported: { hours } }, { compromised: { reportedAt }, at }) =>
      reportedAt.some((time) => time > at - hours * hourMs) ? { reportedHours: hours } : undefined,
  },
];

/** What each rule of the company says that speaks. */
export function judgeByRules({ risk }: Pick<CompanyRules, 'risk'>, facts: RiskFacts): Opinion[] {
  return rules.flatMap(({ reason, actionOf, grounds }) => {
    const action = actionOf(risk);
    if (action === 'off') return [];
    const found = grounds(risk, facts);
    return found === undefined ? [] : [opinionOf(risk, { action, reason, grounds: found })];
  });
}

/** What the rule about new phones says of the one that wants to open what waits; nothing where it is not new. */
export function judgeDevice(
  { risk }: Pick<CompanyRules, 'risk'>,
  activatedAt: number | undefined,
  at: number,
): Opinion[] {
  const { action, hours } = risk.newDevice;
  if (action === 'off' || !isNew(activatedAt ?? null, hours, at)) return [];
  return [opinionOf(risk, { action, reason: 'new_device', grounds: { newDeviceHours: hours } })];
}

function isNew(activatedAt: number | null, hours: number, at: number): boolean {
  return activatedAt === null || activatedAt > at - hours * hourMs;
}

interface Spoken {
  readonly action: Exclude<RiskAction, 'off'>;
  readonly reason: RiskReason;
  readonly grounds: Opinion['grounds'];
}

function opinionOf({ delaySeconds }: RiskRules, { action, reason, grounds }: Spoken): Opinion {
  const verdict = action === 'warn' ? 'allow' : action;
  return { verdict, reasons: [reason], grounds, ...(verdict === 'delay' ? { delaySeconds } : {}) };
}

/** The severest verdict, the longest delay, every reason once; the mPIN where anybody asks for it. */
export function conclude(opinions: readonly Opinion[]): RiskAnswer {
  const said = opinions.map(({ verdict }) => verdict);
  const severest = Math.max(0, ...said.map((verdict) => riskVerdicts.indexOf(verdict)));
  const verdict = riskVerdicts[severest] ?? 'deny';
  const named = new Set(opinions.flatMap(({ reasons }) => reasons));
  return {
    verdict,
    mpinOnly: said.includes('step-up'),
    delaySeconds: verdict === 'delay' ? Math.max(...opinions.map(({ delaySeconds = 0 }) => delaySeconds)) : 0,
    reasons: riskReasons.filter((reason) => named.has(reason)),
  };
}

/** For the audit trail: the answer, and the values of the rules that spoke. */
export function groundsOf(answer: RiskAnswer, opinions: readonly Opinion[]): Record<string, string | number | boolean> {
  const { verdict, reasons, mpinOnly, delaySeconds } = answer;
  const values = Object.assign({}, ...opinions.map(({ grounds }) => grounds)) as Opinion['grounds'];
  return { verdict, reasons: reasons.join(' '), mpinOnly, delaySeconds, ...values };
}
