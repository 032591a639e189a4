/** Bad input at every route of both listeners, taken from their routers: a clear refusal, never a fault, nothing told, nothing changed. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { userEndpoints } from '../../../src/companies/routes.ts';
import { createBrowser } from '../../../src/demo/browser.ts';
import { deviceEndpoints } from '../../../src/devices/routes.ts';
import type { AppEndpoint } from '../../../src/http/app-endpoint.ts';
import { mpinEndpoints } from '../../../src/mpin/routes.ts';
import { orderEndpoints } from '../../../src/orders/routes.ts';
import { registrationEndpoints } from '../../../src/registration/routes.ts';
import { documentEndpoints } from '../../../src/signing/document.ts';
import { inboxEndpoints } from '../../../src/signing/inbox-routes.ts';
import { adminBodies, id, unknownIds } from './admin-bodies.ts';
import { type SystemStores, systemEngines } from './engines.ts';
import { createHand, type Hand } from './hand.ts';
import { openLoginPage, type WaitingLogin } from './login.ts';
import { mutationsOf } from './mutations.ts';
import {
  activate,
  addAdminClient,
  addUser,
  adminToken,
  deviceIdOf,
  mpin,
  registerPhone,
  type System,
  startSystem,
} from './rig.ts';
import { assertHarmless, codeOf, pathOf, type Route, routesOf, send } from './wire.ts';

const jws = `${'A'.repeat(40)}.${'A'.repeat(80)}.${'A'.repeat(86)}`;
const hex = (digits: number) => 'ab'.repeat(digits / 2);
const b64 = (length: number) => 'A'.repeat(length);

/** A body of the right form for each endpoint of the app protocol; none of them does anything. */
const appBodies: Readonly<Record<string, Record<string, unknown>>> = {
  'registration/start': {
    activationCode: 'ABCD-EFGH-JKMN-PQRS-TVWX-YZ01',
    profile: 'srp6a-2048-sha256',
    biometric: null,
    device: { name: 'Phone', platform: 'Test', appVersion: '1.0' },
  },
  'registration/finish': {
    registrationId: id('reg'),
    confirmationCode: '01234567',
    salt: hex(64),
    verifier: hex(512),
    signature: jws,
    biometricSignature: null,
  },
  'registration/status': { deviceId: id('dev') },
  'session/start': { deviceId: id('dev'), method: 'mpin', clientEphemeral: hex(512) },
  'session/finish': { handshake: id('hs'), proof: hex(64) },
  'session/end': {},
  'mpin/change/start': { clientEphemeral: hex(512) },
  'mpin/change/finish': {
    handshake: id('hs'),
    proof: hex(64),
    salt: hex(64),
    verifier: hex(512),
    signature: jws,
  },
  'biometrics/start': { clientEphemeral: hex(512) },
  'biometrics/enable': {
    handshake: id('hs'),
    proof: hex(64),
    publicJwk: { kty: 'EC', crv: 'P-256', x: b64(43), y: b64(43) },
    kind: 'user',
    signature: jws,
    biometricSignature: { statement: b64(40), authenticatorData: b64(50), clientDataJSON: b64(40), signature: b64(96) },
  },
  'biometrics/disable': {},
  'orders/claim': { via: 'qr', token: b64(22), step: 1, tag: b64(16) },
  'orders/document': { orderId: id('ord'), part: 0 },
  // Its one member may be left out.
  'orders/history': {},
  'orders/inbox': {},
  'orders/list': { orderId: id('ord'), part: 0 },
  'orders/receipt': { signingId: id('sig'), part: 0 },
  'orders/proof': { orderId: id('ord'), clientEphemeral: hex(512) },
  'orders/decide': { orderId: id('ord'), approval: jws, proof: null },
  'devices/list': {},
  'devices/deactivate': { deviceId: id('dev'), reason: 'lost' },
  'sessions/list': {},
  'sessions/end': { sessionUid: 'unknown' },
  // No such language, so that this one too does nothing.
  'user/language': { language: 'xx' },
};

const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;
const isOauth = (path: string): boolean => path.startsWith('/oauth2/') || path.startsWith('/.well-known/o');

