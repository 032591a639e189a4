/** What a name, an e-mail address, a language and a policy may be. */
import { AuthError } from '../errors.ts';
import { languages } from '../texts/languages.ts';
import type { UserDocument } from './store.ts';

/**
 * Control characters, line separators, bidirectional and zero-width characters, lone surrogates: what could forge a header or a log
 * line, or make a name look like another one.
 */
const deceptive = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
/** RFC 5321 dot-string and host name, ASCII only: an address has one spelling but for its case. */
const emailPattern =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const localePattern = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$/;

/** A person's or company's name, composed (NFC) and trimmed: 1 to 120 characters. Throws `invalid_request`. */
export function checkedName(name: string): string {
  const text = name.normalize('NFC').trim();
  if (text === '' || Array.from(text).length > 120) throw invalid('name must have 1 to 120 characters');
  if (deceptive.test(name)) throw invalid('name must not contain control, invisible or direction-changing characters');
  return text;
}

/** An e-mail address in ASCII, at most 254 characters. Throws `invalid_request`. */
export function checkedEmail(email: string): string {
  const isSound = email.length <= 254 && email.indexOf('@') <= 64 && emailPattern.test(email);
  if (!isSound) throw invalid('email must be an address like name@example.com, in ASCII');
  return email;
}

/** A language tag such as `nl` or `fr-BE`, in its canonical spelling. Throws `invalid_request`. */
export function checkedLocale(locale: string): string {
  if (!localePattern.test(locale)) throw invalid('locale must be a language tag such as "en" or "nl-BE"');
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? locale;
  } catch (cause) {
    throw new AuthError('invalid_request', { message: 'locale is not a language tag', cause });
  }
}

/** The code of a language that there are texts in. Throws `invalid_request`, naming the choices. */
export function checkedLanguage(code: string): string {
  const codes = languages.map((language) => language.code);
  if (!codes.includes(code)) throw invalid(`language must be one of ${codes.sort().join(', ')}`);
  return code;
}

/** A whole number within bounds, both included. Throws `invalid_request`. */
export function checkedInteger(value: number, name: string, bounds: { min: number; max: number }): number {
  if (!Number.isSafeInteger(value) || value < bounds.min || value > bounds.max) {
    throw invalid(`${name} must be a whole number from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

/** Why somebody acts, as it is told and recorded: 1 to 200 characters. Throws `invalid_request`. */
export function checkedReason(reason: string): string {
  const text = reason.normalize('NFC').trim();
  if (text === '' || Array.from(text).length > 200) throw invalid('reason must have 1 to 200 characters');
  if (deceptive.test(reason))
    throw invalid('reason must not contain control, invisible or direction-changing characters');
  return text;
}

/** A document as somebody gives it. */
export interface NewDocument {
  readonly reference: string;
  /** Null: it does not expire. */
  readonly expiresAt: number | null;
}

/** A reference of 1 to 64 characters, and an instant or none. Throws `invalid_request`. */
export function checkedDocument({ reference, expiresAt }: NewDocument): UserDocument {
  const text = reference.normalize('NFC').trim();
  if (text === '' || Array.from(text).length > 64) throw invalid('document.reference must have 1 to 64 characters');
  if (deceptive.test(reference))
    throw invalid('document.reference must not contain control, invisible or direction-changing characters');
  if (expiresAt === null) return { reference: text, expiresAt: undefined };
  const bounds = { min: 0, max: 8_640_000_000_000_000 };
  return { reference: text, expiresAt: checkedInteger(expiresAt, 'document.expiresAt', bounds) };
}

function invalid(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
