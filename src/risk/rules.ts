/** What a company's rules say about risk, and about how many people sign. Types and what holds where nobody has decided. */
import type { LoginHours } from '../companies/rules.ts';
import type { TemplateName } from '../protocol/templates/templates.ts';

/** What a rule does where it speaks, from nothing to refusal; `step-up`: the mPIN, no fingerprint or face. */
export const riskActions = ['off', 'warn', 'step-up', 'delay', 'deny'] as const;
export type RiskAction = (typeof riskActions)[number];

/** The most of one currency, in minor units, that goes without more being asked. */
export interface AmountLimit {
  readonly currency: string;
  readonly amount: number;
}

export interface RiskRules {
  /** The phone was activated less than so many hours ago, 1 to 720. */
  readonly newDevice: { readonly action: RiskAction; readonly hours: number };
  /** Nobody of the company has approved to pay them, or to add them, before. */
  readonly newPayee: { readonly action: RiskAction };
  /** More than the limit of its currency; where there are limits, any amount of a currency without one. Empty: no limit. */
  readonly amount: { readonly action: RiskAction; readonly limits: readonly AmountLimit[] };
  /** Outside of these hours; null: of those in which the company's people log in, if there are any. */
  readonly unusualHour: { readonly action: RiskAction; readonly hours: LoginHours | null };
  /** The user declined at least so often in 24 hours, 1 to 100. */
  readonly declines: { readonly action: RiskAction; readonly count: number };
  /** The user said "this is not me" less than so many hours ago, 1 to 720. */
  readonly reported: { readonly action: RiskAction; readonly hours: number };
  /** How long a rule with `delay` lets everybody wait, 60 to 86,400 seconds. */
  readonly delaySeconds: number;
}

/** What holds where nobody has decided; docs/decisions/0024 says why. */
export const defaultRiskRules: RiskRules = {
  newDevice: { action: 'warn', hours: 24 },
  newPayee: { action: 'warn' },
  amount: { action: 'step-up', limits: [] },
  unusualHour: { action: 'warn', hours: null },
  declines: { action: 'step-up', count: 5 },
  reported: { action: 'deny', hours: 24 },
  delaySeconds: 900,
};

/** How many people sign what the rule fits. */
export interface ApproverRule {
  readonly templates: readonly TemplateName[];
  /** Of this currency alone; absent: whatever it costs, and what costs nothing too. */
  readonly currency?: string | undefined;
  /** From so many minor units of that currency on. */
  readonly from?: number | undefined;
  /** 2 to 10. */
  readonly needed: number;
}
