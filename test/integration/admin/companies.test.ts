/** Companies, users and their data over the admin API, as the bank's and a company's own client ask for them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import { addAdminClient, addUser, adminToken, bank, registerPhone, type System, startSystem } from '../system/rig.ts';
import { codeOf, type RawAnswer, send } from '../system/wire.ts';

let stores: SystemStores;
let system: System;
let company: Company;
let bankToken: string;
let ownToken: string;
beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  company = await createCompany(system.server.capabilities.admin, { name: 'Grüne Wiese', userLimit: 50, actor: bank });
  bankToken = await adminToken(system, await addAdminClient(system.server));
  ownToken = await adminToken(system, await addAdminClient(system.server, { companyId: company.id }));
});
afterAll(async () => {
  await system.close();
  await stores.close();
});

function call(method: string, path: string, body?: unknown, token = bankToken): Promise<RawAnswer> {
  return send(system.adminUrl, {
    method,
    path: `/admin/v1${path}`,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
const json = <T>({ text }: RawAnswer): T => JSON.parse(text) as T;
const add = (name: string, given: Partial<User> = {}): Promise<User> =>
  addUser(system.server, company.id, { name, ...(given.role === undefined ? {} : { role: given.role }) });
const current = async (id: string): Promise<User> =>
  (await system.server.stores.records.users.find(id)) ?? expect.fail('no user');

describe('the rules of a company', () => {
  const patch = async (rules: unknown, token?: string): Promise<RawAnswer> => {
    const { version } = json<Company>(await call('GET', `/companies/${company.id}`));
    return call('PATCH', `/companies/${company.id}`, { version, rules }, token);
  };

  it('are changed member by member and shown whole; what is none is refused (P-28)', async () => {
    const changed = json<Company>(await patch({ sessionMinutes: 60, emailDomains: ['wiese.example'] }, ownToken));
    expect(changed.rules).toMatchObject({ sessionMinutes: 60, emailDomains: ['wiese.example'], sessionsPerUser: 10 });
    for (const rules of [
      { owner: 'me' },
      { hours: { days: [1], from: '08:00', until: '29:00', timeZone: 'UTC' } },
      { hours: { days: [1], from: '08:00', until: '18:00' } },
      { networks: ['192.0.2.0/24', { toString: 'x' }] },
      { networks: 'all' },
      { sessionMinutes: '60' },
      { fourEyes: ['devices.deactivate'] },
      { emailDomains: ['EXAMPLE.com'] },
      null,
    ]) {
      const answer = await patch(rules);
      expect([answer.status, codeOf(answer)], JSON.stringify(rules)).toEqual([400, 'invalid_request']);
    }
    expect(json<Company>(await call('GET', `/companies/${company.id}`)).rules).toEqual(changed.rules);
    expect((await patch({ permissions: 'full' }, ownToken)).status).toBe(403);
    const person = { companyId: company.id, name: 'Eve', email: 'eve@evil.example' };
    expect((await call('POST', '/users', person, ownToken)).status).toBe(400);
    expect((await patch({ emailDomains: [], sessionMinutes: 720 }, ownToken)).status).toBe(200);
  });
});

describe('a company', () => {
  it('is suspended and closed by the bank, with a reason, and by its own client never (T27)', async () => {
    const doomed = await createCompany(system.server.capabilities.admin, { name: 'Doomed', actor: bank });
    for (const verb of ['suspend', 'restore', 'close']) {
      expect((await call('POST', `/companies/${doomed.id}/${verb}`, {})).status).toBe(400);
      expect((await call('POST', `/companies/${company.id}/${verb}`, { reason: 'x' }, ownToken)).status).toBe(403);
    }
    const { version } = doomed;
    expect((await call('PATCH', `/companies/${doomed.id}`, { version, status: 'closed' })).status).toBe(400);
    const closed = await call('POST', `/companies/${doomed.id}/close`, { reason: 'moved away' });
    expect(json<Company>(closed).status).toBe('closed');
    expect((await call('POST', `/companies/${doomed.id}/restore`, { reason: 'x' })).status).toBe(409);
  });

  it('is found by a part of its name and by status; a company finds itself or nothing (T31)', async () => {
    const names = async (query: string, token?: string) =>
      json<{ items: Company[] }>(await call('GET', `/companies?${query}`, undefined, token)).items.map(
        ({ name }) => name,
      );
    expect(await names('search=grune')).toEqual(['Grüne Wiese']);
    expect(await names('search=grune&status=closed')).toEqual([]);
    expect(await names('search=northwind', ownToken)).toEqual([]);
    expect(await names('', ownToken)).toEqual(['Grüne Wiese']);
    expect((await call('GET', '/companies?status=gone')).status).toBe(400);
    expect((await call('GET', '/companies?search=')).status).toBe(400);
  });
});

describe('users', () => {
  it('are found by name, address, role and status, within one’s own reach (T31)', async () => {
    const user = await add('Žofie Hledaná');
    const boss = await add('Žofie Šéfová', { role: 'administrator' });
    const find = async (query: Record<string, string>, token?: string) =>
      json<{ items: User[] }>(await call('GET', `/users?${new URLSearchParams(query)}`, undefined, token)).items.map(
        ({ id }) => id,
      );
    expect((await find({ search: 'zofie' })).sort()).toEqual([user.id, boss.id].sort());
    expect(await find({ search: 'ZOFIE', role: 'administrator' })).toEqual([boss.id]);
    expect(await find({ search: user.email.toUpperCase() })).toEqual([user.id]);
    expect(await find({ search: 'zofie', status: 'active' })).toEqual([]);
    expect(await find({ search: system.user.email }, ownToken)).toEqual([]);
    expect(await find({ search: 'ada', companyId: system.company.id }, ownToken)).toEqual([]);
    expect((await call('GET', '/users?role=owner')).status).toBe(400);
    expect((await call('GET', `/users?search=${'x'.repeat(121)}`)).status).toBe(400);
  });

  it('have a document that is shown to who may see them, and another address by an act of its own', async () => {
    const { id, version } = await add('Dora Document');
    const document = { reference: 'ID 12', expiresAt: 1_900_000_000_000 };
    const changed = json<User>(await call('PATCH', `/users/${id}`, { version, document }, ownToken));
    expect(changed).toMatchObject({ document });
    const without = await call('PATCH', `/users/${id}`, { version: changed.version, document: null }, ownToken);
    expect(json<{ document: null }>(without).document).toBeNull();
    const email = 'dora.new@northwind.example';
    const stale = await call('POST', `/users/${id}/email`, { version, email }, ownToken);
    expect([stale.status, codeOf(stale)]).toEqual([409, 'conflict']);
    const moved = await call('POST', `/users/${id}/email`, { version: version + 2, email }, ownToken);
    expect(json<User>(moved)).toMatchObject({ email, version: version + 3 });
  });

  it('who are administrators are not all removed by the company’s own client', async () => {
    const only = await createCompany(system.server.capabilities.admin, { name: 'Only One', userLimit: 5, actor: bank });
    const boss = await addUser(system.server, only.id, { name: 'Only Boss', role: 'administrator' });
    const token = await adminToken(system, await addAdminClient(system.server, { companyId: only.id }));
    for (const verb of ['suspend', 'remove']) {
      const answer = await call('POST', `/users/${boss.id}/${verb}`, { reason: 'x' }, token);
      expect([answer.status, codeOf(answer)], verb).toEqual([409, 'conflict']);
    }
    const demoted = await call('PATCH', `/users/${boss.id}`, { version: boss.version, role: 'user' }, token);
    expect(demoted.status).toBe(409);
    expect((await call('POST', `/users/${boss.id}/remove`, { reason: 'x' })).status).toBe(200);
  });
});

describe('the data of a person', () => {
  it('comes as a file with all that is held, logins included, and is erased once the person is removed (A-03, A-13)', async () => {
    const name = 'Quirina Quintessential';
    const user = await addUser(system.server, system.company.id, { name });
    const phone = await registerPhone(system, { user });
    await logIn(system.portal, phone);
    const file = await call('POST', `/users/${user.id}/personal-data`, { reason: 'asked by the person' });
    expect(file.status).toBe(200);
    expect(file.headers['content-type']).toContain('application/json');
    expect(file.headers['content-disposition']).toContain(`personal-data-${user.id}.json`);
    const held = json<{
      user: User;
      devices: object[];
      sessions: object[];
      messages: object[];
      audit: { event: string }[];
    }>(file);
    expect(held.user).toMatchObject({ name, email: user.email });
    expect(held.devices).toHaveLength(1);
    expect(held.sessions).toMatchObject([{ portals: [system.portal.id] }]);
    expect(held.messages.length).toBeGreaterThan(0);
    expect(held.audit.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['user.created', 'registration.finished', 'login.completed', 'user.exported']),
    );
    expect(file.text).not.toMatch(/verifier|"salt"|vaultKey|cookie|pinAttempts/);
    const foreign = await call('POST', `/users/${user.id}/personal-data`, { reason: 'x' }, ownToken);
    expect(foreign.status).toBe(404);
    expect((await call('POST', `/users/${user.id}/erase`, { reason: 'asked' })).status).toBe(409);
    await call('POST', `/users/${user.id}/remove`, { reason: 'left' });
    const erased = await call('POST', `/users/${user.id}/erase`, { reason: 'asked' });
    expect(erased.status).toBe(200);
    expect(erased.text).not.toContain('Quirina');
    expect(await current(user.id)).toMatchObject({ status: 'removed', document: undefined });
    // Everything that happened to a person from the creation to the end, and no name or address in it.
    const trail = JSON.stringify(await system.server.stores.records.audit.read(0, 5_000));
    expect(trail).toContain(user.id);
    expect(trail).not.toMatch(/Quirina|Quintessential/);
    expect(trail).not.toContain(user.email);
  });
});
