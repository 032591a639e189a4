/** People of a company at the console: what takes two of them is kept, shown, decided and done through the API. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defaultRules } from '../../../src/companies/rules.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { addPerson, type ConsoleSystem, callAdmin, logInToConsole, startConsoleSystem } from '../console/desk.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addAdminClient, addUser, adminToken, registerPhone } from '../system/rig.ts';
import { codeOf, type RawAnswer, send } from '../system/wire.ts';

interface Person {
  readonly user: User;
  readonly cookie: () => string;
  /** Proves themselves for one act. */
  readonly confirm: () => Promise<unknown>;
}

let stores: SystemStores;
let desk: ConsoleSystem;
let alice: Person;
let bob: Person;
let operator: Person;
let auditor: Person;

const records = () => desk.system.server.stores.records;
const call = (who: Person, path: string, body?: unknown) =>
  callAdmin(desk, who.cookie(), path, body === undefined ? {} : { method: 'POST', body });
const patch = (who: Person, path: string, body: unknown) =>
  callAdmin(desk, who.cookie(), path, { method: 'PATCH', body });
const json = (answer: RawAnswer) => JSON.parse(answer.text) as Record<string, unknown> & { id: string };

async function comeIn(user: User): Promise<Person> {
  const phone = await registerPhone(desk.system, { user });
  const { browser } = await logInToConsole(desk, { phone, proof: 'fresh' });
  const confirm = () => logInToConsole(desk, { phone, browser, proof: 'confirmed' });
  return { user, confirm, cookie: () => browser.cookies(desk.origin) };
}

async function company(): Promise<Company> {
  const found = await records().companies.find(desk.system.company.id);
  if (found === undefined) throw new Error('no company');
  return found;
}

const rule = async (fourEyes: Company['rules']['fourEyes']) =>
  records().companies.update({ ...(await company()), rules: { ...defaultRules, fourEyes } });

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores);
  alice = await comeIn(await addPerson(desk, 'administrator'));
  bob = await comeIn(desk.system.administrator);
  operator = await comeIn(await addPerson(desk, 'operator'));
  auditor = await comeIn(await addPerson(desk, 'auditor'));
});
afterAll(async () => {
  await desk.system.close();
  await stores.close();
});
beforeEach(() => rule(['users.create', 'activations.create', 'devices.decide']));

let names = 0;
const newUser = () => ({
  companyId: desk.system.company.id,
  name: `New ${(names += 1)}`,
  email: `new${names}@northwind.example`,
});

async function usersNamed(name: string): Promise<number> {
  const users = await records().users.list(desk.system.company.id, { limit: 200 });
  return users.filter((user) => user.name === name).length;
}

