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

/** A page of requests: the newest first, those before the id. */
export interface SigningPage {
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface SigningStore {
  /** `list` is what a batch's hash is of. Display, list and receipts are kept sealed. */
  insert(request: SigningRequest, list?: string): Promise<void>;
  find(id: string): Promise<SigningRequest | undefined>;
  /** The list of a batch; undefined where it has none. */
  list(id: string): Promise<string | undefined>;
  /**
   * pending → ended; false where it has ended already. Of any number of callers exactly one gets true.
   */
  end(id: string, end: SigningEnd): Promise<boolean>;
  /** Keeps one person's approval; false where that person has approved it, or it has ended. Answers how many there are then. */
  approve(approval: SigningApproval): Promise<{ readonly isFirst: boolean; readonly given: number }>;
  /** The oldest first. */
  approvals(id: string): Promise<SigningApproval[]>;
  /** What waits for that user at that time: named by the portal, or of their company and taking several approvers, and not approved by them. */
  waiting(
    who: { readonly userId: string; readonly companyId: string; readonly mayCosign: boolean },
    at: number,
  ): Promise<SigningRequest[]>;
  /** What has ended and was that user's, or was approved by them. */
  history(userId: string, page: SigningPage): Promise<SigningRequest[]>;
  /** Pending ones whose time is over, the oldest first. */
  expired(at: number, limit: number): Promise<SigningRequest[]>;
  /** Adds to what was captured of an approved reservation; false where that would be more than `maximum`. */
  capture(id: string, amount: number, maximum: number): Promise<boolean>;
  /** Everything of the user, when the person is erased; answers how many. */
  eraseOf(userId: string): Promise<number>;
  /** Removes what ended before that time, with its approvals; answers how many. */
  prune(before: number): Promise<number>;
}
