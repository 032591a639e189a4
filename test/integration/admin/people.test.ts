/** Who may do what as a person: every role at the console against every endpoint of the list, with and without the proof that it takes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdminEndpoint } from '../../../src/admin/endpoint.ts';
import { type Permission, permission, permissions, type Reach } from '../../../src/admin/permissions.ts';
import { adminEndpoints } from '../../../src/admin/routes.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import type { Browser } from '../../../src/demo/browser.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { type ConsoleSystem, callAdmin, logInToConsole, personAtConsole, startConsoleSystem } from '../console/desk.ts';
import { adminBodies, unknownIds } from '../system/admin-bodies.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addUser, bank, deviceIdOf, registerPhone } from '../system/rig.ts';
import { assertHarmless, codeOf, pathOf, type RawAnswer } from '../system/wire.ts';

const roles = ['operator', 'support', 'auditor', 'administrator'] as const;
type ConsoleRole = (typeof roles)[number];

interface Person {
  readonly user: User;
  readonly phone: Phone;
  readonly browser: Browser;
}

let stores: SystemStores;
let desk: ConsoleSystem;
let offset = 0;
let other: Company;
let otherUser: User;
let otherIds: Readonly<Record<string, string>>;
const people = new Map<ConsoleRole, Person>();
// The list is data: nothing of its dependencies is touched until an endpoint is called.
const endpoints = adminEndpoints({} as Parameters<typeof adminEndpoints>[0]);

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores, { clock: { now: () => systemClock.now() + offset } });
  const { server } = desk.system;
  const policies = { name: 'Other Ltd', userLimit: 5, selfActivation: true, actor: bank };
  other = await createCompany(server.capabilities.admin, policies);
  otherUser = await addUser(server, other.id, { name: 'Olga Other' });
  const deviceId = await deviceIdOf(await registerPhone(desk.system, { user: otherUser }));
  otherIds = { ...unknownIds, companyId: other.id, userId: otherUser.id, deviceId };
  for (const role of roles) people.set(role, await personAtConsole(desk, role));
});

afterEach(() => {
  offset = 0;
});

afterAll(async () => {
  await desk.system.close();
  await stores.close();
});

const labelOf = ({ method, path }: AdminEndpoint): string => `${method} ${path}`;
const rowOf = (endpoint: AdminEndpoint): Permission => permission(endpoint.permission);
const reachOf = (endpoint: AdminEndpoint, role: ConsoleRole): Reach | undefined => rowOf(endpoint).people[role];
const rightBody = ({ method, path }: AdminEndpoint) => adminBodies[`${method} /admin/v1${path}`];
const audit = () => desk.system.server.stores.records.audit;

function personOf(role: ConsoleRole): Person {
  const person = people.get(role);
  if (person === undefined) throw new Error(`no ${role}`);
  return person;
}

/** Logs in anew with the phone; the session of before is over. */
async function prove(role: ConsoleRole, proof: 'fresh' | 'confirmed'): Promise<void> {
  const person = personOf(role);
  const { url } = await logInToConsole(desk, { ...person, proof });
  expect(url).toBe(`${desk.origin}/console/`);
}

async function ask(
  role: ConsoleRole,
  { method, path }: Pick<AdminEndpoint, 'method' | 'path'>,
  { ids = unknownIds, body }: { readonly ids?: Readonly<Record<string, string>>; readonly body?: unknown } = {},
): Promise<RawAnswer> {
  const cookie = personOf(role).browser.cookies(desk.origin);
  const answer = await callAdmin(desk, cookie, pathOf({ url: path, methods: [] }, ids), { method, body });
  assertHarmless(answer, `${role}: ${method} ${path}`);
  return answer;
}

