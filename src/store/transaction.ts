/** Guards and joins transactions: what must commit together does, and nothing slips into a transaction it does not belong to. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { AuthError } from '../errors.ts';
import type { DurableStore, Sql } from './ports.ts';

/**
 * Runs `work` in the transaction that `sql` already is, or else in one of its own: for records that take more than one statement
 * and may be written alone or as a part of something larger.
 */
export function atomically<T>(sql: Sql, work: (sql: Sql) => Promise<T>): Promise<T> {
  return isDurableStore(sql) ? sql.transaction(work) : work(sql);
}

function isDurableStore(sql: Sql): sql is DurableStore {
  return 'transaction' in sql;
}

interface Scope {
  open: boolean;
}

export interface TransactionGuard {
  /** Throws `internal` where the caller stands inside of an open transaction of this store and must use that one. */
  outside(): void;
  /** Runs `work` with a handle that stops working when `work` has ended. */
  within<T>(sql: Sql, work: (sql: Sql) => Promise<T>): Promise<T>;
}

/** One guard for each store: it follows the asynchronous calls that a transaction makes. */
export function transactionGuard(): TransactionGuard {
  const scopes = new AsyncLocalStorage<Scope>();
  return {
    outside: () => {
      // With one connection this call would wait for the transaction that waits for it.
      if (scopes.getStore()?.open === true) {
        throw new AuthError('internal', { detail: 'a transaction must use its own handle and is never nested' });
      }
    },
    within: async (sql, work) => {
      const scope: Scope = { open: true };
      try {
        return await scopes.run(scope, () => work(whileOpen(sql, scope)));
      } finally {
        scope.open = false;
      }
    },
  };
}

/** Stops a handle that outlives its transaction from writing into another request's. */
function whileOpen(sql: Sql, scope: Scope): Sql {
  const assertOpen = (): void => {
    if (!scope.open) throw new AuthError('internal', { detail: 'the transaction of this handle has ended' });
  };
  return {
    dialect: sql.dialect,
    query: async (text, values) => {
      assertOpen();
      return sql.query(text, values);
    },
    run: async (text, values) => {
      assertOpen();
      return sql.run(text, values);
    },
  };
}
