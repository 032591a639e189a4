/** The short-lived store inside of one process: the embedded default, lost at restart. */
import { EventEmitter } from 'node:events';
import type { Clock } from '../clock.ts';
import { lifetime } from './lifetime.ts';
import type { ShortLivedStore } from './ports.ts';

const sweepIntervalMs = 30_000;
/** One sweep looks at no more than this many entries, so that it never holds up the event loop. */
const sweepLimit = 10_000;
/** Looked at for each new entry: more than one, so that no rate of new entries outruns the removal of old ones. */
const sweptForEachNew = 2;

interface Entry {
  expiresAt: number;
}

interface ValueEntry extends Entry {
  value: string;
  version: number;
}

interface CounterEntry extends Entry {
  count: number;
}

/** Entries that vanish when their time is over, by the given clock. */
class ExpiringMap<E extends Entry> {
  readonly #entries = new Map<string, E>();
  readonly #clock: Clock;
  #sweeping: MapIterator<[string, E]> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): E | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, entry: E): void {
    const { size } = this.#entries;
    this.#entries.set(key, entry);
    if (this.#entries.size > size) this.sweep(sweptForEachNew);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Goes on where the last sweep stopped, so that every entry has its turn. */
  sweep(limit: number): void {
    const now = this.#clock.now();
    this.#sweeping ??= this.#entries.entries();
    for (let looked = 0; looked < limit; looked += 1) {
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = undefined;
        return;
      }
      const [key, entry] = next.value;
      if (entry.expiresAt <= now) this.#entries.delete(key);
    }
  }
}

/**
 * Each method runs to its end before any other code of the process: that is what makes it one atomic step. Expiry follows the
 * given clock; a timer, which does not keep the process alive, only frees memory.
 */
export function memoryStore(clock: Clock): ShortLivedStore {
  const values = new ExpiringMap<ValueEntry>(clock);
  const counters = new ExpiringMap<CounterEntry>(clock);
  const timer = setInterval(() => {
    values.sweep(sweepLimit);
    counters.sweep(sweepLimit);
  }, sweepIntervalMs);
  timer.unref();
  const topics = memoryTopics();
  return {
    ...memoryValues(values, clock),
    ...memoryCounters(counters, clock),
    ...topics,
    check: async () => undefined,
    close: async () => {
      clearInterval(timer);
      values.clear();
      counters.clear();
    },
  };
}

type Values = Pick<ShortLivedStore, 'get' | 'create' | 'compareAndSet' | 'take' | 'remove' | 'touch'>;

function memoryValues(values: ExpiringMap<ValueEntry>, clock: Clock): Values {
  // Never used twice, so that a version read from a value that is gone does not fit the one that took its key.
  let lastVersion = 0;
  return {
    get: async (key) => {
      const entry = values.get(key);
      return entry === undefined ? undefined : { value: entry.value, version: entry.version };
    },
    create: async (key, value, ttlMs) => {
      if (values.get(key) !== undefined) return false;
      lastVersion += 1;
      values.set(key, { value, version: lastVersion, expiresAt: clock.now() + lifetime(ttlMs) });
      return true;
    },
    compareAndSet: async (key, version, value, ttlMs) => {
      const entry = values.get(key);
      if (entry === undefined || entry.version !== version) return false;
      lastVersion += 1;
      const expiresAt = ttlMs === undefined ? entry.expiresAt : clock.now() + lifetime(ttlMs);
      values.set(key, { value, version: lastVersion, expiresAt });
      return true;
    },
    take: async (key) => {
      const entry = values.get(key);
      values.delete(key);
      return entry?.value;
    },
    remove: async (key) => values.delete(key),
    touch: async (key, ttlMs) => {
      const entry = values.get(key);
      if (entry === undefined) return false;
      entry.expiresAt = clock.now() + lifetime(ttlMs);
      return true;
    },
  };
}

type Counters = Pick<ShortLivedStore, 'reserve' | 'seed' | 'release' | 'hit'>;

function memoryCounters(counters: ExpiringMap<CounterEntry>, clock: Clock): Counters {
  return {
    reserve: async (key, max, ttlMs) => {
      const counter = counters.get(key);
      if (counter === undefined) return { outcome: 'missing' };
      if (counter.count >= max) return { outcome: 'exhausted' };
      counter.count += 1;
      counter.expiresAt = clock.now() + lifetime(ttlMs);
      return { outcome: 'taken', count: counter.count };
    },
    seed: async (key, count, ttlMs) => {
      const known = counters.get(key)?.count ?? 0;
      counters.set(key, { count: Math.max(known, count), expiresAt: clock.now() + lifetime(ttlMs) });
    },
    release: async (key) => {
      const counter = counters.get(key);
      if (counter !== undefined && counter.count > 0) counter.count -= 1;
    },
    hit: async (key, windowMs) => {
      const now = clock.now();
      const counter = counters.get(key) ?? { count: 0, expiresAt: now + lifetime(windowMs) };
      counter.count += 1;
      counters.set(key, counter);
      return { count: counter.count, resetMs: counter.expiresAt - now };
    },
  };
}

type Topics = Pick<ShortLivedStore, 'publish' | 'subscribe'>;

function memoryTopics(): Topics {
  const emitter = new EventEmitter();
  // One listener for each waiting browser: thousands are no leak.
  emitter.setMaxListeners(0);
  return {
    // Listeners run after the publisher's step, as they would across a network, so that none can throw into it.
    publish: async (topic, message) => {
      setImmediate(() => {
        emitter.emit(`topic:${topic}`, message);
      });
    },
    subscribe: async (topic, listener) => {
      const wrapped = (message: string): void => listener(message);
      emitter.on(`topic:${topic}`, wrapped);
      return () => {
        emitter.off(`topic:${topic}`, wrapped);
      };
    },
  };
}
