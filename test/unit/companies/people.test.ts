/** What people of a company may do to each other and to themselves: administrators, addresses, documents, staff, personal data. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../../src/companies/actor.ts';
import { closeCompany, restoreCompany, suspendCompany } from '../../../src/companies/company-status.ts';
import { warnOfDocuments } from '../../../src/companies/documents.ts';
import { erasePersonalData, exportPersonalData } from '../../../src/companies/personal-data.ts';
import { createOperator } from '../../../src/companies/staff.ts';
import { changeStaffRole, createStaff } from '../../../src/companies/staff-acts.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { changeEmail } from '../../../src/companies/user-email.ts';
import { removeUser, restoreUser, suspendUser } from '../../../src/companies/user-status.ts';
import { createUser, updateUser } from '../../../src/companies/users.ts';
import { emailDeliverer } from '../../../src/notify/email.ts';
import { memoryMailbox } from '../../../src/notify/mailbox.ts';
import { sampleActivation, sampleSigned, sampleSigning } from '../../contracts/samples.ts';
import { takeMessages } from '../../outbox.ts';
import { addCompany, addDevice, addUser, auditTrail, bank, openWorld, takeNotices, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

const reason = 'left the company';
const actorOf = (user: User): Actor => ({ name: `user:${user.id}`, userId: user.id, companyId: user.companyId });
const addAdministrator = (company: Company, given: Partial<User> = {}) =>
  addUser(world, company.id, { role: 'administrator', status: 'active', ...given });
const current = async ({ id }: User): Promise<User> => (await world.records.users.find(id)) ?? expect.fail('gone');
const demote = async (user: User, actor: Actor) => {
  const { version } = await current(user);
  return updateUser(world, { userId: user.id, version, changes: { role: 'user' }, actor });
};

describe('the last administrator of a company', () => {
  const acts: readonly (readonly [string, (user: User, actor: Actor) => Promise<unknown>])[] = [
    ['demoted', demote],
    ['suspended', (user, actor) => suspendUser(world, { userId: user.id, reason, actor })],
    ['removed', (user, actor) => removeUser(world, { userId: user.id, reason, actor })],
  ];

  it.each(acts)(
    'is %s by nobody of the company, whoever else is invited or suspended, and by the bank',
    async (_, act) => {
      const company = await addCompany(world);
      const last = await addAdministrator(company);
      await addAdministrator(company, { status: 'invited' });
      await addAdministrator(company, { status: 'suspended' });
      await addAdministrator(await addCompany(world));
      for (const actor of [
        { name: 'client:own', companyId: company.id },
        actorOf(await addAdministrator(company, { status: 'invited' })),
      ]) {
        await expect(act(last, actor)).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await current(last)).toEqual(last);
      await act(last, bank);
      expect(await current(last)).not.toEqual(last);
    },
  );

  it.each(acts)('cannot be %s by themselves', async (verb, act) => {
    const company = await addCompany(world);
    const last = await addAdministrator(company);
    const code = verb === 'demoted' ? 'access_denied' : 'conflict';
    await expect(act(last, actorOf(last))).rejects.toMatchObject({ code });
    expect(await current(last)).toEqual(last);
  });

  it.each(acts)('is left where two have each other %s at once (race)', async (_, act) => {
    for (let round = 0; round < 5; round += 1) {
      const company = await addCompany(world);
      const [one, other] = [await addAdministrator(company), await addAdministrator(company)];
      const results = await Promise.allSettled([act(one, actorOf(other)), act(other, actorOf(one))]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const left = await world.records.users.administrators(company.id);
      expect(left.filter(({ status }) => status === 'active')).toHaveLength(1);
    }
  });
});

describe('nobody', () => {
  it('changes their own role or permissions (T27)', async () => {
    const company = await addCompany(world);
    await addAdministrator(company);
    const own = await addAdministrator(company);
    const change = (changes: object) =>
      updateUser(world, { userId: own.id, version: own.version, changes, actor: actorOf(own) });
    await expect(change({ role: 'user' })).rejects.toMatchObject({ code: 'access_denied' });
    await expect(change({ permissions: 'full' })).rejects.toMatchObject({ code: 'access_denied' });
    expect(await change({ name: 'New Name', permissions: 'mtoken' })).toMatchObject({ name: 'New Name' });
  });

  it('becomes an administrator without the others and the one being told', async () => {
    const company = await addCompany(world);
    const administrator = await addAdministrator(company);
    const user = await addUser(world, company.id, { status: 'active' });
    await updateUser(world, {
      userId: user.id,
      version: user.version,
      changes: { role: 'administrator' },
      actor: bank,
    });
    const told = await takeNotices(world.records, world.clock.now());
    expect(told.map(({ event, recipient }) => [event, recipient]).sort()).toEqual(
      [user.id, administrator.id].map((id) => ['administrator.added', id]).sort(),
    );
    await addUser(world, company.id, { role: 'administrator' });
    const later = await takeNotices(world.records, world.clock.now());
    expect(later.map(({ recipient }) => recipient).sort()).toEqual([user.id, administrator.id].sort());
  });
});

describe('a change of the e-mail address', () => {
  const change = (user: User, email: string, actor: Actor = bank) =>
    changeEmail(world, { userId: user.id, version: user.version, email, actor });

  it('is told to the old and the new address, voids open activations, and leaves neither address in the trail (A-09, A-03)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active', email: 'old.address@example.com' });
    const activation = sampleActivation(user);
    await world.records.activations.insert(activation);
    const changed = await change(user, 'new.address@example.com');
    expect(changed).toEqual({ ...user, email: 'new.address@example.com', version: user.version + 1 });
    expect(await current(user)).toEqual(changed);
    expect(await world.records.activations.find(activation.id)).toMatchObject({ status: 'void' });
    const sealed = JSON.stringify(await world.stores.durable.query('select * from outbox'));
    expect(sealed).not.toContain('address@example.com');
    const mailbox = memoryMailbox(world.clock);
    const deliver = emailDeliverer({ records: world.records, sender: mailbox });
    for (const message of await takeMessages(world.records, world.clock.now())) await deliver(message);
    expect(
      mailbox
        .messages()
        .map(({ to }) => to.address)
        .sort(),
    ).toEqual(['new.address@example.com', 'old.address@example.com']);
    for (const { text } of mailbox.messages()) expect(text).not.toContain('@example.com');
    const trail = await world.records.audit.read(0, 100);
    expect(trail.at(-1)).toMatchObject({ event: 'user.email_changed', userId: user.id, actor: 'cli' });
    expect(JSON.stringify(trail)).not.toContain('address@example.com');
    const rows = await world.stores.durable.query("select * from outbox where payload_sealed <> ''");
    expect(rows).toEqual([]);
  });

  it('holds back no message to the new address where the old one takes none', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active', email: 'old@example.com' });
    await change(user, 'new@example.com');
    const claimed = await world.records.outbox.claim({
      worker: 'test',
      at: world.clock.now(),
      leaseMs: 60_000,
      limit: 10,
    });
    expect(claimed).toHaveLength(2);
  });

  it.each([
    ['in another case', 'OTHER@Example.COM'],
    ['as it is', 'other@example.com'],
  ])('takes no address of somebody else of the company, written %s (T14, T15)', async (_, email) => {
    const company = await addCompany(world);
    await addUser(world, company.id, { email: 'other@example.com' });
    const user = await addUser(world, company.id);
    await expect(change(user, email)).rejects.toMatchObject({ code: 'already_exists' });
    expect(await current(user)).toEqual(user);
    await change(await addUser(world, (await addCompany(world)).id), email);
  });

  it.each([
    ['a homoglyph', '\u043ether@example.com'],
    ['full width', '\uff4fther@example.com'],
    ['a line end', 'a@example.com\r\nBcc: eve@evil.example'],
    ['an invisible letter', 'o\u200bther@example.com'],
    ['two addresses', 'a@example.com,b@example.com'],
    ['no domain', 'a@localhost'],
  ])('takes no address with %s (T14)', async (_, email) => {
    const user = await addUser(world, (await addCompany(world)).id);
    await expect(change(user, email)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('goes by the rule on domains, which creation goes by (T14)', async () => {
    const company = await addCompany(world, { rules: { emailDomains: ['acme.example'] } });
    const user = await addUser(world, company.id, { email: 'ann@acme.example' });
    await expect(change(user, 'ann@evil.example')).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(change(user, 'ann@sub.acme.example')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await change(user, 'Ann.B@Acme.example')).toMatchObject({ email: 'Ann.B@Acme.example' });
  });

  it('is of the user as it was read, of one’s own company, and of nobody who is removed (T27, T31)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id);
    const foreign = { name: 'client:x', companyId: (await addCompany(world)).id };
    await expect(change(user, 'new@example.com', foreign)).rejects.toMatchObject({ code: 'not_found' });
    await expect(change({ ...user, version: 9 }, 'new@example.com')).rejects.toMatchObject({ code: 'conflict' });
    const removed = await removeUser(world, { userId: user.id, reason, actor: bank });
    await expect(change(removed, 'new@example.com')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('gives an address that twenty want at once to one of them', async () => {
    const company = await addCompany(world, { userLimit: 20 });
    const users = await Promise.all(Array.from({ length: 20 }, () => addUser(world, company.id)));
    const results = await Promise.allSettled(users.map((user) => change(user, 'wanted@example.com')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a document', () => {
  const day = 24 * 3_600_000;

  it('is kept sealed, and told of once, thirty days before it expires, by however many processes', async () => {
    const company = await addCompany(world);
    const administrator = await addAdministrator(company);
    const now = world.clock.now();
    const document = { reference: 'BE-592-1234567', expiresAt: now + 40 * day };
    const user = await addUser(world, company.id, { status: 'active' });
    await updateUser(world, { userId: user.id, version: user.version, changes: { document }, actor: bank });
    expect((await current(user)).document).toEqual(document);
    const stored = JSON.stringify(await world.stores.durable.query('select * from users'));
    expect(stored).not.toContain('592-1234567');
    expect(JSON.stringify(await world.records.audit.read(0, 100))).not.toContain('592-1234567');
    expect(await warnOfDocuments(world)).toBe(0);
    world.clock.advance(11 * day);
    const counts = await Promise.all(Array.from({ length: 5 }, () => warnOfDocuments(world)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
    const told = await takeNotices(world.records, world.clock.now());
    expect(told.map(({ event, recipient }) => [event, recipient])).toEqual([
      ['document.expires', user.id],
      ['document.expires', administrator.id],
    ]);
    expect(await warnOfDocuments(world)).toBe(0);
    expect((await auditTrail(world.records)).at(-1)).toBe('user.document_warned');
    const renewed = { reference: 'BE-593', expiresAt: world.clock.now() + 5 * day };
    const { version } = await current(user);
    await updateUser(world, { userId: user.id, version, changes: { document: renewed }, actor: bank });
    expect(await warnOfDocuments(world)).toBe(1);
  });

  it('of a removed user, or one that does not expire, is told of to nobody', async () => {
    const company = await addCompany(world);
    const expiresAt = world.clock.now() + day;
    const gone = await addUser(world, company.id);
    await addUser(world, company.id);
    await updateUser(world, {
      userId: gone.id,
      version: 1,
      changes: { document: { reference: 'X', expiresAt } },
      actor: bank,
    });
    await removeUser(world, { userId: gone.id, reason, actor: bank });
    const lasting = await addUser(world, company.id);
    const changes = { document: { reference: 'Y', expiresAt: null } };
    await updateUser(world, { userId: lasting.id, version: 1, changes, actor: bank });
    expect(await warnOfDocuments(world)).toBe(0);
  });

  it.each([
    ['nothing', { reference: ' ', expiresAt: null }],
    ['a line end', { reference: 'A\r\nB', expiresAt: null }],
    ['a direction', { reference: '\u202eA', expiresAt: null }],
    ['65 letters', { reference: 'A'.repeat(65), expiresAt: null }],
    ['an end before all time', { reference: 'A', expiresAt: -1 }],
    ['half a millisecond', { reference: 'A', expiresAt: 0.5 }],
  ])('is not %s', async (_, document) => {
    const user = await addUser(world, (await addCompany(world)).id);
    const change = updateUser(world, { userId: user.id, version: 1, changes: { document }, actor: bank });
    await expect(change).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe("the bank's staff", () => {
  const operator = (name: string) =>
    createOperator(world, { name, email: `${name}@bank.example`, bankName: 'Bank', actor: bank });
  const active = async (user: User): Promise<User> => {
    await world.records.users.update({ ...(await current(user)), status: 'active' });
    return current(user);
  };

  it('is changed by operators, who change neither their own role nor that of the last of them (T27)', async () => {
    const first = await active((await operator('ann')).user);
    const actor = { name: `user:${first.id}`, userId: first.id };
    const email = 'bob@bank.example';
    const support = await createStaff(world, { name: 'Bob', email, staffRole: 'support', actor });
    expect(support).toMatchObject({ companyId: first.companyId, role: 'user', staffRole: 'support' });
    const change = (user: User, staffRole: 'operator' | 'support' | 'auditor', by: Actor) =>
      changeStaffRole(world, { userId: user.id, version: user.version, staffRole, actor: by });
    await expect(change(first, 'auditor', actor)).rejects.toMatchObject({ code: 'access_denied' });
    await expect(change(first, 'auditor', bank)).rejects.toMatchObject({ code: 'conflict' });
    for (const act of [suspendUser, removeUser]) {
      await expect(act(world, { userId: first.id, reason, actor: bank })).rejects.toMatchObject({ code: 'conflict' });
    }
    const raised = await change(support, 'operator', actor);
    expect(raised).toMatchObject({ staffRole: 'operator' });
    expect(world.ended).toContainEqual({ userId: support.id });
    const other = await active(raised);
    await change(first, 'auditor', actorOf({ ...other, companyId: first.companyId }));
    expect((await auditTrail(world.records)).at(-1)).toBe('user.staff_changed');
  });

  it('is nobody of another company, and who is created without a role is not of it (T27, T31)', async () => {
    const { bank: own } = await operator('ann');
    const company = await addCompany(world);
    const user = await addUser(world, company.id);
    const make = { userId: user.id, version: user.version, staffRole: 'operator', actor: bank } as const;
    await expect(changeStaffRole(world, make)).rejects.toMatchObject({ code: 'invalid_request' });
    const person = { companyId: own.id, name: 'Eve', email: 'eve@bank.example', actor: bank };
    await expect(createUser(world, person)).rejects.toMatchObject({ code: 'invalid_request' });
    const administrator = { ...person, role: 'administrator', staffRole: 'operator' } as const;
    await expect(createUser(world, administrator)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('cannot be taken over by a client that may write: no address, no name, no way back (T27, X-07)', async () => {
    const user = await active((await operator('ann')).user);
    await active((await operator('bob')).user);
    const actor = { name: 'client:batch' };
    const { id: userId, version } = user;
    const attempts = [
      () => changeEmail(world, { userId, version, email: 'eve@evil.example', actor }),
      () => updateUser(world, { userId, version, changes: { permissions: 'full', name: 'Eve' }, actor }),
      () => restoreUser(world, { userId, reason, actor }),
      () => erasePersonalData(world, { userId, reason, actor }),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'access_denied' });
    expect(await current(user)).toEqual(user);
    await suspendUser(world, { userId, reason, actor });
  });

  it('keeps the company in which it is: the bank’s own is neither suspended nor closed', async () => {
    const { bank: own } = await operator('ann');
    for (const act of [suspendCompany, closeCompany]) {
      const attempt = act(world, { companyId: own.id, reason, actor: bank });
      await expect(attempt).rejects.toMatchObject({ code: 'conflict' });
    }
  });
});

describe('a company', () => {
  it('is suspended, restored and closed by the bank alone, with a reason in the trail (A-10, T31)', async () => {
    const company = await addCompany(world);
    const act = { companyId: company.id, reason: 'unpaid', actor: bank };
    for (const attempt of [suspendCompany, restoreCompany, closeCompany]) {
      const own = attempt(world, { ...act, actor: { name: 'client:own', companyId: company.id } });
      await expect(own).rejects.toMatchObject({ code: 'access_denied' });
      const foreign = attempt(world, { ...act, actor: { name: 'client:x', companyId: 'co_x' } });
      await expect(foreign).rejects.toMatchObject({ code: 'not_found' });
      await expect(attempt(world, { ...act, reason: ' ' })).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(await suspendCompany(world, act)).toMatchObject({ status: 'suspended' });
    expect(await suspendCompany(world, act)).toMatchObject({ status: 'suspended', version: 2 });
    expect(await restoreCompany(world, act)).toMatchObject({ status: 'active' });
    const trail = (await world.records.audit.read(0, 100)).slice(-2);
    expect(trail).toMatchObject([
      { event: 'company.suspended', data: { reason: 'unpaid' } },
      { event: 'company.restored', data: { reason: 'unpaid' } },
    ]);
  });

  it('that was closed by a process that died is closed to the end by the next call', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    await world.records.companies.update({ ...company, status: 'closed' });
    await closeCompany(world, { companyId: company.id, reason, actor: bank });
    expect(await current(user)).toMatchObject({ status: 'removed' });
  });
});

describe('the data of a person', () => {
  const text = async (pieces: AsyncGenerator<string>): Promise<string> => {
    let whole = '';
    for await (const piece of pieces) whole += piece;
    return whole;
  };

  it('is given out whole to who may see them, recorded before it leaves, and to nobody else (T31)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active', email: 'person@example.com' });
    const device = await addDevice(world, user, { name: 'My own phone' });
    await world.records.users.noteBrowser(user.id, 'a-browser', world.clock.now());
    const other = await addUser(world, company.id, { email: 'other.person@example.com' });
    const [own, others] = [sampleSigning(user), sampleSigning(other, { approvers: 2 })];
    const more = sampleSigning(other, { reference: 'of somebody else' });
    for (const request of [own, others, more]) await world.records.signings.insert(request);
    await world.records.signings.approve(sampleSigned(others, user));
    await suspendUser(world, { userId: other.id, reason: 'by them', actor: actorOf(user) });
    await suspendUser(world, { userId: user.id, reason, actor: bank });
    const held = JSON.parse(await text(await exportPersonalData(world, { userId: user.id, reason, actor: bank })));
    expect(held).toMatchObject({
      user: { id: user.id, email: 'person@example.com' },
      company: 'Bakery',
      devices: [{ id: device.id, name: 'My own phone' }],
      sessions: [],
      acceptances: [],
      browsersLastUsedAt: [world.clock.now()],
    });
    const { reference, display } = own;
    expect(held.signings).toHaveLength(2);
    expect(held.signings).toContainEqual(
      expect.objectContaining({ id: own.id, reference, text: display.text, isSigned: false }),
    );
    expect(held.signings).toContainEqual(expect.objectContaining({ id: others.id, isSigned: true }));
    const events = held.audit.map(({ event, userId }: { event: string; userId: string }) => [event, userId]);
    expect(events).toEqual([
      ['user.created', user.id],
      ['user.suspended', user.id],
      ['user.exported', user.id],
      ['user.suspended', other.id],
    ]);
    expect(JSON.stringify(held)).not.toMatch(/other\.person|of somebody else|salt|verifier|pinAttempts/);
    const foreign = { name: 'client:x', companyId: (await addCompany(world)).id };
    const attempt = exportPersonalData(world, { userId: user.id, reason, actor: foreign });
    await expect(attempt).rejects.toMatchObject({ code: 'not_found' });
    await world.stores.durable.run('delete from audit_head');
    await expect(exportPersonalData(world, { userId: user.id, reason, actor: bank })).rejects.toMatchObject({
      code: 'internal',
    });
  });

  it('is gone from every table when it is erased, while the trail still verifies and names ids alone (A-03, A-13)', async () => {
    const company = await addCompany(world);
    const administrator = await addAdministrator(company);
    const name = 'Zdenka Unmistakable';
    const email = 'zdenka.unmistakable@example.com';
    const user = await addUser(world, company.id, { name, email, status: 'active' });
    await addDevice(world, user, { name: 'Phone of Zdenka' });
    const [own, others] = [sampleSigning(user), sampleSigning(administrator, { approvers: 2 })];
    for (const request of [own, others]) {
      await world.records.signings.insert(request);
      await world.records.signings.approve(sampleSigned(request, user));
    }
    const asked = { idLookup: 'asked', clientId: 'desk', userId: user.id, payload: '{}', createdAt: 1, endsAt: 2 };
    await world.records.backchannel.insert(asked);
    const changes = { name: 'Zdenka Unmistakable-Other', document: { reference: 'DOC-42-42', expiresAt: 1 } };
    const { version } = await updateUser(world, { userId: user.id, version: user.version, changes, actor: bank });
    await changeEmail(world, { userId: user.id, version, email: 'z.unmistakable@example.com', actor: bank });
    await warnOfDocuments(world);
    const act = { userId: user.id, reason, actor: bank };
    await expect(erasePersonalData(world, act)).rejects.toMatchObject({ code: 'conflict' });
    await removeUser(world, act);
    const erased = await erasePersonalData(world, act);
    expect(erased).toMatchObject({ id: user.id, status: 'removed', document: undefined });
    expect(await current(user)).toEqual(erased);
    expect(await erasePersonalData(world, act)).toEqual(erased);
    expect(await world.records.signings.everyOf(user.id, { limit: 10 })).toEqual([]);
    expect(await world.records.signings.approvals(others.id)).toEqual([]);
    expect(await world.records.backchannel.find('asked')).toBeUndefined();
    for (const found of [
      await world.records.users.list(undefined, { limit: 10 }, { search: 'unmistakable' }),
      await world.records.users.list(undefined, { limit: 10 }, { search: email }),
    ]) {
      expect(found).toEqual([]);
    }
    const tables = ['users', 'devices', 'companies', 'audit_events', 'user_browsers', 'activations'];
    for (const table of tables) {
      const rows = JSON.stringify(await world.stores.durable.query(`select * from ${table}`));
      expect(rows, table).not.toMatch(/Zdenka|unmistakable|DOC-42/i);
    }
    const waiting = await takeMessages(world.records, world.clock.now());
    expect(waiting.map(({ recipient }) => recipient).filter((id) => id !== administrator.id)).toEqual([]);
    const [last] = (await world.records.audit.read(0, 100)).slice(-1);
    expect(last).toMatchObject({ event: 'user.erased', userId: user.id, data: { reason } });
  });
});
