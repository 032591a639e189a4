/** The one gate for devices, their end, and what users do with their own. */
import { afterEach, describe, expect, it } from 'vitest';
import { randomId } from '../../../src/crypto/random.ts';
import { assertUsable, deactivateDevice, deactivateUserDevices } from '../../../src/devices/devices.ts';
import { deviceEndedTopic } from '../../../src/devices/end.ts';
import { deviceEndpoints } from '../../../src/devices/routes.ts';
import { AuthError } from '../../../src/errors.ts';
import {
  addPhone,
  createWorld,
  deviceOf,
  eventsOf,
  insertUser,
  noticesOf,
  origin,
  type Phone,
  sessionCall,
  type World,
} from '../mpin/world.ts';

let worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds) await world.close();
  worlds = [];
});

async function phoneInWorld(): Promise<{ world: World; phone: Phone }> {
  const world = await createWorld();
  worlds.push(world);
  return { world, phone: await addPhone(world) };
}

const act = { actor: 'client:admin', reason: 'lost', origin };

async function call(world: World, phone: Phone, name: string, body: unknown): Promise<unknown> {
  const endpoint = deviceEndpoints(world.deps).find((one) => one.name === name);
  if (endpoint?.access !== 'session') throw new Error(`no session endpoint ${name}`);
  return endpoint.answer(await sessionCall(world, phone, { body, sessionId: 'ses_1' }));
}

describe('a device', () => {
  it('is usable with an active user and company, and comes with both (T9)', async () => {
    const { world, phone } = await phoneInWorld();
    const standing = await assertUsable(world.deps, phone.id);
    expect(standing).toEqual({
      device: await deviceOf(world, phone),
      user: world.user,
      company: world.company,
      pinGeneration: 1,
    });
  });

  it('is not usable when it, its user or its company is not (T8, T9)', async () => {
    const { world, phone } = await phoneInWorld();
    const refused = { code: 'access_denied' };
    await expect(assertUsable(world.deps, randomId('dev'))).rejects.toMatchObject(refused);
    const pending = await addPhone(world, { status: 'pending' });
    await expect(assertUsable(world.deps, pending.id)).rejects.toMatchObject(refused);
    for (const status of ['suspended', 'closed'] as const) {
      const company = await world.deps.records.companies.find(world.company.id);
      if (company !== undefined) await world.deps.records.companies.update({ ...company, status });
      await expect(assertUsable(world.deps, phone.id)).rejects.toMatchObject(refused);
    }
    const company = await world.deps.records.companies.find(world.company.id);
    if (company !== undefined) await world.deps.records.companies.update({ ...company, status: 'active' });
    await assertUsable(world.deps, phone.id);
    for (const status of ['invited', 'suspended', 'removed'] as const) {
      const user = await world.deps.records.users.find(world.user.id);
      if (user !== undefined) await world.deps.records.users.update({ ...user, status });
      await expect(assertUsable(world.deps, phone.id)).rejects.toMatchObject(refused);
    }
  });

  it('with five attempts spent is not usable, and this touch writes the block (T8, L-06)', async () => {
    const { world, phone } = await phoneInWorld();
    const subject = { kind: 'mpin', deviceId: phone.id, epoch: 1 } as const;
    for (let index = 0; index < 5; index += 1) await world.deps.records.attempts.spend(subject, 5);
    await expect(assertUsable(world.deps, phone.id)).rejects.toMatchObject({ code: 'access_denied' });
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    expect(await eventsOf(world)).toEqual(['mpin.blocked']);
  });
});

