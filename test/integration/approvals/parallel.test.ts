/** Acts that take two people on two server processes at once, on every durable engine; and in a process that dies at each step. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { approveAct, keepAct, refuseAct, withdrawAct } from '../../../src/approvals/approvals.ts';
import { settleInterrupted } from '../../../src/approvals/interrupted.ts';
import { verifyChain } from '../../../src/audit/verify.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Actor } from '../../../src/companies/actor.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { User } from '../../../src/companies/store.ts';
import { createUser } from '../../../src/companies/users.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import type { DeviceDeps } from '../../../src/devices/devices.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { openRecords } from '../../../src/store/open.ts';
import type { DurableStore } from '../../../src/store/ports.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { durableEngines, type FreshDurable } from '../../engines.ts';
import { runProgram } from '../../programs.ts';
import { addDevice } from '../../unit/companies/world.ts';
import { suspension } from './suspension.ts';

const bank = { name: 'cli' };
const key = randomBytes(32);

function serverOver(store: DurableStore): DeviceDeps {
  const sealing = createSealing([{ id: 'test', key: new Uint8Array(key) }]);
  const shortLived = memoryStore(systemClock);
  return {
    records: openRecords(store, sealing),
    shortLived,
    clock: systemClock,
    endLogins,
    log: { error: () => undefined },
  };
}

let requests = 0;
const actorOf = ({ id, companyId }: User): Actor => ({
  name: `user:${id}`,
  userId: id,
  companyId,
  requestId: `req_${(requests += 1)}`,
});

interface People {
  readonly asker: User;
  readonly second: User;
  readonly subject: User;
}

async function furnish(deps: DeviceDeps): Promise<People> {
  const { id: companyId } = await createCompany(deps, { name: 'Bakery', userLimit: 10, actor: bank });
  const add = async (role: User['role']): Promise<User> => {
    const email = `${randomBytes(6).toString('hex')}@example.com`;
    const user = await createUser(deps, { companyId, name: 'Anna', email, role, actor: bank });
    await deps.records.users.update({ ...user, status: 'active' });
    return { ...user, status: 'active', version: 2 };
  };
  const asker = await add('administrator');
  await addDevice(deps, asker);
  return { asker, second: await add('administrator'), subject: await add('user') };
}

async function keep(deps: DeviceDeps, { asker, subject }: People): Promise<string> {
  const request = { params: { userId: subject.id }, query: {}, body: { reason: 'left' } };
  const { id } = await keepAct(deps, { act: suspension(deps), request, actor: actorOf(asker) });
  return id;
}

for (const engine of durableEngines()) {
  describe(`two server processes on ${engine.name}`, () => {
    let sql: FreshDurable;
    let servers: readonly [DeviceDeps, DeviceDeps];

    beforeEach(async () => {
      sql = await engine.fresh();
      servers = [serverOver(sql.store), serverOver(await sql.another())];
    });
    afterEach(() => sql.close());

    it('do an act once that twenty approve, refuse and take back at the same moment, or not at all (P-03, T-15)', async () => {
      const [one, other] = servers;
      const people = await furnish(one);
      for (let round = 0; round < 3; round += 1) {
        const id = await keep(one, people);
        let done = 0;
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, async (_, index): Promise<string> => {
            const deps = index % 2 === 0 ? one : other;
            const act = suspension(deps, () => (done += 1));
            if (index % 5 === 3) {
              return (await refuseAct(deps, { id, reason: 'no', actor: actorOf(people.second) })).status;
            }
            if (index % 5 === 4) return (await withdrawAct(deps, { id, actor: actorOf(people.asker) })).status;
            return (await approveAct(deps, { id, act, actor: actorOf(people.second) })).approval.status;
          }),
        );
        const outcomes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
        expect(outcomes).toHaveLength(1);
        expect(done).toBe(outcomes[0] === 'done' ? 1 : 0);
        expect(await other.records.approvals.find(id)).toMatchObject({ status: outcomes[0] });
        const lost = results.flatMap((result) =>
          result.status === 'rejected' ? [result.reason as { code: string }] : [],
        );
        expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['conflict']));
      }
      expect(await verifyChain(one.records.audit)).toMatchObject({ outcome: 'intact' });
    });
  });
}

describe('a process that is killed while it approves', () => {
  let dataDir: string;
  let store: DurableStore;
  let deps: DeviceDeps;
  let people: People;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'mtoken-approvals-'));
    store = await openSqlite({ dataDir, lock: false });
    await migrate(store, { clock: systemClock });
    deps = serverOver(store);
    people = await furnish(deps);
  });
  afterEach(async () => {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  // The transactions are the claim, the act, and the word that it is done.
  it.each([
    ['inside', 1, 'pending', 'pending', 'active'],
    ['after', 1, 'claimed', 'failed', 'active'],
    ['inside', 2, 'claimed', 'failed', 'active'],
    ['after', 2, 'claimed', 'done', 'suspended'],
    ['inside', 3, 'claimed', 'done', 'suspended'],
    ['after', 3, 'done', 'done', 'suspended'],
  ] as const)(
    '%s transaction %i leaves it %s, which is found to be %s, the user being %s (A-10, T-15)',
    async (when, nth, left, found, status) => {
      const id = await keep(deps, people);
      const program = await runProgram(new URL('programs/approve.ts', import.meta.url), [
        dataDir,
        key.toString('hex'),
        id,
        people.second.id,
        when,
        String(nth),
      ]);
      await program.ended();
      expect(program.process.signalCode).toBe('SIGKILL');
      const { approvals, users, audit } = deps.records;
      expect(await approvals.find(id)).toMatchObject({ status: left });
      expect(await users.find(people.subject.id)).toMatchObject({ status });
      const later = { ...deps, clock: { now: () => systemClock.now() + 301_000 } };
      await Promise.all([settleInterrupted(later), settleInterrupted(later)]);
      expect(await approvals.find(id)).toMatchObject({
        status: found,
        problem: found === 'failed' ? 'interrupted' : undefined,
      });
      expect(await users.find(people.subject.id)).toMatchObject({ status });
      const approving = approveAct(deps, { id, act: suspension(deps), actor: actorOf(people.second) });
      if (found === 'pending') expect((await approving).approval.status).toBe('done');
      else await expect(approving).rejects.toMatchObject({ code: 'conflict' });
      const suspended = (await audit.read(0, 1000)).filter(({ event }) => event === 'user.suspended');
      expect(suspended).toHaveLength(found === 'failed' ? 0 : 1);
      expect(await verifyChain(audit)).toMatchObject({ outcome: 'intact' });
    },
  );
});
