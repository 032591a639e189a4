/** Rules of companies under two server processes: what two do at the same time never leaves what neither may. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Actor } from '../../../src/companies/actor.ts';
import { createCompany, updateCompany } from '../../../src/companies/companies.ts';
import { restoreCompany, suspendCompany } from '../../../src/companies/company-status.ts';
import type { CompanyDeps } from '../../../src/companies/deps.ts';
import { warnOfDocuments } from '../../../src/companies/documents.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { changeEmail } from '../../../src/companies/user-email.ts';
import { removeUser, restoreUser, suspendUser } from '../../../src/companies/user-status.ts';
import { createUser, updateUser } from '../../../src/companies/users.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { deactivateUserDevices } from '../../../src/devices/devices.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { openRecords } from '../../../src/store/open.ts';
import { durableEngines, type FreshDurable, type FreshShortLived, shortLivedEngines } from '../../engines.ts';

const bank: Actor = { name: 'cli' };
const [shortLived] = shortLivedEngines();
if (shortLived === undefined) throw new Error('no engine');

for (const durable of durableEngines()) {
  describe(`people of a company on two servers with ${durable.name}`, () => {
    let sql: FreshDurable;
    let keys: FreshShortLived;
    let servers: (CompanyDeps & { readonly log: { error(): void } })[];
    beforeEach(async () => {
      sql = await durable.fresh();
      keys = await shortLived.fresh();
      const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
      const server = (store: typeof sql.store) => ({
        records: openRecords(store, sealing),
        shortLived: keys.store,
        clock: systemClock,
        endLogins,
        log: { error: () => undefined },
      });
      servers = [server(sql.store), server(await sql.another())];
    });
    afterEach(async () => {
      await keys.close();
      await sql.close();
    });

    const serverOf = (index: number) => servers[index % servers.length] ?? expect.fail('no server');
    const addCompany = () => createCompany(serverOf(0), { name: 'Bakery', userLimit: 100, actor: bank });
    const addUser = async ({ id: companyId }: Company, person: { role?: User['role'] } = {}): Promise<User> => {
      const status = 'active';
      const email = `${randomBytes(6).toString('hex')}@example.com`;
      const user = await createUser(serverOf(0), { companyId, name: 'Anna', email, ...person, actor: bank });
      await serverOf(0).records.users.update({ ...user, status });
      return { ...user, status, version: 2 };
    };
    const actorOf = ({ id, companyId }: User): Actor => ({ name: `user:${id}`, userId: id, companyId });

    it.each([
      [
        'demote',
        (index: number, { id: userId, version }: User, actor: Actor) =>
          updateUser(serverOf(index), { userId, version, changes: { role: 'user' }, actor }),
      ],
      [
        'suspend',
        (index: number, { id: userId }: User, actor: Actor) =>
          suspendUser(serverOf(index), { userId, reason: 'test', actor }),
      ],
      [
        'remove',
        (index: number, { id: userId }: User, actor: Actor) =>
          removeUser(serverOf(index), { userId, reason: 'test', actor }),
      ],
    ] as const)('who %s each other at once leave one administrator, every time (X-06)', async (_, act) => {
      for (let round = 0; round < 8; round += 1) {
        const company = await addCompany();
        const people: User[] = [];
        for (let index = 0; index < 4; index += 1) people.push(await addUser(company, { role: 'administrator' }));
        // In a circle: each is the victim of the one before.
        const results = await Promise.allSettled(
          people.map((user, index) => act(index, user, actorOf(people[(index + 1) % 4] ?? user))),
        );
        expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(3);
        const left = await serverOf(0).records.users.administrators(company.id);
        expect(left.filter(({ status }) => status === 'active')).toHaveLength(1);
      }
    });

    it('have no more than the company may give, whoever raises while the bank lowers (T27)', async () => {
      for (let round = 0; round < 5; round += 1) {
        const company = await addCompany();
        const users: User[] = [];
        for (let index = 0; index < 8; index += 1) users.push(await addUser(company));
        const raise = ({ id: userId, version }: User, index: number) =>
          updateUser(serverOf(index), { userId, version, changes: { permissions: 'full' }, actor: bank });
        const { id: companyId, version } = company;
        const lower = updateCompany(serverOf(1), {
          companyId,
          version,
          changes: { rules: { permissions: 'mtoken' } },
          actor: bank,
        });
        await Promise.allSettled([...users.map(raise), lower]);
        await lower;
        const after = await serverOf(0).records.users.list(companyId, { limit: 50 });
        expect(after.map(({ permissions }) => permissions)).toEqual(users.map(() => 'mtoken'));
      }
    });

    it('are warned of a document by one of the processes that look', async () => {
      const user = await addUser(await addCompany());
      const document = { reference: 'X', expiresAt: systemClock.now() + 60_000 };
      await updateUser(serverOf(0), { userId: user.id, version: user.version, changes: { document }, actor: bank });
      const told = await Promise.all(Array.from({ length: 6 }, (_, index) => warnOfDocuments(serverOf(index))));
      expect(told.reduce((sum, count) => sum + count, 0)).toBe(1);
      expect(await serverOf(0).records.outbox.count('pending')).toBe(1);
    });

    it('wait for each other in one order: of many acts at once none is aborted (T9)', async () => {
      const company = await addCompany();
      const users = [await addUser(company), await addUser(company), await addUser(company)];
      const { id: companyId } = company;
      for (const [index, { id: userId }] of users.entries()) {
        for (const letter of ['a', 'b', 'c']) {
          const uid = `${letter}${index}`;
          const times = { createdAt: systemClock.now(), expiresAt: systemClock.now() + 3_600_000 };
          const session = { uid, idLookup: uid, userId, deviceId: undefined, payload: '{}', ...times };
          await serverOf(0).records.oidc.saveSession(session, []);
        }
      }
      const userOf = (index: number) => users[index % 3] ?? expect.fail('no user');
      const acts = [
        (index: number) => suspendUser(serverOf(index), { userId: userOf(index).id, reason: 'x', actor: bank }),
        (index: number) => restoreUser(serverOf(index), { userId: userOf(index).id, reason: 'x', actor: bank }),
        (index: number) =>
          deactivateUserDevices(serverOf(index), { userId: userOf(index).id, reason: 'x', actor: 'cli' }),
        (index: number) => suspendCompany(serverOf(index), { companyId, reason: 'x', actor: bank }),
        (index: number) => restoreCompany(serverOf(index), { companyId, reason: 'x', actor: bank }),
        async (index: number) => {
          const version = (await serverOf(index).records.companies.find(companyId))?.version ?? 0;
          const changes = {
            rules: { sessionMinutes: 700 - index, permissions: index % 2 === 0 ? 'mtoken' : 'full' },
          } as const;
          return updateCompany(serverOf(index), { companyId, version, changes, actor: bank });
        },
        async (index: number) => {
          const { id: userId } = userOf(index);
          const version = (await serverOf(index).records.users.find(userId))?.version ?? 0;
          return changeEmail(serverOf(index), { userId, version, email: `n${index}@example.com`, actor: bank });
        },
      ];
      const results = await Promise.allSettled(
        Array.from({ length: 63 }, async (_, index) => acts[index % acts.length]?.(index)),
      );
      const failures = results.flatMap((result) =>
        result.status === 'rejected' ? [String((result.reason as { code?: unknown }).code ?? result.reason)] : [],
      );
      expect(failures.filter((code) => code !== 'conflict')).toEqual([]);
      expect(failures.length).toBeLessThan(63);
    });
  });
}
