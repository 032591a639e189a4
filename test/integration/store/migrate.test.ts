/** Migrations on every durable engine, from one process and from many. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { migrate, pendingMigrations, requireMigrated } from '../../../src/store/migrate.ts';
import type { Migration } from '../../../src/store/migrations/list.ts';
import { migrations } from '../../../src/store/migrations/list.ts';
import { type DurableEngine, durableEngines, type FreshDurable, testServer } from '../../engines.ts';
import { type Program, runProgram } from '../../programs.ts';

const clock = systemClock;
const first: Migration = { id: '0001_first', script: "create table one (a text); insert into one values ('x;y')" };
const second: Migration = { id: '0002_second', script: 'create table two (a text); -- the end;' };

function startFour(engine: DurableEngine, place: readonly string[]): Promise<Program[]> {
  const file = new URL('programs/migrate.ts', import.meta.url);
  return Promise.all(Array.from({ length: 4 }, () => runProgram(file, [engine.name, ...place])));
}

for (const engine of durableEngines()) {
  describe(`migrations: ${engine.name}`, () => {
    let fresh: FreshDurable;
    beforeEach(async () => {
      fresh = await engine.fresh({ migrated: false });
    });
    afterEach(() => fresh.close());

    it('refuses to serve before they have run, and says what to do', async () => {
      await expect(fresh.store.check()).rejects.toMatchObject({ code: 'unavailable' });
      await expect(fresh.store.check()).rejects.toThrow(/mtoken migrate/);
      expect(await pendingMigrations(fresh.store)).toEqual(migrations.map(({ id }) => id));
    });

    it('applies each once and in order', async () => {
      expect(await migrate(fresh.store, { clock, list: [first] })).toEqual(['0001_first']);
      expect(await migrate(fresh.store, { clock, list: [first, second] })).toEqual(['0002_second']);
      expect(await migrate(fresh.store, { clock, list: [first, second] })).toEqual([]);
      expect(await fresh.store.query('select a from one')).toEqual([{ a: 'x;y' }]);
    });

    it('refuses a text that changed after it was applied', async () => {
      await migrate(fresh.store, { clock, list: [first] });
      const changed = { ...first, script: `${first.script} ` };
      await expect(migrate(fresh.store, { clock, list: [changed, second] })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await migrate(fresh.store, { clock, list: [first] })).toEqual([]);
    });

    it('refuses a store that is newer than the build', async () => {
      await migrate(fresh.store, { clock, list: [first, second] });
      await expect(migrate(fresh.store, { clock, list: [first] })).rejects.toThrow(/0002_second/);
    });

    it('lets a server serve on beside a newer one that has migrated, and lets it not start anew (rolling upgrade)', async () => {
      const later = { id: '9999_later', script: 'create table later (a text)' };
      await migrate(fresh.store, { clock, list: [...migrations, later] });
      await fresh.store.check();
      await requireMigrated(fresh.store);
      await expect(migrate(fresh.store, { clock })).rejects.toMatchObject({ code: 'conflict' });
    });

    it('lets no server serve on a schema that was never its own, or lacks a part of its own', async () => {
      await migrate(fresh.store, { clock, list: [first, second] });
      const third = { id: '0003_third', script: 'create table three (a text)' };
      await requireMigrated(fresh.store, [first]);
      await expect(requireMigrated(fresh.store, [first, third])).rejects.toMatchObject({ code: 'conflict' });
      await expect(requireMigrated(fresh.store, [first, second, third])).rejects.toMatchObject({ code: 'unavailable' });
      const changed = { ...first, script: `${first.script} ` };
      await expect(requireMigrated(fresh.store, [changed])).rejects.toMatchObject({ code: 'conflict' });
    });

    it('leaves nothing behind when one fails', async () => {
      const broken = { id: '0002_broken', script: 'create table two (a text); insert into missing values (1)' };
      await expect(migrate(fresh.store, { clock, list: [first, broken] })).rejects.toThrow();
      expect(await migrate(fresh.store, { clock, list: [first, second] })).toEqual(['0001_first', '0002_second']);
    });

    it('gives users of the first schema no language, and keeps them as they are', async () => {
      const [initial, ...later] = migrations;
      if (initial === undefined) throw new Error('no migration');
      await migrate(fresh.store, { clock, list: [initial] });
      await fresh.store.run(
        `insert into companies (id, name, status, user_limit, device_limit, self_activation, mpin_length, created_at)
         values ('co_1', 'Bakery', 'active', 2, 3, 1, 5, 1)`,
      );
      await fresh.store.run(
        `insert into users (id, company_id, name, email_sealed, email_lookup, role, permissions, locale, status, created_at)
         values ('usr_1', 'co_1', 'Anna', 'x', 'y', 'user', 'full', 'nl-BE', 'active', 1)`,
      );
      expect(await migrate(fresh.store, { clock })).toEqual(later.map(({ id }) => id));
      expect(await fresh.store.query('select id, name, locale, language from users')).toEqual([
        { id: 'usr_1', name: 'Anna', locale: 'nl-BE', language: null },
      ]);
    });

    const oldMessage = (id: string) =>
      `insert into outbox (id, kind, recipient, payload_sealed, status, next_at, created_at)
       values ('${id}', 'email', 'usr_1', 'x', 'pending', 5, 5)`;

    it('keeps every message of the outbox, and takes what an older server writes beside it, in no order (rolling upgrade)', async () => {
      const before = migrations.filter(({ id }) => id < '0005');
      await migrate(fresh.store, { clock, list: before });
      await fresh.store.run(oldMessage('box_1'));
      await fresh.store.run("update outbox set attempts = 3, last_error = 'refused', lease_by = 'w', lease_until = 9");
      await migrate(fresh.store, { clock });
      await fresh.store.run(oldMessage('box_2'));
      const rows = await fresh.store.query(
        'select id, attempts, last_error, lease_until, position from outbox order by id',
      );
      expect(rows).toEqual([
        { id: 'box_1', attempts: 3, last_error: 'refused', lease_until: 9, position: null },
        { id: 'box_2', attempts: 0, last_error: null, lease_until: null, position: null },
      ]);
    });

    it('loses no message that an older server writes in the moment in which the outbox is made anew', async () => {
      await migrate(fresh.store, { clock, list: migrations.filter(({ id }) => id < '0005') });
      const other = await fresh.another();
      let migrating: Promise<unknown> | undefined;
      await other.transaction(async (sql) => {
        await sql.run(oldMessage('box_1'));
        migrating = migrate(fresh.store, { clock });
        // Long enough to reach the table and to wait for it.
        await new Promise((resolve) => setTimeout(resolve, 300));
      });
      await migrating;
      expect(await fresh.store.query('select id from outbox')).toEqual([{ id: 'box_1' }]);
    });

    it('runs once when four processes start at once', async () => {
      const place = await placeOf(engine, fresh);
      const started = await startFour(engine, place);
      const told = await Promise.all(started.map((one) => one.line(/^applied/)));
      expect(told.sort()).toEqual(['applied 0', 'applied 0', 'applied 0', `applied ${migrations.length}`]);
      expect(await Promise.all(started.map((one) => one.ended()))).toEqual([0, 0, 0, 0]);
      await fresh.store.check();
    });
  });
}

async function placeOf(engine: DurableEngine, { store }: FreshDurable): Promise<string[]> {
  if (engine.name === 'sqlite') {
    const [row] = await store.query<{ file: string }>("select file from pragma_database_list where name = 'main'");
    return [(row?.file ?? '').replace(/\/mtoken\.db$/, '')];
  }
  const [row] = await store.query<{ schema: string }>('select current_schema() as schema');
  return [testServer('MTOKEN_TEST_DATABASE_URL') ?? '', row?.schema ?? ''];
}
