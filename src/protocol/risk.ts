/** Why somebody is warned, asked for more, made to wait or refused before a transaction is signed (RTS art. 2(2)). */
import { Type } from 'typebox';

/** In the order in which they are shown. */
export const riskReasons = [
  'new_device',
  'new_payee',
  'amount_over_policy',
  'unusual_hour',
  'many_declines',
  'reported_before',
  'device_compromised',
  'known_fraud',
  'engine_unavailable',
  'other',
] as const;

export type RiskReason = (typeof riskReasons)[number];
export const RiskReason = Type.Unsafe<RiskReason>(Type.Union(riskReasons.map((reason) => Type.Literal(reason))));