describe.each(roles)('at the console, who is %s', (role) => {
  it('opens what the table gives this role and nothing else, and every refusal is written down (X-07, A-02)', async () => {
    await prove(role, 'fresh');
    for (const endpoint of endpoints) {
      const label = `${role}: ${labelOf(endpoint)}`;
      const before = (await audit().head()).seq;
      const answer = await ask(role, endpoint, { body: { odd: 1 } });
      if (reachOf(endpoint, role) === undefined) {
        expect([answer.status, codeOf(answer)], label).toEqual([403, 'access_denied']);
        const [refusal] = await audit().read(before, 1);
        const actor = `user:${personOf(role).user.id}`;
        expect(refusal, label).toMatchObject({ event: 'admin.refused', actor, data: { endpoint: labelOf(endpoint) } });
      } else if (endpoint.method === 'GET') expect([200, 404], `${label}: ${answer.text}`).toContain(answer.status);
      // Let in, and refused for what was sent.
      else expect([answer.status, codeOf(answer)], label).toEqual([400, 'invalid_request']);
    }
  });

  it('is asked for a fresh proof where the table says so, before anything of the request is looked at (S-09)', async () => {
    await prove(role, 'fresh');
    offset = 200_000;
    expect((await ask(role, { method: 'GET', path: '/me' })).status).toBe(200);
    offset = 302_000;
    for (const endpoint of endpoints.filter((one) => reachOf(one, role) !== undefined)) {
      const { proof } = rowOf(endpoint);
      const answer = await ask(role, endpoint, { body: { odd: 1 } });
      const label = `${role}: ${labelOf(endpoint)}`;
      if (proof === 'session') {
        expect(codeOf(answer), label).not.toBe('proof_required');
        continue;
      }
      expect([answer.status, codeOf(answer)], label).toEqual([401, 'proof_required']);
      expect(JSON.parse(answer.text), label).toMatchObject({ proof });
    }
  });

  it('does nothing dangerous without a confirmation made for it (S-09, X-08)', async () => {
    await prove(role, 'fresh');
    const dangerous = endpoints.filter((one) => reachOf(one, role) && rowOf(one).proof === 'confirmed');
    const before = (await audit().head()).seq;
    for (const endpoint of dangerous) {
      const ids = endpoint.path.includes(':') ? otherIds : unknownIds;
      const answer = await ask(role, endpoint, { ids, body: rightBody(endpoint) });
      expect([answer.status, codeOf(answer)], `${role}: ${labelOf(endpoint)}`).toEqual([401, 'proof_required']);
      expect(JSON.parse(answer.text)).toMatchObject({ proof: 'confirmed' });
    }
    expect((await audit().head()).seq).toBe(before);
    expect(dangerous.length > 0).toBe(role === 'operator' || role === 'administrator');
  });
});

describe("a company's administrator", () => {
  // Each with a phone of their own: what one phone may claim in a minute is limited.
  beforeEach(async () => {
    people.set('administrator', await personAtConsole(desk, 'administrator'));
  });

  const owned = endpoints.filter(
    (endpoint) => reachOf(endpoint, 'administrator') === 'own' && /:(companyId|userId|deviceId)/.test(endpoint.path),
  );

  it('finds nothing of another company, as if it did not exist, at every endpoint with an id of it (T31, X-07)', async () => {
    expect(owned.length).toBeGreaterThanOrEqual(16);
    for (const endpoint of owned) {
      if (rowOf(endpoint).proof === 'confirmed') await prove('administrator', 'confirmed');
      const before = (await audit().head()).seq;
      const body = rightBody(endpoint);
      const answer = await ask('administrator', endpoint, { ids: otherIds, body });
      expect([answer.status, codeOf(answer)], labelOf(endpoint)).toEqual([404, 'not_found']);
      expect((await audit().head()).seq, labelOf(endpoint)).toBe(before);
      if (rowOf(endpoint).proof === 'confirmed') continue;
      const nothing = await ask('administrator', endpoint, { body });
      const withoutId = ({ text }: RawAnswer) => text.replace(/req_[A-Za-z0-9_-]{22}/, '');
      expect(withoutId(nothing), labelOf(endpoint)).toBe(withoutId(answer));
    }
    const { records } = desk.system.server.stores;
    expect(await records.users.find(otherUser.id)).toMatchObject({ status: 'active', email: otherUser.email });
    expect(await records.companies.find(other.id)).toEqual(other);
    expect(await records.devices.find(otherIds['deviceId'] ?? '')).toMatchObject({ status: 'active' });
  });

  it('finds their own at the same endpoints (X-07)', async () => {
    const { server, company, user } = desk.system;
    const deviceId = await deviceIdOf(await registerPhone(desk.system));
    const ids = { ...unknownIds, companyId: company.id, userId: user.id, deviceId };
    for (const endpoint of owned.filter(({ method }) => method === 'GET')) {
      const answer = await ask('administrator', endpoint, { ids });
      expect(answer.status, labelOf(endpoint)).toBe(200);
    }
    const suspended = await ask(
      'administrator',
      { method: 'POST', path: '/users/:userId/suspend' },
      { ids, body: { reason: 'drill' } },
    );
    expect(suspended.status, suspended.text).toBe(200);
    const restored = await ask(
      'administrator',
      { method: 'POST', path: '/users/:userId/restore' },
      { ids, body: { reason: 'drill' } },
    );
    expect(restored.status, restored.text).toBe(200);
    const trail = await server.stores.records.audit.read(0, 100_000, { userId: user.id });
    const actor = `user:${personOf('administrator').user.id}`;
    expect(trail.find(({ event }) => event === 'user.suspended')).toMatchObject({ actor, companyId: company.id });
  });

  it("sees their own company in every list, whatever filter names another's (T31)", async () => {
    for (const path of ['/companies', '/users', '/devices', '/audit', '/approvals'] as const) {
      for (const filter of ['', `?companyId=${other.id}`, `?userId=${otherUser.id}`, '?limit=200']) {
        const answer = await ask('administrator', { method: 'GET', path: `${path}${filter}` });
        if (answer.status === 400) continue;
        expect(answer.status, `${path}${filter}`).toBe(200);
        for (const foreign of [otherUser.id, otherUser.name, 'Other Ltd']) {
          expect(answer.text, `${path}${filter}`).not.toContain(foreign);
        }
      }
    }
    const { text } = await ask('administrator', { method: 'GET', path: '/audit/export' });
    expect(text).toContain(desk.system.company.id);
    expect(text).not.toContain(other.id);
  });

  it('names another company in no body (T27, T31)', async () => {
    const body = { companyId: other.id, name: 'Eve', email: 'eve@other.example' };
    const answer = await ask('administrator', { method: 'POST', path: '/users' }, { body });
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
    const staff = { companyId: desk.system.company.id, name: 'Eve', email: 'eve@x.example', staffRole: 'operator' };
    expect((await ask('administrator', { method: 'POST', path: '/users' }, { body: staff })).status).not.toBe(201);
  });
});

