/** What every durable engine must do below the records: one suite over every engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sql } from '../../src/store/ports.ts';
import type { DurableEngine, FreshDurable } from '../engines.ts';

export function durableContract(engine: DurableEngine): void {
  describe(`durable store: ${engine.name}`, () => {
    let fresh: FreshDurable;

    beforeAll(async () => {
      fresh = await engine.fresh();
      await fresh.store.run(
        'create table samples (id integer primary key, label text, amount bigint, ratio double precision, other integer)',
      );
    });
    afterAll(() => fresh.close());

    const put = (sql: Sql, id: number, label: string | null = null, amount: number | null = null): Promise<number> =>
      sql.run('insert into samples (id, label, amount) values ($1, $2, $3)', [id, label, amount]);
    const labelOf = async (id: number): Promise<unknown> =>
      (await fresh.store.query<{ label: string }>('select label from samples where id = $1', [id]))[0]?.label;

    describe('parameters', () => {
      it('returns text of any script, quotes and line ends as it was written', async () => {
        const text = `it's "quoted" -- $1 ? \\ é \u{1F600} \r\n\t`;
        await put(fresh.store, 1, text);
        expect(await labelOf(1)).toBe(text);
      });

      it('refuses text with NUL, which SQLite would cut, as a bad request', async () => {
        await expect(put(fresh.store, 2, 'a\0b')).rejects.toMatchObject({ code: 'invalid_request' });
        expect(await labelOf(2)).toBeUndefined();
      });

      it('refuses half a surrogate pair, which would be stored as another character', async () => {
        await expect(put(fresh.store, 2, 'a\ud800')).rejects.toMatchObject({ code: 'invalid_request' });
      });

      it.each([Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
        'refuses the number %s, which no column holds',
        async (n) => {
          await expect(put(fresh.store, 2, 'x', n)).rejects.toMatchObject({ code: 'internal' });
          expect(await labelOf(2)).toBeUndefined();
        },
      );

      it('refuses a value of a type that no column holds', async () => {
        const date = new Date() as unknown as string;
        await expect(put(fresh.store, 2, date)).rejects.toMatchObject({ code: 'internal' });
      });

      it('stores booleans as 0 and 1 and undefined as NULL', async () => {
        await fresh.store.run('insert into samples (id, amount, other, label) values ($1, $2, $3, $4)', [
          3,
          true,
          false,
          undefined,
        ]);
        expect(await fresh.store.query('select amount, other, label from samples where id = 3')).toEqual([
          { amount: 1, other: 0, label: null },
        ]);
      });

      it('takes numbered placeholders twice and in any order, and leaves quoted ones alone', async () => {
        await put(fresh.store, 4, 'four', 44);
        const rows = await fresh.store.query<{ text: string }>(
          "select '$1' as text, label from samples where label = $2 and id = $1 and amount > $1 -- $9",
          [4, 'four'],
        );
        expect(rows).toEqual([{ text: '$1', label: 'four' }]);
      });

      it('returns epoch milliseconds and counts as numbers, not as text', async () => {
        const at = Date.UTC(2026, 10, 20);
        await put(fresh.store, 5, 'five', at);
        const rows = await fresh.store.query(
          'select amount, (select count(*) from samples where id = 5) as total from samples where id = 5',
        );
        expect(rows).toEqual([{ amount: at, total: 1 }]);
      });
    });

    describe('transactions', () => {
      it('commits all or nothing', async () => {
        const failing = fresh.store.transaction(async (sql) => {
          await put(sql, 10);
          await put(sql, 11);
          throw new Error('on purpose');
        });
        await expect(failing).rejects.toThrow('on purpose');
        await fresh.store.transaction(async (sql) => {
          await put(sql, 12);
          await put(sql, 13);
        });
        expect(await fresh.store.query('select id from samples where id between 10 and 13 order by id')).toEqual([
          { id: 12 },
          { id: 13 },
        ]);
      });

      it('keeps the statements of other requests out of an open transaction', async () => {
        const open = fresh.store.transaction(async (sql) => {
          await put(sql, 20);
          await new Promise((resolve) => setTimeout(resolve, 20));
          throw new Error('roll back');
        });
        const settled = expect(open).rejects.toThrow('roll back');
        const outside = put(fresh.store, 21, 'kept');
        await settled;
        await outside;
        expect(await labelOf(21)).toBe('kept');
        expect(await fresh.store.query('select id from samples where id = 20')).toEqual([]);
      });

      it('refuses a call past the handle of the transaction, and a transaction within, instead of waiting for ever', async () => {
        const past = fresh.store.transaction(() => put(fresh.store, 30));
        await expect(past).rejects.toMatchObject({ code: 'internal' });
        const nested = fresh.store.transaction(() => fresh.store.transaction((sql) => put(sql, 31)));
        await expect(nested).rejects.toMatchObject({ code: 'internal' });
        expect(await fresh.store.query('select id from samples where id in (30, 31)')).toEqual([]);
      });

      it('stops a handle that outlives its transaction from writing into another one', async () => {
        const leaked = await fresh.store.transaction(async (sql) => ({ sql }));
        await expect(put(leaked.sql, 32)).rejects.toMatchObject({ code: 'internal' });
      });

      it('never reports a transaction as committed in which a statement failed unless its writes are there', async () => {
        const outcome = await fresh.store
          .transaction(async (sql) => {
            await put(sql, 40);
            await put(sql, 40).catch(() => undefined);
          })
          .then(
            () => 'committed',
            () => 'failed',
          );
        const rows = await fresh.store.query('select id from samples where id = 40');
        expect(rows).toHaveLength(outcome === 'committed' ? 1 : 0);
      });

      it('serves on after many transactions failed', async () => {
        const failures = Array.from({ length: 40 }, () =>
          fresh.store.transaction(async (sql) => {
            await put(sql, 41);
            throw new Error('again');
          }),
        );
        const settled = await Promise.allSettled(failures);
        expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
        expect(await put(fresh.store, 41)).toBe(1);
      });
    });

    it('grants exactly five of 100 parallel conditional updates over two connections (L-02)', async () => {
      await put(fresh.store, 50, null, 0);
      const both = [fresh.store, await fresh.another()] as const;
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? both[0] : both[1]).query(
            'update samples set amount = amount + 1 where id = 50 and amount < 5 returning amount',
          ),
        ),
      );
      expect(answers.filter((rows) => rows.length === 1)).toHaveLength(5);
    });

    it('finds itself usable', async () => {
      await expect(fresh.store.check()).resolves.toBeUndefined();
    });

    it('throws unavailable after it was closed', async () => {
      const other = await fresh.another();
      await other.query('select 1 as one');
      await other.close();
      await expect(other.query('select 1 as one')).rejects.toMatchObject({ code: 'unavailable' });
      await expect(other.transaction((sql) => sql.query('select 1 as one'))).rejects.toMatchObject({
        code: 'unavailable',
      });
    });
  });
}
