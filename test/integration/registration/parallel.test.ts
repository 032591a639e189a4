import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../../src/audit/verify.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCompany, updateCompany } from '../../../src/companies/companies.ts';
import type { CompanyDeps } from '../../../src/companies/deps.ts';
import { removeUser, restoreUser, suspendUser } from '../../../src/companies/user-status.ts';
import { createUser } from '../../../src/companies/users.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { createKeyRing } from '../../../src/keys/key-ring.ts';
import { defaultKeyPolicy, ensureKeys, rotateKeys } from '../../../src/keys/keys.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { createActivation } from '../../../src/registration/activations.ts';
import { approveDevice } from '../../../src/registration/approval.ts';
import type { RegistrationDeps } from '../../../src/registration/deps.ts';
import { openRecords } from '../../../src/store/open.ts';
import { durableEngines, type FreshDurable, type FreshShortLived, shortLivedEngines } from '../../engines.ts';
import { type Activated, activate, finish, issuer, newPhone, start } from '../../unit/registration/phone.ts';

const bank = { name: 'cli' };
const limits = { perAddress: 1_000, perActivation: 1_000, global: 1_000 };

for (const durable of durableEngines()) {
  for (const shortLived of shortLivedEngines()) {
    describe(`two server processes on ${durable.name} and ${shortLived.name}`, () => {
      let sql: FreshDurable;
      let keys: FreshShortLived;
      let servers: (RegistrationDeps & CompanyDeps)[];

      beforeEach(async () => {
        sql = await durable.fresh();
        keys = await shortLived.fresh();
        const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
        const server = (store: typeof sql.store, short: typeof keys.store): RegistrationDeps & CompanyDeps => ({
          records: openRecords(store, sealing),
          shortLived: short,
          clock: systemClock,
          endLogins,
          sealing,
          issuer,
          keys: { trustThumbprint: () => 'T'.repeat(43) },
          log: { error: () => undefined },
          limits,
        });
        servers = [server(sql.store, keys.store), server(await sql.another(), keys.another())];
      });
      afterEach(async () => {
        await keys.close();
        await sql.close();
      });

      const serverOf = (index: number): RegistrationDeps & CompanyDeps => {
        const server = servers[index % servers.length];
        if (server === undefined) throw new Error('no server');
        return server;
      };
      const atOnce = (count: number, work: (index: number) => Promise<unknown>) =>
        Promise.allSettled(Array.from({ length: count }, (_, index) => work(index)));
      const succeeded = (results: readonly PromiseSettledResult<unknown>[]) =>
        results.filter(({ status }) => status === 'fulfilled').length;
      /** The codes of what failed, each once. */
      const codes = (results: readonly PromiseSettledResult<unknown>[]) => [
        ...new Set(
          results.flatMap((result) =>
            result.status === 'rejected' ? [String(result.reason?.code ?? result.reason)] : [],
          ),
        ),
      ];
      const addUser = async (policies = {}) => {
        const company = await createCompany(serverOf(0), { name: 'Bakery', userLimit: 50, ...policies, actor: bank });
        const email = `${randomBytes(4).toString('hex')}@example.com`;
        const user = await createUser(serverOf(0), { companyId: company.id, name: 'Anna', email, actor: bank });
        return { company, user };
      };

      it('use an activation once of fifty finishes at the same time (P-03, R-02)', async () => {
        const { user } = await addUser();
        const { code, confirmation, activationId } = await activate(serverOf(0), user.id);
        const begun = await Promise.all(
          Array.from({ length: 10 }, async (_, index) => {
            const phone = newPhone();
            return { phone, started: await start(serverOf(index), code, phone) };
          }),
        );
        const results = await atOnce(50, async (index) => {
          const at = begun[index % begun.length];
          return at === undefined ? undefined : finish(serverOf(index), at.phone, at.started, confirmation);
        });
        expect(succeeded(results)).toBe(1);
        expect(codes(results)).toEqual(['authentication_failed']);
        const devices = await serverOf(1).records.devices.listByUser(user.id);
        expect(devices).toHaveLength(1);
        expect(await serverOf(1).records.activations.find(activationId)).toMatchObject({
          status: 'used',
          deviceId: devices[0]?.id,
        });
        expect(await verifyChain(serverOf(0).records.audit)).toMatchObject({ outcome: 'intact' });
      });

      it('evaluate five wrong confirmation codes of fifty at the same time, and no right one after them (R-02, T6)', async () => {
        const { user } = await addUser();
        const { code, confirmation, activationId } = await activate(serverOf(0), user.id);
        const wrong = confirmation === '00000000' ? '00000001' : '00000000';
        const phone = newPhone();
        const started = await start(serverOf(0), code, phone);
        const results = await atOnce(50, (index) => finish(serverOf(index), phone, started, wrong));
        expect(succeeded(results)).toBe(0);
        expect(codes(results)).toEqual(['authentication_failed']);
        const trail = await serverOf(0).records.audit.read(0, 1_000);
        expect(trail.filter(({ event }) => event === 'confirmation.wrong')).toHaveLength(5);
        expect(trail.filter(({ event }) => event === 'activation.voided')).toHaveLength(1);
        expect(await serverOf(0).records.activations.find(activationId)).toMatchObject({ status: 'void' });
        await expect(finish(serverOf(1), phone, started, confirmation)).rejects.toMatchObject({
          code: 'authentication_failed',
        });
      });

      it('keep to the device limit though eight registrations of a user finish at the same time (R-09)', async () => {
        const { user } = await addUser({ deviceLimit: 3 });
        const activations: Activated[] = [];
        for (let index = 0; index < 8; index += 1) activations.push(await activate(serverOf(0), user.id));
        // By the rules only the newest is open; here all are, so that nothing but the limit is in the way.
        await sql.store.run("update activations set status = 'open'");
        const begun = await Promise.all(
          activations.map(async ({ code, confirmation }, index) => {
            const phone = newPhone();
            return { phone, confirmation, started: await start(serverOf(index), code, phone) };
          }),
        );
        const results = await Promise.allSettled(
          begun.map(({ phone, started, confirmation }, index) => finish(serverOf(index), phone, started, confirmation)),
        );
        expect(succeeded(results)).toBe(3);
        expect(codes(results)).toEqual(['limit_reached']);
        expect(await serverOf(0).records.devices.listByUser(user.id)).toHaveLength(3);
      });

      it('register a key once though two users begin with it at the same time (R-10, R-12)', async () => {
        const phone = newPhone();
        const begun: { confirmation: string; started: Awaited<ReturnType<typeof start>> }[] = [];
        for (let index = 0; index < 4; index += 1) {
          const { user } = await addUser();
          const { code, confirmation } = await activate(serverOf(0), user.id);
          begun.push({ confirmation, started: await start(serverOf(index), code, phone) });
        }
        const results = await Promise.allSettled(
          begun.map(({ started, confirmation }, index) => finish(serverOf(index), phone, started, confirmation)),
        );
        expect(succeeded(results)).toBe(1);
        expect(codes(results)).toEqual(['already_exists']);
      });

      it('leave no usable device and no deadlock when a user is suspended or removed while registering (S-07)', async () => {
        for (const end of [suspendUser, removeUser]) {
          const { user } = await addUser();
          const { code, confirmation } = await activate(serverOf(0), user.id);
          const phone = newPhone();
          const started = await start(serverOf(0), code, phone);
          const results = await Promise.allSettled([
            finish(serverOf(0), phone, started, confirmation),
            end(serverOf(1), { userId: user.id, reason: 'test', actor: bank }),
          ]);
          expect(results[1]?.status).toBe('fulfilled');
          expect(codes(results).filter((code) => code !== 'authentication_failed')).toEqual([]);
          const standing = await serverOf(0).records.devices.standing(started.deviceId);
          if (standing !== undefined) expect(standing.user.status).not.toBe('active');
          if (end === removeUser) expect(standing?.device.status ?? 'none').not.toBe('active');
        }
      });

      it('survive many different acts on one user at the same time, each whole or not at all', async () => {
        const { company, user } = await addUser({ selfActivation: false, deviceLimit: 20 });
        const { code, confirmation } = await activate(serverOf(0), user.id);
        const phone = newPhone();
        const { deviceId } = await finish(serverOf(0), phone, await start(serverOf(0), code, phone), confirmation);
        const act = { userId: user.id, reason: 'test', actor: bank };
        const acts = [
          (index: number) => suspendUser(serverOf(index), act),
          (index: number) => restoreUser(serverOf(index), act),
          (index: number) => createActivation(serverOf(index), { userId: user.id, actor: bank }),
          (index: number) => approveDevice(serverOf(index), { deviceId, actor: bank }),
          (index: number) =>
            updateCompany(serverOf(index), {
              companyId: company.id,
              version: 1,
              changes: { mpinLength: 6 },
              actor: bank,
            }),
        ];
        const results = await atOnce(40, async (index) => acts[index % acts.length]?.(index));
        expect(codes(results).filter((failure) => failure !== 'conflict')).toEqual([]);
        expect(await verifyChain(serverOf(0).records.audit)).toMatchObject({ outcome: 'intact' });
      });

      it('leave one activation open of ten that are created at the same time (R-02)', async () => {
        const { user } = await addUser();
        const results = await atOnce(10, (index) =>
          createActivation(serverOf(index), { userId: user.id, actor: bank }),
        );
        expect(succeeded(results)).toBe(10);
        expect(await sql.store.query("select id from activations where status = 'open'")).toHaveLength(1);
      });

      it('give exactly two places to twenty users created at the same time (R-09)', async () => {
        const { id: companyId } = await createCompany(serverOf(0), { name: 'Bakery', actor: bank });
        const results = await atOnce(20, (index) =>
          createUser(serverOf(index), { companyId, name: `U${index}`, email: `u${index}@example.com`, actor: bank }),
        );
        expect(succeeded(results)).toBe(2);
        expect(codes(results)).toEqual(['limit_reached']);
      });

      it('make one set of server keys, and hear of each other’s rotation (C-12)', async () => {
        const policy = { ...defaultKeyPolicy, rsaBits: 2048 } as const;
        await atOnce(4, (index) => ensureKeys(serverOf(index), policy));
        const made = await serverOf(0).records.keys.list();
        expect(made.map(({ alg }) => alg).sort()).toEqual(['ECDH-ES', 'ES256', 'RSA-OAEP-256']);
        const ring = await createKeyRing({ ...serverOf(1), issuer, log: undefined });
        const changed = new Promise<void>((resolve) => ring.onChange(resolve));
        const before = ring.trustThumbprint();
        await rotateKeys(serverOf(0), { actor: 'cli', immediately: true, policy });
        await changed;
        await ring.reload();
        expect(ring.trustThumbprint()).not.toBe(before);
        ring.close();
      });
    });
  }
}
