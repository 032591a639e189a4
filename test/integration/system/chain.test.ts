/** The whole chain through a whole server: portal, login page, phone, decision, tokens; on every pair of stores. */
import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyChain } from '../../../src/audit/verify.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import { restoreUser, suspendUser } from '../../../src/companies/user-status.ts';
import { createBrowser } from '../../../src/demo/browser.ts';
import { approveDevice, refuseDevice } from '../../../src/registration/approval.ts';
import { createPhone, memoryKeyStore, PhoneError } from '../../../src/sdk/index.ts';
import { frameOf, openRequest, readRequest } from '../../../src/signing/requests.ts';
import { samples } from '../../unit/signing/samples.ts';
import { everySystemEngine, type SystemStores, systemEngines } from './engines.ts';
import { logIn, openLoginPage, scan } from './login.ts';
import {
  activate,
  addUser,
  bank,
  deviceIdOf,
  eventually,
  mpin,
  registerPhone,
  type System,
  startSystem,
} from './rig.ts';

const newMpin = '60417';

describe.each(everySystemEngine())('a login from end to end on $name', (engine) => {
  let stores: SystemStores;
  let system: System;

  beforeAll(async () => {
    stores = await engine.open();
    system = await startSystem(stores);
  });

  afterAll(async () => {
    await system.close();
    await stores.close();
  });

  it('with the mPIN ends at the portal with sub, acr, amr pin hwk mfa, auth_time and sid, signed ES256 (O-11, O-14, S-13)', async () => {
    const phone = await registerPhone(system);
    const before = Math.floor(Date.now() / 1000);
    const { tokens } = await logIn(system.portal, phone);
    const claims = tokens.claims();
    expect(claims).toMatchObject({
      iss: system.issuer,
      aud: system.portal.id,
      sub: system.user.id,
      acr: 'urn:mtoken:acr:sca',
      amr: ['pin', 'hwk', 'mfa'],
      sid: expect.stringMatching(/^.{20,}$/),
    });
    expect(Number(claims?.['auth_time'])).toBeGreaterThanOrEqual(before);
    expect(decodeProtectedHeader(tokens.id_token ?? '')).toMatchObject({ alg: 'ES256' });
    const userinfo = await system.portal.userinfo(tokens.access_token);
    expect(await userinfo.json()).toMatchObject({ sub: system.user.id, name: 'Ada Example' });
  });

  it.each(['fpt', 'face', 'user'] as const)(
    'with biometrics says amr %s hwk mfa, and the mPIN beside it says pin (S-13, P-24)',
    async (kind) => {
      const phone = await registerPhone(system, { biometric: kind });
      await phone.unlockWithBiometrics();
      const { tokens } = await logIn(system.portal, phone, { unlock: false });
      expect(tokens.claims()).toMatchObject({ amr: [kind, 'hwk', 'mfa'] });
      await phone.logout();
      const again = await logIn(system.portal, phone);
      expect(again.tokens.claims()).toMatchObject({ amr: ['pin', 'hwk', 'mfa'] });
    },
  );

  it.each([{ prompt: 'login' }, { max_age: '60' }])(
    'asked for with %o takes a proof of its own: that the app is unlocked is not enough (S-09, O-14)',
    async (extra) => {
      const phone = await registerPhone(system);
      await phone.unlockWithMpin(mpin);
      const login = await openLoginPage(system.portal, { extra });
      const order = await scan(login, phone);
      expect(order.descriptor.freshProof).toBe(true);
      await expect(phone.approve(order)).rejects.toMatchObject({ code: 'proof_required' });
      expect(await login.status()).toMatchObject({ state: 'claimed' });
      const before = Math.floor(Date.now() / 1000);
      await phone.approve(order, { method: 'mpin', mpin });
      const tokens = await system.portal.redeem(await login.finish(), login.begun);
      expect(Number(tokens.claims()?.['auth_time'])).toBeGreaterThanOrEqual(before);
    },
  );

  it('declined ends in access_denied at the portal, and cannot be approved after that (P-09, T-17)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const order = await scan(login, phone);
    const heard = login.heard('declined');
    await phone.decline(order);
    await heard;
    await expect(phone.approve(order)).rejects.toMatchObject({ code: 'order_unavailable' });
    const callback = new URL(await login.finish());
    expect(callback.searchParams.get('error')).toBe('access_denied');
    expect(callback.searchParams.get('code')).toBeNull();
    await expect(system.portal.redeem(callback.href, login.begun)).rejects.toMatchObject({ error: 'access_denied' });
  });

  it('reported as "not me" ends in access_denied and raises the alarm by mail and in the trail (P-09, A-09)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Rita Reporter' });
    const phone = await registerPhone(system, { user });
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const order = await scan(login, phone);
    const mails = system.mails.to(user.email).length;
    await phone.report(order);
    expect(await login.status()).toMatchObject({ state: 'reported', frame: null });
    expect(new URL(await login.finish()).searchParams.get('error')).toBe('access_denied');
    await eventually('the mail about it', () => (system.mails.to(user.email).length > mails ? true : undefined));
    const trail = await system.server.stores.records.audit.read(0, 1000, { userId: user.id });
    expect(trail.map(({ event }) => event)).toContain('order.reported');
  });

  it('cancelled in the browser ends in access_denied, and the phone hears that it is over (P-25)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const order = await scan(login, phone);
    const { location } = await login.browser.call<{ location: string }>('POST', `${login.page}/cancel`);
    const { url } = await login.browser.open(location);
    expect(new URL(url).searchParams.get('error')).toBe('access_denied');
    await expect(phone.approve(order)).rejects.toMatchObject({ code: 'order_unavailable' });
  });

  it('cannot be finished by another browser, nor twice by its own (P-03, P-04, T17)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const stranger = createBrowser();
    await phone.approve(await scan(login, phone));
    await expect(stranger.call('POST', `${login.page}/finish`)).rejects.toThrow(/ 404 /);
    await expect(stranger.call('GET', `${login.page}/status`)).rejects.toThrow(/ 404 /);
    const { location } = await login.browser.call<{ location: string }>('POST', `${login.page}/finish`);
    await expect(login.browser.call('POST', `${login.page}/finish`)).rejects.toThrow(/ (404|410) /);
    const { url } = await login.browser.open(location);
    await system.portal.redeem(url, login.begun);
    await expect(system.portal.redeem(url, login.begun)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('waits for an administrator where the company says so: nothing works before, all after, nothing when refused (R-01, R-03)', async () => {
    const { admin } = system.server.capabilities;
    const company = await createCompany(admin, {
      name: 'Careful Ltd',
      selfActivation: false,
      userLimit: 5,
      actor: bank,
    });
    const user = await addUser(system.server, company.id, { name: 'Paul Pending' });
    const phone = await registerPhone(system, { user });
    expect(await phone.status()).toBe('pending');
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'approval_pending' });
    await approveDevice(admin, { deviceId: await deviceIdOf(phone), actor: bank });
    const { tokens } = await logIn(system.portal, phone);
    expect(tokens.claims()?.sub).toBe(user.id);

    const refused = await registerPhone(system, { user });
    await refuseDevice(admin, { deviceId: await deviceIdOf(refused), reason: 'not known here', actor: bank });
    await expect(refused.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
  });

  it('takes activation and confirmation code: one channel alone registers nothing (R-01, R-02, R-03)', async () => {
    const { activationText, confirmationCode } = await activate(system, system.user);
    const phone = createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true });
    const device = { name: 'Test phone', platform: 'Test', appVersion: '1.0' };
    await phone.beginRegistration(activationText, { device });
    const wrong = confirmationCode === '00000000' ? '00000001' : '00000000';
    await expect(phone.finishRegistration({ confirmationCode: wrong, mpin })).rejects.toMatchObject({
      code: 'wrong_confirmation',
    });
    await phone.finishRegistration({ confirmationCode, mpin });
    const second = createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true });
    await expect(second.beginRegistration(activationText, { device })).rejects.toMatchObject({
      code: 'activation_refused',
    });
  });

  it('with the new mPIN after a change, and never again with the old one (R-07, S-09)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    await expect(phone.changeMpin({ oldMpin: '71359', newMpin })).rejects.toMatchObject({ code: 'wrong_mpin' });
    await phone.changeMpin({ oldMpin: mpin, newMpin });
    await phone.logout();
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'wrong_mpin', attemptsLeft: 4 });
    await phone.unlockWithMpin(newMpin);
    await logIn(system.portal, phone, { unlock: false });
  });

  it('blocks after five wrong mPINs over login and change together, and the right one is refused then (L-01, L-04, L-10)', async () => {
    const phone = await registerPhone(system, { biometric: 'fpt' });
    await phone.unlockWithMpin(mpin);
    for (const attemptsLeft of [4, 3]) {
      await expect(phone.changeMpin({ oldMpin: '71359', newMpin })).rejects.toMatchObject({
        code: 'wrong_mpin',
        attemptsLeft,
      });
    }
    await phone.logout();
    for (const attemptsLeft of [2, 1]) {
      await expect(phone.unlockWithMpin('71359')).rejects.toMatchObject({ code: 'wrong_mpin', attemptsLeft });
    }
    await phone.unlockWithBiometrics();
    await expect(phone.unlockWithMpin('71359')).rejects.toMatchObject({ code: 'blocked' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'blocked' });
    await expect(phone.unlockWithBiometrics()).rejects.toBeInstanceOf(PhoneError);
    expect(await phone.status()).toBe('blocked');
  });

  it('deactivated by its own user: keys are gone, everything else refused, and its portal session over (R-10, S-07, S-08)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Dora Deactivator' });
    const phone = await registerPhone(system, { user });
    const other = await registerPhone(system, { user });
    const deviceId = await deviceIdOf(phone);
    const { tokens } = await logIn(system.portal, phone);
    const logouts = system.portal.logoutTokens.length;
    await phone.deactivate('lost');
    expect(await phone.state()).toEqual({ kind: 'new' });
    await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await system.portal.userinfo(tokens.access_token)).status).toBe(401);
    await eventually('the logout token', () => (system.portal.logoutTokens.length > logouts ? true : undefined));
    await other.unlockWithMpin(mpin);
    expect(await other.listDevices()).toEqual(
      expect.arrayContaining([expect.objectContaining({ deviceId, status: 'deactivated' })]),
    );
  });

  it('ends another own device and another own session from the phone at hand (S-08)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Otto Own' });
    const lost = await registerPhone(system, { user });
    const phone = await registerPhone(system, { user });
    await lost.unlockWithMpin(mpin);
    const { tokens } = await logIn(system.portal, phone);
    await phone.deactivateDevice({ deviceId: await deviceIdOf(lost), reason: 'lost' });
    await expect(lost.listDevices()).rejects.toBeInstanceOf(PhoneError);
    const sessions = await phone.listSessions();
    expect(sessions).toHaveLength(1);
    await phone.endSession(sessions[0]?.sessionUid ?? '');
    await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await phone.listSessions()).toEqual([]);
  });

  it('signs a transaction through the same machine: a fresh mPIN or fingerprint, its own user only, one result (T-01, T-03, T-09, T-10)', async () => {
    const { signing } = system.server.capabilities;
    const phone = await registerPhone(system, { biometric: 'fpt' });
    const strangers = await registerPhone(system, {
      user: await addUser(system.server, system.company.id, { name: 'Sam Stranger' }),
    });
    const text = 'Amount: 1,250.00\u00a0EUR\nPayee: Jansen & Zn\nAccount of the payee: BE71 0961 2345 6769';
    for (const proof of [{ method: 'mpin', mpin } as const, { method: 'biometric' } as const]) {
      const request = await openRequest(signing, {
        client: { id: system.portal.id, name: 'Business portal', domain: 'portal.example' },
        origin: 'https://portal.example',
        userId: system.user.id,
        template: 'payment',
        version: 1,
        fields: samples.payment,
        locale: 'en',
        reference: 'payment-1',
        door: 'api',
      });
      const { qr } = await frameOf(signing, request, system.user.id);
      await strangers.unlockWithMpin(mpin);
      await expect(strangers.claim(qr)).rejects.toBeInstanceOf(PhoneError);
      await phone.unlockWithMpin(mpin);
      const order = await phone.claim((await frameOf(signing, request, system.user.id)).qr);
      expect(order.descriptor).toMatchObject({
        purpose: 'signing',
        freshProof: true,
        display: { text: expect.stringContaining(text) },
      });
      await expect(phone.approve(order)).rejects.toMatchObject({ code: 'proof_required' });
      await phone.approve(order, proof);
      const { approvals } = await readRequest(signing, request.id);
      expect(approvals.map(({ userId }) => userId)).toEqual([system.user.id]);
      const [, statement = ''] = approvals[0]?.receipt.countersignature.split('.') ?? [];
      expect(JSON.parse(Buffer.from(statement, 'base64url').toString())).toMatchObject({
        factor: proof.method === 'mpin' ? 'pin' : 'fpt',
      });
      await expect(frameOf(signing, request, system.user.id)).rejects.toMatchObject({ code: 'order_unavailable' });
    }
  });

  it('is refused to a phone of a suspended user at once, and works again when the user is restored (T8)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Susi Suspended' });
    const phone = await registerPhone(system, { user });
    const { tokens } = await logIn(system.portal, phone);
    const act = { userId: user.id, reason: 'on leave', actor: bank };
    await suspendUser(system.server.capabilities.admin, act);
    await expect(phone.listDevices()).rejects.toBeInstanceOf(PhoneError);
    await expect(phone.unlockWithMpin(mpin)).rejects.toBeInstanceOf(PhoneError);
    await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    await restoreUser(system.server.capabilities.admin, act);
    await logIn(system.portal, phone);
  });

  it('by RSA-OAEP-256 instead of ECDH-ES goes the same way (C-01, C-10)', async () => {
    const phone = await registerPhone(system, { options: { envelope: 'RSA-OAEP-256' } });
    const { tokens } = await logIn(system.portal, phone);
    expect(tokens.claims()?.sub).toBe(system.user.id);
  });

  it('leaves a trail whose chain of hashes holds (A-05)', async () => {
    const result = await verifyChain(system.server.stores.records.audit);
    expect(result).toMatchObject({ outcome: 'intact' });
  });
});

