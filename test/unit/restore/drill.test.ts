/** The drill after a restored backup, against those who would gain by it: by a copy that nobody signed, or by what the backup forgot. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Act, approveAct, keepAct } from '../../../src/approvals/approvals.ts';
import type { AuditEntry } from '../../../src/audit/store.ts';
import { createOperator } from '../../../src/companies/staff.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { randomId } from '../../../src/crypto/random.ts';
import type { Device } from '../../../src/devices/store.ts';
import { type DrillDeps, declareNewest, restoreFromCopy, restoreWithoutCopy } from '../../../src/restore/drill.ts';
import { requireNewest, standingOf } from '../../../src/restore/standing.ts';
import { endedHandlers } from '../../../src/server/ended-handlers.ts';
import type { SigningRequest } from '../../../src/signing/store.ts';
import { sampleSigned, sampleSigning } from '../../contracts/samples.ts';
import { takeMessages } from '../../outbox.ts';
import { addCompany, addDevice, addUser, bank, openWorld, type World } from '../companies/world.ts';
import { copyOf, heldWitness, recordsAfter } from './copies.ts';

let world: World;
let deps: DrillDeps;
let company: Company;
let bankId: string;

beforeEach(async () => {
  world = await openWorld();
  deps = { ...world, ended: endedHandlers, witness: heldWitness(), log: { error: () => undefined } };
  company = await addCompany(world);
  bankId = (await createOperator(world, { name: 'Olga', email: 'o@x.example', bankName: 'Bank', actor: bank })).bank.id;
});
afterEach(() => world.stores.close());

const conflict = { code: 'conflict' };
const head = () => world.records.audit.head();
const userNow = async ({ id }: User) => world.records.users.find(id);
const strictly = { isStrict: true, warn: () => undefined };

/** What the servers saw last, of a database that has served: the last of these records, or its own head. */
async function see(entries: readonly AuditEntry[] = []): Promise<void> {
  const trail = await world.records.restore.nameTrail('the live trail', world.clock.now());
  const { seq, hash } = entries.at(-1) ?? (await head());
  await deps.witness.replace({ trail, seq, hash });
}

/** Takes the records back as a drill does whose copy ends at what was seen. */
async function drill(...records: Parameters<typeof recordsAfter>[1]) {
  const lost = recordsAfter(await head(), records);
  await see(lost);
  return restoreFromCopy(deps, copyOf(lost), 'cli');
}

async function admin(id: string, kind: 'admin' | 'portal' = 'admin'): Promise<void> {
  const rest = { companyId: undefined, name: id, metadata: {}, secret: undefined, version: 1 };
  await world.records.clients.insert({ id, kind, status: 'active', createdAt: world.clock.now(), ...rest });
}

async function spentDevice(user: User): Promise<Device> {
  const device = await addDevice(world, user);
  const subject = { kind: 'mpin', deviceId: device.id, epoch: 1 } as const;
  for (let count = 0; count < 4; count += 1) await world.records.attempts.spend(subject, 5);
  return device;
}
const attemptsOf = async ({ id }: Device) => (await world.records.devices.find(id))?.pinAttempts;

