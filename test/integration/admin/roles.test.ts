/** Who may call what of the admin API: every endpoint of its list against every kind of caller. */
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AdminEndpoint } from '../../../src/admin/endpoint.ts';
import { permission } from '../../../src/admin/permissions.ts';
import { adminEndpoints } from '../../../src/admin/routes.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { disableClient } from '../../../src/oidc/clients.ts';
import { adminScopes } from '../../../src/oidc/deps.ts';
import { adminBodies, id, unknownIds } from '../system/admin-bodies.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import {
  addAdminClient,
  addPortal,
  addUser,
  adminToken,
  bank,
  deviceIdOf,
  registerPhone,
  type System,
  startSystem,
} from '../system/rig.ts';
import { assertHarmless, codeOf, type RawAnswer, send } from '../system/wire.ts';

let stores: SystemStores;
let system: System;
let offset = 0;
let other: Company;
let otherUser: User;
let bankToken: string;
let ownToken: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores, { clock: { now: () => systemClock.now() + offset } });
  other = await createCompany(system.server.capabilities.admin, { name: 'Other Ltd', userLimit: 5, actor: bank });
  otherUser = await addUser(system.server, other.id, { name: 'Olga Other' });
  bankToken = await adminToken(system, await addAdminClient(system.server));
  ownToken = await adminToken(system, await addAdminClient(system.server, { companyId: system.company.id }));
});

afterAll(async () => {
  await system.close();
  await stores.close();
});

const isForBank = (endpoint: AdminEndpoint): boolean => permission(endpoint.permission).machines === 'all';
const endpoints = () => adminEndpoints(system.server.capabilities.admin);

function call(method: string, path: string, token: string | undefined, body?: unknown): Promise<RawAnswer> {
  return send(system.adminUrl, {
    method,
    path: `/admin/v1${path}`,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
    },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  });
}

function pathOf(path: string, ids: Readonly<Record<string, string>> = unknownIds): string {
  return path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => ids[name] ?? '');
}

async function seq(): Promise<number> {
  return (await system.server.stores.records.audit.head()).seq;
}

describe('a caller without a right token', () => {
  afterEach(() => {
    offset = 0;
  });

  const callers: readonly (readonly [string, () => Promise<string | undefined>])[] = [
    ['no token', async () => undefined],
    ['no JWT', async () => 'x'],
    ['a JWT of its own making', forged],
    ['an ID token', portalIdToken],
    ["a portal's opaque access token", portalAccessToken],
    ["a portal's JWT access token for another API", apiToken],
    ['a token of a client that was disabled since', disabledToken],
    ['a token that has expired', expiredToken],
  ];

  it.each(callers)('is refused everywhere, learns nothing and changes nothing: %s (X-07, O-15)', async (_, make) => {
    const token = await make();
    const before = await seq();
    for (const { method, path } of endpoints()) {
      const answer = await call(method, pathOf(path), token, { odd: 1 });
      assertHarmless(answer, `${method} ${path}`);
      expect([answer.status, codeOf(answer)], `${method} ${path}`).toEqual([401, 'authentication_failed']);
      expect(answer.headers['www-authenticate'], `${method} ${path}`).toBe('Bearer');
    }
    expect(await seq()).toBe(before);
  });

  it('is refused with a token in the address, and finds no admin API on the public listener (O-22, X-07)', async () => {
    const inAddress = await send(system.adminUrl, { method: 'GET', path: `/admin/v1/users?access_token=${bankToken}` });
    expect(inAddress.status).toBe(401);
    for (const { method, path } of endpoints()) {
      const answer = await send(system.issuer, {
        method,
        path: `/admin/v1${pathOf(path)}`,
        headers: { authorization: `Bearer ${bankToken}` },
      });
      expect(answer.status, `${method} ${path}`).toBe(404);
    }
  });

  it('gets no token with scopes that its client does not have, nor for the admin API as a portal (X-07, O-15)', async () => {
    const reader = await addAdminClient(system.server, { scope: 'admin:read' });
    await expect(adminToken(system, reader, { scope: 'admin:read admin:keys' })).rejects.toThrow(/invalid_scope/);
    const basic = `Basic ${Buffer.from(`${system.portal.id}:${system.portal.secret}`).toString('base64')}`;
    const answer = await send(system.issuer, {
      method: 'POST',
      path: '/oauth2/token',
      headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
      body: `grant_type=client_credentials&scope=admin%3Aread&resource=${encodeURIComponent(`${system.issuer}/admin`)}`,
    });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('access_token');
  });
});

