/** Acts that take two people: who may ask, who may agree, and that it is done once, whatever dies in between. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takesTwo } from '../../../src/approvals/acts.ts';
import {
  type Act,
  approveAct,
  findApproval,
  keepAct,
  refuseAct,
  withdrawAct,
} from '../../../src/approvals/approvals.ts';
import { eraseOldRequests, settleInterrupted } from '../../../src/approvals/interrupted.ts';
import type { KeptRequest } from '../../../src/approvals/store.ts';
import { type Actor, actedBy } from '../../../src/companies/actor.ts';
import { erasePersonalData } from '../../../src/companies/personal-data.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { removeUser } from '../../../src/companies/user-status.ts';
import { createUser } from '../../../src/companies/users.ts';
import { deactivateDevice, deactivateUserDevices } from '../../../src/devices/devices.ts';
import type { Device } from '../../../src/devices/store.ts';
import { AuthError } from '../../../src/errors.ts';
import { addCompany, addDevice, addUser, auditTrail, openWorld, takeNotices, type World } from '../companies/world.ts';

let world: World;
let company: Company;
let asker: User;
let second: User;
let subject: User;
let phone: Device;

beforeEach(async () => {
  world = await openWorld();
  company = await addCompany(world);
  asker = await addUser(world, company.id, { role: 'administrator', status: 'active', name: 'Alice' });
  phone = await addDevice(world, asker);
  second = await addUser(world, company.id, { role: 'administrator', status: 'active', name: 'Bob' });
  subject = await addUser(world, company.id, { status: 'active' });
});
afterEach(() => world.stores.close());

let requests = 0;
const actorOf = ({ id, companyId }: User): Actor => {
  requests += 1;
  const deviceId = id === asker.id ? phone.id : undefined;
  return { name: `user:${id}`, userId: id, deviceId, companyId, address: '192.0.2.1', requestId: `req_${requests}` };
};
/** One of the bank's own people: confined to no company. */
const operator = (): Actor => ({ ...actorOf(second), companyId: undefined });

/** An act that leaves its mark in the trail, as every act of the API does, and counts how often it was done. */
function markedAct(
  changes: Partial<Act> = {},
): Act & { readonly done: { actor: Actor; user: User; request: KeptRequest }[] } {
  const done: { actor: Actor; user: User; request: KeptRequest }[] = [];
  return {
    permission: 'users.change',
    endpoint: 'PATCH /users/:userId',
    takes: () => true,
    isFor: ({ role }) => role === 'administrator',
    perform: async (request, actor, user) => {
      await world.records.audit.append(
        { event: 'user.updated', ...actedBy(actor), companyId: user.companyId },
        world.clock.now(),
      );
      done.push({ request, actor, user });
      return { ok: true };
    },
    ...changes,
    done,
  };
}

const request = (): KeptRequest => ({
  params: { userId: subject.id },
  query: {},
  body: { reason: 'because', name: 'X' },
});
const keep = (act: Act, who = asker, kept = request()) => keepAct(world, { act, request: kept, actor: actorOf(who) });
const approve = (id: string, act: Act, actor = actorOf(second)) => approveAct(world, { id, act, actor });
const stateOf = async (id: string) => (await world.records.approvals.find(id))?.status;
const denied = { code: 'access_denied' };
const decided = { code: 'conflict' };

