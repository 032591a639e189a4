/** What the records of devices, attempts and activations must do on every durable engine. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/devices/store.ts';
import type { AttemptSubject } from '../../src/lockout/store.ts';
import type { DurableEngine } from '../engines.ts';
import {
  type FreshRecords,
  freshRecords,
  insertedDevice,
  insertedUser,
  noon,
  parallel,
  sampleActivation,
  sampleDevice,
  sampleSecrets,
} from './samples.ts';

const vaultKey = new Uint8Array(32).fill(7);
const newKey = (): string => randomBytes(32).toString('base64url');
const biometric = (thumbprint = newKey()): NonNullable<Device['biometric']> => ({
  thumbprint,
  publicJwk: { kty: 'EC', crv: 'P-256', x: 'bx', y: 'by' },
  kind: 'fpt',
});
const mpin = (device: Device, epoch = 1): AttemptSubject => ({ kind: 'mpin', deviceId: device.id, epoch });

export function deviceRecordsContract(engine: DurableEngine): void {
  describe(`records of devices: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    describe('devices', () => {
      it('returns what was written, by id, key and user', async () => {
        const device = await insertedDevice(open.records, { biometric: biometric(), lastUsedAt: noon + 1 });
        expect(await open.other.devices.find(device.id)).toEqual(device);
        expect(await open.other.devices.findByThumbprint(device.thumbprint)).toEqual(device);
        expect(await open.other.devices.listByUser(device.userId)).toEqual([device]);
        expect(await open.records.devices.find('dev_unknown')).toBeUndefined();
      });

      it('seals verifier, salt and vault key, each to its own row (C-13)', async () => {
        const device = await insertedDevice(open.records);
        const another = await insertedDevice(open.records);
        const [row] = await open.fresh.store.query<{ verifier_sealed: string }>('select * from devices where id = $1', [
          device.id,
        ]);
        const text = JSON.stringify(row);
        expect(text).not.toContain(sampleSecrets.verifier.slice(0, 32));
        expect(text).not.toContain(sampleSecrets.salt);
        expect(text).not.toContain(Buffer.from(vaultKey).toString('base64url').slice(0, 20));
        expect(await open.records.devices.secrets(device.id)).toMatchObject(sampleSecrets);
        expect(await open.records.devices.vaultKey(device.id)).toEqual(vaultKey);
        await open.fresh.store.run('update devices set verifier_sealed = $1 where id = $2', [
          row?.verifier_sealed ?? '',
          another.id,
        ]);
        await expect(open.records.devices.secrets(another.id)).rejects.toMatchObject({ code: 'internal' });
      });

      it.each<[string, (old: Device) => Partial<Device>]>([
        ['device key', ({ thumbprint }) => ({ thumbprint })],
        ['biometric key', (old) => ({ biometric: biometric(old.biometric?.thumbprint) })],
        ['device key as a biometric key', ({ thumbprint }) => ({ biometric: biometric(thumbprint) })],
        ['biometric key as a device key', (old) => ({ thumbprint: old.biometric?.thumbprint ?? '' })],
      ])('never registers a %s again, not even of an ended device (R-10)', async (_, reuse) => {
        const old = await insertedDevice(open.records, { biometric: biometric() });
        await open.records.devices.end(old.id, 'deactivated', noon, 'lost');
        const device = sampleDevice(await insertedUser(open.records), reuse(old));
        await expect(open.records.devices.insert(device, sampleSecrets, vaultKey)).rejects.toMatchObject({
          code: 'already_exists',
        });
        expect(await open.records.devices.find(device.id)).toBeUndefined();
      });

      it('refuses one key for both purposes of one device (P-24)', async () => {
        const thumbprint = newKey();
        const device = sampleDevice(await insertedUser(open.records), { thumbprint, biometric: biometric(thumbprint) });
        await expect(open.records.devices.insert(device, sampleSecrets, vaultKey)).rejects.toMatchObject({
          code: 'already_exists',
        });
      });

      it('puts a biometric key in place of another, and takes it away; no key ever comes back (P-24, R-10)', async () => {
        const { devices } = open.records;
        const device = await insertedDevice(open.records, { biometric: biometric() });
        const webauthn = { signCount: 4_294_967_295, backup: 'backed_up' as const };
        const next = { ...biometric(), kind: 'user' as const, webauthn };
        expect(await devices.setBiometric(device.id, next)).toBe(true);
        expect((await open.other.devices.find(device.id))?.biometric).toEqual(next);
        expect((await open.other.devices.standing(device.id))?.device.biometric).toEqual(next);
        expect(await devices.setBiometric(device.id, undefined)).toBe(true);
        expect((await open.other.devices.find(device.id))?.biometric).toBeUndefined();
        for (const thumbprint of [next.thumbprint, device.biometric?.thumbprint, device.thumbprint]) {
          await expect(devices.setBiometric(device.id, biometric(thumbprint))).rejects.toMatchObject({
            code: 'already_exists',
          });
        }
        expect((await open.other.devices.find(device.id))?.biometric).toBeUndefined();
      });

      it('gives no biometric key to a device that has ended or is blocked in truth (L-10)', async () => {
        const { devices, attempts } = open.records;
        const ended = await insertedDevice(open.records);
        await devices.end(ended.id, 'deactivated', noon, 'lost');
        expect(await devices.setBiometric(ended.id, biometric())).toBe(false);
        const spent = await insertedDevice(open.records);
        for (let times = 0; times < 5; times += 1) await attempts.spend(mpin(spent), 5);
        expect(await devices.setBiometric(spent.id, biometric())).toBe(false);
      });

      it('lets the counter of a credential only rise, and one of 20 parallel uses of one count (R-17)', async () => {
        const { devices } = open.records;
        const key = { ...biometric(), webauthn: { signCount: 3, backup: 'none' as const } };
        const device = await insertedDevice(open.records, { biometric: key });
        const use = (signCount: number, thumbprint = key.thumbprint) =>
          devices.advanceBiometric(device.id, thumbprint, { signCount, backup: 'none' });
        expect([await use(3), await use(2), await use(0), await use(4, newKey())]).toEqual([
          false,
          false,
          false,
          false,
        ]);
        const used = await parallel(20, open, (records) =>
          records.devices.advanceBiometric(device.id, key.thumbprint, { signCount: 9, backup: 'none' }),
        );
        expect(used.filter(Boolean)).toHaveLength(1);
        expect((await open.other.devices.find(device.id))?.biometric?.webauthn).toEqual({
          signCount: 9,
          backup: 'none',
        });
      });

      it('takes a counter that stays at 0, and none of a key that is no credential (R-17)', async () => {
        const { devices } = open.records;
        const key = { ...biometric(), webauthn: { signCount: 0, backup: 'eligible' as const } };
        const device = await insertedDevice(open.records, { biometric: key });
        const state = { signCount: 0, backup: 'backed_up' as const };
        expect(await devices.advanceBiometric(device.id, key.thumbprint, state)).toBe(true);
        expect(await devices.advanceBiometric(device.id, key.thumbprint, state)).toBe(true);
        expect((await open.other.devices.find(device.id))?.biometric?.webauthn).toEqual(state);
        const plain = await insertedDevice(open.records, { biometric: biometric() });
        expect(await devices.advanceBiometric(plain.id, plain.biometric?.thumbprint ?? '', state)).toBe(false);
      });

      it('registers a key for one of 20 parallel callers', async () => {
        const user = await insertedUser(open.records);
        const thumbprint = newKey();
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? open.records : open.other).devices.insert(
              sampleDevice(user, { thumbprint }),
              sampleSecrets,
              vaultKey,
            ),
          ),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await open.records.devices.listByUser(user.id)).toHaveLength(1);
      });

      it('activates a pending device once', async () => {
        const device = await insertedDevice(open.records, { status: 'pending', activatedAt: undefined });
        const done = await parallel(10, open, (records) => records.devices.activate(device.id, noon + 5));
        expect(done.filter(Boolean)).toHaveLength(1);
        expect(await open.records.devices.find(device.id)).toMatchObject({ status: 'active', activatedAt: noon + 5 });
      });

      it('ends a device once and for good, and erases what it had (R-10, R-14)', async () => {
        const device = await insertedDevice(open.records);
        const done = await parallel(10, open, (records) =>
          records.devices.end(device.id, 'deactivated', noon + 9, 'stolen'),
        );
        expect(done.filter(Boolean)).toHaveLength(1);
        expect(await open.records.devices.find(device.id)).toMatchObject({
          status: 'deactivated',
          endedAt: noon + 9,
          endedReason: 'stolen',
          thumbprint: device.thumbprint,
        });
        expect(await open.records.devices.secrets(device.id)).toBeUndefined();
        expect(await open.records.devices.vaultKey(device.id)).toBeUndefined();
        expect(await open.records.devices.activate(device.id, noon)).toBe(false);
        expect(await open.records.devices.end(device.id, 'blocked', noon, 'again')).toBe(false);
      });

      it('replaces the verifier once for each generation, and never that of a blocked device (R-07)', async () => {
        const device = await insertedDevice(open.records);
        const { generation } = (await open.records.devices.secrets(device.id)) ?? { generation: -1 };
        const next = { salt: 'ef'.repeat(32), verifier: '01'.repeat(256) };
        const written = await parallel(10, open, (records) =>
          records.devices.replaceSecrets(device.id, generation, next),
        );
        expect(written.filter(Boolean)).toHaveLength(1);
        expect(await open.records.devices.secrets(device.id)).toMatchObject(next);
        for (let spent = 0; spent < 5; spent += 1) await open.records.attempts.spend(mpin(device), 5);
        expect(await open.records.devices.replaceSecrets(device.id, generation + 1, sampleSecrets)).toBe(false);
      });

      it('lists by company, user and status, never those of another company (T31)', async () => {
        const device = await insertedDevice(open.records, { status: 'pending' });
        const foreign = await insertedDevice(open.records, { status: 'pending' });
        const { companyId, userId } = device;
        const ids = async (filter: Parameters<typeof open.records.devices.list>[0]): Promise<string[]> =>
          (await open.records.devices.list(filter, { limit: 200 })).map(({ id }) => id);
        expect(await ids({ companyId })).toEqual([device.id]);
        expect(await ids({ companyId, status: 'active' })).toEqual([]);
        expect(await ids({ userId, status: 'pending' })).toEqual([device.id]);
        expect(await ids({ companyId, userId: foreign.userId })).toEqual([]);
        expect(await ids({ status: 'pending' })).toEqual(expect.arrayContaining([device.id, foreign.id]));
      });

      it('lists each with the name of its user, and with the place that it was used from once it was', async () => {
        const device = await insertedDevice(open.records);
        const listed = { ...device, userName: 'Anna Example', place: undefined };
        expect(await open.other.devices.list({ id: device.id }, { limit: 1 })).toEqual([listed]);
      });

      it('notes when and where a device was used', async () => {
        const device = await insertedDevice(open.records);
        await open.records.devices.markUsed(device.id, noon + 77, '192.0.2.0/24');
        expect((await open.records.devices.find(device.id))?.lastUsedAt).toBe(noon + 77);
        expect(await open.records.devices.list({ id: device.id }, { limit: 1 })).toMatchObject([
          { place: '192.0.2.0/24' },
        ]);
      });
    });

    describe('attempts', () => {
      it('spends exactly five of 100 parallel attempts, with five different counts (L-01, L-02)', async () => {
        const device = await insertedDevice(open.records);
        const counts = await parallel(100, open, (records) => records.attempts.spend(mpin(device), 5));
        expect(counts.filter((count) => count !== undefined).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
        expect(await open.records.attempts.count(mpin(device))).toBe(5);
      });

      it('spends nothing of another epoch, an ended device or an unknown one', async () => {
        const device = await insertedDevice(open.records);
        expect(await open.records.attempts.spend(mpin(device, 2), 5)).toBeUndefined();
        expect(await open.records.attempts.count(mpin(device, 2))).toBeUndefined();
        expect(await open.records.attempts.spend({ kind: 'mpin', deviceId: 'dev_x', epoch: 1 }, 5)).toBeUndefined();
        await open.records.devices.end(device.id, 'deactivated', noon, 'lost');
        expect(await open.records.attempts.spend(mpin(device), 5)).toBeUndefined();
      });

      it('resets once for each epoch, so that of parallel right proofs one begins the next (T3)', async () => {
        const device = await insertedDevice(open.records);
        await open.records.attempts.spend(mpin(device), 5);
        const done = await parallel(20, open, (records) => records.attempts.reset(mpin(device)));
        expect(done.filter(Boolean)).toHaveLength(1);
        expect(await open.records.devices.find(device.id)).toMatchObject({ pinAttempts: 0, pinEpoch: 2 });
      });

      it('never resets a blocked device (L-06)', async () => {
        const device = await insertedDevice(open.records);
        await open.records.devices.end(device.id, 'blocked', noon, 'mpin');
        expect(await open.records.attempts.reset(mpin(device))).toBe(false);
      });

      it('gives an attempt back within its epoch and never below zero', async () => {
        const device = await insertedDevice(open.records);
        await open.records.attempts.spend(mpin(device), 5);
        await open.records.attempts.giveBack(mpin(device, 2));
        expect(await open.records.attempts.count(mpin(device))).toBe(1);
        await open.records.attempts.giveBack(mpin(device));
        await open.records.attempts.giveBack(mpin(device));
        expect(await open.records.attempts.count(mpin(device))).toBe(0);
      });

      it('counts the confirmation code of each activation apart, five at most (T6)', async () => {
        const user = await insertedUser(open.records);
        const [first, second] = [sampleActivation(user), sampleActivation(user)];
        await open.records.activations.insert(first);
        await open.records.activations.insert(second);
        const subject: AttemptSubject = { kind: 'confirmation', activationId: first.id };
        const counts = await parallel(50, open, (records) => records.attempts.spend(subject, 5));
        expect(counts.filter((count) => count !== undefined)).toHaveLength(5);
        expect(await open.records.attempts.count({ kind: 'confirmation', activationId: second.id })).toBe(0);
        expect(await open.records.attempts.reset(subject)).toBe(false);
      });
    });

    describe('activations', () => {
      it('returns what was written, by id and by the hash of the code', async () => {
        const activation = sampleActivation(await insertedUser(open.records));
        await open.records.activations.insert(activation);
        expect(await open.other.activations.find(activation.id)).toEqual(activation);
        expect(await open.other.activations.findByCodeHash(activation.codeHash)).toEqual(activation);
        expect(await open.records.activations.findByCodeHash('unknown')).toBeUndefined();
      });

      it('is used once, by one of 20 parallel callers (R-02)', async () => {
        const device = await insertedDevice(open.records);
        const user = await open.records.users.find(device.userId);
        if (user === undefined) throw new Error('the user is missing');
        const activation = sampleActivation(user);
        await open.records.activations.insert(activation);
        const used = await parallel(20, open, (records) =>
          records.activations.use(activation.id, device.id, activation.expiresAt - 1),
        );
        expect(used.filter(Boolean)).toHaveLength(1);
        expect(await open.records.activations.find(activation.id)).toMatchObject({
          status: 'used',
          deviceId: device.id,
        });
      });

      it('is not used once expired or void (R-02)', async () => {
        const device = await insertedDevice(open.records);
        const user = await open.records.users.find(device.userId);
        if (user === undefined) throw new Error('the user is missing');
        const activation = sampleActivation(user);
        await open.records.activations.insert(activation);
        expect(await open.records.activations.use(activation.id, device.id, activation.expiresAt)).toBe(false);
        await open.records.activations.voidOpen(user.id);
        expect(await open.records.activations.use(activation.id, device.id, noon)).toBe(false);
        expect((await open.records.activations.find(activation.id))?.status).toBe('void');
      });
    });
  });
}