describe('scopes', () => {
  it.each(adminScopes)(
    '%s opens its own endpoints and no other, and every refusal is written down (X-07, A-02)',
    async (scope) => {
      const client = await addAdminClient(system.server, { scope });
      const token = await adminToken(system, client);
      for (const endpoint of endpoints()) {
        const label = `${endpoint.method} ${endpoint.path}`;
        const before = await seq();
        const answer = await call(endpoint.method, pathOf(endpoint.path), token, { odd: 1 });
        assertHarmless(answer, label);
        if (permission(endpoint.permission).scope === scope)
          expect([200, 400, 404], `${label}: ${answer.status}`).toContain(answer.status);
        else {
          expect([answer.status, codeOf(answer)], label).toEqual([403, 'access_denied']);
          expect(answer.headers['www-authenticate']).toBe(
            `Bearer error="insufficient_scope", scope="${permission(endpoint.permission).scope}"`,
          );
          const [refusal] = await system.server.stores.records.audit.read(before, 1);
          expect(refusal, label).toMatchObject({ event: 'admin.refused', actor: `client:${client.id}` });
        }
      }
    },
  );

  it('taken from a client are gone from the tokens that it has', async () => {
    const client = await addAdminClient(system.server, { scope: 'admin:read admin:audit' });
    const token = await adminToken(system, client);
    expect((await call('GET', '/audit', token)).status).toBe(200);
    const metadata = { scope: 'admin:read', jwks: { keys: [client.publicJwk] } };
    const changed = await call('PATCH', `/clients/${client.id}`, bankToken, { version: 1, metadata });
    expect(changed.status, changed.text).toBe(200);
    expect((await call('GET', '/audit', token)).status).toBe(403);
  });
});

