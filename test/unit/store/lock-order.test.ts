/** Rows are locked in one order by every transaction: crosswise waits would let a hostile phone abort its own emergency deactivation. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../../src/companies/actor.ts';
import { updateCompany } from '../../../src/companies/companies.ts';
import { closeCompany, suspendCompany } from '../../../src/companies/company-status.ts';
import { changeEmail } from '../../../src/companies/user-email.ts';
import { removeUser, suspendUser } from '../../../src/companies/user-status.ts';
import { updateUser } from '../../../src/companies/users.ts';
import { logOut } from '../../../src/console/logout.ts';
import { deactivateDevice, deactivateUserDevices } from '../../../src/devices/devices.ts';
import { endOtherSessions, endOwnSession } from '../../../src/devices/own.ts';
import { ensureKeys, rotateKeys } from '../../../src/keys/keys.ts';
import { guardAttempt, settleAttempts } from '../../../src/lockout/lockout.ts';
import { unlockByMpin } from '../../../src/mpin/unlock.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { sessionRecords } from '../../../src/oidc/sessions.ts';
import { approveDevice, refuseDevice } from '../../../src/registration/approval.ts';
import { openRecords } from '../../../src/store/open.ts';
import type { DurableStore, Sql } from '../../../src/store/ports.ts';
import { fixedClock } from '../../clock.ts';
import { testStores } from '../../stores.ts';
import { addPhone, callerOf, createWorld, origin, prepare, type World } from '../mpin/world.ts';

/** Tables in the order in which their rows are locked; the head of the trail, one row for all, comes after every other. */
const order = ['companies', 'users', 'activations', 'devices', 'oidc_sessions', 'server_keys', 'audit_head'];
const writes = /^\s*(?:update|delete\s+from)\s+([a-z_]+)/i;

/** The tables whose rows one transaction locked, in its order. */
type Locks = string[];

function traced(durable: DurableStore, transactions: Locks[]): DurableStore {
  const watch = (sql: Sql, locks: Locks): Sql => {
    const note = (text: string): void => {
      const table = writes.exec(text)?.[1];
      if (table !== undefined) locks.push(table);
    };
    return {
      dialect: sql.dialect,
      query: async (text, values) => {
        note(text);
        return sql.query(text, values);
      },
      run: async (text, values) => {
        note(text);
        return sql.run(text, values);
      },
    };
  };
  return {
    ...durable,
    transaction: (work) => {
      const locks: Locks = [];
      transactions.push(locks);
      return durable.transaction((sql) => work(watch(sql, locks)));
    },
  };
}

/** The first locks of each table, which must come in the order above: a row that is held already is not waited for. */
function firstLocks(locks: Locks): string[] {
  return [...new Set(locks)].filter((table) => order.includes(table));
}

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function tracedWorld(): Promise<{ world: World; transactions: Locks[] }> {
  const clock = fixedClock();
  const stores = await testStores(clock);
  const transactions: Locks[] = [];
  const records = openRecords(traced(stores.durable, transactions), stores.sealing);
  const world = await createWorld({ stores: { ...stores, records }, clock });
  close = () => stores.close();
  for (const uid of ['one', 'two', 'three']) await addSession(world, uid);
  transactions.length = 0;
  return { world: { ...world, deps: { ...world.deps, endLogins } }, transactions };
}

async function addSession({ deps, user }: World, uid: string): Promise<void> {
  const at = deps.clock.now();
  const session = { uid, idLookup: deps.sealing.lookup(uid, 'oidc.session'), userId: user.id, deviceId: 'dev_1' };
  await deps.records.oidc.saveSession({ ...session, payload: '{}', createdAt: at, expiresAt: at + 600_000 }, []);
}

const endingOf = ({ user }: World) => ({
  userId: user.id,
  companyId: user.companyId,
  actor: `user:${user.id}`,
  deviceId: 'dev_1',
});

const bank: Actor = { name: 'cli' };
const act = { actor: 'cli', reason: 'lost', origin };

