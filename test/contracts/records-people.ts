/** What searches, e-mail addresses, documents, browsers and erasure must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../src/companies/store.ts';
import { randomId } from '../../src/crypto/random.ts';
import type { DurableEngine } from '../engines.ts';
import {
  type FreshRecords,
  freshRecords,
  insertedUser,
  noon,
  parallel,
  sampleCompany,
  sampleDevice,
  sampleSecrets,
  sampleUser,
} from './samples.ts';

export function peopleRecordsContract(engine: DurableEngine): void {
  describe(`records of people: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    const idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id).sort();
    const addUsers = async (names: readonly string[], changes: Partial<User> = {}) => {
      const company = sampleCompany({ userLimit: 1000 });
      await open.records.companies.insert(company);
      const users = names.map((name) => sampleUser(company.id, { name, ...changes }));
      for (const user of users) await open.records.users.insert(user);
      return { company, users };
    };

    describe('a search', () => {
      it.each([
        ['case', 'MÜLLER', ['Anna Müller']],
        ['accents', 'muller', ['Anna Müller']],
        ['decomposed accents', 'mu\u0308ller', ['Anna Müller']],
        ['letters of their own', 'Lukasz Gross', ['Łukasz  Groß']],
        ['a part', 'kas', ['Łukasz  Groß']],
        ['another script', 'ιωαννησ', ['Ιωάννης']],
        ['nothing that is there', 'zzz', []],
      ])('finds names whatever differs in %s', async (_, search, expected) => {
        const { company, users } = await addUsers(['Anna Müller', 'Łukasz  Groß', 'Ιωάννης']);
        const found = await open.other.users.list(company.id, { limit: 10 }, { search });
        expect(idsOf(found)).toEqual(idsOf(users.filter(({ name }) => expected.includes(name))));
      });

      it.each(['%', '_', '!', '\\', '%%', "'", '" or 1=1'])(
        'takes %j for what it is: no pattern, no SQL',
        async (search) => {
          const { company, users } = await addUsers(['Plain', 'A % of _ ! \\ x', "O'Neil"]);
          const found = await open.records.users.list(company.id, { limit: 10 }, { search });
          expect(idsOf(found)).toEqual(idsOf(users.filter(({ name }) => name.includes(search))));
        },
      );

      it('finds a whole e-mail address across companies and spellings, and no part of one (T14, C-13)', async () => {
        const user = await insertedUser(open.records, { email: 'Search.Me@Example.com' });
        const elsewhere = await insertedUser(open.records, { email: 'search.me@example.com' });
        const of = (companyId: string | undefined, search: string) =>
          open.records.users.list(companyId, { limit: 10 }, { search });
        expect(idsOf(await of(undefined, 'SEARCH.ME@example.COM'))).toEqual(idsOf([user, elsewhere]));
        expect(idsOf(await of(user.companyId, 'search.me@example.com'))).toEqual([user.id]);
        expect(await of(undefined, 'earch.me@example.com')).toEqual([]);
        expect(await of(undefined, '@example.com')).toEqual([]);
      });

      it('never leaves its company, and narrows by role and status together (T31)', async () => {
        const { company, users } = await addUsers(['Same Name', 'Same Name']);
        const { users: others } = await addUsers(['Same Name'], { role: 'administrator', status: 'suspended' });
        const find = (companyId: string | undefined, filter: object) =>
          open.records.users.list(companyId, { limit: 200 }, { search: 'same name', ...filter });
        expect(idsOf(await find(company.id, {}))).toEqual(idsOf(users));
        expect(await find(company.id, { role: 'administrator' })).toEqual([]);
        expect(await find(company.id, { role: 'operator' })).toEqual([]);
        expect(idsOf(await find(undefined, { role: 'administrator', status: 'suspended' }))).toEqual(idsOf(others));
        expect(idsOf(await find(undefined, { role: 'user', status: 'active' }))).toEqual(idsOf(users));
      });

      it('gives each once, page by page, also of rows that an older server wrote or changed (X-06)', async () => {
        const { company, users } = await addUsers(Array.from({ length: 25 }, (_, index) => `Wanted ${index}`));
        await addUsers(['Wanted elsewhere']);
        for (const [index, { id, name }] of users.entries()) {
          if (index % 5 === 0) {
            await open.fresh.store.run(
              'update users set name_folded = null, name_folded_version = null, email_everywhere = null where id = $1',
              [id],
            );
          }
          // As a server without the column changes a name.
          if (index % 7 === 0) {
            const changed = index === 0 ? 'Renamed' : `${name} again`;
            await open.fresh.store.run('update users set name = $1, version = version + 1 where id = $2', [
              changed,
              id,
            ]);
          }
        }
        const seen: string[] = [];
        for (;;) {
          const after = seen.at(-1);
          const page = { limit: 4, ...(after === undefined ? {} : { after }) };
          const rows = await open.records.users.list(company.id, page, { search: 'wanted' });
          seen.push(...rows.map(({ id }) => id));
          if (rows.length < 4) break;
        }
        expect(seen).toEqual(idsOf(users.slice(1)));
        const [first] = users;
        expect(idsOf(await open.records.users.list(company.id, { limit: 5 }, { search: 'renamed' }))).toEqual([
          first?.id,
        ]);
        const byAddress = await open.records.users.list(undefined, { limit: 5 }, { search: first?.email ?? '' });
        expect(idsOf(byAddress)).toEqual([first?.id]);
      });

      it('needs to look at no row one by one once names are folded, by however many processes', async () => {
        await addUsers(['Left over']);
        await open.fresh.store.run('update users set name_folded_version = null');
        await open.fresh.store.run('update companies set name_folded_version = null');
        for (let turn = 0; turn < 20; turn += 1) {
          await Promise.all([open.records, open.other].map(({ users }) => users.foldNames(50)));
          await Promise.all([open.records, open.other].map(({ companies }) => companies.foldNames(50)));
        }
        expect(await open.records.users.foldNames(50)).toBe(0);
        expect(await open.records.companies.foldNames(50)).toBe(0);
        const found = await open.records.users.list(undefined, { limit: 5 }, { search: 'left over' });
        expect(found).toHaveLength(1);
      });

      it('finds companies by name and status, and the one that an actor is bound to alone', async () => {
        const names = ['Šumava Větrná', 'Sumava Other'];
        const companies = names.map((name) => sampleCompany({ name }));
        for (const company of companies) await open.records.companies.insert(company);
        const [one, other] = companies;
        if (one === undefined || other === undefined) throw new Error('no companies');
        await open.records.companies.update({ ...other, status: 'suspended' });
        const find = (filter: object) => open.records.companies.list({ limit: 10 }, { search: 'sumava', ...filter });
        expect(idsOf(await find({}))).toEqual(idsOf(companies));
        expect(idsOf(await find({ status: 'suspended' }))).toEqual([other.id]);
        expect(idsOf(await find({ id: one.id }))).toEqual([one.id]);
        expect(await find({ id: one.id, status: 'suspended' })).toEqual([]);
      });
    });

    describe('an e-mail address', () => {
      it('is changed at the version that was read, and free again where it was', async () => {
        const user = await insertedUser(open.records, { email: 'before@example.com' });
        const changed = { ...user, email: 'after@example.com' };
        expect(await open.records.users.changeEmail({ ...changed, version: 9 })).toBe(false);
        expect(await open.records.users.changeEmail(changed)).toBe(true);
        expect(await open.other.users.find(user.id)).toEqual({ ...changed, version: 2 });
        expect((await open.records.users.findByEmail(user.companyId, 'AFTER@example.com'))?.id).toBe(user.id);
        expect(await open.records.users.findByEmail(user.companyId, 'before@example.com')).toBeUndefined();
        await open.records.users.insert(sampleUser(user.companyId, { email: 'before@example.com' }));
        const again = { ...user, email: 'Before@Example.com', version: 2 };
        await expect(open.records.users.changeEmail(again)).rejects.toMatchObject({ code: 'already_exists' });
      });

      it('is given to one of two who take it at once, within a transaction too', async () => {
        const { users } = await addUsers(['One', 'Two', 'Three', 'Four']);
        const results = await Promise.allSettled(
          users.map((user, index) =>
            (index % 2 === 0 ? open.records : open.other).transaction(async ({ companies, users: store }) => {
              await companies.hold(user.companyId);
              return store.changeEmail({ ...user, email: 'both@example.com' });
            }),
          ),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_exists' });
        }
      });
    });

    it('lowers the permissions of one company alone, and keeps its names searchable', async () => {
      const { company, users } = await addUsers(['Lower Me', 'Lower Me Too'], { permissions: 'full' });
      const other = await insertedUser(open.records, { permissions: 'full' });
      expect(await open.records.users.lowerPermissions(company.id)).toBe(2);
      expect(await open.records.users.lowerPermissions(company.id)).toBe(0);
      expect((await open.records.users.find(other.id))?.permissions).toBe('full');
      const found = await open.records.users.list(company.id, { limit: 5 }, { search: 'lower' });
      expect(found.map(({ id, permissions, version }) => [id, permissions, version]).sort()).toEqual(
        users.map(({ id }) => [id, 'mtoken', 2]).sort(),
      );
      expect(await open.records.users.foldNames(10)).toBe(0);
    });

    it('lets one of 20 parallel callers warn of a document, and anew once it is another', async () => {
      const document = { reference: 'X', expiresAt: noon + 1_000 };
      const user = await insertedUser(open.records, { document });
      const due = { userId: user.id, expiresAt: document.expiresAt };
      expect(await open.records.users.dueDocuments(noon + 1_000, 10)).toEqual([]);
      expect(await open.records.users.dueDocuments(noon + 1_001, 10)).toEqual([due]);
      const marked = await parallel(20, open, (records) => records.users.markDocumentWarned(due, noon));
      expect(marked.filter(Boolean)).toHaveLength(1);
      await open.records.users.update({ ...user, name: 'Renamed' });
      expect(await open.records.users.dueDocuments(noon + 5_000, 10)).toEqual([]);
      const renewed = { ...user, version: 2, document: { reference: 'Y', expiresAt: noon + 2_000 } };
      await open.records.users.update(renewed);
      expect(await open.records.users.markDocumentWarned(due, noon)).toBe(false);
      expect(await open.records.users.dueDocuments(noon + 5_000, 10)).toEqual([{ ...due, expiresAt: noon + 2_000 }]);
      await open.records.users.update({ ...renewed, version: 3, status: 'removed' });
      expect(await open.records.users.dueDocuments(noon + 5_000, 10)).toEqual([]);
    });

    it('knows a browser of one user from the first time on, keeps twenty, and holds no cookie in clear', async () => {
      const user = await insertedUser(open.records);
      const other = await insertedUser(open.records);
      const first = await parallel(20, open, ({ users }) => users.noteBrowser(user.id, 'cookie-one', noon));
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(await open.records.users.noteBrowser(other.id, 'cookie-one', noon)).toBe(true);
      for (let index = 0; index < 25; index += 1) {
        expect(await open.records.users.noteBrowser(user.id, `cookie ${index}`, noon + 1 + index)).toBe(true);
      }
      expect(await open.records.users.browsers(user.id)).toHaveLength(20);
      expect(await open.records.users.noteBrowser(user.id, 'cookie-one', noon + 100)).toBe(true);
      expect(await open.records.users.noteBrowser(user.id, 'cookie 24', noon + 101)).toBe(false);
      expect(await open.records.users.browsers(other.id)).toEqual([noon]);
      expect(JSON.stringify(await open.fresh.store.query('select * from user_browsers'))).not.toContain('cookie');
    });

    it('erases a removed user alone, and everything that names them', async () => {
      const user = await insertedUser(open.records, {
        name: 'Erase Me',
        document: { reference: 'REF', expiresAt: noon },
        language: 'de',
      });
      await open.records.devices.insert(
        sampleDevice(user, { name: 'Phone of Erase' }),
        sampleSecrets,
        new Uint8Array(32),
      );
      await open.records.outbox.enqueue({ kind: 'email', recipient: user.id, payload: '{}', about: 'x' }, noon);
      await open.records.users.noteBrowser(user.id, 'cookie', noon);
      const gone = { ...user, name: '—', email: 'erased@erased.invalid', document: undefined, language: undefined };
      expect(await open.records.users.erase(gone)).toBe(false);
      await open.records.users.update({ ...user, status: 'removed' });
      expect(await open.records.users.erase(gone)).toBe(false);
      expect(await open.records.users.erase({ ...gone, version: 2 })).toBe(true);
      expect(await open.other.users.find(user.id)).toEqual({ ...gone, status: 'removed', version: 3 });
      for (const table of ['users', 'devices']) {
        const rows = JSON.stringify(await open.fresh.store.query(`select * from ${table}`));
        expect(rows, table).not.toMatch(/erase me|phone of erase/i);
      }
      expect(await open.records.outbox.sentTo(user.id)).toEqual([]);
      expect(await open.records.users.browsers(user.id)).toEqual([]);
    });

    it('erases with a person the answers that are kept of their creation, and no other; what was done stays done (A-13)', async () => {
      const [user, other] = [await insertedUser(open.records), await insertedUser(open.records)];
      const answered = async (answer: object) => {
        const attempt = { caller: 'client:one', key: randomId('key'), attempt: randomId('att') };
        const request = 'request';
        const times = { at: noon, abandonedBefore: noon - 60, forgottenBefore: noon - 1000 };
        await open.records.idempotency.claim({ ...attempt, request, ...times });
        await open.records.idempotency.done(attempt);
        await open.records.idempotency.answer(attempt, JSON.stringify(answer));
        return () => open.other.idempotency.find(attempt, request);
      };
      const about = await answered({ id: user.id, name: user.name });
      const among = await answered({ requestedBy: { id: other.id }, subject: { id: user.id } });
      // The answer to a capture has receipts, which say who signed.
      const said = Buffer.from(JSON.stringify({ user: { id: user.id, name: user.name } })).toString('base64url');
      const signed = await answered({ receipts: [{ countersignature: `eyJhbGciOiJFUzI1NiJ9.${said}.c2lnbmF0dXJl` }] });
      const aside = await answered({ id: other.id, name: other.name });
      const nobody = await answered({ id: 'co_1' });
      await open.records.users.update({ ...user, status: 'removed' });
      expect(await about()).toMatchObject({ state: 'answered' });
      expect(await open.records.users.erase({ ...user, name: '—', version: 2 })).toBe(true);
      for (const find of [about, among, signed]) {
        expect(await find()).toEqual({ state: 'done', isSameRequest: true, begunAt: noon });
      }
      for (const find of [aside, nobody]) expect(await find()).toMatchObject({ state: 'answered' });
      const rows = await open.fresh.store.query('select people from idempotency_keys where people like $1', [
        `%${user.id}%`,
      ]);
      expect(rows).toEqual([]);
    });

    it('tells when what was written to somebody, without what it says', async () => {
      const user = await insertedUser(open.records);
      const id = await open.records.outbox.enqueue(
        { kind: 'email', recipient: user.id, payload: 'secret', about: 'mpin.changed' },
        noon,
      );
      await open.records.outbox.enqueue({ kind: 'email', recipient: 'usr_other', payload: 'secret' }, noon);
      expect(await open.records.outbox.sentTo(user.id)).toEqual([
        { kind: 'email', about: 'mpin.changed', createdAt: noon, sentAt: null },
      ]);
      expect(id).toMatch(/^box_/);
    });

    it('shortens the sessions of a company’s users, lengthens none and touches nobody else’s', async () => {
      const user = await insertedUser(open.records);
      const other = await insertedUser(open.records);
      const session = (uid: string, userId: string, minutes: number) =>
        open.records.oidc.saveSession(
          {
            uid,
            idLookup: `lookup-${uid}`,
            userId,
            deviceId: undefined,
            payload: '{}',
            createdAt: noon,
            expiresAt: noon + minutes * 60_000,
          },
          [],
        );
      await session('long', user.id, 60);
      await session('short', user.id, 2);
      await session('foreign', other.id, 60);
      await open.records.oidc.shortenSessions(user.companyId, 5 * 60_000);
      const ends = await Promise.all(
        ['long', 'short', 'foreign'].map(async (uid) => (await open.other.oidc.findSession(uid))?.expiresAt),
      );
      expect(ends).toEqual([5, 2, 60].map((minutes) => noon + minutes * 60_000));
    });
  });
}