describe("a company's own client", () => {
  it('is refused at every endpoint that is for the bank (X-07)', async () => {
    const forBank = endpoints().filter((endpoint) => isForBank(endpoint));
    expect(forBank.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        'POST /companies',
        'POST /clients',
        'GET /keys',
        'POST /keys/rotate',
        'GET /notifications/dead',
        'POST /webhooks',
      ]),
    );
    for (const { method, path } of forBank) {
      const answer = await call(method, pathOf(path), ownToken);
      expect([answer.status, codeOf(answer)], `${method} ${path}`).toEqual([403, 'access_denied']);
    }
  });

  it('finds nothing of another company, as if it did not exist, at every endpoint with an id (T31)', async () => {
    const otherDevice = await deviceIdOf(await registerPhone(system, { user: otherUser }));
    const ids = { companyId: other.id, userId: otherUser.id, deviceId: otherDevice };
    const withIds = endpoints().filter(
      (endpoint) => /:(companyId|userId|deviceId)/.test(endpoint.path) && !isForBank(endpoint),
    );
    expect(withIds.length).toBeGreaterThanOrEqual(14);
    const before = await seq();
    for (const { method, path } of withIds) {
      const body = adminBodies[`${method} /admin/v1${path}`];
      const answer = await call(method, pathOf(path, ids), ownToken, body);
      expect([answer.status, codeOf(answer)], `${method} ${path}`).toEqual([404, 'not_found']);
      const nothing = await call(method, pathOf(path), ownToken, body);
      expect({ ...nothing, text: nothing.text.replace(/req_[^"]+/, '') }.text).toBe(
        answer.text.replace(/req_[^"]+/, ''),
      );
    }
    expect(await seq()).toBe(before);
    expect(await system.server.stores.records.devices.find(otherDevice)).not.toMatchObject({ status: 'deactivated' });
  });

  it("sees its own in every list, whatever filter it names, and nothing of another's (T31)", async () => {
    await registerPhone(system);
    for (const list of ['/companies', '/users', '/devices', '/audit']) {
      for (const filter of ['', `?companyId=${other.id}`, `?userId=${otherUser.id}`, `?limit=200`]) {
        const answer = await call('GET', `${list}${filter}`, ownToken);
        if (answer.status === 400) continue;
        expect(answer.status, `${list}${filter}`).toBe(200);
        expect(answer.text, `${list}${filter}`).not.toContain(otherUser.id);
        expect(answer.text, `${list}${filter}`).not.toContain('Other Ltd');
        const { items } = JSON.parse(answer.text) as { items: unknown[] };
        if (filter === '') expect(items.length, list).toBeGreaterThan(0);
      }
    }
  });

  it('creates no user elsewhere, moves nobody, raises no limit and gives no permission that is not its own (T27, T31)', async () => {
    const elsewhere = { companyId: other.id, name: 'Eve', email: 'eve@other.example' };
    expect((await call('POST', '/users', ownToken, elsewhere)).status).toBe(404);
    const user = await system.server.stores.records.users.find(system.user.id);
    if (user === undefined) throw new Error('no user');
    for (const extra of [
      { companyId: other.id },
      { status: 'active' },
      { email: 'eve@evil.example' },
      { id: id('usr') },
      { createdAt: 0 },
    ]) {
      const answer = await call('PATCH', `/users/${user.id}`, ownToken, { version: user.version, ...extra });
      expect(answer.status, JSON.stringify(extra)).toBe(400);
    }
    for (const changes of [{ userLimit: 1_000_000 }, { deviceLimit: 20 }, { rules: { permissions: 'full' } }]) {
      const answer = await call('PATCH', `/companies/${system.company.id}`, ownToken, { version: 1, ...changes });
      expect([answer.status, codeOf(answer)], JSON.stringify(changes)).toEqual([403, 'access_denied']);
    }
    const closing = await call('PATCH', `/companies/${system.company.id}`, ownToken, { version: 1, status: 'closed' });
    expect(closing.status).toBe(400);
    const found = await system.server.stores.records.users.find(user.id);
    expect(found).toEqual(user);
  });
});

describe('acts of an operator', () => {
  it('deactivate a device once and for all: idempotent, with a reason, in the trail with who and why (R-10, A-10)', async () => {
    const phone = await registerPhone(system);
    const deviceId = await deviceIdOf(phone);
    expect((await call('POST', `/devices/${deviceId}/deactivate`, bankToken, {})).status).toBe(400);
    const first = await call('POST', `/devices/${deviceId}/deactivate`, bankToken, { reason: 'lost' });
    expect(JSON.parse(first.text)).toMatchObject({ id: deviceId, status: 'deactivated', endedReason: 'lost' });
    const again = await call('POST', `/devices/${deviceId}/deactivate`, bankToken, { reason: 'another reason' });
    expect(JSON.parse(again.text)).toEqual(JSON.parse(first.text));
    const trail = await system.server.stores.records.audit.read(0, 1000, { deviceId });
    expect(trail.filter(({ event }) => event === 'device.deactivated')).toHaveLength(1);
    expect(trail.find(({ event }) => event === 'device.deactivated')).toMatchObject({
      actor: expect.stringMatching(/^client:/),
      requestId: expect.stringMatching(/^req_/),
    });
    expect((await call('POST', `/devices/${deviceId}/approve`, bankToken)).status).toBe(409);
  });

  it('have no way to unblock a device or to set an mPIN (L-08)', () => {
    const paths = endpoints().map(({ method, path }) => `${method} ${path}`);
    expect(paths.filter((path) => /unblock|unlock|mpin|reset|secret|verifier/i.test(path))).toEqual([]);
  });

  it('deactivate all devices of a user, and of a company, and count them (S-07)', async () => {
    const company = await createCompany(system.server.capabilities.admin, {
      name: 'Gone Ltd',
      userLimit: 5,
      selfActivation: true,
      actor: bank,
    });
    const one = await addUser(system.server, company.id, { name: 'One' });
    const two = await addUser(system.server, company.id, { name: 'Two' });
    for (const user of [one, one, two]) await registerPhone(system, { user });
    const ofUser = await call('POST', `/users/${one.id}/deactivate-devices`, bankToken, { reason: 'fraud' });
    expect(JSON.parse(ofUser.text)).toEqual({ deactivated: 2 });
    const ofCompany = await call('POST', `/companies/${company.id}/deactivate-devices`, bankToken, { reason: 'fraud' });
    expect(JSON.parse(ofCompany.text)).toEqual({ deactivated: 1 });
    const nothingLeft = await call('POST', `/companies/${company.id}/deactivate-devices`, bankToken, {
      reason: 'fraud',
    });
    expect(JSON.parse(nothingLeft.text)).toEqual({ deactivated: 0 });
  });

  it('on a version that is not the newest are refused with conflict', async () => {
    const made = await call('POST', '/companies', bankToken, { name: 'Versioned Ltd' });
    const company = JSON.parse(made.text) as Company;
    expect(
      (await call('PATCH', `/companies/${company.id}`, bankToken, { version: 1, name: 'Second Ltd' })).status,
    ).toBe(200);
    const stale = await call('PATCH', `/companies/${company.id}`, bankToken, { version: 1, name: 'Third Ltd' });
    expect([stale.status, codeOf(stale)]).toEqual([409, 'conflict']);
  });

  it('page through a list without a gap or a double', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const answer: RawAnswer = await call(
        'GET',
        `/users?limit=2${after === null ? '' : `&after=${after}`}`,
        bankToken,
      );
      const page = JSON.parse(answer.text) as { items: { id: string }[]; next: string | null };
      seen.push(...page.items.map((item) => item.id));
      after = page.next;
    } while (after !== null);
    const all = JSON.parse((await call('GET', '/users?limit=200', bankToken)).text) as { items: { id: string }[] };
    expect(seen).toEqual(all.items.map((item) => item.id));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('show no key, hash or secret of anything (A-03)', async () => {
    await registerPhone(system);
    for (const path of ['/companies', '/users', '/devices', '/clients', '/keys', '/audit?limit=200']) {
      const { text } = await call('GET', path, bankToken);
      expect(text, path).not.toMatch(/"(secret|verifier|salt|privateJwk|private|d|vaultKey|codeHash)":/);
      expect(text, path).not.toContain(system.portal.secret);
    }
  });
});

async function portalIdToken(): Promise<string | undefined> {
  return (await logIn(system.portal, await registerPhone(system))).tokens.id_token;
}

async function portalAccessToken(): Promise<string> {
  return (await logIn(system.portal, await registerPhone(system))).tokens.access_token;
}

/** A JWT access token of this very issuer, for a portal's own API. */
async function apiToken(): Promise<string> {
  const portal = await addPortal(system.server, system.issuer, {
    resource: 'https://api.portal.example/',
    scope: 'admin:read',
  });
  const { tokens } = await logIn(portal, await registerPhone(system));
  await portal.close();
  expect(tokens.access_token.split('.')).toHaveLength(3);
  return tokens.access_token;
}

async function disabledToken(): Promise<string> {
  const client = await addAdminClient(system.server);
  const token = await adminToken(system, client);
  expect((await call('GET', '/companies', token)).status).toBe(200);
  await disableClient(system.server.capabilities.admin, client.id, bank);
  return token;
}

async function expiredToken(): Promise<string> {
  const token = await adminToken(system, await addAdminClient(system.server));
  offset = 3_600_000;
  return token;
}

/** Right in everything but the key. */
async function forged(): Promise<string> {
  const client = await addAdminClient(system.server);
  return new SignJWT({ client_id: client.id, scope: client.scope, jti: 'x' })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: client.publicJwk.kid ?? '' })
    .setIssuer(system.issuer)
    .setSubject(client.id)
    .setAudience(`${system.issuer}/admin`)
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(client.privateKey);
}
