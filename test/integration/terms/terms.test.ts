/** The terms over the wire: published at the console, at their longest in every language, read by a phone and accepted. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../../src/companies/store.ts';
import { longestTerms } from '../../../src/protocol/registration.ts';
import { createPhone, memoryKeyStore, type Phone } from '../../../src/sdk/index.ts';
import { languages } from '../../../src/texts/languages.ts';
import { addPerson, type ConsoleSystem, callAdmin, logInToConsole, startConsoleSystem } from '../console/desk.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import {
  activate,
  addAdminClient,
  addUser,
  adminToken,
  fetchFrom,
  mpin,
  randomAddress,
  registerPhone,
} from '../system/rig.ts';
import { codeOf, send } from '../system/wire.ts';

let stores: SystemStores;
let desk: ConsoleSystem;
let operator: { readonly phone: Phone; readonly user: User };
let bankToken: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores);
  const user = await addPerson(desk, 'operator');
  operator = { user, phone: await registerPhone(desk.system, { user }) };
  bankToken = await adminToken(desk.system, await addAdminClient(desk.system.server));
});
afterAll(async () => {
  await desk.system.close();
  await stores.close();
});

/** Three bytes each in UTF-8, and markup that is nothing but text. */
const longest = `<img src=x onerror=alert(1)>\n${'€'.repeat(longestTerms)}`.slice(0, longestTerms);
const everyLanguage = languages.map(({ code }) => ({ language: code, title: `Terms ${code}`, text: longest }));

const asMachine = (method: string, path: string, token = bankToken, body?: unknown) =>
  send(desk.system.adminUrl, {
    method,
    path: `/admin/v1${path}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

const newPhone = (): Phone =>
  createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true, fetch: fetchFrom(randomAddress()) });
const device = { name: 'Test phone', platform: 'Test', appVersion: '1.0' };

describe('the terms', () => {
  it('are published by an operator who confirms it on the phone, and by nobody of a company (X-07, A-10)', async () => {
    const body = { version: '2026-11', texts: everyLanguage };
    const logged = await logInToConsole(desk, { phone: operator.phone, proof: 'fresh' });
    const cookie = () => logged.browser.cookies(desk.origin);
    const unconfirmed = await callAdmin(desk, cookie(), '/terms', { method: 'POST', body });
    expect([unconfirmed.status, codeOf(unconfirmed)]).toEqual([401, 'proof_required']);
    expect((await asMachine('GET', '/terms/current')).status).toBe(404);
    await logInToConsole(desk, { phone: operator.phone, browser: logged.browser, proof: 'confirmed' });
    const published = await callAdmin(desk, cookie(), '/terms', { method: 'POST', body });
    expect(published.status, published.text.slice(0, 300)).toBe(201);
    expect(JSON.parse(published.text)).toMatchObject({ version: '2026-11', publishedBy: `user:${operator.user.id}` });
    const own = await addAdminClient(desk.system.server, { companyId: desk.system.company.id });
    const token = await adminToken(desk.system, own);
    const refused = await asMachine('POST', '/terms', token, { ...body, version: 'mine' });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'access_denied']);
    const current = JSON.parse((await asMachine('GET', '/terms/current', token)).text) as {
      texts: { sha256: string }[];
    };
    const hash = createHash('sha256').update(longest).digest('hex');
    expect(current.texts.map(({ sha256 }) => sha256)).toEqual(languages.map(() => hash));
    expect(JSON.parse((await asMachine('GET', '/terms')).text)).toMatchObject({
      items: [{ version: '2026-11' }],
      next: null,
    });
    expect((await asMachine('GET', '/terms/versions/2026-11')).status).toBe(200);
    expect((await asMachine('GET', '/terms/versions/2025-01')).status).toBe(404);
  });

  it('reach a phone whole at their longest, and their acceptance is shown to the administrators (T31)', async () => {
    const user = await addUser(desk.system.server, desk.system.company.id, { name: 'Reader' });
    const { activationText, confirmationCode } = await activate(desk.system, user);
    const phone = newPhone();
    const begun = await phone.beginRegistration(activationText, { device });
    expect(begun.terms).toMatchObject({ version: '2026-11', language: 'en', title: 'Terms en', text: longest });
    await expect(phone.finishRegistration({ confirmationCode, mpin })).rejects.toMatchObject({
      code: 'terms_not_accepted',
    });
    const none = JSON.parse((await asMachine('GET', `/users/${user.id}/acceptances`)).text) as object;
    expect(none).toEqual({ current: '2026-11', items: [] });
    const { deviceId } = await phone.finishRegistration({ confirmationCode, mpin, acceptedTerms: '2026-11' });
    const shown = JSON.parse((await asMachine('GET', `/users/${user.id}/acceptances`)).text) as object;
    expect(shown).toMatchObject({
      current: '2026-11',
      items: [{ version: '2026-11', language: 'en', deviceId, acceptedAt: expect.any(Number) }],
    });
    const stranger = JSON.parse((await asMachine('POST', '/companies', bankToken, { name: 'Other Ltd' })).text) as {
      id: string;
    };
    const token = await adminToken(desk.system, await addAdminClient(desk.system.server, { companyId: stranger.id }));
    expect((await asMachine('GET', `/users/${user.id}/acceptances`, token)).status).toBe(404);
  });

  it('of a phone that does not know of them are accepted by nobody: such a phone is refused', async () => {
    const user = await addUser(desk.system.server, desk.system.company.id, { name: 'Old phone' });
    await expect(registerPhone(desk.system, { user })).rejects.toMatchObject({ code: 'terms_not_accepted' });
    expect(await desk.system.server.stores.records.users.find(user.id)).toMatchObject({ status: 'invited' });
  });

  it('are bounded: a text that is too long, one language too many, a body that is too large (X-10)', async () => {
    const text = { language: 'en', title: 'T', text: 'x' };
    for (const texts of [
      [{ ...text, text: 'x'.repeat(longestTerms + 1) }],
      [],
      Array.from({ length: 41 }, () => text),
    ]) {
      expect((await asMachine('POST', '/terms', bankToken, { version: 'x', texts })).status).toBe(400);
    }
    for (const version of ['', 'a b', '../x', 'x'.repeat(33), '-x']) {
      expect((await asMachine('POST', '/terms', bankToken, { version, texts: [text] })).status, version).toBe(400);
    }
    const large = await asMachine('POST', '/terms', bankToken, { version: 'x', texts: 'x'.repeat(9 * 1024 * 1024) });
    expect(large.status).toBe(413);
    // The room is for this endpoint alone.
    expect((await asMachine('POST', '/companies', bankToken, { name: 'x'.repeat(100_000) })).status).toBe(413);
  });
});
