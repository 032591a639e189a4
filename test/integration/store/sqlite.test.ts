/** What only the SQLite engine can get wrong: files, locks, syncing, several processes on one directory. */
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { migrations } from '../../../src/store/migrations/list.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { runProgram } from '../../programs.ts';

const holdLock = new URL('programs/hold-lock.ts', import.meta.url);
const writeRows = new URL('programs/write-rows.ts', import.meta.url);

describe('SQLite on one data directory', () => {
  let parent: string;
  let dataDir: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'mtoken-sqlite-'));
    dataDir = join(parent, 'data');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('makes files that nobody else can read, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const store = await openSqlite({ dataDir, lock: true });
      await migrate(store, { clock: systemClock });
      const names = await readdir(dataDir);
      expect(names).toEqual(expect.arrayContaining(['lock.db', 'mtoken.db', 'mtoken.db-shm', 'mtoken.db-wal']));
      for (const name of names) {
        expect([name, ((await stat(join(dataDir, name))).mode & 0o777).toString(8)]).toEqual([name, '600']);
      }
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
      await store.close();
    } finally {
      process.umask(before);
    }
  });

  it('closes files that were readable by others', async () => {
    await (await openSqlite({ dataDir, lock: false })).close();
    await chmod(join(dataDir, 'mtoken.db'), 0o644);
    const store = await openSqlite({ dataDir, lock: false });
    expect((await stat(join(dataDir, 'mtoken.db'))).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('writes ahead, syncs every commit and enforces foreign keys', async () => {
    const store = await openSqlite({ dataDir, lock: false });
    expect(await store.query('pragma journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await store.query('pragma synchronous')).toEqual([{ synchronous: 2 }]);
    expect(await store.query('pragma foreign_keys')).toEqual([{ foreign_keys: 1 }]);
    await store.close();
  });

  it('refuses a second server on the directory, lets commands in, and is free at once after a crash', async () => {
    const server = await runProgram(holdLock, [dataDir]);
    await server.line(/open/);
    await expect(openSqlite({ dataDir, lock: true })).rejects.toMatchObject({ code: 'conflict' });
    expect(await (await runProgram(holdLock, [dataDir])).line(/./)).toBe('refused conflict');
    const command = await openSqlite({ dataDir, lock: false });
    await migrate(command, { clock: systemClock });
    await command.close();
    await server.kill();
    const next = await openSqlite({ dataDir, lock: true });
    await next.check();
    await next.close();
  });

  it('can be opened again by the process that closed it', async () => {
    for (let time = 0; time < 3; time += 1) {
      const store = await openSqlite({ dataDir, lock: true });
      expect(await migrate(store, { clock: systemClock })).toHaveLength(time === 0 ? migrations.length : 0);
      await store.close();
    }
  });

  it('loses no acknowledged write when the process is killed', async () => {
    const writer = await runProgram(writeRows, [dataDir]);
    await writer.line(/^300$/);
    await writer.kill();
    const acknowledged = writer.lines().map(Number);
    const store = await openSqlite({ dataDir, lock: true });
    const written = new Set((await store.query<{ id: number }>('select id from samples')).map(({ id }) => id));
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);
    expect(acknowledged.filter((id) => !written.has(id))).toEqual([]);
    await store.close();
  });

  it('waits for the lock of another connection without holding up its own process', async () => {
    const [first, second] = [await openSqlite({ dataDir, lock: false }), await openSqlite({ dataDir, lock: false })];
    await first.run('create table samples (id integer primary key)');
    const order: string[] = [];
    const held = first.transaction(async (sql) => {
      await sql.run('insert into samples (id) values (1)');
      // Ends only if this process goes on while the other connection waits.
      await new Promise((resolve) => setTimeout(resolve, 50));
      order.push('first');
    });
    const waiting = second.transaction(async (sql) => {
      order.push('second');
      await sql.run('insert into samples (id) values (2)');
    });
    await Promise.all([held, waiting]);
    expect(order).toEqual(['first', 'second']);
    await first.close();
    await second.close();
  });

  it('says unavailable where the directory cannot be used', async () => {
    await expect(openSqlite({ dataDir: '/dev/null/data', lock: true })).rejects.toMatchObject({ code: 'unavailable' });
  });
});