let stores: SystemStores;
let system: System;
let publicRoutes: Route[];
let adminRoutes: Route[];
let token: string;
let hand: Hand;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  // Behind any address, so that the routes of the console are there too.
  system = await startSystem(stores, { env: { MTOKEN_CONSOLE_URL: 'https://console.bank.example' } });
  publicRoutes = routesOf(system.server.publicApp);
  adminRoutes = routesOf(system.server.adminApp);
  token = await adminToken(system, await addAdminClient(system.server));
  hand = createHand();
  const { activationText, confirmationCode } = await activate(system, system.user);
  const device = { name: 'Hand', platform: 'Test', appVersion: '1.0' };
  await hand.phone.beginRegistration(activationText, { device });
  await hand.phone.finishRegistration({ confirmationCode, mpin });
  await hand.phone.unlockWithMpin(mpin);
});

afterAll(async () => {
  await system.close();
  await stores.close();
});

function appEndpoints(): AppEndpoint[] {
  const { registration, mpin: mpinDeps, orders, devices } = system.server.capabilities;
  const limits = {
    shortLived: system.server.stores.shortLived,
    limits: { perAddress: 1, perDevice: 1, perUser: 1, global: 1 },
  };
  return [
    ...registrationEndpoints(registration),
    ...mpinEndpoints(mpinDeps),
    ...orderEndpoints({ ...orders, ...limits }),
    ...documentEndpoints({ ...orders, ...limits, internalPortals: [] }),
    ...inboxEndpoints({ ...orders, ...limits }),
    ...deviceEndpoints(devices),
    ...userEndpoints(devices),
  ];
}

/** All addresses of a listener, wildcards of the provider by what discovery names. */
async function addresses(): Promise<{ origin: string; path: string; methods: readonly string[]; isWild: boolean }[]> {
  const publicOnes = publicRoutes.map((route) => ({ origin: system.issuer, route }));
  const adminOnes = adminRoutes.map((route) => ({ origin: system.adminUrl, route }));
  const routed = [...publicOnes, ...adminOnes].map(({ origin, route }) => ({
    origin,
    path: pathOf(route, unknownIds),
    methods: route.methods,
    // Below /console/ the console's page answers what nothing else does.
    isWild: route.url.includes('*') || route.url.startsWith('/console/'),
  }));
  const discovery = JSON.parse(
    (await send(system.issuer, { method: 'GET', path: '/.well-known/openid-configuration' })).text,
  ) as Record<string, unknown>;
  const named = Object.entries(discovery).flatMap(([name, value]) =>
    name.endsWith('_endpoint') && typeof value === 'string' ? [new URL(value).pathname] : [],
  );
  const oauth = named.map((path) => ({ origin: system.issuer, path, methods: ['GET', 'POST'], isWild: true }));
  return [...routed, ...oauth];
}

async function trailLength(): Promise<number> {
  return (await system.server.stores.records.audit.head()).seq;
}

