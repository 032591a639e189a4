/** Counts what a login asks of the two store ports, without changing what they answer. */
import type { DurableStore, ShortLivedStore, Sql, SqlValue } from '../../src/store/ports.ts';

/** How often each thing was done. */
export type Counts = Record<string, number>;

/** A read that was made, so that its cost can be measured by making it again. */
export interface TracedRead {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

export interface Counter {
  readonly counts: Counts;
  /** The last reads, at most a few hundred. */
  readonly reads: TracedRead[];
}

const maxReads = 400;

export function createCounter(): Counter {
  return { counts: {}, reads: [] };
}

function count({ counts }: Counter, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** `sql.read`, `sql.write`, `sql.transaction`, `sql.read.within`, `sql.write.within`. */
export function countDurable(store: DurableStore, counter: Counter): DurableStore {
  const over = (sql: Sql, place: '' | '.within'): Pick<Sql, 'query' | 'run'> => ({
    query: (text, values) => {
      const isRead = /^\s*(select|pragma|with)\b/i.test(text);
      count(counter, `sql.${isRead ? 'read' : 'write'}${place}`);
      if (isRead && counter.reads.length < maxReads) counter.reads.push({ text, values: values ?? [] });
      return sql.query(text, values);
    },
    run: (text, values) => {
      count(counter, `sql.write${place}`);
      return sql.run(text, values);
    },
  });
  return {
    ...store,
    ...over(store, ''),
    transaction: (work) => {
      count(counter, 'sql.transaction');
      return store.transaction((sql) => work({ ...sql, ...over(sql, '.within') }));
    },
  };
}

/** The methods of the short-lived port that cost a round trip. */
const methods = [
  'get',
  'create',
  'compareAndSet',
  'take',
  'remove',
  'touch',
  'reserve',
  'seed',
  'release',
  'hit',
  'publish',
] as const;

/** `kv.<method>`. */
export function countShortLived(store: ShortLivedStore, counter: Counter): ShortLivedStore {
  const counted = methods.map((method) => {
    const call = store[method] as (...args: unknown[]) => unknown;
    return [
      method,
      (...args: unknown[]) => {
        count(counter, `kv.${method}`);
        return call.apply(store, args);
      },
    ];
  });
  return { ...store, ...(Object.fromEntries(counted) as Pick<ShortLivedStore, (typeof methods)[number]>) };
}

/** What `after` has more than `before`, for each of `logins`. */
export function perLogin(before: Counts, after: Counts, logins: number): Counts {
  const names = Object.keys(after);
  return Object.fromEntries(names.map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / logins]));
}
