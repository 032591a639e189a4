/** Devices and logins that are ended from several sides at once, by two server processes on one database. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { CompanyDeps } from '../../../src/companies/deps.ts';
import type { User } from '../../../src/companies/store.ts';
import { randomId } from '../../../src/crypto/random.ts';
import { createSealing, type KeyedSealing } from '../../../src/crypto/sealing.ts';
import { type DeviceDeps, deactivateDevice, deactivateUserDevices } from '../../../src/devices/devices.ts';
import { endOtherSessions, endOwnSession } from '../../../src/devices/own.ts';
import type { Device } from '../../../src/devices/store.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { sessionRecords } from '../../../src/oidc/sessions.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { openRecords } from '../../../src/store/open.ts';
import type { RecordStore } from '../../../src/store/records.ts';
import { durableEngines, type FreshDurable } from '../../engines.ts';
import { addCompany, addDevice, addUser } from '../../unit/companies/world.ts';

type Server = DeviceDeps & CompanyDeps & { readonly sealing: KeyedSealing };

const rounds = 4;
const stolen = { actor: 'cli', reason: 'stolen' };

describe.each(durableEngines())('two server processes on $name', (engine) => {
  let sql: FreshDurable;
  let one: Server;
  let other: Server;
  beforeEach(async () => {
    sql = await engine.fresh();
    const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
    const server = (store: typeof sql.store): Server => ({
      records: openRecords(store, sealing),
      shortLived: memoryStore(systemClock),
      clock: systemClock,
      endLogins,
      sealing,
      log: { error: () => undefined },
    });
    one = server(sql.store);
    other = server(await sql.another());
  });
  afterEach(() => sql.close());

  const newUser = async (): Promise<User> => {
    const { id } = await addCompany(one);
    return addUser(one, id, { status: 'active' });
  };
  const addSessions = async (user: User, devices: readonly Device[], count: number): Promise<string[]> => {
    const at = systemClock.now();
    const uids = Array.from({ length: count }, () => randomBytes(9).toString('hex'));
    for (const [index, uid] of uids.entries()) {
      const deviceId = devices[index % devices.length]?.id;
      const session = { uid, idLookup: one.sealing.lookup(uid, 'oidc.session'), userId: user.id, deviceId };
      const times = { createdAt: at, expiresAt: at + 600_000 };
      await one.records.oidc.saveSession({ ...session, ...times, payload: '{}' }, []);
    }
    return uids;
  };

  it('end a stolen phone whatever ends the logins of its user meanwhile: none aborts another (R-10, S-08, S-12)', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const user = await newUser();
      const devices = [await addDevice(one, user), await addDevice(one, user)] as const;
      const [first = '', second = '', ...others] = await addSessions(user, devices, 12);
      const ending = { userId: user.id, companyId: user.companyId, actor: `user:${user.id}`, deviceId: devices[0].id };
      const seconds = Math.floor(systemClock.now() / 1000);
      const uid = randomBytes(9).toString('hex');
      const login = { uid, kind: 'Session', accountId: user.id, iat: seconds, exp: seconds + 600 };
      const results = await Promise.allSettled([
        endOtherSessions(one, others.at(-1) ?? '', ending),
        sessionRecords(other).save(login, { id: uid, readAs: undefined, limit: 1 }),
        sessionRecords(one).end(first),
        deactivateDevice(other, { deviceId: devices[1].id, ...stolen }),
        endOwnSession(one, second, ending),
        endOtherSessions(other, '', ending),
      ]);
      const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      // Its session may be gone by the time that it is asked for by name; nothing else may fail.
      expect(faults.filter(({ code }) => code !== 'not_found')).toEqual([]);
      expect((await one.records.devices.find(devices[1].id))?.status).toBe('deactivated');
    }
  });

  it('end the phone that is just registering with all the others of its user (R-10)', async () => {
    const user = await newUser();
    const old = await addDevice(one, user);
    const joining = { ...old, id: randomId('dev'), thumbprint: randomId('key') };
    let waits = (): void => undefined;
    const isWaited = new Promise<void>((resolve) => {
      waits = resolve;
    });
    let ended: Promise<string[]> = Promise.resolve([]);
    await one.records.transaction(async (records) => {
      await records.users.takeDevicePlace(user.id, 5);
      await records.devices.insert(joining, { salt: 'aa', verifier: 'bb' }, new Uint8Array(32));
      ended = deactivateUserDevices(
        { ...other, records: tellingOfHold(other.records, waits) },
        { userId: user.id, ...stolen },
      );
      // SQLite does one transaction after the other: there it does not even begin.
      if (engine.name === 'postgres') await isWaited;
    });
    expect((await ended).toSorted()).toEqual([old.id, joining.id].toSorted());
    const devices = await one.records.devices.listByUser(user.id);
    expect(devices.map(({ status }) => status)).toEqual(['deactivated', 'deactivated']);
  });
});

/** The same records, which tell before somebody holds a user. */
function tellingOfHold(records: RecordStore, tell: () => void): RecordStore {
  return {
    ...records,
    transaction: (work) =>
      records.transaction((inside) => {
        const hold = async (userId: string): Promise<void> => {
          tell();
          return inside.users.hold(userId);
        };
        return work({ ...inside, users: { ...inside.users, hold } });
      }),
  };
}