describe('A copy of the trail that somebody has added records to', () => {
  let auditor: User;
  let clerk: User;
  let fired: User;
  let device: Device;
  let closed: Company;
  /** What whoever can append a line would write: rights for everybody, and guesses for the thief. */
  let wishes: Parameters<typeof recordsAfter>[1];

  beforeEach(async () => {
    auditor = await addUser(world, bankId, { staffRole: 'auditor', status: 'active' });
    clerk = await addUser(world, company.id, { status: 'active', permissions: 'mtoken' });
    fired = await addUser(world, company.id, { status: 'suspended', role: 'administrator' });
    device = await spentDevice(clerk);
    closed = await addCompany(world);
    await world.records.companies.update({ ...closed, status: 'suspended' });
    wishes = [
      { event: 'user.staff_changed', userId: auditor.id, data: { staffRoleAfter: 'operator' } },
      { event: 'user.updated', userId: clerk.id, data: { roleAfter: 'administrator', permissionsAfter: 'full' } },
      { event: 'user.restored', userId: fired.id },
      { event: 'company.restored', companyId: closed.id },
      { event: 'mpin.proved', deviceId: device.id },
    ];
  });

  async function expectNoGain(): Promise<void> {
    expect((await userNow(auditor))?.staffRole).toBe('auditor');
    expect(await userNow(clerk)).toMatchObject({ role: 'user', permissions: 'mtoken' });
    expect((await userNow(fired))?.status).toBe('suspended');
    expect((await world.records.companies.find(closed.id))?.status).toBe('suspended');
    expect(await attemptsOf(device)).toBe(4);
  }

  it('changes nothing where nothing was lost: an auditor who appends a line is no operator (X-05, A-05, T27)', async () => {
    await see();
    const before = await head();
    await expect(restoreFromCopy(deps, copyOf(recordsAfter(before, wishes)), 'cli')).rejects.toMatchObject(conflict);
    expect(await head()).toEqual(before);
    await expectNoGain();
  });

  it.each(['behind what was seen', 'where nothing was seen'])(
    'raises no right, restores nobody and gives no attempt back, %s; what it takes away it takes (X-05, A-05, T27, S-07)',
    async (where) => {
      const wish = recordsAfter(await head(), [
        { event: 'server.started' },
        ...wishes,
        { event: 'user.suspended', userId: clerk.id },
      ]);
      await see(wish.slice(0, 1));
      if (where === 'where nothing was seen') deps = { ...deps, witness: heldWitness() };
      const report = await restoreFromCopy(deps, copyOf(wish), 'cli');
      await expectNoGain();
      expect((await userNow(clerk))?.status).toBe('suspended');
      expect(report).toMatchObject({ records: 7, unproved: where === 'behind what was seen' ? 6 : 7, changes: 1 });
      const [last] = await world.records.audit.search({ event: 'backup.restored' }, { order: 'newest', limit: 1 });
      expect(last?.data).toMatchObject({ how: 'copy', unproved: report.unproved });
      expect(report.toLookAt.map(({ event }) => event)).toEqual(wishes.slice(0, 4).map(({ event }) => event));
    },
  );

  it('raises no right even by records that were seen: they are listed, and somebody who may gives it again (X-05, T27)', async () => {
    const report = await drill(...wishes.slice(0, 4));
    expect(report).toMatchObject({ records: 4, unproved: 0, changes: 0 });
    expect(report.toLookAt.map(({ seq }) => seq)).toHaveLength(4);
    expect((await userNow(auditor))?.staffRole).toBe('auditor');
    expect((await userNow(fired))?.status).toBe('suspended');
    expect(await userNow(clerk)).toMatchObject({ role: 'user', permissions: 'mtoken' });
  });

  it('names events that there are not, and nothing comes of them but a line to look at (X-05)', async () => {
    const report = await drill({ event: 'constructor' }, { event: 'toString' }, { event: 'user.made_operator' });
    expect(report).toMatchObject({ changes: 0 });
    expect(report.toLookAt.map(({ event }) => event)).toEqual(['constructor', 'toString', 'user.made_operator']);
  });

  it('or that is another one when it is read again, changes nothing by its second reading (X-05, A-05)', async () => {
    const start = await head();
    const honest = recordsAfter(start, [{ event: 'server.started' }, { event: 'server.stopped' }]);
    const longer = [
      ...honest,
      ...recordsAfter(honest.at(-1) ?? start, [{ event: 'user.suspended', userId: clerk.id }]),
    ];
    await see(honest.slice(0, 1));
    expect(await restoreFromCopy(deps, copyOf(honest, longer), 'cli')).toMatchObject({ records: 2 });
    expect((await userNow(clerk))?.status).toBe('active');
    const [seen] = recordsAfter(await head(), [{ event: 'server.started' }]);
    const swapped = recordsAfter(await head(), [{ event: 'user.suspended', userId: clerk.id }]);
    await see(seen === undefined ? [] : [seen]);
    const swap = copyOf(seen === undefined ? [] : [seen], swapped);
    await expect(restoreFromCopy(deps, swap, 'cli')).rejects.toThrow('another one than was seen');
    expect((await userNow(clerk))?.status).toBe('active');
    expect((await standingOf(deps)).outcome).toBe('behind');
  });
});

