/** What only PostgreSQL can get wrong: its settings, its connections, its way to end a failed transaction. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { migrate } from '../../../src/store/migrate.ts';
import type { DurableStore } from '../../../src/store/ports.ts';
import { openPostgres, type PostgresOptions } from '../../../src/store/postgres.ts';
import { testServer } from '../../engines.ts';
import { type Proxy, startProxy } from '../../proxy.ts';

const url = testServer('MTOKEN_TEST_DATABASE_URL');
const unsafeUrl = testServer('MTOKEN_TEST_DATABASE_URL_UNSAFE');

function through(proxy: Proxy, address: string): string {
  const changed = new URL(address);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}

describe.skipIf(url === undefined)('PostgreSQL', () => {
  const address = url ?? '';
  const target = { host: new URL(address || 'x://h').hostname, port: Number(new URL(address || 'x://h').port || 5432) };
  const opened: { close(): Promise<void> }[] = [];
  const open = async (options: Partial<PostgresOptions> = {}): Promise<DurableStore> => {
    const store = await openPostgres({ url: address, poolSize: 3, ...options });
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  it('waits for the disk on every commit, whatever the server, database or role was set to', async () => {
    const admin = await open();
    const role = `lossy_${randomBytes(4).toString('hex')}`;
    await admin.run(`create role ${role} login`);
    await admin.run(`alter role ${role} set synchronous_commit = off`);
    const lossy = new URL(address);
    lossy.username = role;
    const bare = new pg.Client({ connectionString: lossy.href });
    await bare.connect();
    expect((await bare.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'off' }]);
    await bare.end();
    const store = await open({ url: lossy.href });
    expect(await store.query('show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    await store.close();
    await admin.run(`drop role ${role}`);
  });

  it.skipIf(unsafeUrl === undefined)('refuses a server that does not sync to the disk', async () => {
    const store = await open({ url: unsafeUrl ?? '' });
    const schema = `test_${randomBytes(6).toString('hex')}`;
    await store.run(`create schema ${schema}`);
    const migrated = await open({ url: unsafeUrl ?? '', schema });
    await migrate(migrated, { clock: systemClock });
    await expect(migrated.check()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(migrated.check()).rejects.toThrow(/fsync = off/);
  });

  it('limits how long it waits for locks and statements', async () => {
    const store = await open();
    expect(await store.query('show lock_timeout')).toEqual([{ lock_timeout: '5s' }]);
    expect(await store.query('show statement_timeout')).toEqual([{ statement_timeout: '10s' }]);
  });

  it('reads counts as numbers without changing the driver for others', async () => {
    const store = await open();
    expect(await store.query('select count(*) as total from pg_class where false')).toEqual([{ total: 0 }]);
    const bare = new pg.Client({ connectionString: address });
    await bare.connect();
    expect((await bare.query('select 1::int8 as one')).rows).toEqual([{ one: '1' }]);
    await bare.end();
  });

  it('reports a transaction as failed when the commit turned into a rollback', async () => {
    const store = await open();
    const swallowed = store.transaction(async (sql) => {
      await sql.query('select 1/0 as x').catch(() => undefined);
      return 'done';
    });
    await expect(swallowed).rejects.toMatchObject({ code: 'internal' });
  });

  it('survives the loss of a connection inside of a transaction, idle or busy', async () => {
    const store = await open();
    const admin = await open();
    const kill = (pid: number): Promise<unknown> => admin.query('select pg_terminate_backend($1)', [pid]);
    const broken = store.transaction(async (sql) => {
      const [row] = await sql.query<{ pid: number }>('select pg_backend_pid() as pid');
      await kill(row?.pid ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await sql.query('select 1 as one');
    });
    await expect(broken).rejects.toMatchObject({ code: 'unavailable' });
    const busy = store.transaction(async (sql) => {
      const [row] = await sql.query<{ pid: number }>('select pg_backend_pid() as pid');
      const sleeping = sql.query('select pg_sleep(5)');
      await Promise.all([sleeping, kill(row?.pid ?? 0)]);
    });
    await expect(busy).rejects.toMatchObject({ code: 'unavailable' });
    expect(await store.query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('says unavailable for a lock that is not released in time', async () => {
    const store = await open();
    const schema = `test_${randomBytes(6).toString('hex')}`;
    await store.run(`create schema ${schema}`);
    await store.run(`create table ${schema}.samples (id integer primary key)`);
    await store.run(`insert into ${schema}.samples values (1)`);
    const blocked = store.transaction(async (holder) => {
      await holder.query(`select id from ${schema}.samples for update`);
      const other = await open();
      await other.transaction(async (sql) => {
        await sql.run("set local lock_timeout = '50ms'");
        await sql.query(`select id from ${schema}.samples for update`);
      });
    });
    await expect(blocked).rejects.toMatchObject({ code: 'unavailable' });
    await store.run(`drop schema ${schema} cascade`);
  });

  describe('behind a connection that fails (X-03)', () => {
    let proxy: Proxy;
    beforeAll(async () => {
      proxy = await startProxy(target);
    });
    afterAll(() => proxy.close());

    it('says unavailable while the server is away, and serves again by itself', async () => {
      const store = await open({ url: through(proxy, address), connectTimeoutMs: 500 });
      expect(await store.query('select 1 as one')).toEqual([{ one: 1 }]);
      proxy.cut();
      await expect(store.query('select 1 as one')).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.transaction((sql) => sql.query('select 1 as one'))).rejects.toMatchObject({
        code: 'unavailable',
      });
      await expect(store.check()).rejects.toMatchObject({ code: 'unavailable' });
      proxy.restore();
      await expect.poll(() => store.query('select 1 as one').catch(() => 'down')).toEqual([{ one: 1 }]);
    });

    it('says unavailable at once where a connection hangs while it is made', async () => {
      proxy.freeze();
      const store = await open({ url: through(proxy, address), connectTimeoutMs: 200 });
      await expect(store.query('select 1 as one')).rejects.toMatchObject({ code: 'unavailable' });
      proxy.restore();
      await expect.poll(() => store.query('select 1 as one').catch(() => 'down')).toEqual([{ one: 1 }]);
    });
  });

  it('says unavailable, not more, for a server that was never there', async () => {
    const store = await open({ url: 'postgres://nobody@127.0.0.1:1/none', connectTimeoutMs: 500 });
    await expect(store.query('select 1 as one')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
