import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCompany, findCompany, listCompanies, updateCompany } from '../../../src/companies/companies.ts';
import { closeCompany, restoreCompany, suspendCompany } from '../../../src/companies/company-status.ts';
import { removeUser, restoreUser, suspendUser } from '../../../src/companies/user-status.ts';
import { createUser, findUser, listUsers, updateUser } from '../../../src/companies/users.ts';
import { deviceEndedTopic } from '../../../src/devices/end.ts';
import { soon } from '../../soon.ts';
import { addCompany, addDevice, addUser, auditTrail, bank, openWorld, takeNotices, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

const reason = 'left the company';

describe('a company', () => {
  it('begins with two users, three devices each, self-activation and five digits', async () => {
    const company = await createCompany(world, { name: 'Bakery', actor: bank });
    expect(company).toMatchObject({
      userLimit: 2,
      deviceLimit: 3,
      selfActivation: true,
      mpinLength: 5,
      status: 'active',
    });
    expect(await world.records.companies.find(company.id)).toEqual(company);
    expect(await auditTrail(world.records)).toEqual(['company.created']);
  });

  it('gives exactly two places to twenty parallel creations (R-09)', async () => {
    const { id: companyId } = await createCompany(world, { name: 'Bakery', actor: bank });
    const tries = Array.from({ length: 20 }, (_, index) =>
      createUser(world, { companyId, name: `U${index}`, email: `u${index}@example.com`, actor: bank }),
    );
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'limit_reached' });
    }
    expect(await world.records.users.list(companyId, { limit: 50 })).toHaveLength(2);
  });

  it('refuses limits and digits out of range, and names that deceive (A-04)', async () => {
    const bad = [
      { userLimit: 0 },
      { deviceLimit: 21 },
      { mpinLength: 4 },
      { mpinLength: 9 },
      { userLimit: 1.5 },
      { name: '' },
      { name: '   ' },
      { name: 'a\r\nBcc: x@example.com' },
      { name: '\u202Eevil' },
      { name: 'zero\u200Bwidth' },
      { name: '\uD800' },
      { name: 'x'.repeat(121) },
    ];
    for (const change of bad) {
      const created = createCompany(world, { name: 'Bakery', ...change, actor: bank });
      await expect(created, JSON.stringify(change)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(await auditTrail(world.records)).toEqual([]);
  });

  it('is changed at the version that was read and tells before and after (A-10)', async () => {
    const company = await addCompany(world);
    const act = { companyId: company.id, version: company.version, changes: { deviceLimit: 1 }, actor: bank };
    expect(await updateCompany(world, act)).toMatchObject({ deviceLimit: 1, version: 2 });
    await expect(updateCompany(world, act)).rejects.toMatchObject({ code: 'conflict' });
    const entries = await world.records.audit.read(0, 10);
    expect(entries.at(-1)).toMatchObject({
      event: 'company.updated',
      actor: 'cli',
      data: { deviceLimitBefore: 3, deviceLimitAfter: 1 },
    });
  });

  it('cannot raise its own limits, and sees no other company (T27, T31)', async () => {
    const own = await addCompany(world);
    const other = await addCompany(world);
    const actor = { name: 'client:own', companyId: own.id };
    const change = (companyId: string, changes: object) =>
      updateCompany(world, { companyId, version: 1, changes, actor });
    await expect(change(own.id, { userLimit: 99 })).rejects.toMatchObject({ code: 'access_denied' });
    await expect(change(other.id, { selfActivation: false })).rejects.toMatchObject({ code: 'not_found' });
    await expect(findCompany(world, other.id, actor)).rejects.toMatchObject({ code: 'not_found' });
    await expect(createCompany(world, { name: 'Third', actor })).rejects.toMatchObject({ code: 'access_denied' });
    expect(await listCompanies(world, { actor, page: { limit: 10 } })).toEqual([own]);
    expect(await change(own.id, { selfActivation: false })).toMatchObject({ selfActivation: false, userLimit: 10 });
  });

  it('ends every login when it is suspended, and its users and devices for good when it is closed (S-07)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    const device = await addDevice(world, user);
    const act = { companyId: company.id, reason: 'unpaid', actor: bank };
    await suspendCompany(world, act);
    expect(world.ended).toEqual([{ userId: user.id }]);
    expect(await world.records.devices.find(device.id)).toMatchObject({ status: 'active' });
    await closeCompany(world, act);
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'removed' });
    expect(await world.records.devices.find(device.id)).toMatchObject({ status: 'deactivated' });
    await expect(restoreCompany(world, act)).rejects.toMatchObject({ code: 'conflict' });
    const rename = { companyId: company.id, version: 3, changes: { name: 'Again' }, actor: bank };
    await expect(updateCompany(world, rename)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('takes no user while it is not active', async () => {
    const company = await addCompany(world);
    await suspendCompany(world, { companyId: company.id, reason: 'unpaid', actor: bank });
    await expect(addUser(world, company.id)).rejects.toMatchObject({ code: 'conflict' });
    expect(await world.records.companies.takeUserPlace(company.id)).toBe(true);
  });
});