describe('the lists of this test', () => {
  it('name every route of the app protocol and of the admin API that takes a body: a new one cannot be forgotten', () => {
    const served = publicRoutes
      .filter(({ url }) => url.startsWith('/app/v1/'))
      .map(({ url }) => url.slice('/app/v1/'.length));
    expect(served.sort()).toEqual(Object.keys(appBodies).sort());
    expect(
      appEndpoints()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(served.sort());
    const console = adminRoutes.filter(({ url }) => url.startsWith('/console/')).map(({ url }) => url);
    expect(console).toEqual(expect.arrayContaining(['/console/login', '/console/callback', '/console/logout']));
    const api = adminRoutes.filter(({ url }) => url.startsWith('/admin/v1/'));
    const takingBodies = api.flatMap(({ url, methods }) =>
      methods.filter((method) => method === 'POST' || method === 'PATCH').map((method) => `${method} ${url}`),
    );
    expect(takingBodies.sort()).toEqual(Object.keys(adminBodies).sort());
    expect(publicRoutes.length).toBeGreaterThanOrEqual(30);
  });
});

describe('every route of both listeners', () => {
  it('answers a method that it does not have with 405 and Allow, and TRACE with nothing of the request (X-01, X-09)', async () => {
    for (const { origin, path, methods, isWild } of await addresses()) {
      for (const method of everyMethod.filter((one) => !methods.includes(one))) {
        const answer = await send(origin, { method, path, headers: { cookie: 'planted=secret-cookie' } });
        const label = `${method} ${path}`;
        assertHarmless(answer, label, { isOauth: isOauth(path) });
        expect(answer.text, label).not.toContain('secret-cookie');
        if (isWild || isOauth(path)) continue;
        expect(answer.status, label).toBe(405);
        expect(String(answer.headers['allow']).split(', ').sort(), label).toEqual([...methods].sort());
      }
    }
  });

  it('refuses any body that is no body of its kind: garbage, wrong type, wrong encoding, none at all (X-01, X-02)', async () => {
    const bodies: readonly (readonly [string, string | Uint8Array | undefined])[] = [
      ['application/json', '{'],
      ['application/json', '{"a":1,"a":2}'],
      ['application/json', '{"__proto__":{"x":1}}'],
      ['application/json', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
      ['application/json', new Uint8Array([0xff, 0xfe, 0x00])],
      ['application/json; charset=utf-16', '{"x":1}'],
      ['application/json', ''],
      ['text/plain', 'x'],
      ['application/xml', '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'],
      ['multipart/form-data; boundary=x', '--x\r\n\r\n--x--'],
      ['application/x-www-form-urlencoded', 'a=1&a=2&%zz=%'],
      ['application/jose', 'not.a.jwe'],
      ['application/jose', `${'A'.repeat(30)}..${'A'.repeat(22)}.${'A'.repeat(40)}.${'A'.repeat(43)}`],
      ['', 'x'],
    ];
    for (const { origin, path, methods } of await addresses()) {
      for (const method of methods.filter((one) => one === 'POST' || one === 'PATCH')) {
        for (const [type, body] of bodies) {
          const headers = {
            ...(type === '' ? {} : { 'content-type': type }),
            authorization: `Bearer ${token}`,
            origin: system.issuer,
          };
          const answer = await send(origin, { method, path, headers, ...(body === undefined ? {} : { body }) });
          const label = `${method} ${path} ${type} ${String(body).slice(0, 20)}`;
          assertHarmless(answer, label, { isOauth: isOauth(path) });
          expect(answer.status, label).toBeGreaterThanOrEqual(isOauth(path) ? 200 : 400);
        }
      }
    }
  });

  it('refuses a body that is too large by its length alone, before it is read (X-10, T28)', async () => {
    for (const { origin, path, methods } of await addresses()) {
      for (const method of methods.filter((one) => one === 'POST' || one === 'PATCH')) {
        const type = path.startsWith('/app/') ? 'application/jose' : 'application/json';
        const oauthType = 'application/x-www-form-urlencoded';
        const answer = await send(origin, {
          method,
          path,
          headers: {
            'content-type': isOauth(path) ? oauthType : type,
            authorization: `Bearer ${token}`,
            origin: system.issuer,
          },
          // Terms are a long text in many languages.
          body: 'a'.repeat(path === '/admin/v1/terms' ? 9_000_000 : 100_000),
        });
        assertHarmless(answer, `${method} ${path}`, { isOauth: isOauth(path) });
        // A batch of payments is long; who has no token of the signing API sends none, however short.
        expect(answer.status, `${method} ${path}`).toBe(path.startsWith('/signing/') ? 401 : 413);
      }
    }
  });

  it('refuses oversized and hostile headers and addresses (X-10, A-04, T24, T28)', async () => {
    for (const { origin, path, methods } of await addresses()) {
      const [method = 'GET'] = methods;
      const attempts: readonly { path: string; headers?: Record<string, string> }[] = [
        { path: `${path}?${'a=1&'.repeat(1_500)}` },
        { path: `${path}?a[__proto__]=1&a=%00&b=%ff` },
        { path: `${path}/%2e%2e/%2e%2e/etc/passwd` },
        { path: `${path}%00` },
        { path: `${path}/${'x'.repeat(500)}` },
        {
          path,
          headers: {
            'x-forwarded-for': 'a',
            'x-forwarded-host': 'evil.example',
            forwarded: 'for="_gazonk"',
            'x-real-ip': "' or 1=1",
          },
        },
        { path, headers: { authorization: `Bearer ${'a'.repeat(9_000)}` } },
        { path, headers: { authorization: 'DPoP a', dpop: 'a.b.c', cookie: `a=${'b'.repeat(5_000)}` } },
        { path, headers: { host: 'evil.example' } },
        {
          path,
          headers: {
            'x-http-method-override': 'DELETE',
            'content-type': 'application/json',
            'accept-language': 'x'.repeat(3_000),
          },
        },
      ];
      for (const attempt of attempts) {
        const answer = await send(origin, { method, ...attempt });
        const label = `${method} ${attempt.path.slice(0, 100)} ${JSON.stringify(attempt.headers ?? {}).slice(0, 80)}`;
        assertHarmless(answer, label, { isOauth: isOauth(path) });
        expect(answer.text, label).not.toContain('evil.example');
        expect(JSON.stringify(answer.headers), label).not.toContain('evil.example');
      }
    }
  });

  it('answers 404 for what is not there, and 413 for headers beyond 16 KiB (X-01, X-09, X-10)', async () => {
    for (const origin of [system.issuer, system.adminUrl]) {
      for (const path of [
        '/',
        '/admin',
        '/docs',
        '/.git/config',
        '/assets/',
        '/assets/..%2f..%2fpackage.json',
        '/server-status',
        '/metrics/x',
        '//',
        '///x',
        '//evil.example/',
        '/\\evil.example',
        '/:80',
        '/[::1',
      ]) {
        const answer = await send(origin, { method: 'GET', path });
        assertHarmless(answer, path);
        // Who opens the admin listener by its bare name is led to the console, by no name that they chose.
        const isHome = path === '/' && origin === system.adminUrl;
        expect([answer.status, answer.headers.location], path).toEqual(isHome ? [302, '/console/'] : [404, undefined]);
      }
      const huge = await send(origin, { method: 'GET', path: '/', headers: { 'x-a': 'a'.repeat(20_000) } });
      expect(huge.status).toBe(413);
      expect(codeOf(huge)).toBe('payload_too_large');
    }
    for (const path of ['/metrics', '/health', '/admin/v1/companies']) {
      expect((await send(system.issuer, { method: 'GET', path })).status, path).toBe(404);
    }
  });
});

describe('every endpoint of the app protocol, from a phone with right keys and session', () => {
  it.each(Object.keys(appBodies))(
    '%s refuses each member that is missing, of another type, too long or too many (P-28, T23)',
    async (name) => {
      const endpoint = appEndpoints().find((one) => one.name === name);
      const access = endpoint?.access ?? 'session';
      const before = await system.server.stores.records.devices.find(await deviceIdOf(hand.phone));
      for (const { label, body } of mutationsOf(appBodies[name])) {
        if (name === 'session/end' && label.includes('missing')) continue;
        const { raw, status, code } = await hand.call(name, body, access);
        assertHarmless(raw, `${name} ${label}`);
        expect(status, `${name} ${label}: ${code}`).toBeGreaterThanOrEqual(400);
        // Of the right form but meaning nothing: refused for what it says. Otherwise for its form.
        const mayFit =
          /^\/(activationCode|sessionUid) | longer$| SQL$| markup$| path$|blank before$| "x"$| ""$| 0$| -1$| too long$/.test(
            label,
          );
        if (!mayFit) expect(code, `${name} ${label}`).toBe('invalid_request');
      }
      const after = await system.server.stores.records.devices.find(await deviceIdOf(hand.phone));
      expect({ status: after?.status, attempts: after?.pinAttempts }).toEqual({
        status: before?.status,
        attempts: before?.pinAttempts,
      });
    },
  );

  it('refuses the kind of envelope that the endpoint does not take (C-05)', async () => {
    for (const { name, access } of appEndpoints()) {
      const other = access === 'session' ? 'device-key' : 'session';
      const { raw, code } = await hand.call(name, appBodies[name], other);
      assertHarmless(raw, name);
      expect(code, name).toBe('invalid_request');
    }
  });

  it("finds nothing of another user's: device, session, order (T17, T31)", async () => {
    const stranger = await addUser(system.server, system.company.id, { name: 'Vera Victim' });
    const victim = await registerPhone(system, { user: stranger });
    const deviceId = await deviceIdOf(victim);
    expect(await hand.call('devices/deactivate', { deviceId, reason: 'lost' }, 'session')).toMatchObject({
      code: 'not_found',
      status: 404,
    });
    await victim.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const order = await victim.claim(await login.frame());
    const decide = { orderId: order.orderId, approval: jws, proof: null };
    const { code } = await hand.call('orders/decide', decide, 'session');
    expect(['order_unavailable', 'not_found', 'invalid_request']).toContain(code);
    await victim.approve(order);
    await system.portal.redeem(await login.finish(), login.begun);
    const [session] = await victim.listSessions();
    const end = await hand.call('sessions/end', { sessionUid: session?.sessionUid }, 'session');
    expect(end).toMatchObject({ code: 'not_found', status: 404 });
    expect(await victim.listSessions()).toHaveLength(1);
    expect(await victim.status()).toBe('active');
  });
});

describe('the login page and its calls', () => {
  let login: WaitingLogin;
  const calls = ['order', 'link', 'code', 'renew', 'cancel', 'finish'] as const;

  beforeAll(async () => {
    login = await openLoginPage(system.portal);
  });

  it('refuse other origins, other browsers, unknown interactions and bodies, and change nothing by it (S-10, P-04)', async () => {
    const path = new URL(login.page).pathname;
    for (const name of calls) {
      const at = `${path}/${name}`;
      const without = await send(system.issuer, { method: 'POST', path: at });
      const foreign = await send(system.issuer, {
        method: 'POST',
        path: at,
        headers: { origin: 'https://evil.example' },
      });
      const contradicted = await send(system.issuer, {
        method: 'POST',
        path: at,
        headers: { origin: system.issuer, 'sec-fetch-site': 'cross-site' },
      });
      for (const answer of [without, foreign, contradicted]) {
        assertHarmless(answer, at);
        expect([answer.status, codeOf(answer)], at).toEqual([403, 'forbidden_origin']);
      }
      await expect(createBrowser().call('POST', `${login.page}/${name}`)).rejects.toThrow(/ 404 /);
      await expect(login.browser.call('POST', `${system.issuer}/interaction/unknown/${name}`)).rejects.toThrow(/ 404 /);
      const withBody = await send(system.issuer, {
        method: 'POST',
        path: at,
        headers: { origin: system.issuer, 'content-type': 'application/json' },
        body: '{"approved":true}',
      });
      expect(withBody.status, at).toBe(400);
    }
    for (const name of ['status', 'events']) {
      const answer = await send(system.issuer, {
        method: 'GET',
        path: `${path}/${name}`,
        headers: { 'sec-fetch-site': 'cross-site' },
      });
      expect(answer.status, name).toBe(403);
    }
    expect(await login.status()).toMatchObject({ state: 'pending' });
  });

  it('reflect no markup of the address into the page (T26, S-11)', async () => {
    for (const path of [
      '/q/<script>alert(1)</script>',
      '/l/%3Cimg%20src=x%20onerror=alert(1)%3E',
      '/l/<img%20src=x>',
      '/l/"onmouseover="alert(1)',
      '/interaction/%3Cscript%3E',
    ]) {
      const answer = await send(system.issuer, { method: 'GET', path, headers: { accept: 'text/html' } });
      assertHarmless(answer, path);
      // The bank's own logo stands in the header of every page.
      expect(answer.text).not.toMatch(/<script>alert|<img(?! src="\/assets\/)|"onmouseover/i);
      expect(String(answer.headers['content-security-policy'])).toMatch(/default-src 'none'|script-src/);
    }
  });
});

describe('every route of the admin API that takes a body', () => {
  it.each(Object.keys(adminBodies))(
    '%s refuses each member that is missing, of another type, too long or too many (P-28, T23, T27)',
    async (key) => {
      const [method = '', url = ''] = key.split(' ');
      const path = pathOf({ url, methods: [] }, unknownIds);
      const before = await trailLength();
      const right = adminBodies[key];
      for (const { label, body } of mutationsOf(right)) {
        const isOptional =
          label.endsWith(' missing') &&
          !/\/(name|reason|companyId|email|version|id|kind|metadata) missing$/.test(label);
        if (isOptional) continue;
        const answer = await send(system.adminUrl, {
          method,
          path,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        assertHarmless(answer, `${key} ${label}`);
        if (answer.status === 201) {
          // Odd, but a name or an id that one may give.
          expect(label).toMatch(/^\/(name|id) /);
          continue;
        }
        expect(answer.status, `${key} ${label}: ${answer.text}`).toBeGreaterThanOrEqual(400);
      }
      if (!['/admin/v1/companies', '/admin/v1/clients'].includes(url)) expect(await trailLength()).toBe(before);
    },
  );

  it('answers 404 for an id that does not exist and 400 for what is no id, at every route with one', async () => {
    for (const route of adminRoutes.filter(({ url }) => url.includes(':'))) {
      for (const method of route.methods.filter((one) => one !== 'HEAD')) {
        const body = adminBodies[`${method} ${route.url}`];
        const headers = {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        };
        const request = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
        const unknown = await send(system.adminUrl, { ...request, path: pathOf(route, unknownIds) });
        expect(unknown.status, `${method} ${route.url}`).toBe(404);
        const noId = { companyId: "x'--", userId: 'usr_%00', deviceId: '..', clientId: 'a b' };
        const odd = await send(system.adminUrl, {
          ...request,
          path: encodeURI(pathOf(route, noId)).replaceAll('..', '%2e%2e'),
        });
        assertHarmless(odd, `${method} ${route.url}`);
        expect([400, 404], `${method} ${route.url}: ${odd.status}`).toContain(odd.status);
      }
    }
  });

  it('refuses queries that are not its own', async () => {
    for (const path of ['/companies', '/users', '/devices', '/clients', '/audit']) {
      for (const query of [
        'limit=0',
        'limit=201',
        'limit=x',
        'limit=5&limit=6',
        'after=%00',
        'extra=1',
        'companyId[]=x',
        '__proto__=1',
      ]) {
        const answer = await send(system.adminUrl, {
          method: 'GET',
          path: `/admin/v1${path}?${query}`,
          headers: { authorization: `Bearer ${token}` },
        });
        assertHarmless(answer, `${path}?${query}`);
        expect(answer.status, `${path}?${query}`).toBe(400);
      }
    }
  });
});

describe('two thousand mutated requests, always the same', () => {
  it('leave the server answering, without a fault, a leak or a crash (X-02)', async () => {
    const random = sequence(20_261_120);
    const targets = await addresses();
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const seeds = [
      JSON.stringify(adminBodies['POST /admin/v1/users']),
      JSON.stringify(appBodies['registration/start']),
      'grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Fportal.example%2Fcallback&code_verifier=x',
      `client_id=${system.portal.id}&response_type=code&scope=openid&redirect_uri=x`,
      `eyJhbGciOiJkaXIifQ..${b64(22)}.${b64(64)}.${b64(43)}`,
      randomBytes(0).toString('latin1'),
    ];
    const types = [
      'application/json',
      'application/jose',
      'application/x-www-form-urlencoded',
      'text/plain',
      'application/jwt',
    ];
    const noise = [
      '\u0000',
      '%',
      '"',
      '{',
      '}',
      '[',
      ',',
      '\\',
      '\ud83d',
      '\u202e',
      '__proto__',
      '1e999',
      '-0',
      'null',
      '../',
      '\r\n',
    ];
    const mutate = (text: string): string => {
      const at = Math.floor(random() * (text.length + 1));
      const end = at + Math.floor(random() * 20);
      const choice = random();
      if (choice < 0.3) return text.slice(0, at) + text.slice(end);
      if (choice < 0.6) return text.slice(0, at) + pick(noise) + text.slice(at);
      if (choice < 0.8)
        return text.slice(0, at) + text.slice(at, end).repeat(1 + Math.floor(random() * 50)) + text.slice(end);
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(end);
    };
    for (let count = 0; count < 2_000; count += 1) {
      const { origin, path, methods } = pick(targets);
      const method = random() < 0.85 ? pick(methods) : pick(everyMethod);
      const query = random() < 0.4 ? `?${encodeURIComponent(Buffer.from(mutate(pick(seeds))).toString())}` : '';
      const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'TRACE';
      let body = pick(seeds);
      for (let times = Math.floor(random() * 4); times > 0; times -= 1) body = mutate(body);
      const headers: Record<string, string> = { origin: system.issuer };
      if (hasBody) headers['content-type'] = pick(types);
      if (random() < 0.5)
        headers['authorization'] = `${pick(['Bearer', 'Basic', 'DPoP'])} ${pick([token, 'x', 'YTpi'])}`;
      if (random() < 0.3) headers['dpop'] = `${b64(10)}.${b64(10)}.${b64(10)}`;
      if (random() < 0.3)
        headers['cookie'] = `_interaction=${b64(20)}; x=${encodeURIComponent(pick(noise).replace('\ud83d', ''))}`;
      const answer = await send(origin, { method, path: `${path}${query}`, headers, ...(hasBody ? { body } : {}) });
      if (answer.status === 413 && answer.headers['x-request-id'] === undefined) continue;
      assertHarmless(answer, `${count}: ${method} ${path}${query.slice(0, 100)} ${body.slice(0, 100)}`, {
        isOauth: isOauth(path),
      });
    }
    expect((await send(system.issuer, { method: 'GET', path: '/health/ready' })).status).toBe(200);
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
  });
});

/** A fixed sequence of numbers from 0 to 1 (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
