/** The admin API as its document describes it: done once, changed as it was read, limited, and deaf to what it was not asked for. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminEndpoint } from '../../../src/admin/endpoint.ts';
import { membersOf } from '../../../src/admin/openapi-schemas.ts';
import { permission } from '../../../src/admin/permissions.ts';
import { type AdminClient, AdminProblem, adminClient } from '../../../src/admin-client/client.ts';
import { operations } from '../../../src/admin-client/operations.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import { createOperator } from '../../../src/companies/staff.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { readConfig } from '../../../src/config/config.ts';
import { createLog } from '../../../src/http/logging.ts';
import { buildServer } from '../../../src/server.ts';
import { listedEndpoints } from '../../docs/openapi.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import {
  addAdminClient,
  addUser,
  adminToken,
  bank,
  randomAddress,
  type System,
  serverEnv,
  startSystem,
} from '../system/rig.ts';
import { assertHarmless, codeOf, type RawAnswer, send } from '../system/wire.ts';

let stores: SystemStores;
let system: System;
let other: Company;
let otherUser: User;
let token: string;
let ownToken: string;
let api: AdminClient;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  other = await createCompany(system.server.capabilities.admin, { name: 'Other Ltd', userLimit: 50, actor: bank });
  await createOperator(system.server.capabilities.admin, {
    name: 'Olga',
    email: 'olga@bank.example',
    bankName: 'The bank',
    actor: bank,
  });
  otherUser = await addUser(system.server, other.id, { name: 'Olga Other' });
  token = await adminToken(system, await addAdminClient(system.server));
  ownToken = await adminToken(system, await addAdminClient(system.server, { companyId: system.company.id }));
  api = clientWith(token);
});

afterAll(async () => {
  await system.close();
  await stores.close();
});

function clientWith(bearer: string): AdminClient {
  return adminClient({
    baseUrl: system.adminUrl,
    send: (url, { method, headers, body }) =>
      fetch(url, {
        method,
        headers: { ...headers, authorization: `Bearer ${bearer}` },
        ...(body === undefined ? {} : { body }),
      }),
  });
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer?: string;
}

function ask({ method, path, body, headers = {}, bearer = token }: Call): Promise<RawAnswer> {
  return send(system.adminUrl, {
    method,
    path: `/admin/v1${path}`,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const json = ({ text }: RawAnswer) => JSON.parse(text);
let made = 0;
const fresh = (prefix: string): string => {
  made += 1;
  return `${prefix}-${made}-${Date.now().toString(36)}`;
};

describe('a creation with an idempotency key', () => {
  /** What each takes; a new one cannot be forgotten, for the test looks for it here. */
  const creations: Readonly<Record<string, () => { readonly path: string; readonly body: unknown }>> = {
    createCompany: () => ({ path: '/companies', body: { name: fresh('Company') } }),
    createUser: () => ({
      path: '/users',
      body: { companyId: system.company.id, name: 'Ada', email: `${fresh('ada')}@example.com` },
    }),
    createActivation: () => ({ path: `/users/${system.user.id}/activations`, body: {} }),
    createClient: () => ({
      path: '/clients',
      body: {
        id: fresh('portal'),
        kind: 'portal',
        name: 'P',
        metadata: { redirect_uris: ['https://p.example/callback'], token_endpoint_auth_method: 'client_secret_basic' },
      },
    }),
    createWebhook: () => ({ path: '/webhooks', body: { name: fresh('Hook'), url: 'https://hook.example/mtoken' } }),
    publishTerms: () => ({
      path: '/terms',
      body: { version: fresh('v'), texts: [{ language: 'en', title: 'Terms', text: 'Be kind.' }] },
    }),
    createStaff: () => ({
      path: '/staff',
      body: { name: 'Sam', email: `${fresh('sam')}@bank.example`, staffRole: 'support' },
    }),
  };
  const creating = listedEndpoints.filter(({ status }) => status === 201).map(({ name }) => name);

  it.each(creating)('%s is done once and answered twice, secrets included', async (name) => {
    const { path, body } = creations[name]?.() ?? { path: '', body: {} };
    const headers = { 'idempotency-key': fresh('key') };
    const before = (await system.server.stores.records.audit.head()).seq;
    const first = await ask({ method: 'POST', path, body, headers });
    expect(first.status, first.text).toBe(201);
    const after = (await system.server.stores.records.audit.head()).seq;
    expect(after).toBeGreaterThan(before);
    const again = await ask({ method: 'POST', path, body, headers });
    expect([again.status, json(again)]).toEqual([201, json(first)]);
    expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).toEqual([undefined, 'true']);
    expect((await system.server.stores.records.audit.head()).seq).toBe(after);
  });

  it('is refused with another body, at another endpoint too, and nothing is made (replayed key)', async () => {
    const headers = { 'idempotency-key': fresh('key') };
    expect((await ask({ method: 'POST', path: '/companies', body: { name: 'One' }, headers })).status).toBe(201);
    const before = (await system.server.stores.records.audit.head()).seq;
    const { path, body } = creations['createUser']!();
    for (const call of [
      { path: '/companies', body: { name: 'Two' } },
      { path: '/companies', body: { name: 'One', userLimit: 3 } },
      { path, body },
    ]) {
      const answer = await ask({ method: 'POST', ...call, headers });
      assertHarmless(answer, call.path);
      expect([answer.status, codeOf(answer)]).toEqual([422, 'idempotency_mismatch']);
    }
    expect((await system.server.stores.records.audit.head()).seq).toBe(before);
  });

  it('sent twenty times at once makes one', async () => {
    const name = fresh('Parallel');
    const headers = { 'idempotency-key': fresh('key') };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask({ method: 'POST', path: '/companies', body: { name }, headers })),
    );
    const ids = new Set(answers.filter(({ status }) => status === 201).map((answer) => json(answer)['id']));
    expect(ids.size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expect([answer.status, codeOf(answer)]).toEqual([409, 'in_progress']);
      expect(answer.headers['retry-after']).toBe('2');
    }
    const found = await api.call('listCompanies', { query: { search: name } });
    expect(found.items).toHaveLength(1);
  });

  it("is nobody else's answer: the same key of another caller is another creation (T31)", async () => {
    const headers = { 'idempotency-key': fresh('key') };
    const path = `/users/${system.user.id}/activations`;
    const first = await ask({ method: 'POST', path, body: {}, headers });
    const second = await ask({ method: 'POST', path, body: {}, headers, bearer: ownToken });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(json(second)['code']).not.toBe(json(first)['code']);
  });

  it('takes no key that is too short, too long or not ASCII', async () => {
    for (const key of ['short', 'x'.repeat(129), 'with a space']) {
      const answer = await ask({
        method: 'POST',
        path: '/companies',
        body: { name: 'N' },
        headers: { 'idempotency-key': key },
      });
      expect([answer.status, codeOf(answer)], key).toEqual([400, 'invalid_request']);
    }
  });
});