describe('times, on a clock that the test moves', () => {
  const engine = systemEngines()[0];
  let stores: SystemStores;
  let system: System;
  let offset = 0;
  const clock = { now: () => systemClock.now() + offset };

  beforeAll(async () => {
    if (engine === undefined) throw new Error('no engine');
    stores = await engine.open();
    system = await startSystem(stores, { clock });
  });

  afterAll(async () => {
    await system.close();
    await stores.close();
  });

  it('a page that nobody scans expires, and ends in access_denied (P-02)', async () => {
    const login = await openLoginPage(system.portal);
    offset += 121_000;
    expect(await login.status()).toMatchObject({ state: 'expired', frame: null });
    expect(new URL(await login.finish()).searchParams.get('error')).toBe('access_denied');
  });

  it('a frame that was rotated out is refused, a claim that nobody decides ends (P-02)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const old = await login.frame();
    offset += 10_000;
    await expect(phone.claim(old)).rejects.toMatchObject({ code: 'stale_frame' });
    const order = await scan(login, phone);
    offset += 121_000;
    await expect(phone.approve(order)).rejects.toMatchObject({ code: 'order_unavailable' });
  });

  it('an app session ends after 5 minutes of silence and after 30 minutes in any case (S-01, S-02)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    offset += 299_000;
    await phone.listDevices();
    offset += 301_000;
    await expect(phone.listDevices()).rejects.toMatchObject({ code: 'session_ended' });
    await phone.unlockWithMpin(mpin);
    for (let minutes = 4; minutes <= 28; minutes += 4) {
      offset += 4 * 60_000;
      await phone.listDevices();
    }
    offset += 2 * 60_000;
    await expect(phone.listDevices()).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('an activation of more than ten minutes ago registers nothing (R-02)', async () => {
    const { activationText } = await activate(system, system.user);
    offset += 601_000;
    const phone = createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true, clock });
    const device = { name: 'Test phone', platform: 'Test', appVersion: '1.0' };
    await expect(phone.beginRegistration(activationText, { device })).rejects.toMatchObject({
      code: 'activation_refused',
    });
  });
});