const acts: Record<string, (world: World) => Promise<unknown>> = {
  'the deactivation of a device': async (world) =>
    deactivateDevice(world.deps, { deviceId: (await addPhone(world)).id, ...act }),
  'the deactivation of all devices of a user': async (world) => {
    await addPhone(world);
    await addPhone(world);
    await deactivateUserDevices(world.deps, { userId: world.user.id, ...act });
  },
  'a right proof': async (world) => {
    const phone = await addPhone(world);
    await unlockByMpin(world.deps, await callerOf(world, phone), await prepare(world, phone));
  },
  'five wrong proofs and the block': async (world) => {
    const target = { kind: 'mpin', deviceId: (await addPhone(world)).id } as const;
    for (let count = 0; count < 5; count += 1) {
      await guardAttempt(world.deps, { target, purpose: 'session', origin }, () => ({ isRight: false }));
    }
  },
  'the block that the next touch writes': async (world) => {
    const { id: deviceId } = await addPhone(world);
    const subject = { kind: 'mpin', deviceId, epoch: 1 } as const;
    for (let count = 0; count < 5; count += 1) await world.deps.records.attempts.spend(subject, 5);
    await settleAttempts(world.deps, { kind: 'mpin', deviceId });
  },
  'the approval and the refusal of a device': async (world) => {
    const [first, second] = [
      await addPhone(world, { status: 'pending' }),
      await addPhone(world, { status: 'pending' }),
    ];
    await approveDevice(world.deps, { deviceId: first.id, actor: bank });
    await refuseDevice(world.deps, { deviceId: second.id, actor: bank, reason: 'not known' });
  },
  'the suspension of a user': async (world) => {
    await addPhone(world);
    await suspendUser(world.deps, { userId: world.user.id, actor: bank, reason: 'away' });
  },
  'the removal of a user': async (world) => {
    await addPhone(world);
    await addPhone(world);
    await removeUser(world.deps, { userId: world.user.id, actor: bank, reason: 'left' });
  },
  'the suspension and the closing of a company': async (world) => {
    await addPhone(world);
    const company = { companyId: world.company.id, actor: bank, reason: 'unpaid' };
    await suspendCompany(world.deps, company);
    await closeCompany(world.deps, company);
  },
  'a change of rules that lowers users and shortens sessions': async (world) => {
    const { id: companyId, version } = world.company;
    const rules = { permissions: 'mtoken', sessionMinutes: 5 } as const;
    await updateCompany(world.deps, { companyId, version, changes: { rules }, actor: bank });
  },
  'a change of the e-mail address, and of a role': async (world) => {
    const { id: userId } = world.user;
    const version = async () => (await world.deps.records.users.find(userId))?.version ?? 0;
    await changeEmail(world.deps, { userId, version: await version(), email: 'new@example.com', actor: bank });
    const changes = { role: 'administrator' } as const;
    await updateUser(world.deps, { userId, version: await version(), changes, actor: bank });
  },
  'the ending of one session, and of all others': async (world) => {
    await endOwnSession(world.deps, 'one', endingOf(world));
    await endOtherSessions(world.deps, 'none', endingOf(world));
  },
  'a login that pushes out the logins before it': async (world) => {
    const { clock, user } = world;
    const seconds = Math.floor(clock.now() / 1000);
    const login = { uid: 'new', kind: 'Session', accountId: user.id, iat: seconds, exp: seconds + 600 };
    await sessionRecords(world.deps).save(login, { id: 'new', readAs: undefined, limit: 1 });
  },
  'a logout at the provider': async (world) => sessionRecords(world.deps).end('one'),
  'a logout of the console': async (world) => {
    const session = { userId: world.user.id, deviceId: 'dev_1', sessionUid: 'one', provedAt: 0, openedAt: 0 };
    const logout = { id: 'one', session, address: '192.0.2.1', requestId: 'req_1' };
    await logOut(world.deps, logout);
  },
  'the rotation of keys': async (world) => {
    await ensureKeys(world.deps);
    for (let count = 0; count < 2; count += 1) {
      await rotateKeys(world.deps, { actor: 'cli', immediately: true, withoutOverlap: true });
    }
  },
};

describe('a transaction', () => {
  it.each(Object.keys(acts))('of %s waits for no row crosswise with another (R-10, L-06)', async (name) => {
    const { world, transactions } = await tracedWorld();
    await acts[name]?.(world);
    expect(transactions.some((locks) => locks.includes('audit_head'))).toBe(true);
    for (const locks of transactions) {
      const first = firstLocks(locks);
      expect(first).toEqual(order.filter((table) => first.includes(table)));
      // Between two rows of one table nobody may hold the head of the trail, for which everybody else waits.
      const head = locks.indexOf('audit_head');
      if (head >= 0) expect([...new Set(locks.slice(head))]).toEqual(['audit_head']);
      // Logins end with many rows, in an order of their own: only who holds their user may begin.
      if (locks.includes('oidc_sessions')) expect(first).toContain('users');
    }
  });
});
