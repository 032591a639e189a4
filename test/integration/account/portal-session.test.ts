/** A user's own devices and sessions from a portal's session: what can be seen and ended, by whom, and what a token is worth. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { disableClient, updateClient } from '../../../src/oidc/clients.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import type { Portal } from '../system/portal.ts';
import {
  addAdminClient,
  addPortal,
  addUser,
  adminToken,
  bank,
  deviceIdOf,
  eventually,
  mpin,
  registerPhone,
  type System,
  startSystem,
} from '../system/rig.ts';
import { accountPortal, accountToken, callAccount, type PortalSession, portalSession, refreshGrant } from './rig.ts';

const [engine] = systemEngines();
let stores: SystemStores;
let system: System;
let portal: Portal;

beforeAll(async () => {
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  portal = await accountPortal(system);
});

afterAll(async () => {
  await portal.close();
  await system.close();
  await stores.close();
});

async function newUser() {
  return addUser(system.server, system.company.id, { name: 'Lisa Lost' });
}

describe('From an active portal session', () => {
  it('a user sees own devices and sessions, and which of them the session is (R-09, S-08)', async () => {
    const user = await newUser();
    const other = await registerPhone(system, { user });
    const session = await portalSession(system, portal, { user });
    const devices = await session.call('GET', '/devices');
    expect(devices.status).toBe(200);
    expect(devices.headers.get('cache-control')).toBe('no-store');
    const thisId = await deviceIdOf(session.phone);
    const otherId = await deviceIdOf(other);
    const listed = devices.body['devices'] as { deviceId: string; isThis: boolean }[];
    expect(Object.fromEntries(listed.map(({ deviceId, isThis }) => [deviceId, isThis]))).toEqual({
      [thisId]: true,
      [otherId]: false,
    });
    expect(listed[0]).toMatchObject({ name: 'Test phone', platform: 'Test', status: 'active' });
    const sessions = (await session.call('GET', '/sessions')).body['sessions'];
    expect(sessions).toEqual([
      expect.objectContaining({ isThis: true, portals: [{ clientId: portal.id, name: 'Business portal' }] }),
    ]);
  });

  it('a lost phone is ended without it: all of it is dead, the rest lives, the trail names the portal, people are told (R-11, S-07, S-08, A-10)', async () => {
    const user = await newUser();
    const lost = await registerPhone(system, { user });
    const { tokens } = await logIn(system.portal, lost);
    const session = await portalSession(system, portal, { user });
    const lostId = await deviceIdOf(lost);
    const mails = system.mails.to(user.email).length;

    const answer = await session.call('POST', `/devices/${lostId}/deactivate`, { body: { reason: 'lost' } });
    expect(answer).toMatchObject({ status: 200, body: { deactivated: [lostId], isLoggedOut: false } });
    await expect(lost.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
    await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await system.portal.userinfo(tokens.access_token)).status).toBe(401);
    // The session that did it goes on.
    expect((await session.call('GET', '/devices')).status).toBe(200);

    const trail = await system.server.stores.records.audit.search(
      { deviceId: lostId, event: 'device.deactivated' },
      { order: 'oldest', limit: 10 },
    );
    expect(trail).toEqual([
      expect.objectContaining({
        actor: `user:${user.id}`,
        clientId: portal.id,
        companyId: system.company.id,
        userId: user.id,
        data: { reason: 'lost' },
      }),
    ]);
    const isOfTheEnd = (text: string): boolean => text.includes('was deactivated');
    const notice = await eventually('the notice', () => system.mails.to(user.email).slice(mails).find(isOfTheEnd));
    expect(notice).toContain('Test phone');
  });

  it('its own phone is the lost one: the answer arrives, and then the session is dead (R-11, S-07, T8)', async () => {
    const user = await newUser();
    const session = await portalSession(system, portal, { user });
    const id = await deviceIdOf(session.phone);
    const logouts = portal.logoutTokens.length;
    const answer = await session.call('POST', `/devices/${id}/deactivate`, { body: { reason: 'stolen' } });
    expect(answer).toMatchObject({ status: 200, body: { deactivated: [id], isLoggedOut: true } });
    const after = await session.call('GET', '/devices');
    expect(after.status).toBe(401);
    expect(after.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(after.body).toMatchObject({ type: 'urn:mtoken:error:authentication_failed', status: 401 });
    expect(await refreshGrant(system.issuer, portal, { refresh_token: session.refreshToken })).toMatchObject({
      error: 'invalid_grant',
    });
    expect((await portal.userinfo(session.userToken)).status).toBe(401);
    const logout = await eventually('the logout token', () => portal.logoutTokens[logouts]);
    expect(decodeJwt(logout)).toMatchObject({ sub: user.id, aud: portal.id });
  });

  it('all phones at once, all or none, again without harm (R-11, R-10)', async () => {
    const user = await newUser();
    const others = [await registerPhone(system, { user }), await registerPhone(system, { user })];
    const session = await portalSession(system, portal, { user });
    const ids = await Promise.all([...others, session.phone].map(deviceIdOf));
    const [first] = ids;
    const one = { body: { reason: 'fraud' } };
    await session.call('POST', `/devices/${first}/deactivate`, one);
    // Doing it twice changes nothing.
    expect((await session.call('POST', `/devices/${first}/deactivate`, one)).body).toEqual({
      deactivated: [],
      isLoggedOut: false,
    });
    const all = await session.call('POST', '/devices/deactivate', one);
    expect(all.status).toBe(200);
    expect(all.body['isLoggedOut']).toBe(true);
    expect(new Set(all.body['deactivated'] as string[])).toEqual(new Set(ids.slice(1)));
    expect((await session.call('GET', '/sessions')).status).toBe(401);
    for (const phone of [...others, session.phone])
      await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
    const { records } = system.server.stores;
    const trail = await records.audit.search(
      { userId: user.id, event: 'device.deactivated' },
      { order: 'oldest', limit: 10 },
    );
    expect(trail).toHaveLength(3);
  });

  it('ends one session, all others, and its own; portals hear of it (S-08, S-06)', async () => {
    const user = await newUser();
    const phone = await registerPhone(system, { user });
    const session = await portalSession(system, portal, { user, phone });
    const [second, third] = [await logIn(system.portal, phone), await logIn(system.portal, phone)];
    const uids = (await listedSessions(session)).filter(({ isThis }) => !isThis).map(({ sessionUid }) => sessionUid);
    expect(uids).toHaveLength(2);
    const logouts = system.portal.logoutTokens.length;
    const [uid = ''] = uids;
    const empty = { body: {} };
    expect((await session.call('POST', `/sessions/${uid}/end`, empty)).body).toEqual({
      ended: [uid],
      isLoggedOut: false,
    });
    await eventually('one logout token', () => system.portal.logoutTokens[logouts]);
    expect((await session.call('POST', '/sessions/end', empty)).body).toEqual({
      ended: [uids[1]],
      isLoggedOut: false,
    });
    for (const { tokens } of [second, third])
      await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    const [own] = await listedSessions(session);
    expect((await session.call('POST', `/sessions/${own?.sessionUid}/end`, empty)).body['isLoggedOut']).toBe(true);
    expect((await session.call('GET', '/sessions')).status).toBe(401);
    // The phone is as it was.
    await phone.unlockWithMpin(mpin);
    const trail = await system.server.stores.records.audit.search(
      { userId: user.id, event: 'logout.completed', clientId: portal.id },
      { order: 'oldest', limit: 10 },
    );
    expect(trail).toHaveLength(3);
  });
});

async function listedSessions(session: PortalSession) {
  const { body } = await session.call('GET', '/sessions');
  return body['sessions'] as { sessionUid: string; isThis: boolean }[];
}

describe('Another user', () => {
  it('has neither devices nor sessions here: not found, as what does not exist (T17, T31)', async () => {
    const mine = await portalSession(system, portal, { user: await newUser() });
    const theirs = await portalSession(system, portal, { user: await newUser() });
    const [theirSession] = await listedSessions(theirs);
    const reason = { body: { reason: 'lost' } };
    const answers = [
      await mine.call('POST', `/devices/${await deviceIdOf(theirs.phone)}/deactivate`, reason),
      await mine.call('POST', '/devices/dev_AAAAAAAAAAAAAAAAAAAAAA/deactivate', reason),
      await mine.call('POST', `/sessions/${theirSession?.sessionUid}/end`, { body: {} }),
      await mine.call('POST', '/sessions/nobody/end', { body: {} }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(404);
      expect({ ...body, instance: '' }).toEqual({
        type: 'urn:mtoken:error:not_found',
        title: 'Not found',
        status: 404,
        instance: '',
      });
    }
    expect((await theirs.call('GET', '/devices')).status).toBe(200);
    await theirs.phone.unlockWithMpin(mpin);
  });

  it('is not reached by members, methods or shapes that there are not (T27, P-28)', async () => {
    const session = await portalSession(system, portal, { user: await newUser() });
    const id = await deviceIdOf(session.phone);
    const path = `/devices/${id}/deactivate`;
    const userId = system.user.id;
    for (const body of [{}, { reason: 'bored' }, { reason: 'lost', userId }, { reason: ['lost'] }, [], null, 'lost']) {
      expect((await session.call('POST', path, { body })).status).toBe(400);
    }
    expect(
      (await session.call('POST', '/devices/..%2f..%2fadmin/deactivate', { body: { reason: 'lost' } })).status,
    ).toBe(400);
    expect((await session.call('POST', '/sessions/end', { body: { userId } })).status).toBe(400);
    expect((await session.call('GET', path)).status).toBe(405);
    const large = await session.call('POST', path, { body: { reason: 'x'.repeat(10_000) } });
    expect(large.status).toBe(413);
    await session.phone.unlockWithMpin(mpin);
  });
});

describe('A token', () => {
  it('is for the account API or it is refused: none, user information, ID token, another API, an operator (O-15, T27)', async () => {
    const session = await portalSession(system, portal, { user: await newUser() });
    const own = await accountPortal(system, {
      resource: 'https://api.portal.example',
      scope: 'payments account',
    });
    const { tokens } = await logIn(own, session.phone, { extra: { scope: 'openid payments' } });
    expect(decodeJwt(tokens.access_token)).toMatchObject({ aud: 'https://api.portal.example', scope: 'payments' });
    const operator = await adminToken(system, await addAdminClient(system.server));
    for (const token of [undefined, session.userToken, tokens.id_token, tokens.access_token, operator]) {
      const { status } = await callAccount(system.issuer, {
        method: 'GET',
        path: '/devices',
        ...(token === undefined ? {} : { token }),
      });
      expect(status).toBe(401);
    }
    await own.close();
  });

  it('of a portal with an API of its own is told apart by its audience (O-15)', async () => {
    const own = await accountPortal(system, { resource: 'https://api.portal.example', scope: 'payments account' });
    const resource = `${system.issuer}/account`;
    const { tokens } = await logIn(own, await registerPhone(system), {
      extra: { scope: 'openid payments account', resource },
    });
    const token = await accountToken(system.issuer, own, tokens.refresh_token ?? '');
    expect(decodeJwt(token)).toMatchObject({ aud: resource, scope: 'account', client_id: own.id });
    expect((await callAccount(system.issuer, { method: 'GET', path: '/devices', token })).status).toBe(200);
    // What was not asked for at the login, no refresh brings.
    const other = await refreshGrant(system.issuer, own, {
      refresh_token: tokens.refresh_token ?? '',
      resource: 'https://api.portal.example',
    });
    expect(other).toMatchObject({ error: 'invalid_target' });
    await own.close();
  });

  it('is not given to a portal that is not registered for the scope (O-15)', async () => {
    const phone = await registerPhone(system);
    const plain = await addPortal(system.server, system.issuer);
    const begun = await plain.begin({ scope: 'openid account', resource: `${system.issuer}/account` });
    const answer = await fetch(begun.url, { redirect: 'manual' });
    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_target');
    // Nor one without the scope where the login did not ask for it.
    const { tokens } = await logIn(portal, phone, { extra: { scope: 'openid', resource: `${system.issuer}/account` } });
    const token = await accountToken(system.issuer, portal, tokens.refresh_token ?? '');
    const refused = await callAccount(system.issuer, { method: 'GET', path: '/devices', token });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="account"');
    await plain.close();
  });

  it('dies with session, user, rule of the company, registration of the portal and scope, before it expires (S-02, S-06, S-07, T8)', async () => {
    const admin = system.server.capabilities.admin;
    const status = async (session: PortalSession) => (await session.call('GET', '/devices')).status;

    const loggedOut = await portalSession(system, portal, { user: await newUser() });
    const sessionUid = (await listedSessions(loggedOut))[0]?.sessionUid ?? '';
    const { records } = system.server.stores;
    await records.transaction((within) => system.server.capabilities.devices.endLogins(within, { sessionUid }, 1));
    expect(await status(loggedOut)).toBe(401);

    const user = await newUser();
    const suspended = await portalSession(system, portal, { user });
    await suspendUser(admin, { userId: user.id, reason: 'suspected', actor: bank });
    expect(await status(suspended)).toBe(401);

    const outlived = await newUser();
    const long = await portalSession(system, portal, { user: outlived });
    expect(await status(long)).toBe(200);
    const [row] = await records.oidc.sessionsOf({ userId: outlived.id });
    if (row === undefined) throw new Error('no session');
    // Longer ago than its company lets a login last, whatever end the row has.
    const document: object = JSON.parse(row.payload);
    const payload = JSON.stringify({ ...document, loggedInAt: Date.now() - 721 * 60_000 });
    await records.oidc.saveSession({ ...row, payload }, []);
    expect(await status(long)).toBe(401);

    const short = await accountPortal(system);
    const session = await portalSession(system, short, { user: await newUser() });
    const client = await records.clients.find(short.id);
    const { scope: _scope, ...metadata } = client?.metadata ?? {};
    await updateClient(admin, short.id, { change: { version: client?.version ?? 0, metadata }, actor: bank });
    expect(await status(session)).toBe(403);
    await disableClient(admin, short.id, bank);
    expect(await status(session)).toBe(401);
    await short.close();
  });

  it('that is altered, or signed by somebody else, opens nothing (O-15, C-05)', async () => {
    const session = await portalSession(system, portal, { user: await newUser() });
    const [header = '', payload = '', signature = ''] = session.accessToken.split('.');
    const claims = decodeJwt(session.accessToken);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const forged = await new SignJWT({ ...claims, sub: system.user.id })
      .setProtectedHeader({ ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string }) })
      .sign(privateKey);
    const other = encodeBase64url(JSON.stringify({ ...claims, sub: system.user.id }));
    for (const token of [forged, `${header}.${other}.${signature}`, `${header}.${payload}.`, 'x'.repeat(9000)]) {
      expect((await session.call('GET', '/devices', { token })).status).toBe(401);
    }
  });
});

describe('A token that is bound to a key', () => {
  const path = '/devices';

  async function proofOf(
    key: { privateKey: CryptoKey; publicJwk: JWK },
    claims: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    return new SignJWT({ jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk })
      .sign(key.privateKey);
  }

  async function newKey() {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return { privateKey, publicJwk: await exportJWK(publicKey) };
  }

  it('works with its proof, for this request, once, and with nothing else (O-09, P-23)', async () => {
    const key = await newKey();
    const session = await portalSession(system, portal, { user: await newUser() });
    const url = `${system.issuer}/oauth2/token`;
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${portal.id}:${encodeURIComponent(portal.secret)}`).toString('base64')}`,
        dpop: await proofOf(key, { htm: 'POST', htu: url }),
      },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: session.refreshToken,
        resource: `${system.issuer}/account`,
      }),
    });
    const { access_token: token, token_type: type } = (await response.json()) as Record<string, string>;
    expect(type).toBe('DPoP');
    const right = { htm: 'GET', htu: `${system.issuer}/account/v1${path}`, ath: encodeBase64url(sha256(token ?? '')) };
    const ask = async (scheme: string, dpop?: string) =>
      callAccount(system.issuer, {
        method: 'GET',
        path,
        headers: { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) },
      });
    const proof = await proofOf(key, right);
    expect((await ask('DPoP', proof)).status).toBe(200);
    const replayed = await ask('DPoP', proof);
    expect(replayed.status).toBe(401);
    expect(replayed.headers.get('www-authenticate')).toBe('DPoP algs="ES256 PS256", error="invalid_token"');
    expect((await ask('Bearer')).status).toBe(401);
    expect((await ask('Bearer', await proofOf(key, right))).status).toBe(401);
    expect((await ask('DPoP')).status).toBe(401);
    expect((await ask('DPoP', await proofOf(await newKey(), right))).status).toBe(401);
    const old = Math.floor(Date.now() / 1000) - 120;
    for (const wrong of [
      { htm: 'POST' },
      { htu: `${right.htu}/x` },
      { ath: encodeBase64url(sha256('x')) },
      { iat: old },
    ]) {
      expect((await ask('DPoP', await proofOf(key, { ...right, ...wrong }))).status, JSON.stringify(wrong)).toBe(401);
    }
    for (const name of ['htm', 'htu', 'ath', 'iat', 'jti']) {
      expect((await ask('DPoP', await proofOf(key, { ...right, [name]: undefined }))).status, name).toBe(401);
    }
    // And a bearer token gains nothing by a proof.
    const unbound = await session.call('GET', path, {
      headers: {
        authorization: `DPoP ${session.accessToken}`,
        dpop: await proofOf(key, { ...right, ath: encodeBase64url(sha256(session.accessToken)) }),
      },
    });
    expect(unbound.status).toBe(401);
  });
});

it('A user who asks too often waits, and nobody else does (L-12)', async () => {
  if (engine === undefined) throw new Error('no engine');
  const own = await engine.open();
  const small = await startSystem(own, { env: { MTOKEN_LIMIT_PER_USER: '12' } });
  const limited = await accountPortal(small);
  const noisy = await portalSession(small, limited);
  const quiet = await portalSession(small, limited, {
    user: await addUser(small.server, small.company.id, { name: 'Quiet' }),
  });
  const statuses: number[] = [];
  for (let call = 0; call < 13; call += 1) statuses.push((await noisy.call('GET', '/devices')).status);
  expect(statuses).toEqual([...Array.from({ length: 12 }, () => 200), 429]);
  expect((await noisy.call('GET', '/devices')).headers.get('retry-after')).not.toBeNull();
  expect((await quiet.call('GET', '/devices')).status).toBe(200);
  await limited.close();
  await small.close();
  await own.close();
});