describe('a deactivation', () => {
  it('ends secrets, logins and place, and is told to user, trail and every process (R-10, S-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const heard: string[] = [];
    await world.deps.shortLived.subscribe(deviceEndedTopic, (id) => heard.push(id));
    expect(await deactivateDevice(world.deps, { deviceId: phone.id, ...act })).toBe(true);
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'deactivated', endedReason: 'lost' });
    expect(await world.deps.records.devices.secrets(phone.id)).toBeUndefined();
    expect(await world.deps.records.devices.vaultKey(phone.id)).toBeUndefined();
    expect(await world.deps.records.users.takeDevicePlace(world.user.id, 1)).toBe(true);
    expect(world.endedLogins).toEqual([{ deviceId: phone.id }]);
    const [entry] = await world.deps.records.audit.read(0, 10);
    expect(entry).toMatchObject({ event: 'device.deactivated', actor: 'client:admin', data: { reason: 'lost' } });
    expect((await noticesOf(world)).map(({ event }) => event)).toEqual(['device.deactivated']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([phone.id]);
  });

  it('twice, or 20 times at once, is the same as once (R-10)', async () => {
    const { world, phone } = await phoneInWorld();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => deactivateDevice(world.deps, { deviceId: phone.id, ...act })),
    );
    expect(all.filter((hasEnded) => hasEnded)).toHaveLength(1);
    expect(await eventsOf(world)).toEqual(['device.deactivated']);
  });

  it('is written whole or not at all', async () => {
    const { world, phone } = await phoneInWorld();
    const deps = { ...world.deps, endLogins: () => Promise.reject(new AuthError('unavailable')) };
    await expect(deactivateDevice(deps, { deviceId: phone.id, ...act })).rejects.toMatchObject({ code: 'unavailable' });
    expect((await deviceOf(world, phone)).status).toBe('active');
    expect(await eventsOf(world)).toEqual([]);
  });

  it('does not fail because nobody could be told at once', async () => {
    const { world, phone } = await phoneInWorld();
    const shortLived = { ...world.deps.shortLived, publish: () => Promise.reject(new AuthError('unavailable')) };
    expect(await deactivateDevice({ ...world.deps, shortLived }, { deviceId: phone.id, ...act })).toBe(true);
  });

  it('of an unknown device is refused', async () => {
    const { world } = await phoneInWorld();
    const unknown = deactivateDevice(world.deps, { deviceId: randomId('dev'), ...act });
    await expect(unknown).rejects.toMatchObject({ code: 'not_found' });
  });

  it('of a user ends all their devices and nobody else’s', async () => {
    const { world, phone } = await phoneInWorld();
    const second = await addPhone(world);
    const colleague = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    const ended = await deactivateUserDevices(world.deps, { userId: world.user.id, ...act });
    expect([...ended].sort()).toEqual([phone.id, second.id].sort());
    expect((await deviceOf(world, colleague)).status).toBe('active');
    expect(await deactivateUserDevices(world.deps, { userId: world.user.id, ...act })).toEqual([]);
  });
});

describe('a user’s own devices', () => {
  it('are listed, the calling one marked, and nobody else’s among them (R-09, T31)', async () => {
    const { world, phone } = await phoneInWorld();
    const second = await addPhone(world);
    await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    const { devices } = (await call(world, phone, 'devices/list', {})) as {
      devices: { deviceId: string; isThis: boolean }[];
    };
    const listed = new Map(devices.map(({ deviceId, isThis }) => [deviceId, isThis]));
    expect(listed).toEqual(
      new Map(
        [
          [phone.id, true],
          [second.id, false],
        ].sort() as [string, boolean][],
      ),
    );
  });

  it('can be deactivated from another one, and from itself', async () => {
    const { world, phone } = await phoneInWorld();
    const second = await addPhone(world);
    expect(await call(world, phone, 'devices/deactivate', { deviceId: second.id, reason: 'stolen' })).toEqual({});
    expect(await deviceOf(world, second)).toMatchObject({ status: 'deactivated', endedReason: 'stolen' });
    await call(world, phone, 'devices/deactivate', { deviceId: phone.id, reason: 'user-request' });
    expect((await deviceOf(world, phone)).status).toBe('deactivated');
  });

  it('are the only ones: a colleague’s is not found, as one that does not exist (T17, T27)', async () => {
    const { world, phone } = await phoneInWorld();
    const colleague = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    for (const deviceId of [colleague.id, randomId('dev')]) {
      const refused = call(world, phone, 'devices/deactivate', { deviceId, reason: 'lost' });
      await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    }
    expect((await deviceOf(world, colleague)).status).toBe('active');
  });
});

describe('a user’s portal sessions', () => {
  async function addSession(world: World, uid: string, userId: string): Promise<void> {
    const now = world.clock.now();
    const session = { uid, idLookup: uid, userId, deviceId: undefined, payload: '{}' };
    const clients = [{ sessionUid: uid, clientId: 'portal', payload: '{}' }];
    await world.deps.records.oidc.saveSession({ ...session, createdAt: now, expiresAt: now + 60_000 }, clients);
  }

  it('are listed with their portals while they live (S-08)', async () => {
    const { world, phone } = await phoneInWorld();
    await addSession(world, 'mine', world.user.id);
    await addSession(world, 'theirs', randomId('usr'));
    const startedAt = world.clock.now();
    expect(await call(world, phone, 'sessions/list', {})).toEqual({
      sessions: [
        {
          sessionUid: 'mine',
          startedAt,
          expiresAt: startedAt + 60_000,
          portals: [{ clientId: 'portal', name: 'portal' }],
        },
      ],
    });
    world.clock.advance(60_000);
    expect(await call(world, phone, 'sessions/list', {})).toEqual({ sessions: [] });
  });

  it('can be ended, and nobody else’s can (S-08, T17)', async () => {
    const { world, phone } = await phoneInWorld();
    await addSession(world, 'mine', world.user.id);
    await addSession(world, 'theirs', randomId('usr'));
    expect(await call(world, phone, 'sessions/end', { sessionUid: 'mine' })).toEqual({});
    expect(world.endedLogins).toEqual([{ sessionUid: 'mine' }]);
    for (const sessionUid of ['theirs', 'none']) {
      const refused = call(world, phone, 'sessions/end', { sessionUid });
      await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(world.endedLogins).toHaveLength(1);
    expect(await eventsOf(world)).toEqual(['logout.completed']);
  });
});