describe('A restored backup', () => {
  it('gives nobody a role back that they lost, and lists what was given beside (X-05, R-14, T27)', async () => {
    const operator = await addUser(world, bankId, { staffRole: 'operator', status: 'active' });
    const support = await addUser(world, bankId, { staffRole: 'support', status: 'active' });
    const chief = await addUser(world, company.id, { role: 'administrator', permissions: 'full', status: 'active' });
    const both = await addUser(world, company.id, { role: 'administrator', permissions: 'mtoken', status: 'active' });
    const report = await drill(
      {
        event: 'user.staff_changed',
        userId: operator.id,
        data: { staffRoleBefore: 'operator', staffRoleAfter: 'auditor' },
      },
      {
        event: 'user.staff_changed',
        userId: support.id,
        data: { staffRoleBefore: 'support', staffRoleAfter: 'none' },
      },
      {
        event: 'user.updated',
        userId: chief.id,
        data: {
          roleBefore: 'administrator',
          roleAfter: 'user',
          permissionsBefore: 'full',
          permissionsAfter: 'mtoken',
        },
      },
      {
        event: 'user.updated',
        userId: both.id,
        data: {
          roleBefore: 'administrator',
          roleAfter: 'user',
          permissionsBefore: 'mtoken',
          permissionsAfter: 'full',
        },
      },
    );
    expect((await userNow(operator))?.staffRole).toBe('auditor');
    expect((await userNow(support))?.staffRole).toBeUndefined();
    expect(await userNow(chief)).toMatchObject({ role: 'user', permissions: 'mtoken' });
    expect(await userNow(both)).toMatchObject({ role: 'user', permissions: 'mtoken' });
    expect(report).toMatchObject({ records: 4, changes: 4 });
    expect(report.toLookAt.map(({ userId }) => userId)).toEqual([both.id]);
  });

  it('gives back the attempts that a proof gave back, where it was seen (S-07)', async () => {
    const device = await spentDevice(await addUser(world, company.id, { status: 'active' }));
    await drill({ event: 'mpin.proved', deviceId: device.id });
    expect(await attemptsOf(device)).toBe(0);
  });

  it('knows nobody again who was erased since, and erases nobody who is not removed (X-05, R-14, C-13)', async () => {
    const gone = await addUser(world, company.id, { name: 'Victor Victim', status: 'active' });
    const removed = await addUser(world, company.id, { name: 'Rita Removed', status: 'removed' });
    const here = await addUser(world, company.id, { name: 'Hanna Here', status: 'active' });
    const report = await drill(
      { event: 'user.removed', userId: gone.id },
      { event: 'user.erased', userId: gone.id },
      { event: 'user.erased', userId: removed.id },
      { event: 'user.erased', userId: here.id },
    );
    for (const user of [gone, removed]) {
      const now = await userNow(user);
      expect(now?.status).toBe('removed');
      expect(JSON.stringify(now)).not.toContain(user.name);
      expect(JSON.stringify(now)).not.toContain(user.email);
    }
    expect((await userNow(here))?.name).toBe('Hanna Here');
    expect(report).toMatchObject({ changes: 3 });
    expect(report.toLookAt.map(({ userId }) => userId)).toEqual([here.id]);
  });

  it('hides no record behind a thousand others: it says how many it does not list (X-05)', async () => {
    const made = Array.from({ length: 1_001 }, (_, index) => ({ event: 'user.created', userId: `usr_${index}` }));
    const report = await drill(...made, { event: 'order.created' }, { event: 'client.created', clientId: 'last' });
    expect(report.toLookAt).toHaveLength(1_000);
    expect(report).toMatchObject({ records: 1_003, notListed: 2 });
  });

  it('lists no payment that was signed since: its portal holds the receipt, and the record is back (X-05, T-06)', async () => {
    const report = await drill(
      { event: 'order.created', orderId: 'ord_1' },
      { event: 'order.approved', orderId: 'ord_1' },
      { event: 'order.redeemed', orderId: 'ord_1' },
    );
    expect(report).toMatchObject({ records: 3, changes: 0, toLookAt: [] });
  });
});

