/** What the records of companies and users must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DurableEngine } from '../engines.ts';
import {
  type FreshRecords,
  freshRecords,
  insertedUser,
  parallel,
  sampleCompany,
  sampleDevice,
  sampleSecrets,
  sampleUser,
} from './samples.ts';

export function companyRecordsContract(engine: DurableEngine): void {
  describe(`records of companies and users: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    describe('companies', () => {
      it('returns what was written, and nothing for an unknown id', async () => {
        const company = sampleCompany({ selfActivation: false, mpinLength: 8 });
        await open.records.companies.insert(company);
        expect(await open.other.companies.find(company.id)).toEqual(company);
        expect(await open.records.companies.find('co_unknown')).toBeUndefined();
      });

      it('refuses an id that is taken', async () => {
        const company = sampleCompany();
        await open.records.companies.insert(company);
        await expect(open.records.companies.insert(company)).rejects.toMatchObject({ code: 'already_exists' });
      });

      it('lets one of 20 parallel changes of one version through', async () => {
        const company = sampleCompany();
        await open.records.companies.insert(company);
        const written = await parallel(20, open, (records, index) =>
          records.companies.update({ ...company, name: `by ${index}`, status: 'suspended' }),
        );
        expect(written.filter(Boolean)).toHaveLength(1);
        expect(await open.records.companies.find(company.id)).toEqual({
          ...company,
          name: `by ${written.indexOf(true)}`,
          status: 'suspended',
          version: 2,
        });
      });

      it('lists every company once, page by page', async () => {
        const seen: string[] = [];
        for (;;) {
          const after = seen.at(-1);
          const page = await open.records.companies.list({ limit: 2, ...(after === undefined ? {} : { after }) });
          if (page.length === 0) break;
          expect(page.length).toBeLessThanOrEqual(2);
          seen.push(...page.map(({ id }) => id));
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen.length).toBeGreaterThanOrEqual(3);
      });

      it('gives two of 20 parallel callers a place where two users are allowed', async () => {
        const company = sampleCompany({ userLimit: 2 });
        await open.records.companies.insert(company);
        const taken = await parallel(20, open, (records) => records.companies.takeUserPlace(company.id));
        expect(taken.filter(Boolean)).toHaveLength(2);
        await open.records.companies.freeUserPlace(company.id);
        const again = await parallel(20, open, (records) => records.companies.takeUserPlace(company.id));
        expect(again.filter(Boolean)).toHaveLength(1);
      });

      it('never frees more places than were taken', async () => {
        const company = sampleCompany({ userLimit: 1 });
        await open.records.companies.insert(company);
        await open.records.companies.freeUserPlace(company.id);
        expect(await open.records.companies.takeUserPlace(company.id)).toBe(true);
        expect(await open.records.companies.takeUserPlace(company.id)).toBe(false);
      });
    });

    describe('users', () => {
      it('returns what was written, the address included', async () => {
        const user = await insertedUser(open.records, { email: 'Anna.Müller@Example.com', permissions: 'full' });
        expect(await open.other.users.find(user.id)).toEqual(user);
      });

      it('keeps no address in clear (C-13)', async () => {
        const user = await insertedUser(open.records, { email: 'clear-text@example.com' });
        const rows = await open.fresh.store.query('select * from users where id = $1', [user.id]);
        expect(rows).toHaveLength(1);
        expect(JSON.stringify(rows)).not.toContain('clear-text');
      });

      it.each([
        ['case', 'ANNA.MÜLLER@EXAMPLE.COM'],
        ['decomposed letters', 'anna.mu\u0308ller@example.com'],
        ['full width', '\uff41nna.müller@example.com'],
        ['white space', '  anna.müller@example.com\t'],
      ])('takes an address that differs in %s for the same user (T14, T15)', async (_, spelling) => {
        const user = await insertedUser(open.records, { email: 'anna.müller@example.com' });
        expect((await open.records.users.findByEmail(user.companyId, spelling))?.id).toBe(user.id);
        await expect(open.records.users.insert(sampleUser(user.companyId, { email: spelling }))).rejects.toMatchObject({
          code: 'already_exists',
        });
      });

      it('lets one of 20 parallel insertions of an address through', async () => {
        const company = sampleCompany();
        await open.records.companies.insert(company);
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? open.records : open.other).users.insert(
              sampleUser(company.id, { email: 'a@b.example' }),
            ),
          ),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_exists' });
        }
      });

      it('knows an address within its company only (T31)', async () => {
        const user = await insertedUser(open.records, { email: 'same@example.com' });
        const elsewhere = await insertedUser(open.records, { email: 'same@example.com' });
        expect((await open.records.users.findByEmail(user.companyId, 'same@example.com'))?.id).toBe(user.id);
        const of = await open.records.users.list(elsewhere.companyId, { limit: 10 });
        expect(of.map(({ id }) => id)).toEqual([elsewhere.id]);
      });

      it('lets the address of a removed user be used again', async () => {
        const user = await insertedUser(open.records, { email: 'again@example.com' });
        expect(await open.records.users.update({ ...user, status: 'removed' })).toBe(true);
        expect(await open.records.users.findByEmail(user.companyId, user.email)).toBeUndefined();
        await open.records.users.insert(sampleUser(user.companyId, { email: 'again@example.com' }));
      });

      it('refuses a change of a stale version', async () => {
        const user = await insertedUser(open.records);
        expect(await open.records.users.update({ ...user, locale: 'fr' })).toBe(true);
        expect(await open.records.users.update({ ...user, locale: 'nl' })).toBe(false);
        expect(await open.records.users.find(user.id)).toEqual({ ...user, locale: 'fr', version: 2 });
      });

      it('returns the language that was written, and none where there is none', async () => {
        const none = await insertedUser(open.records);
        expect((await open.other.users.find(none.id))?.language).toBeUndefined();
        const user = await insertedUser(open.records, { language: 'el' });
        const found = await open.other.users.find(user.id);
        expect(found).toEqual(user);
        expect(found?.language).toBe('el');
        const device = sampleDevice(user);
        await open.records.devices.insert(device, sampleSecrets, new Uint8Array(32));
        expect((await open.other.devices.standing(device.id))?.user.language).toBe('el');
      });

      it('writes the language alone, tells whether it changed, and makes no change of others stale', async () => {
        const user = await insertedUser(open.records);
        const { users } = open.records;
        expect(await users.setLanguage(user.id, undefined)).toBe(false);
        expect(await users.setLanguage(user.id, 'de')).toBe(true);
        expect(await users.setLanguage(user.id, 'de')).toBe(false);
        expect(await users.find(user.id)).toEqual({ ...user, language: 'de' });
        expect(await users.update({ ...user, name: 'Anna Other' })).toBe(true);
        expect(await users.find(user.id)).toEqual({ ...user, name: 'Anna Other', language: 'de', version: 2 });
        expect(await users.setLanguage(user.id, undefined)).toBe(true);
        expect((await users.find(user.id))?.language).toBeUndefined();
      });

      it('lets one of 20 parallel callers who set the same language have changed it', async () => {
        const user = await insertedUser(open.records);
        const changed = await parallel(20, open, (records) => records.users.setLanguage(user.id, 'fr'));
        expect(changed.filter(Boolean)).toHaveLength(1);
      });

      it('sets no language of a removed user or an unknown one, nor of anybody else', async () => {
        const user = await insertedUser(open.records);
        const other = await insertedUser(open.records);
        await open.records.users.update({ ...user, status: 'removed' });
        expect(await open.records.users.setLanguage(user.id, 'de')).toBe(false);
        expect(await open.records.users.setLanguage('usr_unknown', 'de')).toBe(false);
        expect(await open.records.users.setLanguage(other.id, 'de')).toBe(true);
        expect((await open.records.users.find(user.id))?.language).toBeUndefined();
      });

      it('names the administrators who can be told, and of this company only (T32)', async () => {
        const user = await insertedUser(open.records);
        await insertedUser(open.records, { role: 'administrator' });
        const administrator = sampleUser(user.companyId, { role: 'administrator' });
        await open.records.users.insert(administrator);
        await open.records.users.insert(sampleUser(user.companyId, { role: 'administrator', status: 'suspended' }));
        expect((await open.records.users.administrators(user.companyId)).map(({ id }) => id)).toEqual([
          administrator.id,
        ]);
      });

      it('gives three of 20 parallel callers a place where three devices are allowed (R-09)', async () => {
        const user = await insertedUser(open.records);
        const taken = await parallel(20, open, (records) => records.users.takeDevicePlace(user.id, 3));
        expect(taken.filter(Boolean)).toHaveLength(3);
        await open.records.users.freeDevicePlace(user.id);
        expect(await open.records.users.takeDevicePlace(user.id, 3)).toBe(true);
        expect(await open.records.users.takeDevicePlace(user.id, 3)).toBe(false);
      });
    });

    it('writes records of one transaction together or not at all', async () => {
      const company = sampleCompany();
      const user = sampleUser(company.id);
      const failing = open.records.transaction(async (records) => {
        await records.companies.insert(company);
        await records.users.insert(user);
        await records.audit.append({ event: 'user.created', actor: 'test', userId: user.id }, company.createdAt);
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
      expect(await open.records.companies.find(company.id)).toBeUndefined();
      expect(await open.records.users.find(user.id)).toBeUndefined();
      expect(await open.records.audit.read(0, 100, { userId: user.id })).toEqual([]);
    });
  });
}
