/** What the admin API answers, as far as the console reads it. */

/** A page of rows; `next` goes into `after` of the next request. */
export interface Page<Row> {
  readonly items: readonly Row[];
  readonly next: string | number | null;
}

export interface LoginHours {
  /** 1 Monday to 7 Sunday. */
  readonly days: readonly number[];
  readonly from: string;
  readonly until: string;
  readonly timeZone: string;
}

export interface Rules {
  readonly fourEyes: readonly string[];
  readonly permissions: string;
  readonly sessionsPerUser: number;
  readonly sessionMinutes: number;
  readonly networks: readonly string[];
  readonly hours: LoginHours | null;
  readonly emailDomains: readonly string[];
}

export interface Company {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly userLimit: number;
  readonly deviceLimit: number;
  readonly selfActivation: boolean;
  readonly mpinLength: number;
  readonly rules: Rules;
  readonly isBank: boolean;
  readonly createdAt: number;
  readonly version: number;
}

export interface IdentityDocument {
  readonly reference: string;
  /** Epoch-milliseconds; null: it does not expire. */
  readonly expiresAt: number | null;
}

export interface User {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly staffRole: string | null;
  readonly permissions: string;
  readonly document: IdentityDocument | null;
  readonly status: string;
  readonly createdAt: number;
  readonly version: number;
}

export interface Device {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly place: string | null;
  readonly companyId: string;
  readonly name: string;
  readonly platform: string;
  readonly appVersion: string;
  readonly status: string;
  readonly attestationLevel: string;
  readonly hasBiometrics: boolean;
  readonly attemptsLeft: number;
  readonly createdAt: number;
  readonly activatedAt: number | null;
  readonly lastUsedAt: number | null;
  readonly endedAt: number | null;
  readonly endedReason: string | null;
}

/** Of its two codes the one that does not go by e-mail. */
export interface Activation {
  readonly activationText?: string;
  readonly code?: string;
  readonly confirmationCode?: string;
  readonly expiresAt: number;
}

export interface Client {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly companyId: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: string;
  readonly createdAt: number;
  readonly version: number;
}

export interface Key {
  readonly kid: string;
  readonly use: string;
  readonly alg: string;
  readonly status: string;
  readonly createdAt: number;
}

export interface AuditRecord {
  readonly seq: number;
  readonly at: number;
  readonly event: string;
  readonly actor: string;
  readonly companyId?: string;
  readonly userId?: string;
  readonly deviceId?: string;
  readonly orderId?: string;
  readonly clientId?: string;
  readonly address?: string;
  readonly requestId?: string;
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
  readonly hash: string;
}

export interface OutboxSummary {
  readonly kinds: readonly { readonly kind: string; readonly pending: number; readonly dead: number }[];
  readonly oldestPendingAt: number | null;
}

export interface DeadLetter {
  readonly id: string;
  readonly kind: string;
  readonly recipient: string;
  readonly about: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: number;
}

export interface Webhook {
  readonly id: string;
  readonly companyId: string | null;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly status: string;
  readonly overlapUntil: number | null;
  readonly createdAt: number;
}

export interface Person {
  readonly id: string;
  readonly name: string;
}

/** An act that takes two people. */
export interface Approval {
  readonly id: string;
  readonly companyId: string;
  /** By its name in the server's table. */
  readonly permission: string;
  readonly status: string;
  readonly requestedBy: Person;
  readonly subject: Person | null;
  readonly reason: string | null;
  readonly decidedBy: Person | null;
  readonly decisionReason: string | null;
  readonly problem: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** With the request that is done as it stands. */
export interface ApprovalWithRequest extends Approval {
  readonly request: { readonly params: unknown; readonly query: unknown; readonly body: unknown };
}

/** A version of what users agree to before they begin. */
export interface Terms {
  readonly version: string;
  readonly publishedAt: number;
}

/** One language of a version. */
export interface TermsText {
  readonly language: string;
  readonly title: string;
  readonly text: string;
}
