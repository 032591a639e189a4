/** A lost phone is ended from every channel and without it; then all of it is dead on each of three processes, at once and for good. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt, exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../../src/companies/store.ts';
import { type ClaimedOrder, type Phone, PhoneError } from '../../../src/sdk/index.ts';
import { commandProgram } from '../../bundled-programs.ts';
import { accountPortal, type PortalSession, portalSession } from '../account/rig.ts';
import { type ConsoleSystem, callAdmin, logInToConsole, personAtConsole } from '../console/desk.ts';
import { type SystemEngine, type SystemStores, systemEngines } from './engines.ts';
import { openLoginPage, scan, type WaitingLogin } from './login.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import type { Portal } from './portal.ts';
import { type Balancer, type ServerProcess, startBalancer, startServerProcess } from './processes.ts';
import {
  type AdminClient,
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

const engines = systemEngines().filter(({ name }) => name === 'postgres and redis');
const cli = await commandProgram();

describe.skipIf(engines.length > 0)('A lost phone on three processes', () => {
  it.skip('needs PostgreSQL and Redis: .ci/run brings both', () => {});
});

/** A phone with all that it can have under way. */
interface Victim {
  readonly user: User;
  readonly phone: Phone;
  readonly deviceId: string;
  /** Logged in by this very phone. */
  readonly session: PortalSession;
  /** On the phone's screen, not decided. */
  readonly claimed: ClaimedOrder;
  /** Shown by a page, not scanned. */
  readonly waiting: WaitingLogin;
  /** Approved, and not yet back in the browser. */
  readonly approved: WaitingLogin;
  readonly consoleCookie: string;
}