describe('a change of what was read', () => {
  const read = async (): Promise<{ path: string; etag: string; version: number }> => {
    const { id } = await api.call('createCompany', { body: { name: fresh('Changing') } });
    const answer = await ask({ method: 'GET', path: `/companies/${id}` });
    return { path: `/companies/${id}`, etag: String(answer.headers['etag']), version: json(answer)['version'] };
  };

  it('carries the ETag in If-Match, and answers the next one', async () => {
    const { path, etag } = await read();
    expect(etag).toBe('"1"');
    expect((await ask({ method: 'HEAD', path })).headers['etag']).toBe(etag);
    const changed = await ask({ method: 'PATCH', path, body: { name: 'Changed' }, headers: { 'if-match': etag } });
    expect([changed.status, changed.headers['etag']]).toEqual([200, '"2"']);
    expect((await ask({ method: 'GET', path })).headers['etag']).toBe('"2"');
  });

  it('is refused with a stale ETag (412) and with a stale version (409), and changes nothing', async () => {
    const { path, etag } = await read();
    await ask({ method: 'PATCH', path, body: { name: 'First' }, headers: { 'if-match': etag } });
    const stale = await ask({ method: 'PATCH', path, body: { name: 'Second' }, headers: { 'if-match': etag } });
    assertHarmless(stale, 'stale');
    expect([stale.status, codeOf(stale)]).toEqual([412, 'precondition_failed']);
    const old = await ask({ method: 'PATCH', path, body: { version: 1, name: 'Second' } });
    expect([old.status, codeOf(old)]).toEqual([409, 'conflict']);
    expect(json(await ask({ method: 'GET', path }))).toMatchObject({ name: 'First', version: 2 });
  });

  it('of many at once with the same ETag is done once', async () => {
    const { path, etag } = await read();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        ask({ method: 'PATCH', path, body: { name: `N${index}` }, headers: { 'if-match': etag } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status } of answers) expect([200, 409, 412]).toContain(status);
    expect(json(await ask({ method: 'GET', path }))['version']).toBe(2);
  });

  it.each([
    ['neither version nor If-Match', {}, {}, /say which version was read/],
    ['two that differ', { version: 1 }, { 'if-match': '"2"' }, /differ/],
    ['any version', {}, { 'if-match': '*' }, /the one ETag that was read/],
    ['a weak tag', {}, { 'if-match': 'W/"1"' }, /the one ETag that was read/],
    ['two tags', {}, { 'if-match': '"1", "2"' }, /the one ETag that was read/],
  ])('is refused with %s', async (_what, body, headers, message) => {
    const { path } = await read();
    const answer = await ask({ method: 'PATCH', path, body: { ...body, name: 'N' }, headers });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
    expect(answer.text).toMatch(message);
  });

  it('takes If-Match where a record is changed, and nowhere does it pass unseen', async () => {
    const answer = await ask({
      method: 'POST',
      path: `/users/${system.user.id}/suspend`,
      body: { reason: 'r' },
      headers: { 'if-match': '"1"' },
    });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
  });

  it("says nothing of another company's version (T31)", async () => {
    for (const tag of ['"1"', '"2"']) {
      const path = `/users/${otherUser.id}`;
      const answer = await ask({
        method: 'PATCH',
        path,
        body: { name: 'N' },
        headers: { 'if-match': tag },
        bearer: ownToken,
      });
      expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
    }
  });
});

