/** Wire schemas of a company's rules about signing: how many people, and what is a risk. What they may be beyond their form, the server judges. */
import { type Static, Type } from 'typebox';
import { strict } from './common.ts';

/** Weekdays and hours in a time zone. */
export const WeekHours = strict({
  days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), { minItems: 1, maxItems: 7 }),
  from: Type.String({ pattern: '^[0-2][0-9]:[0-5][0-9]$' }),
  until: Type.String({ pattern: '^[0-2][0-9]:[0-5][0-9]$' }),
  timeZone: Type.String({ minLength: 1, maxLength: 64 }),
});

const Currency = Type.String({ pattern: '^[A-Z]{3}$' });
const MinorUnits = Type.Integer({ minimum: 1, maximum: 99_999_999_999_999 });
const action = Type.Optional(
  Type.Union([
    Type.Literal('off'),
    Type.Literal('warn'),
    Type.Literal('step-up'),
    Type.Literal('delay'),
    Type.Literal('deny'),
  ]),
);
const Hours = Type.Integer({ minimum: 1, maximum: 720 });

const Limits = Type.Array(
  strict({ currency: Currency, amount: Type.Integer({ minimum: 0, maximum: 99_999_999_999_999 }) }),
  { maxItems: 50 },
);

/** Each may be given alone, and of each its action or its values; what is not given stays. */
export const RiskChanges = strict({
  newDevice: Type.Optional(strict({ action, hours: Type.Optional(Hours) })),
  newPayee: Type.Optional(strict({ action })),
  amount: Type.Optional(strict({ action, limits: Type.Optional(Limits) })),
  unusualHour: Type.Optional(strict({ action, hours: Type.Optional(Type.Union([Type.Null(), WeekHours])) })),
  declines: Type.Optional(strict({ action, count: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) })),
  reported: Type.Optional(strict({ action, hours: Type.Optional(Hours) })),
  delaySeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
});
export type RiskChanges = Static<typeof RiskChanges>;

/** The list takes the place of the one that was. */
export const ApproverRules = Type.Array(
  strict({
    /** Names of templates; which ones there are, the server says in the refusal of another. */
    templates: Type.Array(Type.String({ minLength: 1, maxLength: 40 }), { minItems: 1, maxItems: 20 }),
    currency: Type.Optional(Currency),
    from: Type.Optional(MinorUnits),
    needed: Type.Integer({ minimum: 2, maximum: 10 }),
  }),
  { maxItems: 50 },
);
export type ApproverRules = Static<typeof ApproverRules>;