describe('An act of two people that was decided since the backup', () => {
  let asker: User;
  let second: User;
  let subject: User;
  let act: Act & { times: number };
  let id: string;
  let claimedId: string;
  let signing: SigningRequest;

  beforeEach(async () => {
    asker = await addUser(world, company.id, { status: 'active', role: 'administrator' });
    second = await addUser(world, company.id, { status: 'active', role: 'administrator' });
    subject = await addUser(world, company.id, { status: 'active' });
    act = {
      permission: 'users.suspend',
      endpoint: 'POST /users/:userId/suspend',
      takes: () => true,
      isFor: () => true,
      perform: async () => {
        act.times += 1;
      },
      times: 0,
    };
    id = await keep();
    claimedId = await keep();
    const claim = { id: claimedId, status: 'claimed', by: second.id, at: world.clock.now() } as const;
    await world.records.approvals.decide(claim);
    signing = sampleSigning(subject, { approvers: 2 });
    await world.records.signings.insert(signing);
    await world.records.signings.approve(sampleSigned(signing, asker));
  });

  async function keep(): Promise<string> {
    const request = { params: { userId: subject.id }, query: {}, body: { reason: 'x' } };
    return (await keepAct(world, { act, request, actor: actorOf(asker) })).id;
  }
  const actorOf = ({ id: userId }: User) => ({
    name: `user:${userId}`,
    userId,
    companyId: company.id,
    requestId: randomId('req'),
  });

  it.each(['from a copy', 'without a copy'])(
    'is not decided again after the drill %s, nor done a second time (X-05, T-15)',
    async (how) => {
      const lost = recordsAfter(await head(), [
        { event: 'approval.refused', companyId: company.id, userId: subject.id, data: { approvalId: id } },
      ]);
      await see(lost);
      const report =
        how === 'from a copy'
          ? await restoreFromCopy(deps, copyOf(lost), 'cli')
          : await restoreWithoutCopy(deps, 'cli');
      expect(report.approvalsFailed).toBe(2);
      for (const one of [id, claimedId])
        expect(await world.records.approvals.find(one)).toMatchObject({ status: 'failed', problem: 'restored' });
      await expect(approveAct(world, { id, act, actor: actorOf(second) })).rejects.toMatchObject(conflict);
      expect(act.times).toBe(0);
      const [last] = await world.records.audit.search({ event: 'backup.restored' }, { order: 'newest', limit: 1 });
      expect(last?.data).toMatchObject({ approvalsFailed: 2 });
      // Nor what was signed since: it waits for nobody, and takes no approval (T-12).
      expect(await world.records.signings.find(signing.id)).toMatchObject({ status: 'cancelled', given: 1 });
      expect(await world.records.signings.approve(sampleSigned(signing, subject))).toMatchObject({ isFirst: false });
    },
  );

  it.each(['from a copy', 'without a copy'])(
    'and what waited to be signed has ended for its portal too, by webhook and ping; of what had ended before no portal hears another end, %s (X-05, T-09)',
    async (how) => {
      const { records, clock, stores } = world;
      const metadata = { signing_webhook_uri: 'https://portal.example/signed' };
      await admin('portal', 'portal');
      const portal = (await records.clients.find('portal')) ?? expect.fail('no portal');
      await records.clients.update({ ...portal, metadata });
      const [answered, altered, asked] = [
        sampleSigning(subject),
        sampleSigning(subject),
        sampleSigning(subject, { door: 'backchannel' }),
      ];
      for (const one of [answered, altered, asked]) await records.signings.insert(one);
      await stores.durable.run('update signings set approvers = 2 where id = $1', [altered.id]);
      const row = { idLookup: 'asked', clientId: 'portal', userId: subject.id, createdAt: 1, endsAt: clock.now() + 1 };
      await records.backchannel.insert({ ...row, payload: '{"ping":{"token":"x","authReqId":"y"}}' });
      await records.backchannel.link('asked', asked.id, 1);
      await takeMessages(records, clock.now());
      const lost = recordsAfter(await head(), [
        { event: 'signing.approved', orderId: answered.id, data: { signingId: answered.id } },
        { event: 'signing.captured', orderId: altered.id, data: { signingId: altered.id, amount: 1 } },
      ]);
      await see(lost);
      if (how === 'from a copy') {
        // What was changed past the server stops no drill, and is looked at.
        const { toLookAt } = await restoreFromCopy(deps, copyOf(lost), 'cli');
        expect(toLookAt.map(({ event }) => event)).toContain('signing.captured');
      } else await restoreWithoutCopy(deps, 'cli');
      const left = await stores.durable.query("select id from signings where status = 'pending'");
      expect(left).toEqual([]);
      const messages = await takeMessages(records, clock.now());
      const told = messages.filter(({ kind }) => kind === 'portal_webhook').map(({ payload }) => JSON.parse(payload));
      const heard = [signing.id, asked.id, ...(how === 'from a copy' ? [] : [answered.id])];
      expect(told.map(({ data }) => data.signingId).sort()).toEqual(heard.sort());
      expect(new Set(told.map(({ type }) => type))).toEqual(new Set(['signing.cancelled']));
      expect(messages.filter(({ kind }) => kind === 'backchannel_ping')).toHaveLength(1);
      // A second drill tells nobody twice.
      await restoreWithoutCopy(deps, 'cli');
      expect((await takeMessages(records, clock.now())).filter(({ kind }) => kind === 'portal_webhook')).toEqual([]);
    },
  );

  it('is failed before anything is taken back: a drill that breaks off leaves none of them open (X-05, T-15)', async () => {
    const lost = recordsAfter(await head(), [{ event: 'server.started' }, { event: 'server.stopped' }]);
    await see(lost);
    let left = 1;
    const breaking = {
      ...deps,
      records: {
        ...world.records,
        audit: { ...world.records.audit },
        transaction: (async (work) =>
          world.records.transaction(async (records) =>
            work({
              ...records,
              audit: {
                ...records.audit,
                extend: async (entry) => {
                  left -= 1;
                  if (left < 0) throw new Error('the power went');
                  return records.audit.extend(entry);
                },
              },
            }),
          )) as typeof world.records.transaction,
      },
    };
    await expect(restoreFromCopy(breaking, copyOf(lost), 'cli')).rejects.toThrow('the power went');
    expect(await world.records.approvals.find(id)).toMatchObject({ status: 'failed', problem: 'restored' });
    await expect(requireNewest(deps, strictly)).rejects.toMatchObject(conflict);
    expect(await restoreFromCopy(deps, copyOf(lost), 'cli')).toMatchObject({ records: 1 });
    await requireNewest(deps, strictly);
  });
});

