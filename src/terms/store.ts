/** What the terms need of a store. */

/** The terms in one language. */
export interface TermsText {
  /** One of `texts/languages.ts`. */
  readonly language: string;
  readonly title: string;
  /** Plain text; what looks like markup in it is text. */
  readonly text: string;
  /** SHA-256 of the text's UTF-8 bytes, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** A version of the terms; never changed once it is published. */
export interface Terms {
  /** 1 for the first; the highest is in force. */
  readonly seq: number;
  readonly version: string;
  readonly publishedBy: string;
  readonly publishedAt: number;
}

/** That a user agreed, and to exactly what. */
export interface TermsAcceptance {
  readonly userId: string;
  readonly companyId: string;
  /** The phone whose key signed it. */
  readonly deviceId: string;
  readonly version: string;
  readonly language: string;
  readonly sha256: string;
  readonly acceptedAt: number;
}

export interface TermsStore {
  /** Makes it the version in force. Throws `already_exists` for a version that there is, `conflict` where another came at the same time. */
  publish(terms: Omit<Terms, 'seq'>, texts: readonly TermsText[]): Promise<Terms>;
  /** The version in force; undefined where none was ever published. */
  current(): Promise<Terms | undefined>;
  find(version: string): Promise<Terms | undefined>;
  /** Newest first; `after` is the `seq` behind which the page begins. */
  list(page: { readonly after?: number; readonly limit: number }): Promise<Terms[]>;
  /** All languages of a version, by their codes. */
  texts(version: string): Promise<TermsText[]>;
  /** Records it once; a second time changes nothing. */
  accept(acceptance: TermsAcceptance): Promise<void>;
  /** Of one user, newest version first. */
  acceptances(userId: string): Promise<TermsAcceptance[]>;
}