describe('an act that takes two people', () => {
  it('is answered 202 with what waits, shown whole to the others, and done when one of them agrees (A-10, T-15)', async () => {
    const wanted = newUser();
    const asked = await call(alice, '/users', wanted);
    expect(asked.status, asked.text).toBe(202);
    const approval = json(asked);
    expect(approval).toMatchObject({
      permission: 'users.create',
      means: 'create a user',
      endpoint: 'POST /users',
      requestedBy: { id: alice.user.id, name: alice.user.name },
      status: 'pending',
      decidedBy: null,
    });
    expect(await usersNamed(wanted.name)).toBe(0);
    const listed = json(await call(bob, '/approvals?status=pending')) as unknown as { items: { id: string }[] };
    expect(listed.items.map(({ id }) => id)).toContain(approval.id);
    const shown = json(await call(bob, `/approvals/${approval.id}`));
    expect(shown['request']).toEqual({ params: {}, query: {}, body: wanted });
    const own = await call(alice, `/approvals/${approval.id}/approve`, {});
    expect([own.status, codeOf(own)]).toEqual([403, 'access_denied']);
    const agreed = await call(bob, `/approvals/${approval.id}/approve`, {});
    expect(agreed.status, agreed.text).toBe(200);
    expect(json(agreed)).toMatchObject({
      status: 'done',
      decidedBy: { id: bob.user.id, name: bob.user.name },
      result: { name: wanted.name, status: 'invited' },
    });
    expect(await usersNamed(wanted.name)).toBe(1);
    const again = await call(bob, `/approvals/${approval.id}/approve`, {});
    expect([again.status, codeOf(again)]).toEqual([409, 'conflict']);
    expect(await usersNamed(wanted.name)).toBe(1);
  });

  it('is kept once for one Idempotency-Key, and answered 202 again', async () => {
    const body = newUser();
    const headers = { 'idempotency-key': 'a-key-of-this-test' };
    const send = () => callAdmin(desk, alice.cookie(), '/users', { method: 'POST', body, headers });
    const [first, second] = [await send(), await send()];
    expect([first.status, second.status], second.text).toEqual([202, 202]);
    expect(json(second).id).toBe(json(first).id);
  });

  it('is done once by people who agree at the same moment', async () => {
    const wanted = newUser();
    const { id } = json(await call(alice, '/users', wanted));
    const answers = await Promise.all(
      [bob, operator, bob, operator, bob].map((who) => call(who, `/approvals/${id}/approve`, {})),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect(await usersNamed(wanted.name)).toBe(1);
  });

  it("is done at once by the bank's own people and machines, and by a company's machine: the rule is for its people", async () => {
    for (const who of [operator]) expect((await call(who, '/users', newUser())).status).toBe(201);
    const client = await addAdminClient(desk.system.server, { companyId: desk.system.company.id });
    const token = await adminToken(desk.system, client);
    const answer = await send(desk.system.adminUrl, {
      method: 'POST',
      path: '/admin/v1/users',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(newUser()),
    });
    expect(answer.status, answer.text).toBe(201);
    const { id } = json(await call(alice, '/users', newUser()));
    const decided = await send(desk.system.adminUrl, {
      method: 'POST',
      path: `/admin/v1/approvals/${id}/approve`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect([decided.status, codeOf(decided)]).toEqual([403, 'access_denied']);
  });

  it('is not decided by who may only look (T-15, X-07)', async () => {
    const { id } = json(await call(alice, '/users', newUser()));
    expect((await call(auditor, `/approvals/${id}`)).status).toBe(200);
    for (const [verb, body] of [
      ['approve', {}],
      ['refuse', { reason: 'no' }],
      ['withdraw', {}],
    ] as const) {
      expect((await call(auditor, `/approvals/${id}/${verb}`, body)).status, verb).toBe(403);
    }
  });

  it('is refused with a reason that who asked can read, or taken back by them', async () => {
    const refused = json(await call(alice, '/users', newUser()));
    expect((await call(bob, `/approvals/${refused.id}/refuse`, { reason: 'not our employee' })).status).toBe(200);
    expect(json(await call(alice, `/approvals/${refused.id}`))).toMatchObject({
      status: 'refused',
      decisionReason: 'not our employee',
    });
    const withdrawn = json(await call(alice, '/users', newUser()));
    expect((await call(bob, `/approvals/${withdrawn.id}/withdraw`, {})).status).toBe(403);
    expect(json(await call(alice, `/approvals/${withdrawn.id}/withdraw`, {}))).toMatchObject({ status: 'withdrawn' });
    expect((await call(bob, `/approvals/${withdrawn.id}/approve`, {})).status).toBe(409);
  });

  it('says why it was not done, and keeps that', async () => {
    const wanted = newUser();
    const { id } = json(await call(alice, '/users', wanted));
    expect((await call(operator, '/users', wanted)).status).toBe(201);
    const agreed = await call(bob, `/approvals/${id}/approve`, {});
    expect([agreed.status, codeOf(agreed)]).toEqual([409, 'already_exists']);
    expect(json(await call(bob, `/approvals/${id}`))).toMatchObject({ status: 'failed', problem: 'already_exists' });
  });
});

describe('an act that takes a confirmation on the phone', () => {
  it('takes one of each: of who asks, and of who agrees, whose own is used up (T-15, X-07)', async () => {
    await rule(['users.email']);
    const user = await addUser(desk.system.server, desk.system.company.id, { name: 'Mover' });
    const body = { email: 'moved@northwind.example', version: user.version };
    const ask = () => call(alice, `/users/${user.id}/email`, body);
    expect(codeOf(await ask())).toBe('proof_required');
    await alice.confirm();
    const asked = await ask();
    expect(asked.status, asked.text).toBe(202);
    const agree = () => call(bob, `/approvals/${json(asked).id}/approve`, {});
    const unconfirmed = await agree();
    expect([unconfirmed.status, codeOf(unconfirmed)]).toEqual([401, 'proof_required']);
    expect(json(await call(bob, `/approvals/${json(asked).id}`))).toMatchObject({ status: 'pending' });
    await bob.confirm();
    const agreed = await agree();
    expect(agreed.status, agreed.text).toBe(200);
    expect(await records().users.find(user.id)).toMatchObject({ email: 'moved@northwind.example' });
    expect(json(await call(bob, '/me'))).toMatchObject({ isConfirmed: false });
  });
});

describe('one administrator alone', () => {
  it('cannot end the rule, nor become two (T-15, T27)', async () => {
    const { id, version } = await company();
    const ended = await patch(alice, `/companies/${id}`, { version, rules: { fourEyes: [] } });
    expect(ended.status, ended.text).toBe(202);
    expect((await company()).rules.fourEyes).not.toEqual([]);
    await rule(['activations.create']);
    expect((await call(alice, '/users', { ...newUser(), role: 'administrator' })).status).toBe(202);
    const puppet = await addUser(desk.system.server, id, { name: 'Puppet' });
    const raised = await patch(alice, `/users/${puppet.id}`, { version: puppet.version, role: 'administrator' });
    expect(raised.status, raised.text).toBe(202);
    expect(await records().users.find(puppet.id)).toMatchObject({ role: 'user' });
  });

  it('does not decide on their own phone, asked for by another or not (T-15)', async () => {
    await records().companies.update({ ...(await company()), selfActivation: false });
    const own = await registerPhone(desk.system, { user: alice.user });
    const state = await own.state();
    if (state.kind !== 'registered') throw new Error('not registered');
    const path = `/devices/${state.deviceId}`;
    expect((await call(alice, `${path}/approve`, {})).status).toBe(403);
    expect((await call(alice, `${path}/refuse`, { reason: 'x' })).status).toBe(403);
    const asked = json(await call(bob, `${path}/approve`, {}));
    expect(asked).toMatchObject({ status: 'pending', subject: { id: alice.user.id } });
    expect((await call(alice, `/approvals/${asked.id}/approve`, {})).status).toBe(403);
    expect((await call(operator, `/approvals/${asked.id}/approve`, {})).status).toBe(200);
    expect(await records().devices.find(state.deviceId)).toMatchObject({ status: 'active' });
    await rule([]);
    const another = await registerPhone(desk.system, { user: alice.user });
    const pending = await another.state();
    if (pending.kind !== 'registered') throw new Error('not registered');
    const alone = await call(alice, `/devices/${pending.deviceId}/approve`, {});
    expect([alone.status, codeOf(alone)]).toEqual([403, 'access_denied']);
    await records().companies.update({ ...(await company()), selfActivation: true });
  });

  it('who has lost the role since, has nothing done that they asked for (T-15)', async () => {
    const user = await addPerson(desk, 'administrator');
    const carol = await comeIn(user);
    const wanted = newUser();
    const { id } = json(await call(carol, '/users', wanted));
    const now = await records().users.find(user.id);
    if (now === undefined) throw new Error('no user');
    await records().users.update({ ...now, role: 'user' });
    const agreed = await call(bob, `/approvals/${id}/approve`, {});
    expect([agreed.status, codeOf(agreed)]).toEqual([403, 'access_denied']);
    expect(await usersNamed(wanted.name)).toBe(0);
  });

  it('whose phone was stolen and reported, has nothing done that the thief asked for on it, with another phone or without (T-15, X-05)', async () => {
    const user = await addPerson(desk, 'administrator');
    const thief = await comeIn(user);
    const wanted = newUser();
    const { id } = json(await call(thief, '/users', wanted));
    const stolen = (await records().approvals.find(id))?.requestedWith ?? '';
    expect(await records().devices.find(stolen)).toMatchObject({ userId: user.id, status: 'active' });
    await registerPhone(desk.system, { user });
    expect((await call(bob, `/devices/${stolen}/deactivate`, { reason: 'stolen' })).status).toBe(200);
    const agreed = await call(bob, `/approvals/${id}/approve`, {});
    expect([agreed.status, codeOf(agreed)]).toEqual([403, 'access_denied']);
    expect(agreed.text).toContain('no longer in use');
    expect(json(await call(bob, `/approvals/${id}`))).toMatchObject({ status: 'failed', problem: 'device_ended' });
    expect(await usersNamed(wanted.name)).toBe(0);
  });

  it('does not give back an administrator who was shut out, and with them a second vote (T-15, T27)', async () => {
    const accomplice = await addPerson(desk, 'administrator');
    expect((await call(bob, `/users/${accomplice.id}/suspend`, { reason: 'fraud' })).status).toBe(200);
    const asked = await call(alice, `/users/${accomplice.id}/restore`, { reason: 'a mistake' });
    expect([asked.status, json(asked)['status']]).toEqual([202, 'pending']);
    expect(await records().users.find(accomplice.id)).toMatchObject({ status: 'suspended' });
    const ordinary = await addUser(desk.system.server, desk.system.company.id, { name: 'Ordinary' });
    for (const act of ['suspend', 'restore']) {
      expect((await call(alice, `/users/${ordinary.id}/${act}`, { reason: 'x' })).status, act).toBe(200);
    }
  });
});

describe('an invitation that takes two people', () => {
  it('gives its code to who agreed, once, and keeps it nowhere (R-02, R-03)', async () => {
    const user = await addUser(desk.system.server, desk.system.company.id, { name: 'Invited' });
    const { id } = json(await call(alice, `/users/${user.id}/activations`, {}));
    const agreed = json(await call(bob, `/approvals/${id}/approve`, {}));
    const { code } = agreed['result'] as { code: string };
    expect(code).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){5}$/);
    for (const who of [alice, bob]) {
      expect((await call(who, `/approvals/${id}`)).text).not.toContain(code);
      expect((await call(who, '/approvals')).text).not.toContain(code);
    }
    const kept = await desk.system.server.stores.durable.query('select * from approvals');
    expect(JSON.stringify(kept)).not.toContain(code);
  });
});
