/** What risk needs of a store: whom a company's people pay, and what lately happened to a user. */

/** From when on it is asked, in epoch-milliseconds. */
export interface RecentSpan {
  readonly from: number;
  /** For reports, which count for longer. */
  readonly reportedFrom: number;
}

/** What of a user's last days says something about risk. Epoch-milliseconds, the newest first, at most 200 of each. */
export interface RecentUse {
  readonly declinedAt: readonly number[];
  /** "This is not me", of a login or of something to sign. */
  readonly reportedAt: readonly number[];
  readonly wrongMpinAt: readonly number[];
  /** Requests to sign. */
  readonly askedAt: readonly number[];
}

export interface RiskStore {
  /** Those of the accounts that the company's people have not approved to pay, or to add, before. */
  newPayees(companyId: string, accounts: readonly string[]): Promise<ReadonlySet<string>>;
  /** Notes that the company's people approved to pay them, or to add them. Whom nobody has paid for two years is forgotten. */
  rememberPayees(companyId: string, accounts: readonly string[], at: number): Promise<void>;
  recentUse(userId: string, span: RecentSpan): Promise<RecentUse>;
}
