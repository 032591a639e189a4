/** Three server processes behind one origin: what one decides, the others know; what one loses, the others carry on. */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPhone, memoryKeyStore, type Phone, PhoneError } from '../../../src/sdk/index.ts';
import type { Server } from '../../../src/server.ts';
import { type SystemEngine, type SystemStores, systemEngines } from './engines.ts';
import { logIn, openLoginPage, scan } from './login.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import { type Balancer, type ServerProcess, startBalancer, startServerProcess } from './processes.ts';
import {
  addAdminClient,
  addUser,
  adminToken,
  deviceIdOf,
  eventually,
  furnish,
  mpin,
  openServer,
  registerPhone,
  type System,
  serverEnv,
} from './rig.ts';

// On a Cluster, which is the stricter; three processes on a Redis alone are those of emergency-channels.test.ts.
const engines = systemEngines().filter(({ name }) => name === 'postgres and redis cluster');

it('has shared stores wherever they are required', () => {
  expect(engines.length > 0 || process.env['MTOKEN_TEST_ENGINES'] !== 'required').toBe(true);
});

describe.each(engines)('three server processes on $name', (engine: SystemEngine) => {
  let stores: SystemStores;
  let mail: MailServer;
  let balancer: Balancer;
  let servers: ServerProcess[] = [];
  let system: System;
  let env: Record<string, string>;
  let desk: Server;

  beforeAll(async () => {
    stores = await engine.open();
    mail = await startMailServer();
    balancer = await startBalancer();
    const smtp = { MTOKEN_SMTP_URL: mail.url, MTOKEN_MAIL_FROM: 'login@bank.example' };
    env = { ...serverEnv(balancer.origin, stores), ...smtp, MTOKEN_LOG_LEVEL: 'info' };
    desk = await openServer({ env });
    servers = await Promise.all([startServerProcess(env), startServerProcess(env), startServerProcess(env)]);
    balancer.use(...servers);
    system = await furnish(desk, { issuer: balancer.origin, mails: mail });
  }, 90_000);

  afterAll(async () => {
    for (const server of servers) await server.kill();
    await system.close();
    await balancer.close();
    await mail.close();
    await stores.close();
  });

  it('log a phone in that speaks to a different one with every request (X-06)', async () => {
    const phone = await registerPhone(system, { biometric: 'fpt' });
    const { tokens } = await logIn(system.portal, phone);
    expect(tokens.claims()).toMatchObject({ sub: system.user.id, amr: ['pin', 'hwk', 'mfa'] });
    await system.portal.refresh(tokens.refresh_token ?? '');
  });

  it('evaluate exactly 5 of 100 wrong proofs that come at once, and the right one after that is refused (L-01, L-02, T1, T4, X-06)', async () => {
    const keyStore = memoryKeyStore();
    const phone = await registerPhone(system, { options: { keyStore } });
    const deviceId = await deviceIdOf(phone);
    // One phone in a hundred hands. Each makes its wrong proof and waits with it until the last one has made theirs.
    let waiting = 0;
    let fire: () => void = () => undefined;
    const fired = new Promise<void>((resolve) => {
      fire = resolve;
    });
    const outcomes: Promise<string>[] = [];
    for (let hands = 1; hands <= 100; hands += 1) {
      const hand = createPhone({
        keyStore,
        allowLoopbackHttp: true,
        timeoutMs: 110_000,
        fetch: async (url, init) => {
          if (!url.endsWith('/session/finish')) return fetch(url, init);
          waiting += 1;
          await fired;
          return fetch(url, init);
        },
      });
      outcomes.push(
        hand.unlockWithMpin('71359').then(
          () => 'opened',
          (error: unknown) => (error instanceof PhoneError ? error.code : String(error)),
        ),
      );
      await eventually('a wrong proof', () => (waiting === hands ? true : undefined));
    }
    fire();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['wrong_mpin', 'blocked']));
    const trail = await desk.stores.records.audit.read(0, 10_000, { deviceId });
    expect(trail.filter(({ event }) => event === 'mpin.wrong')).toHaveLength(5);
    expect(trail.filter(({ event }) => event === 'mpin.blocked')).toHaveLength(1);
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'blocked' });
  }, 120_000);

  it('redeem a code once of 50 times at once, and its tokens die with the theft (P-03, O-02, T19, X-06)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    await phone.approve(await scan(login, phone));
    const callbackUrl = await login.finish();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => system.portal.redeem(callbackUrl, login.begun)),
    );
    const redeemed = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(redeemed.length).toBeLessThanOrEqual(1);
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    for (const refusal of refusals) expect(refusal).toMatchObject({ error: 'invalid_grant' });
    for (const tokens of redeemed) {
      await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    }
  });

  it('finish an approval once of 50 times at once by its own browser (P-03, X-06)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    await phone.approve(await scan(login, phone));
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => login.browser.call<{ location: string }>('POST', `${login.page}/finish`)),
    );
    const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(done).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(String(result.reason)).toMatch(/ (404|410) /);
    }
  });

  it('tell the waiting page on one of them of an approval on another (X-06)', async () => {
    const [first, second, third] = servers as [ServerProcess, ServerProcess, ServerProcess];
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const frame = await login.frame();
    balancer.use(first);
    const claimed = login.heard('claimed');
    const approved = login.heard('approved');
    await login.status();
    balancer.use(second);
    const order = await phone.claim(frame);
    await claimed;
    balancer.use(third);
    await phone.approve(order);
    await approved;
    balancer.use(...servers);
    await login.finish();
  });

  it('refuse everything of a device within a second of its deactivation on one of them, and portals are told (S-06, S-07, R-10, T2, T8)', async () => {
    const [first, second, third] = servers as [ServerProcess, ServerProcess, ServerProcess];
    const user = await addUser(desk, system.company.id, { name: 'Lisa Lost' });
    const phone = await registerPhone(system, { user });
    const { tokens } = await logIn(system.portal, phone);
    const login = await openLoginPage(system.portal);
    const order = await scan(login, phone);
    const approvedLogin = await openLoginPage(system.portal);
    await phone.approve(await scan(approvedLogin, phone));
    balancer.use(third);
    const cancelled = login.heard('cancelled');
    await login.status();
    balancer.use(...servers);
    const logouts = system.portal.logoutTokens.length;
    const operator = await addAdminClient(desk, { scope: 'admin:devices' });
    const token = await adminToken(system, operator);

    const answer = await fetch(`${first.adminUrl}/admin/v1/devices/${await deviceIdOf(phone)}/deactivate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'lost on the train' }),
    });
    expect(answer.status).toBe(200);
    const at = performance.now();
    for (const other of [second, third]) {
      balancer.use(other);
      await expect(phone.approve(order)).rejects.toBeInstanceOf(PhoneError);
      await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
      expect((await system.portal.userinfo(tokens.access_token)).status).toBe(401);
      await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
    }
    expect(performance.now() - at).toBeLessThan(5_000);
    // Approved before the deactivation, redeemed after it: not any more.
    const callback = new URL(await approvedLogin.finish());
    expect(callback.searchParams.get('error')).toBe('access_denied');
    expect(callback.searchParams.has('code')).toBe(false);
    balancer.use(...servers);
    await cancelled;
    const logout = await eventually('the logout token', () => system.portal.logoutTokens[logouts]);
    expect(decodeProtectedHeader(logout)).toMatchObject({ typ: 'logout+jwt' });
    expect(decodeJwt(logout)).toMatchObject({ aud: system.portal.id, sub: user.id, sid: tokens.claims()?.['sid'] });
    expect(decodeJwt(logout)).not.toHaveProperty('nonce');
  });

  it('rotate keys at once under a load of logins, none of which fails (C-12)', async () => {
    const [first] = servers as [ServerProcess, ...ServerProcess[]];
    const phones = [await registerPhone(system), await registerPhone(system), await registerPhone(system)];
    const operator = await addAdminClient(desk, { scope: 'admin:keys admin:read' });
    const token = await adminToken(system, operator);
    const authorization = `Bearer ${token}`;
    let isOver = false;
    const load = phones.map(async (phone) => {
      let logins = 0;
      while (logins < (isOver ? 2 : 9)) {
        await logIn(system.portal, phone);
        await phone.logout();
        logins += 1;
      }
      return logins;
    });
    for (let turn = 0; turn < 2; turn += 1) {
      const rotated = await fetch(`${first.adminUrl}/admin/v1/keys/rotate`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ immediately: true }),
      });
      expect(rotated.status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    isOver = true;
    for (const logins of await Promise.all(load)) expect(logins).toBeGreaterThanOrEqual(2);
    const { items } = (await (
      await fetch(`${first.adminUrl}/admin/v1/keys`, { headers: { authorization } })
    ).json()) as { items: { use: string; alg: string; status: string }[] };
    expect(items.filter(({ alg, status }) => alg === 'ES256' && status === 'active')).toHaveLength(1);
    expect(items.filter(({ alg }) => alg === 'ES256').length).toBeGreaterThanOrEqual(3);
  }, 120_000);

  it('go on with logins when one is killed in the middle of them, and it comes back (X-02, X-06)', async () => {
    const phones = [await registerPhone(system), await registerPhone(system), await registerPhone(system)];
    const doomed = servers[2] as ServerProcess;
    const tries = phones.map((phone) => loginsThatMayFail(system, phone, 3));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await doomed.kill();
    for (const { succeeded, failures } of await Promise.all(tries)) {
      expect(succeeded, failures.join('\n')).toBeGreaterThanOrEqual(1);
    }
    for (const phone of phones) await logIn(system.portal, phone);
    const fresh = await startServerProcess(env);
    servers = [...servers.slice(0, 2), fresh];
    balancer.use(fresh);
    for (const phone of phones) await logIn(system.portal, phone);
    balancer.use(...servers);
  }, 90_000);

  it('end cleanly on SIGTERM while a page waits, with exit code 0', async () => {
    const extra = await startServerProcess(env);
    balancer.use(extra);
    const login = await openLoginPage(system.portal);
    const heard = login.heard('approved').catch(() => 'the stream ended');
    await login.status();
    expect(await extra.end()).toBe(0);
    expect(await heard).toBe('the stream ended');
    balancer.use(...servers);
    // The page's fallback: the order is where it was.
    expect(await login.status()).toMatchObject({ state: 'pending' });
  });
});

/** Logs in again and again; what fails while a server dies may fail, but never as a login that is wrong. */
async function loginsThatMayFail(
  system: System,
  phone: Phone,
  times: number,
): Promise<{ succeeded: number; failures: string[] }> {
  let succeeded = 0;
  const failures: string[] = [];
  for (let index = 0; index < times; index += 1) {
    try {
      await logIn(system.portal, phone);
      succeeded += 1;
    } catch (error) {
      if (error instanceof PhoneError) expect(['offline', 'unavailable', 'session_ended']).toContain(error.code);
      failures.push(String(error));
    }
  }
  return { succeeded, failures };
}
