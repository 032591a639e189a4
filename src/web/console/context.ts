/** What every screen has: the texts, who is logged in, the API, and ways to go on and to say something. */
import type { Api, ApiError } from './api.ts';
import type { Messages } from './messages.ts';

/** Who is logged in, and what of it the server allows. */
export interface Me {
  readonly userId: string;
  readonly name: string;
  readonly role: string;
  readonly companyId: string;
  readonly companyName: string;
  /** What the server's table gives; a permission that is not named is not given. */
  readonly permissions: Readonly<Record<string, Permitted>>;
}

interface Permitted {
  /** Every company, or their own alone. */
  readonly reach: 'all' | 'own';
  /** What must have been shown before: that one is logged in, a fresh proof on the phone, or one made for this act. */
  readonly proof: 'session' | 'fresh' | 'confirmed';
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
  readonly api: Api;
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
  readonly leave: (error: ApiError) => boolean;
}

/** What fills the page below its heading. */
export interface View {
  readonly title: string;
  /** The way up, above the heading. */
  readonly back?: HTMLElement | undefined;
  readonly content: readonly (Node | undefined)[];
}

/** Fetches what it shows, then makes it. Throws `ApiError`. */
export type Screen = (console: Console, place: Place) => Promise<View>;
