/** What acts that take two people need of a store. */

/**
 * - `claimed`: approved, and the act is being done by the one process that made it so.
 * - `failed`: approved, and the act was not done; `problem` says why.
 */
export type ApprovalStatus = 'pending' | 'claimed' | 'done' | 'failed' | 'refused' | 'withdrawn';

/** A call of the admin API that was kept instead of being done: exactly what is done once somebody else agrees. */
export interface KeptRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

export interface Approval {
  readonly id: string;
  readonly companyId: string;
  /** The user who asked. */
  readonly requestedBy: string;
  /** The phone with whose session they asked; undefined where a server of an earlier version kept it. */
  readonly requestedWith: string | undefined;
  /** By its name in admin/permissions.ts. */
  readonly permission: string;
  /** Method and path as the endpoint declares them, such as `POST /users/:userId/remove`. */
  readonly endpoint: string;
  /** The user whom it concerns, where it concerns one, and once it is done the one whom it made; that one may not decide. */
  readonly subjectId: string | undefined;
  /** As who asked gave it, where the act takes one. */
  readonly reason: string | undefined;
  readonly status: ApprovalStatus;
  /** The user who approved, refused or withdrew. */
  readonly decidedBy: string | undefined;
  readonly decidedAt: number | undefined;
  /** Request id of the approval: the act's own records in the trail carry it too. */
  readonly decisionRequest: string | undefined;
  /** Of a refusal. */
  readonly decisionReason: string | undefined;
  /** Why the act was not done: an error code of ours, `device_ended`, `interrupted`, or `restored` after a backup was. */
  readonly problem: string | undefined;
  readonly createdAt: number;
  /** Epoch-milliseconds; from then on nobody can approve it. */
  readonly expiresAt: number;
  readonly settledAt: number | undefined;
}

/** With the names of the people in it, as they are now. */
export interface NamedApproval extends Approval {
  readonly requestedByName: string;
  readonly subjectName: string | undefined;
  readonly decidedByName: string | undefined;
}

/** Somebody's word on a pending act. */
export interface Decision {
  readonly id: string;
  readonly status: 'claimed' | 'refused' | 'withdrawn' | 'failed';
  readonly by: string;
  readonly at: number;
  readonly request?: string | undefined;
  readonly reason?: string | undefined;
  readonly problem?: string | undefined;
}

/** What came of an act that was approved. */
export interface Outcome {
  readonly status: 'done' | 'failed';
  readonly problem?: string | undefined;
  /** The user whom it made; where nobody was named before, it is this one's from now on, and erased with them. */
  readonly subjectId?: string | undefined;
  readonly at: number;
}

export interface ApprovalFilter {
  readonly companyId?: string | undefined;
  readonly status?: ApprovalStatus | 'expired' | undefined;
  /** What is pending or expired is told by this time. */
  readonly at: number;
}

export interface ApprovalStore {
  /** The request is kept sealed. */
  insert(approval: Approval, request: KeptRequest): Promise<void>;
  find(id: string): Promise<NamedApproval | undefined>;
  /** The kept request of an approval; undefined once it is erased. */
  request(id: string): Promise<KeptRequest | undefined>;
  /** By id. */
  list(filter: ApprovalFilter, page: { readonly after?: string; readonly limit: number }): Promise<NamedApproval[]>;
  /** How many of a company wait at that time. */
  countPending(companyId: string, at: number): Promise<number>;
  /** pending → decided; false where it was decided by another, or has expired: of any number of decisions one is made. */
  decide(decision: Decision): Promise<boolean>;
  /** claimed → done or failed; false where that was said before. */
  settle(id: string, outcome: Outcome): Promise<boolean>;
  /** Erases the requests of what ended before that time: they name people, and nothing can come of them any more. Answers how many. */
  eraseRequests(before: number): Promise<number>;
  /** pending and claimed → failed, all of them in one step; answers how many. */
  failOpen(problem: string, at: number): Promise<number>;
  /** Claimed before that time and not settled. */
  unsettled(before: number): Promise<Approval[]>;
}
