/** One window at a time runs the phone: the keys are shared by all windows of the browser, and two sessions would end each other. */

const lockName = 'mtoken-phone';
/** A window that is just being closed or loaded anew gives the phone back within this time: nothing needs to be said of it. */
const patienceMs = 500;

/** What happens as the phone comes and goes. */
export interface WindowEvents {
  /** This window runs the phone from now on. */
  readonly onHeld: () => void;
  /** Another window runs it; this one waits for it. */
  readonly onWaiting: () => void;
}

/**
 * Asks for the phone and, once it is here, keeps it until the window closes or another one takes it. Where the browser has no locks,
 * every window runs the phone. `take` takes it away from the window that has it.
 */
export function holdWindow({ onHeld, onWaiting }: WindowEvents): { readonly take: () => void } {
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) {
    onHeld();
    return { take: () => undefined };
  }
  let isHeld = false;
  let waiting = new AbortController();
  const hold = async (): Promise<never> => {
    isHeld = true;
    onHeld();
    // Until the browser gives it to another window.
    return new Promise<never>(() => undefined);
  };
  const ask = async (options: LockOptions): Promise<void> => {
    try {
      await locks.request(lockName, options, hold);
    } catch (error) {
      // This window ended its own waiting, to take the phone at once.
      if (options.signal?.aborted === true) return;
      // A browser that has locks and refuses them is one without locks.
      if (!(error instanceof DOMException && error.name === 'AbortError')) return onHeld();
      isHeld = false;
      onWaiting();
      queue();
    }
  };
  const queue = (): void => {
    waiting = new AbortController();
    void ask({ signal: waiting.signal });
  };
  queue();
  setTimeout(() => !isHeld && onWaiting(), patienceMs);
  return {
    take: () => {
      if (isHeld) return;
      waiting.abort();
      void ask({ steal: true });
    },
  };
}