describe.each(engines)('A lost phone on three processes, $name', { timeout: 120_000 }, (engine: SystemEngine) => {
  let stores: SystemStores;
  let mail: MailServer;
  let balancer: Balancer;
  let adminBalancer: Balancer;
  let servers: ServerProcess[] = [];
  let system: System;
  let desk: ConsoleSystem;
  let portal: Portal;
  let machine: AdminClient;

  beforeAll(async () => {
    stores = await engine.open();
    mail = await startMailServer();
    [balancer, adminBalancer] = [await startBalancer(), await startBalancer()];
    const env = {
      ...serverEnv(balancer.origin, stores),
      MTOKEN_CONSOLE_URL: adminBalancer.origin,
      MTOKEN_SMTP_URL: mail.url,
      MTOKEN_MAIL_FROM: 'login@bank.example',
      MTOKEN_LOG_LEVEL: 'info',
    };
    const beside = await openServer({ env });
    servers = await Promise.all([startServerProcess(env), startServerProcess(env), startServerProcess(env)]);
    system = { ...(await furnish(beside, { issuer: balancer.origin, mails: mail })), adminUrl: adminBalancer.origin };
    useAll();
    desk = { system, origin: adminBalancer.origin };
    portal = await accountPortal(system);
    machine = await addAdminClient(beside, { scope: 'admin:devices' });
  }, 120_000);

  afterAll(async () => {
    for (const server of servers) await server.kill();
    await portal.close();
    await system.close();
    for (const one of [balancer, adminBalancer]) await one.close();
    await mail.close();
    await stores.close();
  });

  function useAll(...some: readonly ServerProcess[]): void {
    const used = some.length === 0 ? servers : some;
    balancer.use(...used);
    adminBalancer.use(...used.map(({ adminUrl }) => ({ publicUrl: adminUrl })));
  }

  async function newVictim(): Promise<Victim> {
    const user = await addUser(system.server, system.company.id, { name: 'Lisa Lost', role: 'administrator' });
    const phone = await registerPhone(system, { user });
    const { browser } = await logInToConsole(desk, { phone });
    const session = await portalSession(system, portal, { user, phone });
    const approved = await openLoginPage(system.portal);
    await phone.approve(await scan(approved, phone));
    const waiting = await openLoginPage(system.portal);
    const claimed = await scan(await openLoginPage(system.portal), phone);
    const consoleCookie = browser.cookies(desk.origin);
    expect((await callAdmin(desk, consoleCookie, '/me')).status).toBe(200);
    return { user, phone, deviceId: await deviceIdOf(phone), session, claimed, waiting, approved, consoleCookie };
  }

  /** Everything of it, asked of one process. */
  async function expectDeadAt(server: ServerProcess, victim: Victim): Promise<void> {
    useAll(server);
    const { phone, session, claimed, waiting, consoleCookie } = victim;
    await expect(phone.approve(claimed)).rejects.toBeInstanceOf(PhoneError);
    await expect(scan(waiting, phone)).rejects.toBeInstanceOf(PhoneError);
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
    await expect(portal.refresh(session.refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await portal.userinfo(session.userToken)).status).toBe(401);
    for (const token of [session.userToken, session.refreshToken])
      expect(await introspect(token)).toEqual({ active: false });
    expect((await session.call('GET', '/devices')).status).toBe(401);
    expect((await callAdmin(desk, consoleCookie, '/me')).status).toBe(401);
  }

  async function introspect(token: string): Promise<unknown> {
    const basic = Buffer.from(`${portal.id}:${encodeURIComponent(portal.secret)}`).toString('base64');
    const response = await fetch(`${system.issuer}/oauth2/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ token }),
    });
    return response.json();
  }

  const byMachine = async (path: string): Promise<number> => {
    const answer = await fetch(`${servers[0]?.adminUrl}/admin/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await adminToken(system, machine)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'lost' }),
    });
    return answer.status;
  };

  const byPerson = (role: 'operator' | 'support' | 'administrator') => async (victim: Victim) => {
    const { browser } = await personAtConsole(desk, role);
    const call = { method: 'POST', body: { reason: 'lost' } };
    const { status } = await callAdmin(
      desk,
      browser.cookies(desk.origin),
      `/devices/${victim.deviceId}/deactivate`,
      call,
    );
    expect(status).toBe(200);
  };

  const reason = { body: { reason: 'lost' } };
  const channels: readonly (readonly [string, (victim: Victim) => Promise<unknown>])[] = [
    [
      'its user, in the app of another phone',
      async ({ user, deviceId }) => {
        const other = await registerPhone(system, { user });
        await other.unlockWithMpin(mpin);
        await other.deactivateDevice({ deviceId, reason: 'lost' });
      },
    ],
    [
      'its user, from a portal session that another phone opened',
      async ({ user, deviceId }) => {
        const other = await portalSession(system, portal, { user });
        expect((await other.call('POST', `/devices/${deviceId}/deactivate`, reason)).status).toBe(200);
      },
    ],
    [
      'its user, from the portal session that it opened itself',
      async ({ session }) => expect((await session.call('POST', '/devices/deactivate', reason)).status).toBe(200),
    ],
    ['an administrator of the company at the console', byPerson('administrator')],
    ['support at the console', byPerson('support')],
    ['an operator at the console', byPerson('operator')],
    [
      'a machine of the bank',
      async ({ deviceId }) => expect(await byMachine(`/devices/${deviceId}/deactivate`)).toBe(200),
    ],
    [
      'the command line',
      async ({ deviceId }) => {
        const credential = join(stores.dataDir, 'operator.json');
        const privateJwk = { ...(await exportJWK(machine.privateKey)), kid: machine.publicJwk.kid };
        const { issuer, adminUrl } = system;
        const audience = `${issuer}/admin`;
        const { id: clientId, scope } = machine;
        await writeFile(credential, JSON.stringify({ issuer, adminUrl, audience, clientId, privateJwk, scope }));
        const args = ['device', 'deactivate', deviceId, '--reason', 'lost', '--yes', '--credential', credential];
        await promisify(execFile)(process.execPath, [cli, ...args]);
      },
    ],
  ];

  it.each(channels)(
    'is ended by %s, and everything of it with it, for good (S-07, R-10, R-11, T8, T9, S-06)',
    async (_name, end) => {
      useAll();
      const victim = await newVictim();
      const { deviceId, user, approved } = victim;
      const logouts = portal.logoutTokens.length;
      await end(victim);
      for (const server of servers) await expectDeadAt(server, victim);
      useAll();
      // Approved before, redeemed after: not any more.
      expect(new URL(await approved.finish()).searchParams.get('error')).toBe('access_denied');
      const told = await eventually('the logout token', () =>
        portal.logoutTokens.slice(logouts).find((token) => decodeJwt(token).sub === user.id),
      );
      expect(decodeJwt(told)).toMatchObject({ aud: portal.id });
      // Again, without harm; and its key never comes back.
      expect(await byMachine(`/devices/${deviceId}/deactivate`)).toBe(200);
      const { records } = system.server.stores;
      const filter = { deviceId, event: 'device.deactivated' };
      expect(await records.audit.search(filter, { order: 'oldest', limit: 10 })).toHaveLength(1);
      const device = await records.devices.find(deviceId);
      if (device === undefined) throw new Error('the device is gone');
      const again = { ...device, id: `dev_${deviceId.slice(4, -4)}AAAA` };
      const secrets = { salt: 'x', verifier: 'x' };
      await expect(records.devices.insert(again, secrets, new Uint8Array(32))).rejects.toMatchObject({
        code: 'already_exists',
      });
    },
  );
});