describe('limits', () => {
  it('tell on every answer what is left, for the address and for the caller', async () => {
    const answer = await ask({ method: 'GET', path: '/companies' });
    expect(answer.headers['ratelimit-policy']).toMatch(/^"address";q=\d+;w=60, "caller";q=\d+;w=60$/);
    expect(answer.headers['ratelimit']).toMatch(/^"address";r=\d+;t=\d+, "caller";r=\d+;t=\d+$/);
  });

  it('hold for a caller however many addresses it has, in what it is refused too, and leave the others alone (T28, X-10)', async () => {
    const [engine] = systemEngines();
    if (engine === undefined) throw new Error('no engine');
    const ownStores = await engine.open();
    const narrow = await startSystem(ownStores, { env: { MTOKEN_LIMIT_PER_ADDRESS: '20' } });
    try {
      const noisy = await adminToken(narrow, await addAdminClient(narrow.server));
      const quiet = await adminToken(narrow, await addAdminClient(narrow.server));
      const from = (bearer: string): Promise<RawAnswer> =>
        send(narrow.adminUrl, {
          method: 'GET',
          path: '/admin/v1/companies',
          headers: { authorization: `Bearer ${bearer}`, 'x-forwarded-for': randomAddress() },
        });
      const answers: RawAnswer[] = [];
      for (let index = 0; index < 25; index += 1) answers.push(await from(noisy));
      // A minute may end in between, and then they count anew.
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThanOrEqual(1);
      for (const answer of refused) {
        assertHarmless(answer, 'refused');
        expect(codeOf(answer)).toBe('too_many_requests');
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      }
      expect((await from(quiet)).status).toBe(200);

      const prying = await addAdminClient(narrow.server, { scope: 'admin:keys' });
      const pryingToken = await adminToken(narrow, prying);
      const statuses: number[] = [];
      for (let index = 0; index < 25; index += 1) statuses.push((await from(pryingToken)).status);
      expect(statuses.slice(0, 1)).toEqual([403]);
      expect(statuses).toContain(429);
      const filter = { event: 'admin.refused', actor: `client:${prying.id}` };
      const written = await narrow.server.stores.records.audit.search(filter, { order: 'oldest', limit: 200 });
      expect(written).toHaveLength(statuses.filter((status) => status === 403).length);
    } finally {
      await narrow.close();
      await ownStores.close();
    }
  });
});

