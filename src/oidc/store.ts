/** What OpenID Connect needs of the durable store: clients, and all that must outlive a restart. */

/** A relying party or an admin API client. `metadata` is OpenID Connect client metadata in snake_case, without the secret. */
export interface Client {
  readonly id: string;
  readonly kind: 'portal' | 'admin';
  readonly name: string;
  /** Admin clients only: the company that it is confined to; undefined for the bank's own. */
  readonly companyId: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** For client_secret_basic; sealed at rest. */
  readonly secret: string | undefined;
  readonly status: 'active' | 'disabled';
  readonly createdAt: number;
  readonly version: number;
}

export interface ClientStore {
  insert(client: Client): Promise<void>;
  find(id: string): Promise<Client | undefined>;
  list(after: string | undefined, limit: number): Promise<Client[]>;
  /** False where `version` is stale. Raises the version. */
  update(client: Client): Promise<boolean>;
}

export interface SessionRow {
  readonly uid: string;
  /** HMAC of the cookie's value. */
  readonly idLookup: string;
  readonly userId: string | undefined;
  readonly deviceId: string | undefined;
  /** JSON, sealed at rest; without the per-client authorizations. */
  readonly payload: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** What a request that changes a session found when it read it. */
export type SessionAsRead = Pick<SessionRow, 'idLookup' | 'expiresAt'>;

/** One portal in a session, as "my sessions" and back-channel logout need it. */
export interface SessionClientRow {
  readonly sessionUid: string;
  readonly clientId: string;
  /** JSON of the provider's entry (sid, grantId, persistsLogout). */
  readonly payload: string;
}

export interface GrantRow {
  readonly idLookup: string;
  readonly userId: string;
  readonly clientId: string;
  readonly deviceId: string | undefined;
  readonly sessionUid: string | undefined;
  readonly payload: string;
  readonly expiresAt: number;
}

export interface RefreshTokenRow {
  readonly idLookup: string;
  readonly grantLookup: string;
  readonly clientId: string;
  readonly deviceId: string | undefined;
  readonly payload: string;
  readonly consumedAt: number | undefined;
  readonly expiresAt: number;
}

/** A request that came by CIBA. Whom it is for is what the portal said, and may be nobody. */
export interface BackchannelRow {
  /** HMAC of the `auth_req_id`. */
  readonly idLookup: string;
  readonly clientId: string;
  readonly userId: string;
  /** JSON, sealed at rest. */
  readonly payload: string;
  /** What the user was asked to sign; undefined until then, and for good where nobody is asked. */
  readonly signingId: string | undefined;
  readonly askedAt: number | undefined;
  /** When what the user was asked ended, however that was. */
  readonly settledAt: number | undefined;
  readonly createdAt: number;
  /** From then on nobody is asked any more, and it has expired unless it was approved before. */
  readonly endsAt: number;
  readonly consumedAt: number | undefined;
}

export interface BackchannelStore {
  insert(row: Omit<BackchannelRow, 'signingId' | 'askedAt' | 'settledAt' | 'consumedAt'>): Promise<void>;
  find(idLookup: string): Promise<BackchannelRow | undefined>;
  findBySigning(signingId: string): Promise<BackchannelRow | undefined>;
  /** What that user was asked since then, by whichever portal; the oldest first. */
  asked(userId: string, since: number): Promise<BackchannelRow[]>;
  /** Notes what the user is asked to sign; false where something was noted already, or it has ended. */
  link(idLookup: string, signingId: string, at: number): Promise<boolean>;
  /** Notes that what the user was asked has ended; false where that was noted, or the portal was told that it had expired. */
  settle(signingId: string, at: number): Promise<boolean>;
  /**
   * Ends a request because its portal is told that it has expired: it leads to nothing any more, whether the user was asked or not. False
   * where it had ended before.
   */
  close(idLookup: string, at: number): Promise<boolean>;
  /** Of any number of parallel callers exactly one gets true. */
  consume(idLookup: string, at: number): Promise<boolean>;
  /** Deletes what ended before that time; how many rows. */
  purge(before: number): Promise<number>;
}

export interface OidcStore {
  /** Inserts or updates the session document and merges one row per client, so that parallel sign-ons lose none. */
  saveSession(session: SessionRow, clients: readonly SessionClientRow[]): Promise<void>;
  /**
   * Writes a session that was read before, and merges its clients. The document is written only while the stored look-up value is
   * still that which was read: of parallel requests of one browser the slower neither brings an old cookie back nor undoes a login. Who
   * read a later end than is stored now, read it before a rule shortened the session, and does not lengthen it. False, and nothing is
   * written, where the session has ended meanwhile.
   */
  updateSession(session: SessionRow, clients: readonly SessionClientRow[], read: SessionAsRead): Promise<boolean>;
  findSessionByLookup(idLookup: string): Promise<SessionRow | undefined>;
  findSession(uid: string): Promise<SessionRow | undefined>;
  /** Binds a session to the device that approved its login. */
  bindSession(uid: string, userId: string, deviceId: string): Promise<void>;
  sessionClients(uid: string): Promise<SessionClientRow[]>;
  sessionsOf(owner: { userId: string } | { deviceId: string }): Promise<SessionRow[]>;
  /** Lets the sessions of a company's users end at the latest so long after they began. */
  shortenSessions(companyId: string, lifetimeMs: number): Promise<void>;
  deleteSession(uid: string): Promise<void>;
  saveGrant(grant: GrantRow): Promise<void>;
  findGrant(idLookup: string): Promise<GrantRow | undefined>;
  deleteGrant(idLookup: string): Promise<void>;
  /** Deletes grants and their refresh tokens. */
  deleteGrantsOf(owner: { userId: string } | { deviceId: string } | { sessionUid: string }): Promise<void>;
  saveRefreshToken(token: RefreshTokenRow): Promise<void>;
  findRefreshToken(idLookup: string): Promise<RefreshTokenRow | undefined>;
  /** Of any number of parallel callers exactly one gets true. */
  consumeRefreshToken(idLookup: string, at: number): Promise<boolean>;
  deleteRefreshTokens(grantLookup: string): Promise<void>;
  /** Deletes what expired before `at`; how many rows. */
  purge(at: number): Promise<number>;
}