describe('an act that takes two people', () => {
  it('is not done when the first asks; the other administrators are told, and nobody else (A-10, T-15, T32)', async () => {
    const stranger = await addCompany(world);
    await addUser(world, stranger.id, { role: 'administrator', status: 'active' });
    await takeNotices(world.records, world.clock.now());
    const act = markedAct();
    const approval = await keep(act);
    expect(act.done).toEqual([]);
    expect(approval).toMatchObject({
      companyId: company.id,
      requestedBy: asker.id,
      requestedByName: 'Alice',
      subjectId: subject.id,
      reason: 'because',
      status: 'pending',
      expiresAt: world.clock.now() + 604_800_000,
    });
    const notices = await takeNotices(world.records, world.clock.now());
    expect(notices.map(({ event, recipient }) => [event, recipient])).toEqual([['approval.wanted', second.id]]);
    // What was asked is not for a mailbox.
    expect(JSON.stringify(notices)).not.toContain('because');
  });

  it('is done as it stands when another agrees, as who asked, with both in the trail (A-10)', async () => {
    const act = markedAct();
    const { id } = await keep(act);
    const actor = actorOf(second);
    const { approval, result } = await approve(id, act, actor);
    expect(result).toEqual({ ok: true });
    expect(approval).toMatchObject({ status: 'done', decidedBy: second.id, decidedByName: 'Bob' });
    expect(act.done).toHaveLength(1);
    expect(act.done[0]).toMatchObject({
      request: request(),
      actor: { name: `user:${asker.id}`, userId: asker.id, companyId: company.id, requestId: actor.requestId },
    });
    const trail = (await world.records.audit.read(0, 100)).slice(-4);
    const data = { approvalId: id, permission: 'users.change', endpoint: 'PATCH /users/:userId' };
    const agreed = { actor: `user:${second.id}`, userId: subject.id, data: { ...data, requestedBy: asker.id } };
    expect(trail).toMatchObject([
      {
        event: 'approval.requested',
        actor: `user:${asker.id}`,
        userId: subject.id,
        data: { ...data, reason: 'because' },
      },
      { event: 'approval.approved', ...agreed },
      { event: 'user.updated', actor: `user:${asker.id}`, requestId: actor.requestId },
      { event: 'approval.done', ...agreed },
    ]);
  });

  it('is agreed to by nobody who asked, by nobody whom it is about, by no machine and no other company (T-15, T31)', async () => {
    const act = markedAct();
    const { id } = await keep(act, asker, { ...request(), params: { userId: second.id } });
    await expect(approve(id, act, actorOf(asker))).rejects.toMatchObject(denied);
    await expect(approve(id, act, actorOf(second))).rejects.toMatchObject(denied);
    await expect(refuseAct(world, { id, reason: 'no', actor: actorOf(second) })).rejects.toMatchObject(denied);
    await expect(refuseAct(world, { id, reason: 'no', actor: actorOf(asker) })).rejects.toMatchObject(denied);
    const machine = { name: 'client:x', companyId: company.id };
    await expect(approve(id, act, machine)).rejects.toMatchObject(denied);
    await expect(approve(id, act, { name: 'cli' })).rejects.toMatchObject(denied);
    const other = await addCompany(world);
    const stranger = await addUser(world, other.id, { role: 'administrator', status: 'active' });
    await expect(approve(id, act, actorOf(stranger))).rejects.toMatchObject({ code: 'not_found' });
    await expect(findApproval(world, id, actorOf(stranger))).rejects.toMatchObject({ code: 'not_found' });
    expect(act.done).toEqual([]);
    expect(await stateOf(id)).toBe('pending');
  });

  it("is not even kept where it is about another company's, or is a decision on one's own device (T31)", async () => {
    const other = await addUser(world, (await addCompany(world)).id);
    await expect(keep(markedAct(), asker, { ...request(), params: { userId: other.id } })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(
      keep(markedAct(), asker, { ...request(), params: { companyId: other.companyId } }),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
    const device = await addDevice(world, asker, { status: 'pending' });
    const decide = markedAct({ permission: 'devices.decide' });
    await expect(keep(decide, asker, { ...request(), params: { deviceId: device.id } })).rejects.toMatchObject(denied);
    const { id } = await keep(decide, second, { ...request(), params: { deviceId: device.id } });
    await expect(approve(id, decide, actorOf(asker))).rejects.toMatchObject(denied);
  });

  it('is done once by twenty who agree at the same moment (P-03, T-15)', async () => {
    const act = markedAct();
    const { id } = await keep(act);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => approve(id, act)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(act.done).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(decided);
    }
    const trail = await auditTrail(world.records);
    expect(trail.filter((event) => event === 'approval.approved')).toHaveLength(1);
  });

  it.each([
    ['was suspended', (user: User) => ({ ...user, status: 'suspended' as const })],
    ['was removed', (user: User) => ({ ...user, status: 'removed' as const })],
    ['is no administrator any more', (user: User) => ({ ...user, role: 'user' as const })],
  ])('is not done where who asked %s since, and never afterwards (T-15)', async (_, change) => {
    const act = markedAct();
    const { id } = await keep(act);
    await world.records.users.update(change(asker));
    await expect(approve(id, act)).rejects.toMatchObject(denied);
    expect(await world.records.approvals.find(id)).toMatchObject({ status: 'failed', problem: 'access_denied' });
    const now = await world.records.users.find(asker.id);
    if (now !== undefined && now.status !== 'removed')
      await world.records.users.update({ ...asker, version: now.version });
    await expect(approve(id, act)).rejects.toMatchObject(decided);
    expect(act.done).toEqual([]);
    expect((await auditTrail(world.records)).filter((event) => event === 'approval.failed')).toHaveLength(1);
  });

  it('is not done in a company that was suspended, nor by a server that takes another request by now', async () => {
    const act = markedAct();
    const first = await keep(act);
    await expect(approve(first.id, markedAct({ takes: () => false }))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    const another = await keep(act);
    await expect(approve(another.id, markedAct({ permission: 'users.email' }))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    const third = await keep(act);
    await world.records.companies.update({ ...company, status: 'suspended' });
    await expect(approve(third.id, act, operator())).rejects.toMatchObject(denied);
    expect(act.done).toEqual([]);
  });

  it('expires after seven days, whoever agrees then', async () => {
    const act = markedAct();
    const { id } = await keep(act);
    world.clock.advance(604_800_000);
    await expect(approve(id, act)).rejects.toMatchObject({
      ...decided,
      publicMessage: expect.stringContaining('expired'),
    });
    await expect(refuseAct(world, { id, reason: 'no', actor: actorOf(second) })).rejects.toMatchObject(decided);
    expect(act.done).toEqual([]);
  });

  it('that was refused or taken back is never done; only who asked takes it back', async () => {
    const act = markedAct();
    const refused = await keep(act);
    await refuseAct(world, { id: refused.id, reason: 'not now', actor: actorOf(second) });
    await expect(approve(refused.id, act)).rejects.toMatchObject(decided);
    expect(await world.records.approvals.find(refused.id)).toMatchObject({
      status: 'refused',
      decisionReason: 'not now',
    });
    const withdrawn = await keep(act);
    await expect(withdrawAct(world, { id: withdrawn.id, actor: actorOf(second) })).rejects.toMatchObject(denied);
    await withdrawAct(world, { id: withdrawn.id, actor: actorOf(asker) });
    await expect(approve(withdrawn.id, act)).rejects.toMatchObject(decided);
    expect(act.done).toEqual([]);
    expect(await auditTrail(world.records)).toEqual(expect.arrayContaining(['approval.refused', 'approval.withdrawn']));
  });

  it('says why it could not be done, and is not tried again', async () => {
    const act = markedAct({
      perform: async () => {
        throw new AuthError('limit_reached');
      },
    });
    const { id } = await keep(act);
    await expect(approve(id, act)).rejects.toMatchObject({ code: 'limit_reached' });
    expect(await world.records.approvals.find(id)).toMatchObject({ status: 'failed', problem: 'limit_reached' });
    await expect(approve(id, act)).rejects.toMatchObject(decided);
  });

  it('forgets what was asked a month after it ended, and keeps who decided', async () => {
    const act = markedAct();
    const { id } = await keep(act);
    const waiting = await keep(act);
    await approve(id, act);
    world.clock.advance(6 * 86_400_000);
    await eraseOldRequests(world);
    expect(await findApproval(world, id, actorOf(second))).toMatchObject({ request: request() });
    world.clock.advance(25 * 86_400_000);
    await eraseOldRequests(world);
    const forgotten = await findApproval(world, id, actorOf(second));
    expect(forgotten).toMatchObject({ approval: { status: 'done', decidedBy: second.id }, request: undefined });
    // That one expired a week after it was asked for.
    expect(await findApproval(world, waiting.id, actorOf(second))).toMatchObject({ request: request() });
    await expect(approve(id, act)).rejects.toMatchObject(decided);
  });

  it('waits with so many others at most: nobody fills the store', async () => {
    const act = markedAct();
    for (let index = 0; index < 200; index += 1) await keep(act);
    await expect(keep(act)).rejects.toMatchObject({ code: 'limit_reached' });
  });
});

describe('a phone that was stolen', () => {
  const byServer = { actor: 'cli', reason: 'stolen' };

  it('has nothing done that its thief asked for before it was reported, though its owner has another (T-15, X-05)', async () => {
    const act = markedAct();
    await addDevice(world, asker, { name: 'New phone' });
    const { id } = await keep(act);
    await deactivateDevice(world, { deviceId: phone.id, ...byServer });
    await expect(approve(id, act)).rejects.toMatchObject({
      ...denied,
      publicMessage: expect.stringContaining('phone with which it was asked for'),
    });
    expect(act.done).toEqual([]);
    expect(await world.records.approvals.find(id)).toMatchObject({
      status: 'failed',
      problem: 'device_ended',
      requestedWith: phone.id,
    });
    expect((await world.records.audit.read(0, 100)).at(-1)).toMatchObject({
      event: 'approval.failed',
      actor: `user:${second.id}`,
      data: { approvalId: id, problem: 'device_ended' },
    });
    await expect(approve(id, act)).rejects.toMatchObject(decided);
  });

  it('has nothing done that was kept before phones were noted, once its owner has none in use (T-15, X-05)', async () => {
    const act = markedAct();
    const unnoted = { ...actorOf(asker), deviceId: undefined };
    const first = await keepAct(world, { act, request: request(), actor: unnoted });
    const another = await keepAct(world, { act, request: request(), actor: unnoted });
    await approve(first.id, act);
    expect(await stateOf(first.id)).toBe('done');
    await deactivateUserDevices(world, { userId: asker.id, ...byServer });
    await expect(approve(another.id, act)).rejects.toMatchObject(denied);
    expect(await world.records.approvals.find(another.id)).toMatchObject({ status: 'failed', problem: 'device_ended' });
    expect(act.done).toHaveLength(1);
  });

  it('counts as ended where its thief has spent the five attempts, whatever its status says (T-15, L-01)', async () => {
    const act = markedAct();
    const { id } = await keep(act);
    for (let attempt = 0; attempt < 5; attempt += 1)
      await world.records.attempts.spend({ kind: 'mpin', deviceId: phone.id, epoch: 1 }, 5);
    const patient = { ...world, pause: async () => undefined };
    await expect(approveAct(patient, { id, act, actor: actorOf(second) })).rejects.toMatchObject(denied);
    expect(act.done).toEqual([]);
    expect((await world.records.devices.find(phone.id))?.status).toBe('blocked');
  });
});

describe('a person who was created by two', () => {
  it('is erased from what was kept of the creation, too (A-13, T-15)', async () => {
    const body = { companyId: company.id, name: 'Victor Victim', email: 'victor@victim.example' };
    const act = markedAct({
      permission: 'users.create',
      endpoint: 'POST /users',
      perform: (_request, actor) => createUser(world, { ...body, actor }),
    });
    const { id } = await keep(act, asker, { params: undefined, query: undefined, body });
    const { result } = await approve(id, act);
    const { id: userId } = result as User;
    expect(await world.records.approvals.find(id)).toMatchObject({ status: 'done', subjectId: userId });
    expect(await world.records.approvals.request(id)).toMatchObject({ body });
    const doer = { name: 'cli' };
    await removeUser(world, { userId, reason: 'left', actor: doer });
    await erasePersonalData(world, { userId, reason: 'asked', actor: doer });
    expect(await world.records.approvals.request(id)).toBeUndefined();
    expect(JSON.stringify(await world.records.approvals.find(id))).not.toContain('Victor');
  });

  it('is erased from it where the server that created them died, and the end was said afterwards (A-13)', async () => {
    const body = { companyId: company.id, name: 'Victor Victim', email: 'victor@victim.example' };
    let made = '';
    const act = markedAct({
      permission: 'users.create',
      endpoint: 'POST /users',
      perform: async (_request, actor) => {
        made = (await createUser(world, { ...body, actor })).id;
        throw new AuthError('unavailable');
      },
    });
    const kept = { params: undefined, query: undefined, body };
    const [first, later] = [await keep(act, asker, kept), await keep(act, asker, kept)];
    await expect(approve(first.id, act)).rejects.toMatchObject({ code: 'unavailable' });
    const doer = { name: 'cli' };
    await removeUser(world, { userId: made, reason: 'left', actor: doer });
    await erasePersonalData(world, { userId: made, reason: 'asked', actor: doer });
    world.clock.advance(301_000);
    await settleInterrupted(world);
    expect(await world.records.approvals.find(first.id)).toMatchObject({ status: 'done', subjectId: made });
    expect(await world.records.approvals.request(first.id)).toBeUndefined();
    // The other one waits as before: it is about nobody yet.
    expect(await world.records.approvals.request(later.id)).toMatchObject({ body });
  });
});

describe('a server that dies while an act is done', () => {
  /** As far as the claim, and then nothing: what is left of a process that was killed. */
  async function killed({ afterTheAct }: { readonly afterTheAct: boolean }): Promise<string> {
    const act = markedAct();
    const { id } = await keep(act);
    const never = markedAct({
      perform: async (kept, actor, user) => {
        if (afterTheAct) await act.perform(kept, actor, user);
        return new Promise(() => undefined);
      },
    });
    void approve(id, never);
    await expect
      .poll(async () => (await auditTrail(world.records)).at(-1))
      .toBe(afterTheAct ? 'user.updated' : 'approval.approved');
    return id;
  }

  it('leaves a claim that nobody can have done again', async () => {
    const id = await killed({ afterTheAct: false });
    expect(await stateOf(id)).toBe('claimed');
    const act = markedAct();
    await expect(approve(id, act)).rejects.toMatchObject(decided);
    expect(act.done).toEqual([]);
  });

  it.each([
    [true, 'done', undefined],
    [false, 'failed', 'interrupted'],
  ] as const)(
    'is made up for from the trail: the act was done %s, so it is %s',
    async (afterTheAct, status, problem) => {
      const id = await killed({ afterTheAct });
      await settleInterrupted(world);
      // A request may be under way.
      expect(await stateOf(id)).toBe('claimed');
      world.clock.advance(301_000);
      await Promise.all([settleInterrupted(world), settleInterrupted(world)]);
      expect(await world.records.approvals.find(id)).toMatchObject({ status, problem });
      const settled = (await world.records.audit.read(0, 100)).filter(({ event }) => event === `approval.${status}`);
      expect(settled).toHaveLength(1);
      expect(settled[0]).toMatchObject({ actor: 'server', data: { approvalId: id, requestedBy: asker.id } });
    },
  );

  it("takes no other act of who asked for it: the approval's own request alone counts", async () => {
    const id = await killed({ afterTheAct: false });
    const elsewhere = actorOf(asker);
    await world.records.audit.append(
      { event: 'user.updated', ...actedBy(elsewhere), companyId: company.id },
      world.clock.now(),
    );
    world.clock.advance(301_000);
    await settleInterrupted(world);
    expect(await stateOf(id)).toBe('failed');
  });

  it.each(['unavailable', 'internal'] as const)(
    'or whose act committed and got no answer (%s), does not have it written as failed: the trail decides (X-05, P-03)',
    async (code) => {
      const done = markedAct();
      const unanswered = (isDone: boolean) =>
        markedAct({
          perform: async (kept, actor, user) => {
            if (isDone) await done.perform(kept, actor, user);
            throw new AuthError(code);
          },
        });
      const [one, other] = [await keep(done), await keep(done)];
      await expect(approve(one.id, unanswered(true))).rejects.toMatchObject({ code });
      await expect(approve(other.id, unanswered(false))).rejects.toMatchObject({ code });
      expect([await stateOf(one.id), await stateOf(other.id)]).toEqual(['claimed', 'claimed']);
      await expect(approve(one.id, done)).rejects.toMatchObject(decided);
      world.clock.advance(301_000);
      await settleInterrupted(world);
      expect([await stateOf(one.id), await stateOf(other.id)]).toEqual(['done', 'failed']);
      expect(done.done).toHaveLength(1);
    },
  );

  it('finds what was done behind whatever else who asked does meanwhile: nobody hides it under records (X-05, A-04)', async () => {
    const act = markedAct();
    const { id } = await keep(act);
    const busy = async () => {
      const record = { event: 'user.updated', ...actedBy(actorOf(asker)), companyId: company.id } as const;
      for (let index = 0; index < 201; index += 1) await world.records.audit.append(record, world.clock.now());
    };
    const unanswered = markedAct({
      perform: async (kept, actor, user) => {
        await busy();
        await act.perform(kept, actor, user);
        throw new AuthError('unavailable');
      },
    });
    await expect(approve(id, unanswered)).rejects.toMatchObject({ code: 'unavailable' });
    world.clock.advance(301_000);
    await settleInterrupted(world);
    expect(await stateOf(id)).toBe('done');
  });
});

describe('which acts take two people', () => {
  const rules = { fourEyes: ['users.restore'] } as const;

  it('is none where the company names none', () => {
    for (const permission of ['companies.change', 'users.create', 'users.restore', 'users.email']) {
      expect(takesTwo({ fourEyes: [] }, { permission, body: { role: 'administrator' } }), permission).toBe(false);
    }
  });

  it('is what the company names, and with it all by which one person could be two or end the rule (T-15, T27)', () => {
    expect(takesTwo(rules, { permission: 'users.restore', body: {} })).toBe(true);
    expect(takesTwo(rules, { permission: 'companies.change', body: { version: 1, rules: { fourEyes: [] } } })).toBe(
      true,
    );
    expect(takesTwo(rules, { permission: 'users.email', body: {} })).toBe(true);
    expect(takesTwo(rules, { permission: 'users.create', body: { role: 'administrator' } })).toBe(true);
    expect(takesTwo(rules, { permission: 'users.change', body: { role: 'administrator' } })).toBe(true);
  });

  it('is changing how many people sign, where several do: nobody takes that away, signs alone and puts it back (T-15, T27)', () => {
    const several = { fourEyes: [], approvers: [{ templates: ['payment'], needed: 2 }] } as const;
    const change = (body: object) => takesTwo(several, { permission: 'companies.change', body });
    expect(change({ version: 1, rules: { approvers: [] } })).toBe(true);
    expect(change({ version: 1, rules: { approvers: [{ templates: ['payment'], needed: 3 }] } })).toBe(true);
    expect(change({ version: 1, rules: { approvers: several.approvers } })).toBe(false);
    expect(change({ version: 1, name: 'Another name', rules: { sessionsPerUser: 2 } })).toBe(false);
    const first = { version: 1, rules: { approvers: several.approvers } };
    expect(takesTwo({ fourEyes: [], approvers: [] }, { permission: 'companies.change', body: first })).toBe(false);
  });

  it('is giving an administrator back, wherever anything takes two: one who was shut out is no second person (T-15, T27)', () => {
    const creating = { fourEyes: ['users.create'] } as const;
    const restoring = { permission: 'users.restore', body: { reason: 'x' } };
    expect(takesTwo(creating, { ...restoring, subjectRole: 'administrator' })).toBe(true);
    expect(takesTwo(creating, { ...restoring, subjectRole: 'user' })).toBe(false);
    expect(takesTwo(creating, restoring)).toBe(false);
    expect(takesTwo({ fourEyes: [] }, { ...restoring, subjectRole: 'administrator' })).toBe(false);
    for (const permission of ['users.suspend', 'users.remove', 'devices.deactivate']) {
      const stopping = { permission, body: { reason: 'x' }, subjectRole: 'administrator' } as const;
      expect(takesTwo(creating, stopping), permission).toBe(false);
    }
  });

  it('is nothing else: an emergency takes one', () => {
    expect(takesTwo(rules, { permission: 'users.create', body: { role: 'user' } })).toBe(false);
    for (const permission of ['users.change', 'users.suspend', 'devices.deactivate', 'activations.create']) {
      expect(takesTwo(rules, { permission, body: { reason: 'x' } }), permission).toBe(false);
    }
  });
});
