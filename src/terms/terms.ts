/** The terms that the bank publishes, and that a user agrees to before they may begin. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { type Actor, actedBy, within } from '../companies/actor.ts';
import { checkedLanguage } from '../companies/fields.ts';
import type { User } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import type { AcceptedTerms } from '../protocol/registration.ts';
import type { RecordStore, Records } from '../store/records.ts';
import { languageOf } from '../texts/languages.ts';
import type { Terms, TermsAcceptance, TermsText } from './store.ts';

export interface TermsDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
}

/** A version with its texts. */
export interface PublishedTerms extends Terms {
  readonly texts: readonly TermsText[];
}

/** The language that every version has, and that is shown where there is none in the reader's own. */
const commonLanguage = 'en';

/**
 * Controls but the line feed, line separators, the byte order mark, and what makes text run in another order than it is written: a
 * clause must not look like another one.
 */
const deceptive = /[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/u;

/**
 * Publishes a version, which is in force from then on: the texts are kept byte by byte as they came, each with its hash and a record of
 * its own in the trail. Throws
 * `invalid_request`, `already_exists`, `conflict`.
 */
export async function publishTerms(
  deps: TermsDeps,
  {
    version,
    texts,
    actor,
  }: {
    readonly version: string;
    readonly texts: readonly Omit<TermsText, 'sha256'>[];
    readonly actor: Actor;
  },
): Promise<PublishedTerms> {
  const at = deps.clock.now();
  const hashed = checkedTexts(texts).map((text) => ({ ...text, sha256: sha256Of(text.text) }));
  return deps.records.transaction(async (records) => {
    const terms = await records.terms.publish({ version, publishedBy: actor.name, publishedAt: at }, hashed);
    for (const { language, sha256 } of hashed) {
      const data = { version, language, sha256 };
      await records.audit.append({ event: 'terms.published', ...actedBy(actor), data }, at);
    }
    return { ...terms, texts: hashed };
  });
}

/** A version with its texts; without a version, the one in force. Throws `not_found`. */
export async function findTerms({ records }: Pick<TermsDeps, 'records'>, version?: string): Promise<PublishedTerms> {
  const terms = version === undefined ? await records.terms.current() : await records.terms.find(version);
  if (terms === undefined) throw new AuthError('not_found');
  return { ...terms, texts: await records.terms.texts(terms.version) };
}

/** What a user has agreed to, newest version first. Throws `not_found`. */
export async function listAcceptances(
  { records }: Pick<TermsDeps, 'records'>,
  userId: string,
  actor: Actor,
): Promise<readonly TermsAcceptance[]> {
  const user = within(actor, await records.users.find(userId));
  return records.terms.acceptances(user.id);
}

/**
 * What a user has yet to agree to: the version in force in their own language, or else in English. Undefined where there are no terms,
 * and where they have agreed to this version.
 */
export async function termsToAccept(
  records: Records,
  user: User,
): Promise<(TermsText & { readonly version: string }) | undefined> {
  const missing = await missingVersion(records, user.id);
  if (missing === undefined) return undefined;
  const texts = await records.terms.texts(missing);
  const wanted = user.language ?? languageOf(user.locale)?.code;
  const text =
    texts.find(({ language }) => language === wanted) ?? texts.find(({ language }) => language === commonLanguage);
  if (text === undefined) throw new AuthError('internal', { detail: `the terms ${missing} have no English text` });
  return { version: missing, ...text };
}

/**
 * Refuses whoever has not agreed to the terms in force, nor does so now. Throws `invalid_request`: a phone that was shown an older
 * version, or none, begins anew.
 */
export async function assertAccepted(
  records: Records,
  userId: string,
  accepted: AcceptedTerms | undefined,
): Promise<void> {
  const missing = await missingVersion(records, userId);
  if (missing === undefined || accepted?.version === missing) return;
  throw new AuthError('invalid_request', {
    message: 'the terms in force must be accepted: begin the registration again and read them',
    members: { termsVersion: missing },
  });
}

/** Keeps that the user agreed, with the registration that it was said in, and writes it to the trail. */
export async function recordAcceptance(
  records: Records,
  acceptance: TermsAcceptance,
  origin: { readonly address: string | undefined; readonly requestId: string | undefined },
): Promise<void> {
  const { userId, companyId, deviceId, version, language, sha256, acceptedAt } = acceptance;
  await records.terms.accept(acceptance);
  const { address, requestId } = origin;
  const data = { version, language, sha256 };
  await records.audit.append(
    { event: 'terms.accepted', actor: `device:${deviceId}`, companyId, userId, deviceId, address, requestId, data },
    acceptedAt,
  );
}

/** Whether terms are in force and the user has never agreed to any version. */
export async function hasAcceptedNone(records: Records, userId: string): Promise<boolean> {
  if ((await records.terms.current()) === undefined) return false;
  return (await records.terms.acceptances(userId)).length === 0;
}

async function missingVersion(records: Records, userId: string): Promise<string | undefined> {
  const current = await records.terms.current();
  if (current === undefined) return undefined;
  const accepted = await records.terms.acceptances(userId);
  return accepted.some(({ version }) => version === current.version) ? undefined : current.version;
}

function checkedTexts(texts: readonly Omit<TermsText, 'sha256'>[]): readonly Omit<TermsText, 'sha256'>[] {
  const seen = new Set<string>();
  for (const { language, title, text } of texts) {
    checkedLanguage(language);
    if (seen.has(language)) throw invalid(`there are two texts in ${language}`);
    seen.add(language);
    if (deceptive.test(title) || title.includes('\n')) throw invalid(`the title in ${language} must be one plain line`);
    if (deceptive.test(text)) {
      throw invalid(
        `the text in ${language} must be plain: lines end with a line feed alone, without control or direction-changing characters`,
      );
    }
  }
  if (!seen.has(commonLanguage)) throw invalid('the text in English (en) is missing');
  return texts;
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function invalid(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
