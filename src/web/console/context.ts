/** What every screen has: the texts, who is logged in, the API, and ways to go on and to say something. */
import type { AdminProblem } from '../../admin-client/client.ts';
import type { Me as Caller } from '../../admin-client/operations.ts';
import type { Messages } from './messages.ts';

/** Who is logged in, and what of it the server allows. */
export interface Me extends Pick<Caller, 'permissions' | 'isConfirmed'> {
  readonly userId: string;
  readonly name: string;
  readonly role: string;
  readonly companyId: string;
}

/** Where a screen is and what its address says. */
export interface Place {
  /** Parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export interface Console {
  readonly t: Messages;
  readonly me: Me;
  /** Whether the server would let this person; it decides again at each call. */
  readonly may: (permission: string) => boolean;
  /** Whether they see every company, and so have to say which. */
  readonly reachesAll: (permission: string) => boolean;
  /** Shows another screen; `text` is said there. */
  readonly go: (path: string, text?: string) => void;
  /** Shows this screen again, as it is now; `text` is said on it. */
  readonly refresh: (text?: string) => void;
  /** What a person is told of an error. */
  readonly explain: (error: unknown) => string;
  /** To the login where the session has ended or a proof is wanted; true where the page is left. */
  readonly leave: (error: AdminProblem) => boolean;
}

/** What fills the page below its heading. */
export interface View {
  readonly title: string;
  /** The way up, above the heading. */
  readonly back?: HTMLElement | undefined;
  readonly content: readonly (Node | undefined)[];
}

/** Fetches what it shows, then makes it. Throws `AdminProblem`, `Unreachable`. */
export type Screen = (console: Console, place: Place) => Promise<View>;