describe('the document', () => {
  it('is served outside production, as it is in docs', async () => {
    const answer = await ask({ method: 'GET', path: '/openapi.json' });
    const shipped = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8');
    expect(json(answer)).toEqual(JSON.parse(shipped));
  });

  it('is not served in production: whoever reaches the listener learns nothing more from it (X-09)', async () => {
    const [engine] = systemEngines();
    if (engine === undefined) throw new Error('no engine');
    const ownStores = await engine.open();
    const read = readConfig({
      env: serverEnv('http://localhost:9', ownStores),
      readFile: () => '',
      realPath: (path) => path,
    });
    if (read.outcome === 'refused') throw new Error('refused');
    const server = await buildServer({ config: { ...read.config, mode: 'production' }, log: createLog('silent') });
    try {
      const { adminUrl } = await server.start();
      const answer = await send(adminUrl, { method: 'GET', path: '/admin/v1/openapi.json' });
      expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
      expect((await send(adminUrl, { method: 'GET', path: '/admin/v1/me' })).status).toBe(401);
    } finally {
      await server.close();
      await ownStores.close();
    }
  });

  it('tells of an ETag exactly where there is one', async () => {
    const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'));
    const { id } = await api.call('createWebhook', { body: { name: 'Hook', url: 'https://hook.example/mtoken' } });
    const ids: Record<string, string> = {
      '{companyId}': other.id,
      '{userId}': otherUser.id,
      '{clientId}': system.portal.id,
      '{webhookId}': id,
    };
    let seen = 0;
    for (const { method, path } of Object.values(operations)) {
      if (method !== 'GET') continue;
      const filled = path.replaceAll(/\{\w+\}/g, (name) => ids[name] ?? name);
      if (filled.includes('{')) continue;
      const answer = await ask({ method, path: filled });
      if (answer.status !== 200) continue;
      seen += 1;
      const told = document.paths[path].get.responses['200'].headers.ETag !== undefined;
      expect(answer.headers['etag'] !== undefined, path).toBe(told);
    }
    expect(seen).toBeGreaterThan(12);
  });
});

