/** The mPIN on the phone: its form, which ones are too easy to guess, and what becomes of it before SRP. */
import { label } from '../protocol/names.ts';
import { type Bytes, toBase64url, utf8 } from './bytes.ts';
import { PhoneError, type WeakMpinRule } from './errors.ts';
import type { KeyStore } from './key-store.ts';

/** How long an mPIN may be; the server tells it at registration. */
export interface MpinRules {
  readonly minLength: number;
  readonly maxLength: number;
}

/** Why an mPIN is refused: a rule for programs and a sentence for people. */
export interface WeakMpin {
  readonly rule: WeakMpinRule;
  readonly reason: string;
}

/** Favourites of published PIN statistics, keypad figures and famous numbers that no rule below catches (L-14). */
const commonMpins: ReadonlySet<string> = new Set(
  [
    '01357 02580 10203 10305 11235 12358 12369 12378 12389 13597 14703 14725 14789 15937 15963 19283 25803 27182 31415 32147 36914 36987 42069',
    '51423 52013 69420 74123 75391 75395 78963 80085 85200 95123 95175 96321 98741 90210 24816 10010 20020 50050 24365 43210',
    '014725 025800 102030 112358 123654 123698 123789 123987 147258 147369 147852 142857 159357 159753 159951 192837 246802 258000 258369 271828',
    '314159 321654 321789 357159 369258 420690 456123 456789 520131 520520 741852 753159 753951 789123 789456 852456 951753 963852 987123 741963',
    '1112358 1234321 1234789 1357924 1472583 1475369 1592634 2468013 2718281 3141592 3216549 4561237 5201314 7418529 7539514 7894561 8675309 9638527',
    '11235813 12344321 12369874 13572468 14725836 14789632 15975300 15935700 24681357 27182818 31415926 32165498 74185296 75315900 78945612 95175300 98745632',
  ]
    .join(' ')
    .split(' '),
);

/**
 * Takes an mPIN as it was typed. Throws `mpin_format` unless it is a string of ASCII digits of an allowed length: a number would
 * lose its leading zeros, and digits of other scripts would make another password (P-19).
 */
export function checkMpinForm(mpin: string, rules: MpinRules): void {
  const { minLength, maxLength } = rules;
  const isOfForm = typeof mpin === 'string' && /^[0-9]+$/.test(mpin);
  if (!isOfForm || mpin.length < minLength || mpin.length > maxLength) {
    const lengths = minLength === maxLength ? `${minLength}` : `${minLength} to ${maxLength}`;
    throw new PhoneError('mpin_format', { detail: `${lengths} digits` });
  }
}

/** Like {@link checkMpinForm}, and throws `weak_mpin` with its rule for one that is easy to guess. For choosing, not for unlocking. */
export function checkNewMpin(mpin: string, rules: MpinRules): void {
  checkMpinForm(mpin, rules);
  const weak = weakMpin(mpin);
  if (weak !== undefined) throw new PhoneError('weak_mpin', { rule: weak.rule, detail: weak.reason });
}

/** Why this mPIN is too easy to guess, or `undefined`. The app can ask while a person types. */
export function weakMpin(mpin: string): WeakMpin | undefined {
  if (new Set(mpin).size <= 2) return { rule: 'repeated', reason: 'it repeats one or two digits' };
  if (isProgression(mpin)) return { rule: 'sequence', reason: 'its digits run up or down' };
  if (isPattern(mpin)) return { rule: 'pattern', reason: 'it repeats or mirrors a group of digits' };
  if (isDateLike(mpin)) return { rule: 'date', reason: 'it looks like a date or a year' };
  if (commonMpins.has(mpin)) return { rule: 'common', reason: 'it is one that many people choose' };
  return undefined;
}

/** Equal steps from digit to digit, 0 following 9: 12345, 54321, 67890, 13579. Steps of more than two are not obvious to people. */
function isProgression(mpin: string): boolean {
  const steps = [...mpin].slice(1).map((digit, index) => (Number(digit) - Number(mpin[index]) + 10) % 10);
  return [1, 2, 8, 9].some((step) => steps.every((other) => other === step));
}

/** 12121, 123123, 12312; pairs as in 112233 and 11223; mirrors as in 123321. */
function isPattern(mpin: string): boolean {
  for (let period = 1; period <= Math.ceil(mpin.length / 2); period += 1) {
    const repeated = mpin.slice(0, period).repeat(mpin.length).slice(0, mpin.length);
    if (repeated === mpin) return true;
  }
  const isPaired = (digits: string) => /^(?:(\d)\1)+$/.test(digits);
  const isMirror = mpin === [...mpin].reverse().join('');
  return isMirror || isPaired(mpin.slice(0, mpin.length - (mpin.length % 2))) || isPaired(mpin.slice(mpin.length % 2));
}

/** Dates as people write them. Of five digits only those with a whole year in them: short forms would be a third of all mPINs. */
function isDateLike(mpin: string): boolean {
  const day = '(?:0[1-9]|[12][0-9]|3[01])';
  const month = '(?:0[1-9]|1[0-2])';
  const year = '(?:19|20)[0-9]{2}';
  const forms: Readonly<Record<number, readonly string[]>> = {
    5: [`${year}[0-9]`, `[0-9]${year}`],
    6: [`${day}${month}[0-9]{2}`, `[0-9]{2}${month}${day}`, `${year}${month}`, `${month}${year}`],
    7: [`[1-9]${month}${year}`, `${day}[1-9]${year}`, `${year}[1-9]${day}`, `${year}${month}[1-9]`],
    8: [`${day}${month}${year}`, `${month}${day}${year}`, `${year}${month}${day}`],
  };
  return (forms[mpin.length] ?? []).some((form) => new RegExp(`^${form}$`).test(mpin));
}

/**
 * The SRP password: base64url(HMAC-SHA-512(device secret, label, 0x00, mPIN)) (protocol §4). Neither the mPIN nor a hash of it
 * alone leaves the phone, and a stolen verifier gives no mPIN without the secret in this phone (C-14, P-19).
 */
export async function mpinPassword(keys: KeyStore, mpin: string): Promise<string> {
  const message: Bytes = utf8(`${label.mpin}\u0000${mpin}`);
  return toBase64url(await keys.mac(message));
}
