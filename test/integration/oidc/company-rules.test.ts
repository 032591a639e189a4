/** How many portal sessions a user may have, for how long, and what portals are told of a person now (S-12). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updateCompany } from '../../../src/companies/companies.ts';
import type { RuleChanges } from '../../../src/companies/rule-checks.ts';
import { updateUser } from '../../../src/companies/users.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { takeMessages } from '../../outbox.ts';
import { openBrowser } from './browser.ts';
import { addPortal, logIn, obtainCode, type Portal, post } from './portal.ts';
import { bank, type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
let clock: TestClock;
beforeEach(async () => {
  clock = fixedClock(Date.now());
  server = await startOidcServer({ clock });
  const backchannel_logout_uri = 'https://portal.example/logout';
  portal = await addPortal(server, { metadata: { backchannel_logout_uri, backchannel_logout_session_required: true } });
});
afterEach(() => server.close());

const records = () => server.stores.records;
const deps = () => ({ ...server.stores, clock, endLogins });
const sessions = () => records().oidc.sessionsOf({ userId: server.user.userId });

async function setRules(rules: RuleChanges): Promise<void> {
  const { companyId } = server.user;
  const version = (await records().companies.find(companyId))?.version ?? 0;
  await updateCompany(deps(), { companyId, version, changes: { rules }, actor: bank });
}

type LoggedIn = Awaited<ReturnType<typeof logIn>>;

/** Whether the browser is still logged in, as a portal finds out. */
async function isLoggedIn({ browser }: Pick<LoggedIn, 'browser'>): Promise<boolean> {
  const { callback } = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
  return callback.searchParams.get('error') === null;
}

const userinfo = ({ tokens }: LoggedIn) =>
  fetch(`${server.issuer}/oauth2/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });

describe('sessions at once', () => {
  it('are as many as the company says: one login more ends the oldest, with its tokens, and its portal is told (S-12, S-07)', async () => {
    await setRules({ sessionsPerUser: 2 });
    const logins: LoggedIn[] = [];
    for (let index = 0; index < 3; index += 1) {
      logins.push(await logIn(server, portal));
      clock.advance(1_000);
    }
    const [oldest, ...others] = logins;
    if (oldest === undefined) throw new Error('no login');
    expect(await sessions()).toHaveLength(2);
    expect((await userinfo(oldest)).status).toBe(401);
    expect(await isLoggedIn(oldest)).toBe(false);
    for (const login of others) {
      expect((await userinfo(login)).status).toBe(200);
      expect(await isLoggedIn(login)).toBe(true);
    }
    const told = (await takeMessages(records(), clock.now())).filter(({ kind }) => kind === 'backchannel_logout');
    expect(told).toHaveLength(1);
    const ended = (await records().audit.read(0, 500)).filter(({ event }) => event === 'logout.completed');
    expect(ended).toMatchObject([{ actor: 'server', userId: server.user.userId, data: { reason: 'session_limit' } }]);
  });

  it('are counted whole when twenty logins come at once (race)', async () => {
    await setRules({ sessionsPerUser: 3 });
    await Promise.allSettled(Array.from({ length: 20 }, () => logIn(server, portal)));
    expect((await sessions()).length).toBeLessThanOrEqual(3);
    expect((await sessions()).length).toBeGreaterThan(0);
  });

  it('are not used up by sign-ons and new logins of one browser', async () => {
    await setRules({ sessionsPerUser: 1 });
    const browser = openBrowser(server.issuer);
    await logIn(server, portal, { browser });
    for (let index = 0; index < 3; index += 1) {
      clock.advance(1_000);
      const login = await logIn(server, portal, { browser, extra: { prompt: 'login' } });
      expect(await isLoggedIn(login)).toBe(true);
    }
    expect(await sessions()).toHaveLength(1);
  });

  it('are those of one user: another’s are left alone (T31)', async () => {
    await setRules({ sessionsPerUser: 1 });
    const first = await logIn(server, portal);
    const other = await server.addUser();
    server.decision = { kind: 'approve', login: { userId: other.userId, deviceId: other.deviceId } };
    await logIn(server, portal);
    expect(await isLoggedIn(first)).toBe(true);
  });
});

describe('a session', () => {
  it('ends after the minutes that the company says, however busily it is used (S-02, S-12)', async () => {
    await setRules({ sessionMinutes: 20 });
    const login = await logIn(server, portal);
    for (let minute = 0; minute < 18; minute += 6) {
      clock.advance(6 * 60_000);
      expect(await isLoggedIn(login), `minute ${minute}`).toBe(true);
    }
    clock.advance(2 * 60_000);
    expect(await isLoggedIn(login)).toBe(false);
  });

  it('that began under a looser rule ends by the stricter one, with the tokens of it (S-02)', async () => {
    const metadata = { grant_types: ['authorization_code', 'refresh_token'] };
    const refreshing = await addPortal(server, { metadata });
    const login = await logIn(server, refreshing);
    clock.advance(4 * 60_000);
    await setRules({ sessionMinutes: 5 });
    expect((await userinfo(login)).status).toBe(200);
    expect(await isLoggedIn(login)).toBe(true);
    clock.advance(61_000);
    expect(await isLoggedIn(login)).toBe(false);
    expect((await userinfo(login)).status).toBe(401);
  });

  it('ends by the stricter rule though a login that was under way was written down with the looser one (S-02, lost update)', async () => {
    const metadata = { grant_types: ['authorization_code', 'refresh_token'] };
    const refreshing = await addPortal(server, { metadata });
    const login = await logIn(server, refreshing);
    await setRules({ sessionMinutes: 5 });
    const [session] = await sessions();
    if (session === undefined) throw new Error('no session');
    await records().oidc.saveSession({ ...session, expiresAt: clock.now() + 8 * 3_600_000 }, []);
    const form = { grant_type: 'refresh_token', refresh_token: login.tokens.refresh_token ?? '' };
    const refresh = () => post(server, '/oauth2/token', { portal: refreshing, form });
    clock.advance(4 * 60_000);
    expect((await refresh()).status).toBe(200);
    expect((await userinfo(login)).status).toBe(200);
    clock.advance(61_000);
    expect((await userinfo(login)).status).toBe(401);
    expect((await refresh()).body['error']).toBe('invalid_grant');
  });

  it('lives for all of its minutes though the app session behind it was opened long before', async () => {
    await setRules({ sessionMinutes: 5 });
    server.decision = { kind: 'approve', login: { provedAt: clock.now() - 25 * 60_000 } };
    const login = await logIn(server, portal);
    clock.advance(4 * 60_000);
    expect(await isLoggedIn(login)).toBe(true);
  });
});

describe('the permissions of a user', () => {
  it('reach a portal with its next question, within the session that it has (T27)', async () => {
    const login = await logIn(server, portal, { extra: { scope: 'openid profile' } });
    expect(await (await userinfo(login)).json()).toMatchObject({ permissions: 'full' });
    const { userId } = server.user;
    const version = (await records().users.find(userId))?.version ?? 0;
    await updateUser(deps(), { userId, version, changes: { permissions: 'mtoken' }, actor: bank });
    expect(await (await userinfo(login)).json()).toMatchObject({ permissions: 'mtoken' });
  });

  it('are lowered for everybody at once where the company’s most is', async () => {
    const login = await logIn(server, portal, { extra: { scope: 'openid profile' } });
    await setRules({ permissions: 'mtoken' });
    expect(await (await userinfo(login)).json()).toMatchObject({ permissions: 'mtoken' });
  });
});
