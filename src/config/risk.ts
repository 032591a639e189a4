/** The bank's own risk engine: where it is, what signs the questions, and what holds where it does not answer. */
import type { ConfigProblem } from './problem.ts';
import { gatewayProblems } from './push.ts';
import type { SettingValues } from './settings.ts';

export interface RiskSettings {
  readonly url: string;
  /** `whsec_` and base64; each signs. */
  readonly secrets: readonly string[];
  /** Undefined: what the template calls for. */
  readonly failure: 'deny' | 'step-up' | 'allow' | undefined;
}

/** The engine; undefined where none is set. */
export function riskOf({ riskUrl, riskSecret, riskFailure }: SettingValues): RiskSettings | undefined {
  if (riskUrl === undefined || riskSecret === undefined) return undefined;
  return { url: riskUrl, secrets: riskSecret, failure: riskFailure };
}

/** Why the engine cannot be used; empty where it can, or where none is set. */
export function riskProblems(values: SettingValues): ConfigProblem[] {
  return gatewayProblems(values, 'riskUrl', 'riskSecret');
}
