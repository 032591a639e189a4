/** The bank's own company, its first operator, and whose role counts at the console. */
import { beforeEach, describe, expect, it } from 'vitest';
import { updateCompany } from '../../../src/companies/companies.ts';
import { assertStaffFits, consoleRole, createOperator } from '../../../src/companies/staff.ts';
import { changeStaffRole, createStaff } from '../../../src/companies/staff-acts.ts';
import { addCompany, addUser, auditTrail, bank, openWorld, takeNotices, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});

const operator = (name: string, changes: Partial<Parameters<typeof createOperator>[1]> = {}) =>
  createOperator(world, { name, email: `${name}@bank.example`, bankName: 'Example Bank', actor: bank, ...changes });

describe('the first operator', () => {
  it('brings the bank its own company, once; a further one is a user of it (X-07, A-02)', async () => {
    const first = await operator('olga');
    expect(first.isNewBank).toBe(true);
    expect(first.bank).toMatchObject({ name: 'Example Bank', isBank: true, status: 'active' });
    expect(first.user).toMatchObject({ role: 'user', staffRole: 'operator', status: 'invited' });
    const second = await operator('otto', { bankName: 'Another name' });
    expect(second).toMatchObject({ isNewBank: false, bank: { id: first.bank.id, name: 'Example Bank' } });
    expect(await world.records.users.find(second.user.id)).toEqual(second.user);
    expect(await auditTrail(world.records)).toEqual(['company.created', 'user.created', 'user.created']);
    const trail = await world.records.audit.read(0, 10);
    for (const entry of trail) expect(entry).toMatchObject({ actor: 'cli', companyId: first.bank.id });
  });

  it.each([
    ['an address that is none', { email: 'olga@' }],
    ['a name that turns the text', { name: '\u202eagl0' }],
    ['a bank without a name', { bankName: ' ' }],
  ])('leaves nothing behind where it cannot be made: %s (X-01)', async (_, changes) => {
    await expect(operator('olga', changes)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await world.records.companies.findBank()).toBeUndefined();
    expect(await auditTrail(world.records)).toEqual([]);
  });

  it('is not made twice with one address, and not beyond the limit or in a bank that is suspended', async () => {
    const { bank: own } = await operator('olga');
    await expect(operator('OLGA', { email: 'Olga@Bank.example' })).rejects.toMatchObject({ code: 'already_exists' });
    await world.records.companies.update({ ...own, userLimit: 1 });
    await expect(operator('otto')).rejects.toMatchObject({ code: 'limit_reached' });
    await world.records.companies.update({ ...own, status: 'suspended', version: own.version + 1 });
    await expect(operator('otto')).rejects.toMatchObject({ code: 'conflict' });
    expect(await world.records.users.list(own.id, { limit: 10 })).toHaveLength(1);
  });
});

describe('the operators of the bank', () => {
  const actor = { name: 'user:usr_olga', userId: 'usr_olga', address: '192.0.2.7' };
  const told = async () => {
    const notices = await takeNotices(world.records, world.clock.now());
    return notices.map(({ event, recipient }) => [event, recipient]).toSorted();
  };
  const staffed = async () => {
    const { bank: own, user } = await operator('olga');
    await world.records.users.update({ ...user, status: 'active' });
    const auditor = await addUser(world, own.id, { staffRole: 'auditor', status: 'active' });
    await addUser(world, own.id, { staffRole: 'operator', status: 'suspended' });
    await addUser(world, (await addCompany(world)).id, { role: 'administrator', status: 'active' });
    await told();
    return { own, olga: user.id, auditor };
  };

  it('hear of a further one, however they are made: by another, at the server, out of an auditor (A-09, X-07)', async () => {
    const { olga, auditor } = await staffed();
    const added = ['administrator.added', olga];
    await createStaff(world, { name: 'Eve', email: 'eve@x.example', staffRole: 'operator', actor });
    expect(await told()).toEqual([added]);
    await operator('mallory');
    expect(await told()).toEqual([added]);
    await createStaff(world, { name: 'Sue', email: 'sue@x.example', staffRole: 'support', actor });
    expect(await told()).toEqual([]);
    const version = (await world.records.users.find(auditor.id))?.version ?? 0;
    await changeStaffRole(world, { userId: auditor.id, version, staffRole: 'operator', actor });
    expect(await told()).toEqual([added, ['administrator.added', auditor.id]].toSorted());
  });

  it("hear of every change of the bank's own rules, and nobody else does (A-09, T32)", async () => {
    const { own, olga } = await staffed();
    const { version } = (await world.records.companies.find(own.id)) ?? own;
    await updateCompany(world, { companyId: own.id, version, changes: { selfActivation: false }, actor });
    expect(await told()).toEqual([['policy.changed', olga]]);
  });
});

describe('a role at the console', () => {
  const user = { role: 'user', staffRole: undefined } as const;
  const administrator = { role: 'administrator', staffRole: undefined } as const;
  const staff = { role: 'user', staffRole: 'operator' } as const;
  const both = { role: 'administrator', staffRole: 'operator' } as const;

  it("is that of an administrator in a company, and of staff in the bank's own alone (T6, X-07)", async () => {
    const company = await addCompany(world);
    const { bank: own } = await operator('olga');
    expect([user, administrator, staff, both].map((one) => consoleRole(one, company))).toEqual([
      undefined,
      'administrator',
      undefined,
      undefined,
    ]);
    expect([user, administrator, staff].map((one) => consoleRole(one, own))).toEqual([
      undefined,
      undefined,
      'operator',
    ]);
  });

  it('is given nowhere else (T27)', async () => {
    const company = await addCompany(world);
    const { bank: own } = await operator('olga');
    for (const [place, one] of [
      [company, staff],
      [company, both],
      [own, user],
      [own, administrator],
      [own, both],
    ] as const) {
      expect(() => assertStaffFits(place, one)).toThrow(/staff/);
    }
    assertStaffFits(company, user);
    assertStaffFits(company, administrator);
    assertStaffFits(own, staff);
  });
});
