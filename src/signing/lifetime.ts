/** How long something waits to be signed, and is kept afterwards. In milliseconds. */
import { AuthError } from '../errors.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const signingTimes = {
  shortest: minute,
  /** Of what one person signs: they sit before the portal's page (RTS art. 4(3)(d) bounds sessions by the same five minutes). */
  usual: 5 * minute,
  /** A contract may be read, and thought about. */
  document: 30 * day,
  /** Several people are seldom at their phones within five minutes. */
  several: day,
  /**
   * How long a portal finds what was signed, counted from the end: a quarter, so that whoever closes the books at its end still finds the
   * receipts of its begin. For good a portal keeps them itself: they say what people buy, and mtoken is no archive (GDPR art. 5(1)(e)).
   */
  kept: 90 * day,
} as const;

/** The longest lifetime of such a request. */
export function longestLifetime(template: string, approvers: number): number {
  if (template === 'document') return signingTimes.document;
  return approvers > 1 ? signingTimes.several : signingTimes.usual;
}

/** As long as was asked for, or as usual. Throws `invalid_request` where that is too short or too long. */
export function lifetimeOf(template: string, approvers: number, asked: number | undefined): number {
  if (asked === undefined) return approvers > 1 ? signingTimes.several : signingTimes.usual;
  const longest = longestLifetime(template, approvers);
  if (asked >= signingTimes.shortest && asked <= longest) return asked;
  throw new AuthError('invalid_request', {
    message: `expiresInSeconds must be ${signingTimes.shortest / 1000} to ${longest / 1000}`,
  });
}