describe('what was not asked for', () => {
  const foreign = {
    id: 'co_AAAAAAAAAAAAAAAAAAAAAA',
    companyId: () => other.id,
    owner: 'me',
    role: 'administrator',
    staffRole: 'operator',
    status: 'active',
    isBank: true,
    createdAt: 0,
    permissions: 'full',
    attempts: 5,
    secret: 'mine',
  };
  const withBody = listedEndpoints.filter(({ body }) => body !== undefined);
  const pathOf = ({ path }: AdminEndpoint): string =>
    path
      .replace(':companyId', system.company.id)
      .replace(':userId', system.user.id)
      .replace(':clientId', system.portal.id)
      .replaceAll(/:(\w+)/g, (_, name: string) => `${prefixes[name] ?? 'x'}_${'A'.repeat(22)}`);
  const prefixes: Record<string, string> = { deviceId: 'dev', webhookId: 'whk', messageId: 'box', approvalId: 'apr' };

  it.each(withBody.map((endpoint) => [endpoint.name, endpoint] as const))(
    '%s refuses every member that is not its own (mass assignment, T27)',
    async (_name, endpoint) => {
      const known = new Set(membersOf(endpoint.body).map(({ name }) => name));
      const before = (await system.server.stores.records.audit.head()).seq;
      for (const [member, value] of Object.entries(foreign)) {
        if (known.has(member)) continue;
        const body = { ...sampleOf(endpoint), [member]: typeof value === 'function' ? value() : value };
        const answer = await ask({ method: endpoint.method, path: pathOf(endpoint), body });
        assertHarmless(answer, member);
        expect([answer.status, codeOf(answer)], member).toEqual([400, 'invalid_request']);
      }
      expect((await system.server.stores.records.audit.head()).seq).toBe(before);
    },
  );

  /** Enough of each body that the foreign member is what is wrong with it. */
  function sampleOf({ body }: AdminEndpoint): Record<string, unknown> {
    const samples: Record<string, unknown> = {
      version: 1,
      name: 'N',
      email: 'n@example.com',
      reason: 'r',
      companyId: system.company.id,
      kind: 'portal',
      id: 'portal-n',
      metadata: {},
      url: 'https://n.example',
      staffRole: 'support',
      texts: [{ language: 'en', title: 'T', text: 'T' }],
    };
    const required = membersOf(body).filter(({ isRequired }) => isRequired);
    return Object.fromEntries(required.map(({ name }) => [name, samples[name]]));
  }

  it("no list shows another company's rows, whatever filter and cursor say (T31)", async () => {
    const lists = listedEndpoints.filter(
      ({ method, query, params, permission: name, files }) =>
        method === 'GET' && query && !params && !files && permission(name).machines === 'own',
    );
    expect(lists.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['listCompanies', 'listUsers', 'listDevices', 'searchAudit']),
    );
    for (const { path, query, name } of lists) {
      const known = new Set(membersOf(query).map((member) => member.name));
      const asked = [
        '',
        ...(known.has('companyId') ? [`?companyId=${other.id}`] : []),
        ...(known.has('userId') ? [`?userId=${otherUser.id}`] : []),
        ...(name === 'listUsers'
          ? [`?after=${otherUser.id}`, `?after=usr_${'-'.repeat(22)}`, `?search=${otherUser.email}`]
          : []),
        ...(name === 'listCompanies' ? [`?after=${other.id}`, `?after=co_${'-'.repeat(22)}`, '?search=Other'] : []),
      ];
      for (const search of asked) {
        const answer = await ask({ method: 'GET', path: `${path}${search}`, bearer: ownToken });
        expect([200, 400], `${path}${search}`).toContain(answer.status);
        expect(answer.text, `${path}${search}`).not.toMatch(new RegExp(`${otherUser.id}|${otherUser.email}|Other Ltd`));
        if (search.includes('companyId')) expect(json(answer)['items'], path).toEqual([]);
      }
    }
  });

  it('every list refuses a filter that it does not know, and takes the same pages', async () => {
    const lists = listedEndpoints.filter(({ query, files }) => query !== undefined && files === undefined);
    for (const { path, query, params } of lists.filter(
      (one) => one.params === undefined || one.path.includes(':userId'),
    )) {
      const names = membersOf(query).map(({ name }) => name);
      expect(names, path).toEqual(expect.arrayContaining(['after', 'limit']));
      const place = params === undefined ? path : path.replace(':userId', system.user.id);
      for (const search of [
        '?odd=1',
        '?limit=0',
        '?limit=201',
        '?limit=1e2',
        '?limit=0x10',
        '?limit=+5',
        '?limit=05',
        '?limit=10&limit=20',
        '?after=',
      ]) {
        const answer = await ask({ method: 'GET', path: `${place}${search}` });
        expect([answer.status, codeOf(answer)], `${place}${search}`).toEqual([400, 'invalid_request']);
      }
    }
  });

  it('refuses a body of 10 MB, and one a thousand deep, without reading on (X-10)', async () => {
    const headers = { 'content-type': 'application/json' };
    const large = await send(system.adminUrl, {
      method: 'POST',
      path: '/admin/v1/companies',
      headers: { ...headers, authorization: `Bearer ${token}` },
      body: `{"name":"${'x'.repeat(10 * 1024 * 1024)}"}`,
    }).catch((error: unknown) => error as Error);
    // The server may close before all of it was sent: that is a refusal too.
    if (!(large instanceof Error)) expect([large.status, codeOf(large)]).toEqual([413, 'payload_too_large']);
    const deep = await send(system.adminUrl, {
      method: 'POST',
      path: '/admin/v1/companies',
      headers: { ...headers, authorization: `Bearer ${token}` },
      body: `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`,
    });
    expect([deep.status, codeOf(deep)]).toEqual([400, 'invalid_request']);
    expect((await ask({ method: 'GET', path: '/companies' })).status).toBe(200);
  });
});

describe('the typed client', () => {
  it('goes through a list page by page, and stops where it is told to', async () => {
    for (let index = 0; index < 5; index += 1) await api.call('createCompany', { body: { name: fresh('Paged') } });
    const all: string[] = [];
    for await (const { id } of api.rows('listCompanies', { query: { limit: 2 } })) all.push(id);
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(7);
    expect(all).toEqual([...all].sort());
    for await (const { id } of api.rows('listCompanies', { query: { limit: 2, after: all[2] ?? '' } })) {
      expect(id).toBe(all[3]);
      break;
    }
  });

  it('throws what the server refused, with its code, its words and the request id', async () => {
    const refused = api.call('getUser', { params: { userId: `usr_${'A'.repeat(22)}` } });
    await expect(refused).rejects.toBeInstanceOf(AdminProblem);
    await expect(refused).rejects.toMatchObject({
      code: 'not_found',
      status: 404,
      requestId: expect.stringMatching(/^req_/),
    });
  });

  it('lets no id out of its place in the path', async () => {
    for (const userId of ['', '.', '..', '../companies', 'x/../../keys', '%2e%2e']) {
      await expect(api.call('getUser', { params: { userId } }), userId).rejects.toMatchObject({
        code: expect.stringMatching(/^(unreadable|not_found|invalid_request)$/),
      });
    }
  });
});