describe("the bank's own people", () => {
  it.each(['operator', 'support', 'auditor'] as const)('reach every company: %s (X-07)', async (role) => {
    for (const path of ['/companies/:companyId', '/users/:userId', '/devices/:deviceId']) {
      const answer = await ask(role, { method: 'GET', path }, { ids: otherIds });
      expect(answer.status, `${role}: ${path}`).toBe(200);
      expect(answer.text).toContain(other.id);
    }
  });

  it('of support end a lost phone at once, without one of their own at hand, and restore nothing (R-10, X-07)', async () => {
    const phone = await registerPhone(desk.system, { user: otherUser });
    const deviceId = await deviceIdOf(phone);
    await prove('support', 'fresh');
    offset = 200_000;
    await ask('support', { method: 'GET', path: '/me' });
    offset = 302_000;
    const ids = { ...otherIds, deviceId };
    const body = { reason: 'called the hotline' };
    const answer = await ask('support', { method: 'POST', path: '/devices/:deviceId/deactivate' }, { ids, body });
    expect(answer.status, answer.text).toBe(200);
    expect(await phone.status()).toBe('deactivated');
    for (const path of ['/users/:userId/restore', '/devices/:deviceId/approve', '/users/:userId/activations']) {
      expect((await ask('support', { method: 'POST', path }, { ids, body })).status, path).toBe(403);
    }
  });
});

describe('the table', () => {
  it('gives every permission an endpoint (X-07)', () => {
    const used = new Set<string>(endpoints.map((endpoint) => endpoint.permission));
    expect(Object.keys(permissions).filter((name) => !used.has(name))).toEqual([]);
  });

  it('lets nobody who only looks change anything, and administrators reach their own company alone (X-07)', () => {
    for (const endpoint of endpoints) {
      const { people: allowed, machines } = rowOf(endpoint);
      const label = labelOf(endpoint);
      expect(allowed.user, label).toBeUndefined();
      if (endpoint.method !== 'GET') expect(allowed.auditor, label).toBeUndefined();
      if (endpoint.method !== 'GET' && endpoint.permission !== 'devices.deactivate')
        expect(allowed.support, label).toBeUndefined();
      expect(allowed.administrator ?? 'own', label).toBe('own');
      // What a company's own machine may not do, its administrator may not either.
      if (machines === 'all') expect(allowed.administrator, label).toBeUndefined();
    }
  });
});
