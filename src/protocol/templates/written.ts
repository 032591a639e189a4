/** Amounts as people write them in forms and commands, exactly: a currency and a number with a point, never a fraction of its smallest unit. */
import { currencyExponent, maxMinorUnits } from './money.ts';

export interface Money {
  readonly currency: string;
  /** Minor units. */
  readonly amount: number;
}

/** What `EUR 10000` or `EUR 10000.50` says; undefined where it says no amount of that currency. */
export function readMoney(text: string): Money | undefined {
  const [, currency = '', whole = '', fraction = ''] =
    /^([A-Z]{3}) +(\d{1,14})(?:\.(\d{1,4}))?$/.exec(text.trim()) ?? [];
  const exponent = currencyExponent(currency);
  if (exponent === undefined || fraction.length > exponent) return undefined;
  // By its digits: a product of decimals would not be exact.
  const minorUnits = BigInt(whole + fraction.padEnd(exponent, '0'));
  return minorUnits > BigInt(maxMinorUnits) ? undefined : { currency, amount: Number(minorUnits) };
}

/** The same as it is written into a form: `EUR 10000.00`. */
export function writeMoney({ currency, amount }: Money): string {
  const exponent = currencyExponent(currency) ?? 0;
  const digits = String(amount).padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  return `${currency} ${whole}${exponent === 0 ? '' : `.${digits.slice(-exponent)}`}`;
}
