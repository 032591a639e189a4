/** Keeps the page informed: an event stream, made again when it dies, and polling while it is silent. Nothing here touches the document. */

/** What the server tells about the order (`PageView` of src/login/view.ts). */
export interface View {
  readonly state: 'pending' | 'claimed' | 'approved' | 'redeemed' | 'declined' | 'reported' | 'expired' | 'cancelled';
  readonly secondsLeft: number | null;
  readonly canRenew: boolean;
  readonly frame: string | null;
  readonly cause: 'rule' | 'superseded' | null;
}

/** The part of `EventSource` that is used. */
export interface Stream {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: { readonly data?: string }) => void): void;
  close(): void;
}

/** Answer of a poll: a view, or why there is none; `cookies`: the browser did not send the one that came with the order. */
export type Polled = View | 'gone' | 'cookies' | 'unreachable';

export interface ConnectionOptions {
  readonly openStream: () => Stream;
  readonly poll: () => Promise<Polled>;
  readonly now: () => number;
  /** Whether nobody sees the page: then it holds no stream, because browsers allow six connections to a server for all tabs together. */
  readonly isHidden: () => boolean;
  /** 0 to 1, for spreading out the pages that come back after a restart. */
  readonly random: () => number;
  readonly onView: (view: View) => void;
  readonly onFrame: (frame: string) => void;
  /** The order is not this browser's, or no longer known. */
  readonly onGone: (why: 'gone' | 'cookies') => void;
}

const closedState = 2;
const firstDelayMs = 500;
const longestDelayMs = 15_000;
const pollEveryMs = 2_000;
/** A page that nobody sees must still collect an approval, which waits for a minute. */
const pollHiddenMs = 10_000;
/** Silence of the stream after which the page asks: frames come every 2 s, from a server with many pages every 4 s; other states may stay as they are for long. */
const silenceMs = { pending: 5_500, other: 10_000 } as const;

/** Delay before try number `failures` + 1: doubling from half a second to 15 s, a random half of it taken off. */
export function backoffMs(failures: number, random: number): number {
  const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures, 10));
  return delay * (1 - random / 2);
}

/** Owns the stream. `tick` is to be called twice a second. */
export class Connection {
  readonly #options: ConnectionOptions;
  #stream: Stream | undefined;
  #isClosed = false;
  #isPolling = false;
  #isPending = true;
  #failures = 0;
  #pollFailures = 0;
  #openAt = Number.NEGATIVE_INFINITY;
  #pollAt = Number.NEGATIVE_INFINITY;
  #hasSpoken = false;
  #heardStreamAt: number;
  #heardAt: number;

  /** Opens the stream at once. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#heardStreamAt = options.now();
    this.#heardAt = options.now();
    this.tick();
  }

  /** When the server was last heard of. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Makes the stream again when its time has come, and asks while it is silent. */
  tick(): void {
    if (this.#isClosed) return;
    const now = this.#options.now();
    if (this.#options.isHidden()) {
      this.#rest(now);
      return;
    }
    if (this.#stream === undefined && now >= this.#openAt) this.#open();
    const isSilent = now - this.#heardStreamAt >= (this.#isPending ? silenceMs.pending : silenceMs.other);
    if (isSilent && !this.#isPolling && now >= this.#pollAt) void this.#poll();
  }

  /** Without a stream, asking now and then. */
  #rest(now: number): void {
    if (this.#stream !== undefined) {
      this.#dropStream(0);
      this.#pollAt = now + pollHiddenMs;
    }
    if (!this.#isPolling && now >= this.#pollAt) void this.#poll();
  }

  /** Looks at once, as after the page was hidden. */
  wake(): void {
    this.#pollAt = Number.NEGATIVE_INFINITY;
    this.#heardStreamAt = Number.NEGATIVE_INFINITY;
    if (this.#stream === undefined || this.#stream.readyState === closedState) this.#dropStream(0);
    this.tick();
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.close();
    this.#stream = undefined;
  }

  #open(): void {
    const stream = this.#options.openStream();
    this.#stream = stream;
    const on = (type: string, listener: (data: string) => void): void =>
      stream.addEventListener(type, ({ data = '' }) => {
        // What an abandoned stream still had under way is old.
        if (stream === this.#stream) listener(data);
      });
    on('state', (data) => {
      this.#heardStream();
      this.#heard(JSON.parse(data) as View);
    });
    on('frame', (data) => {
      this.#heardStream();
      this.#options.onFrame((JSON.parse(data) as { readonly frame: string }).frame);
    });
    // Another window of this login took the place: ask from time to time instead of taking it back at once.
    on('replaced', () => this.#dropStream(longestDelayMs));
    on('error', () => {
      // Any answer but a stream makes a browser give up for good: then a new one is made.
      if (stream.readyState !== closedState) return;
      this.#dropStream(backoffMs(this.#failures, this.#options.random()));
      this.#failures += 1;
      // One that never spoke was refused, perhaps for good: the answer to a question says why.
      if (!this.#hasSpoken) this.#heardStreamAt = Number.NEGATIVE_INFINITY;
    });
  }

  #dropStream(delayMs: number): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#openAt = this.#options.now() + delayMs;
  }

  #heardStream(): void {
    this.#hasSpoken = true;
    this.#heardStreamAt = this.#options.now();
    this.#heardAt = this.#heardStreamAt;
    this.#failures = 0;
  }

  #heard(view: View): void {
    this.#heardAt = this.#options.now();
    this.#isPending = view.state === 'pending';
    this.#options.onView(view);
  }

  async #poll(): Promise<void> {
    this.#isPolling = true;
    const polled = await this.#options.poll().catch((): Polled => 'unreachable');
    this.#isPolling = false;
    if (this.#isClosed) return;
    if (polled === 'gone' || polled === 'cookies') {
      this.close();
      this.#options.onGone(polled);
      return;
    }
    const { now, random, isHidden } = this.#options;
    this.#pollFailures = polled === 'unreachable' ? this.#pollFailures + 1 : 0;
    this.#pollAt =
      now() +
      (polled === 'unreachable' ? backoffMs(this.#pollFailures, random()) : isHidden() ? pollHiddenMs : pollEveryMs);
    if (polled !== 'unreachable') this.#heard(polled);
  }
}