describe('a user', () => {
  it('has one e-mail address in a company however it is written (T14)', async () => {
    const { id: companyId } = await addCompany(world);
    const other = await addCompany(world);
    await addUser(world, companyId, { email: 'Anna@Example.com' });
    await expect(addUser(world, companyId, { email: 'anna@example.COM' })).rejects.toMatchObject({
      code: 'already_exists',
    });
    await addUser(world, other.id, { email: 'anna@example.com' });
    for (const email of [
      ' anna@example.com',
      'anna@example.com\r\nBcc: eve@example.com',
      'änna@example.com',
      'ａnna@example.com',
      'anna@@example.com',
      'Anna <anna@example.com>',
      'anna@example.com,eve@example.com',
      'anna@localhost',
      '"a b"@example.com',
      `${'a'.repeat(65)}@example.com`,
    ]) {
      await expect(addUser(world, companyId, { email }), email).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(await world.records.users.list(companyId, { limit: 50 })).toHaveLength(1);
  });

  it('keeps the place free when the creation fails', async () => {
    const company = await addCompany(world, { userLimit: 2 });
    await addUser(world, company.id, { email: 'a@example.com' });
    await expect(addUser(world, company.id, { email: 'a@example.com' })).rejects.toMatchObject({
      code: 'already_exists',
    });
    await addUser(world, company.id, { email: 'b@example.com' });
  });

  it('is changed in name, role, permissions, locale and language, and in nothing else (T27)', async () => {
    const company = await addCompany(world);
    const other = await addCompany(world);
    const user = await addUser(world, company.id);
    const changes = {
      name: 'Zoe\u0301',
      role: 'administrator',
      permissions: 'full',
      locale: 'nl-be',
      language: 'nl',
      companyId: other.id,
      email: 'eve@example.com',
      status: 'active',
    } as const;
    const changed = await updateUser(world, { userId: user.id, version: user.version, changes, actor: bank });
    expect(changed).toEqual({
      ...user,
      name: 'Zo\u00e9',
      role: 'administrator',
      permissions: 'full',
      locale: 'nl-BE',
      language: 'nl',
      version: 2,
    });
    expect(await world.records.users.find(user.id)).toEqual(changed);
    const stale = updateUser(world, { userId: user.id, version: 1, changes: { locale: 'fr' }, actor: bank });
    await expect(stale).rejects.toMatchObject({ code: 'conflict' });
    const [entry] = (await world.records.audit.read(0, 100)).slice(-1);
    expect(entry?.data).toEqual({
      roleBefore: 'user',
      roleAfter: 'administrator',
      permissionsBefore: 'mtoken',
      permissionsAfter: 'full',
      localeBefore: 'en',
      localeAfter: 'nl-BE',
      languageBefore: 'none',
      languageAfter: 'nl',
      nameChanged: true,
    });
  });

  it('has a language that there are texts in, or none; the refusal of another names the choices', async () => {
    const company = await addCompany(world);
    expect((await addUser(world, company.id)).language).toBeUndefined();
    const user = await addUser(world, company.id, { language: 'el' });
    expect(user.language).toBe('el');
    const change = (language: string | null, version: number) =>
      updateUser(world, { userId: user.id, version, changes: { language }, actor: bank });
    for (const language of ['xx', 'tlh', 'DE', 'de-AT', '', 'constructor', '../en']) {
      const refusal = {
        code: 'invalid_request',
        message: expect.stringContaining('one of ar, bg, cs, da, de, el, en,'),
      };
      await expect(change(language, 1), language).rejects.toMatchObject(refusal);
      await expect(addUser(world, company.id, { language }), language).rejects.toMatchObject(refusal);
    }
    expect(await change('ar', 1)).toMatchObject({ language: 'ar', version: 2 });
    expect((await change(null, 2)).language).toBeUndefined();
    expect((await world.records.users.find(user.id))?.language).toBeUndefined();
    const [entry] = (await world.records.audit.read(0, 100)).slice(-1);
    expect(entry?.data).toEqual({ languageBefore: 'ar', languageAfter: 'none' });
  });

  it('is left alone in its language by a change of something else, even one that read it before (lost update)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id);
    await world.records.users.setLanguage(user.id, 'de');
    await updateUser(world, { userId: user.id, version: user.version, changes: { name: 'Other' }, actor: bank });
    await suspendUser(world, { userId: user.id, reason, actor: bank });
    expect(await world.records.users.find(user.id)).toMatchObject({ language: 'de', name: 'Other' });
  });

  it('is invisible and untouchable to another company in every function (T31)', async () => {
    const company = await addCompany(world);
    const other = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    const actor = { name: 'client:other', companyId: other.id };
    const act = { userId: user.id, reason, actor };
    const attempts = [
      () => findUser(world, user.id, actor),
      () => updateUser(world, { userId: user.id, version: user.version, changes: {}, actor }),
      () => suspendUser(world, act),
      () => restoreUser(world, act),
      () => removeUser(world, act),
      () => createUser(world, { companyId: company.id, name: 'Eve', email: 'eve@example.com', actor }),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    expect(await listUsers(world, { actor, companyId: company.id, page: { limit: 10 } })).toEqual([]);
    expect(await listUsers(world, { actor, page: { limit: 10 } })).toEqual([]);
    expect(await world.records.users.find(user.id)).toEqual(user);
  });

  it('loses logins and open activations when suspended, and gets use back when restored (S-07)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    const device = await addDevice(world, user);
    const heard: string[] = [];
    await world.shortLived.subscribe(deviceEndedTopic, (id) => heard.push(id));
    const act = { userId: user.id, reason, actor: bank };
    expect(await suspendUser(world, act)).toMatchObject({ status: 'suspended' });
    expect(await suspendUser(world, act)).toMatchObject({ status: 'suspended' });
    expect(world.ended).toEqual([{ userId: user.id }]);
    await soon(() => expect(heard).toContain(device.id));
    expect(await restoreUser(world, act)).toMatchObject({ status: 'active' });
    expect((await auditTrail(world.records)).slice(-2)).toEqual(['user.suspended', 'user.restored']);
  });

  it('goes back to invited when restored without ever having had an active device', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id);
    const act = { userId: user.id, reason, actor: bank };
    await suspendUser(world, act);
    expect(await restoreUser(world, act)).toMatchObject({ status: 'invited' });
  });

  it('is removed for good: devices and secrets end, place and address are free again (R-14)', async () => {
    const company = await addCompany(world, { userLimit: 1 });
    const user = await addUser(world, company.id, { status: 'active', email: 'a@example.com' });
    const device = await addDevice(world, user);
    const act = { userId: user.id, reason, actor: bank };
    expect(await removeUser(world, act)).toMatchObject({ status: 'removed' });
    expect(await removeUser(world, act)).toMatchObject({ status: 'removed' });
    expect(await world.records.devices.find(device.id)).toMatchObject({ status: 'deactivated', endedReason: reason });
    expect(await world.records.devices.secrets(device.id)).toBeUndefined();
    expect(await world.records.devices.vaultKey(device.id)).toBeUndefined();
    const notices = await takeNotices(world.records, world.clock.now());
    expect(notices).toMatchObject([{ event: 'device.deactivated', recipient: user.id }]);
    expect((await auditTrail(world.records)).slice(-2)).toEqual(['device.deactivated', 'user.removed']);
    await expect(restoreUser(world, act)).rejects.toMatchObject({ code: 'conflict' });
    await expect(suspendUser(world, act)).rejects.toMatchObject({ code: 'conflict' });
    await addUser(world, company.id, { email: 'a@example.com' });
    await expect(addUser(world, company.id)).rejects.toMatchObject({ code: 'limit_reached' });
  });

  it('is not changed at all when the audit record cannot be written (A-11)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    const device = await addDevice(world, user);
    await world.stores.durable.run('delete from audit_head');
    const act = { userId: user.id, reason, actor: bank };
    for (const attempt of [
      () => suspendUser(world, act),
      () => removeUser(world, act),
      () => updateUser(world, { userId: user.id, version: user.version, changes: { locale: 'fr' }, actor: bank }),
      () => addUser(world, company.id),
      () => addCompany(world),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'internal' });
    }
    expect(await world.records.users.find(user.id)).toEqual(user);
    expect(await world.records.devices.find(device.id)).toEqual(device);
    expect(await world.records.companies.list({ limit: 10 })).toHaveLength(1);
    expect(await world.records.users.list(company.id, { limit: 10 })).toHaveLength(1);
    expect(await world.records.outbox.count('pending')).toBe(0);
  });
});