describe('A backup from before trails had names', () => {
  const seen = (seq: number, hash = 'ab'.repeat(32)) => deps.witness.replace({ trail: 'the live trail', seq, hash });

  it('is told by what was seen, and nobody declares it the newest (X-05, R-14)', async () => {
    await seen((await head()).seq + 50);
    expect((await standingOf(deps)).outcome).toBe('behind');
    await expect(declareNewest(deps, { actor: 'cli', reason: 'I say so' })).rejects.toMatchObject(conflict);
    await expect(requireNewest(deps, strictly)).rejects.toMatchObject(conflict);
  });

  it('and that was written to until it is as long, is told too (X-05)', async () => {
    await seen((await head()).seq);
    expect((await standingOf(deps)).outcome).toBe('forked');
    await expect(declareNewest(deps, { actor: 'cli', reason: 'I say so' })).rejects.toMatchObject(conflict);
  });

  it('is repaired by the copy of what was seen, and by no empty, shorter or other one (X-05, A-05)', async () => {
    const user = await addUser(world, company.id, { status: 'active' });
    const start = await head();
    const lost = recordsAfter(start, [{ event: 'server.started' }, { event: 'user.suspended', userId: user.id }]);
    const other = recordsAfter(start, [{ event: 'server.started' }, { event: 'server.stopped' }]);
    await seen(start.seq + 2, lost.at(-1)?.hash);
    for (const copy of [[], lost.slice(0, 1), other])
      await expect(restoreFromCopy(deps, copyOf(copy), 'cli')).rejects.toMatchObject(conflict);
    expect(await head()).toEqual(start);
    await restoreFromCopy(deps, copyOf(lost), 'cli');
    expect((await userNow(user))?.status).toBe('suspended');
    await requireNewest(deps, strictly);
  });
});

it('An empty copy repairs no database that nothing remembers (X-05, X-03)', async () => {
  await see();
  deps = { ...deps, witness: heldWitness() };
  await expect(restoreFromCopy(deps, copyOf([]), 'cli')).rejects.toThrow('repairs nothing');
  await expect(requireNewest(deps, strictly)).rejects.toMatchObject(conflict);
});

it('A machine whose key leaked and that was disabled since is off after a drill without a copy, as all machines (X-05, R-14)', async () => {
  for (const id of ['leaked-machine', 'operator-credential']) await admin(id);
  await admin('portal', 'portal');
  const user = await addUser(world, company.id, { status: 'active' });
  const device = await addDevice(world, user);
  await see(recordsAfter(await head(), [{ event: 'client.updated', clientId: 'leaked-machine' }]));
  const report = await restoreWithoutCopy(deps, 'cli');
  expect(report).toEqual({ devicesEnded: 1, clientsDisabled: 2, approvalsFailed: 0 });
  for (const id of ['leaked-machine', 'operator-credential'])
    expect((await world.records.clients.find(id))?.status).toBe('disabled');
  expect((await world.records.clients.find('portal'))?.status).toBe('active');
  expect((await world.records.devices.find(device.id))?.status).toBe('deactivated');
  const trail = await world.records.audit.search({ event: 'client.updated' }, { order: 'oldest', limit: 9 });
  expect(trail.map(({ clientId, data }) => [clientId, data?.['status']])).toEqual([
    ['leaked-machine', 'disabled'],
    ['operator-credential', 'disabled'],
  ]);
  await requireNewest(deps, strictly);
});
