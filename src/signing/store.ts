/** What signing keeps for good: each thing that a portal asked for, who signed it, and what came of it. Types only. */
import type { DeclineReason, OrderDescriptor } from '../protocol/orders.ts';
import type { Receipt } from '../protocol/receipt.ts';
import type { RiskReason } from '../protocol/risk.ts';

/** By which door a portal asked: the signing API, CIBA, or `authorization_details` in a redirect. */
export type SigningDoor = 'api' | 'backchannel' | 'redirect';

/** All but `pending` are final. */
export type SigningStatus = 'pending' | 'approved' | 'declined' | 'reported' | 'expired' | 'cancelled';

/**
 * One thing to be signed. It lives as long as the portal gave it; each phone that opens it gets an order of the one order machine
 * (docs/protocol.md §8), which lives for minutes.
 */
export interface SigningRequest {
  /** `sig_…`; what the portal knows it by. */
  readonly id: string;
  readonly clientId: string;
  readonly door: SigningDoor;
  /** Origin on whose page it was made. */
  readonly origin: string;
  /** Whom the portal named, and whose company decides about approvers. */
  readonly userId: string;
  readonly companyId: string;
  /** The portal's own name for it. */
  readonly reference: string;
  /** Drawn once: every approver sees and signs these bytes. */
  readonly display: OrderDescriptor['display'];
  /** How many people must approve; 1: the user whom the portal named. More: that many of the company's users with all permissions. */
  readonly approvers: number;
  /** How many have. */
  readonly given: number;
  /** True: a fingerprint or face is not enough, by the answer of the risk port. */
  readonly mpinOnly: boolean;
  /** What the phone warns of, by the answer of the risk port. */
  readonly warnings: readonly RiskReason[];
  readonly status: SigningStatus;
  /** Of a decline. */
  readonly reason: DeclineReason | undefined;
  /** Epoch-milliseconds; nobody is asked before: later than `createdAt` where the risk port delayed it. */
  readonly askableAt: number;
  readonly createdAt: number;
  /** From then on nobody can open it. */
  readonly expiresAt: number;
  readonly endedAt: number | undefined;
  /** Of a reservation: minor units that the portal has captured. */
  readonly captured: number;
  /** Raised by every change. */
  readonly version: number;
}

/** One person's approval of a request; there is at most one of a person. */
export interface SigningApproval {
  readonly requestId: string;
  readonly userId: string;
  readonly deviceId: string;
  /** The order of the machine in which it was given. */
  readonly orderId: string;
  readonly approvedAt: number;
  readonly receipt: Receipt;
}

/** How a request came to its end. */
export interface SigningEnd {
  readonly status: Exclude<SigningStatus, 'pending'>;
  readonly reason?: DeclineReason | undefined;
  readonly at: number;
}

/** A request as a list has it. */
export interface SigningFound {
  readonly id: string;
  /** Undefined where somebody changed the row past this server: its seal does not open, and nobody can be asked about it (T-04). */
  readonly request: SigningRequest | undefined;
}

/** A page of requests: the newest first, those before the id. */
export interface SigningPage {
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Whose inbox it is. */
export interface Asked {
  readonly userId: string;
  readonly companyId: string;
  /** Whether the person may approve what takes several of the company. */
  readonly mayCosign: boolean;
}

/** How much of a portal's is kept. */
export interface SigningUse {
  /** Requests that are pending and not over. */
  readonly open: number;
  /** Of lists of batches. */
  readonly bytes: number;
}

/** Lists leave out nothing: what of it is altered, whoever reads them decides. A single request that is altered is never answered. */
export interface SigningStore {
  /**
   * `list` is what a batch's hash is of. Display, reference, list and receipts are kept sealed. `isTold`: the phones are nudged with
   * this; false: later, when it may be asked.
   */
  insert(
    request: SigningRequest,
    more?: { readonly list?: string | undefined; readonly isTold?: boolean },
  ): Promise<void>;
  /** Throws `internal` where somebody changed the row past this server. */
  find(id: string): Promise<SigningRequest | undefined>;
  /** The list of a batch; undefined where it has none, or ended before anybody approved it. */
  list(id: string): Promise<string | undefined>;
  /** pending → ended; false where it has ended already. Of any number of callers exactly one gets true. */
  end(id: string, end: SigningEnd): Promise<boolean>;
  /** Ends all that is pending; answers how many. */
  endPending(end: SigningEnd): Promise<number>;
  /**
   * Counts one person's approval and keeps it, in one step; the last that it takes ends it as approved. `isFirst` false, and nothing
   * kept, where that person has approved it, or it has ended. `given`: how many there are then.
   */
  approve(approval: SigningApproval): Promise<{ readonly isFirst: boolean; readonly given: number }>;
  /** The oldest first; each receipt whole, with the list of a batch. */
  approvals(id: string): Promise<SigningApproval[]>;
  /** That person's alone, in the same form. */
  approvalOf(id: string, userId: string): Promise<SigningApproval | undefined>;
  /** Which of these that person approved. */
  signedBy(userId: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * What waits for that person at that time, the oldest first, at most 100: named by the portal, or of their company and taking several
   * approvers; and not approved by them. Half of it is theirs where there is so much: what others of the company are asked hides nothing
   * that they themselves are asked.
   */
  waiting(who: Asked, at: number): Promise<SigningFound[]>;
  /** What has ended and was that user's, or was approved by them. */
  history(userId: string, page: SigningPage): Promise<SigningFound[]>;
  /** The same, with what is pending. */
  everyOf(userId: string, page: SigningPage): Promise<SigningFound[]>;
  /** Pending ones whose time is over at that time, the oldest first; those behind `after`, an id, where it is given. */
  expired(at: number, limit: number, after?: string): Promise<SigningFound[]>;
  /** Pending ones that may be asked by now and of which no phone was told, in the same way. */
  untold(at: number, limit: number, after?: string): Promise<SigningFound[]>;
  /** Of any number of callers exactly one gets true. */
  markTold(id: string, at: number): Promise<boolean>;
  /** What the portal has open at that time, and the bytes of lists that it sent from `since` on. */
  use(clientId: string, at: number, since: number): Promise<SigningUse>;
  /** How many of one user's the portal has open at that time. */
  openOf(userId: string, clientId: string, at: number): Promise<number>;
  /** Adds to what was captured of an approved reservation; false where that would be more than `maximum`. */
  capture(id: string, amount: number, maximum: number): Promise<boolean>;
  /** Everything of the user, when the person is erased; answers how many. */
  eraseOf(userId: string): Promise<number>;
  /** Removes up to 1,000 that ended before that time, with their approvals; answers how many. */
  prune(before: number): Promise<number>;
}
