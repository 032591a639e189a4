/** The rules about risk and approvers as options, and as they are shown. */
import type { Input, Reply } from '../admin-client/client.ts';
import { readMoney, writeMoney } from '../protocol/templates/written.ts';
import { CommandError, exitCode } from './output.ts';

type Rules = Reply<'getCompany'>['rules'];
type RuleChanges = NonNullable<Input<'changeCompany'>['body']['rules']>;
type RiskChanges = NonNullable<RuleChanges['risk']>;
type ApproverChanges = NonNullable<RuleChanges['approvers']>;

const actions = ['off', 'warn', 'step-up', 'delay', 'deny'] as const;
/** Which value of a rule its number is. */
const numbers = { newDevice: 'hours', declines: 'count', reported: 'hours' } as const;
const names = ['newDevice', 'newPayee', 'amount', 'unusualHour', 'declines', 'reported'] as const;

/** `newDevice=deny:48`: a rule, what it does, and its number where it has one; given again for more. */
export function riskRule(text: string, previous: RiskChanges = {}): RiskChanges {
  const [, name = '', action = '', number] = /^(\w+)=([a-z-]+)(?::(\d{1,6}))?$/.exec(text) ?? [];
  const rule = names.find((one) => one === name);
  const act = actions.find((one) => one === action);
  const value = Object.hasOwn(numbers, name) ? numbers[name as keyof typeof numbers] : undefined;
  if (rule === undefined || act === undefined || (number !== undefined && value === undefined)) {
    throw usage(
      `--risk takes one of ${names.join(', ')}, "=" and one of ${actions.join(', ')}, such as newDevice=deny:48, not "${text}"`,
    );
  }
  const change = { action: act, ...(number === undefined || value === undefined ? {} : { [value]: Number(number) }) };
  return { ...previous, [rule]: change };
}

/** `"EUR 10000.00"`; given again for more, or none. */
export function amountLimit(
  text: string,
  previous: NonNullable<NonNullable<RiskChanges['amount']>['limits']> = [],
): NonNullable<NonNullable<RiskChanges['amount']>['limits']> {
  if (text === 'none') return [];
  const money = readMoney(text);
  if (money === undefined)
    throw usage(`--amount-limit takes a currency and an amount such as "EUR 10000.00", not "${text}"`);
  return [...previous, money];
}

/** `payment,payment-batch:2` or `payment:3:EUR 10000.00`: templates, people, and from which amount on; given again for more, or none. */
export function approverRule(text: string, previous: ApproverChanges = []): ApproverChanges {
  if (text === 'none') return [];
  const [templates = '', needed = '', money] = text.split(/:\s*/, 3);
  const from = money === undefined ? undefined : readMoney(money);
  const isAmount = money === undefined || (from !== undefined && from.amount > 0);
  if (!/^\d{1,2}$/.test(needed) || templates === '' || !isAmount) {
    throw usage(
      `--approvers takes templates, people and an amount such as "payment,mandate:2:EUR 10000.00", not "${text}"`,
    );
  }
  const limit = from === undefined ? {} : { currency: from.currency, from: from.amount };
  return [...previous, { templates: templates.split(','), needed: Number(needed), ...limit }];
}

/** What of them is shown of a company. */
export function signingMembers({ approvers, risk }: Rules): Record<string, string> {
  const { newDevice, newPayee, amount, unusualHour, declines, reported } = risk;
  const { hours } = unusualHour;
  const several = approvers.map(({ templates, currency, from, needed }) => {
    const money =
      currency === undefined
        ? ''
        : ` (${from === undefined ? currency : `from ${writeMoney({ currency, amount: from })}`})`;
    return `${needed} for ${templates.join(', ')}${money}`;
  });
  return {
    'several approvers': several.join('; ') || '-',
    'risk: new device': `${newDevice.action}, ${newDevice.hours} h`,
    'risk: new payee': newPayee.action,
    'risk: amount': `${amount.action}, ${amount.limits.map(writeMoney).join(', ') || 'no limit'}`,
    'risk: unusual hour': `${unusualHour.action}, ${
      hours === null
        ? 'hours of logins'
        : `${hours.from} to ${hours.until} on days ${hours.days.join(' ')}, ${hours.timeZone}`
    }`,
    'risk: declines': `${declines.action}, from ${declines.count} in 24 h`,
    'risk: reported': `${reported.action}, ${reported.hours} h`,
    'risk: delay': `${risk.delaySeconds} s`,
  };
}

function usage(message: string): CommandError {
  return new CommandError(message, { exit: exitCode.usage });
}
