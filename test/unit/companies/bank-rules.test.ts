/** The rules of the bank's own company: nobody shuts its operators out, for there is nobody above them. */
import type { FastifyRequest } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { actorOf } from '../../../src/admin/identity.ts';
import { updateCompany } from '../../../src/companies/companies.ts';
import { createOperator } from '../../../src/companies/staff.ts';
import type { Company } from '../../../src/companies/store.ts';
import { addCompany, bank, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

const change = (company: Company, rules: object, actor: Parameters<typeof updateCompany>[1]['actor'] = bank) =>
  updateCompany(world, { companyId: company.id, version: company.version, changes: { rules }, actor });

describe("the bank's own company", () => {
  const address = '192.0.2.7';
  /** The bank's company, and an operator of it who acts from that address. */
  const openBank = async () => {
    const made = await createOperator(world, { name: 'Olga', email: 'o@b.example', bankName: 'Bank', actor: bank });
    return { company: made.bank, olga: { name: `user:${made.user.id}`, userId: made.user.id, address } };
  };
  const machine = { name: 'client:machine', isStaffMachine: false };

  it('does not lock out the operator who sets its networks, nor at this hour (X-07)', async () => {
    const { company, olga } = await openBank();
    // 06:00 in UTC on Friday, 20 November 2026.
    world.clock.advance(Date.parse('2026-11-20T06:00:00Z') - world.clock.now());
    const hours = { days: [5], from: '08:00', until: '18:00', timeZone: 'UTC' };
    for (const rules of [{ networks: ['198.51.100.0/24'] }, { hours }, { hours, networks: ['192.0.2.0/24'] }]) {
      const refused = change(company, rules, olga);
      await expect(refused, JSON.stringify(rules)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    const unknown = { ...olga, address: undefined };
    await expect(change(company, { networks: ['192.0.2.0/24'] }, unknown)).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect(await world.records.companies.find(company.id)).toEqual(company);
    const rules = { networks: ['192.0.2.0/24'], hours: { ...hours, from: '06:00' } };
    expect((await change(company, rules, olga)).rules).toMatchObject(rules);
  });

  it('is changed by no machine that may not make operators: none locks them out (X-07, T27)', async () => {
    const { company } = await openBank();
    const changes = { companyId: company.id, version: company.version, changes: { selfActivation: false } };
    for (const actor of [machine, { name: 'client:old' }, { ...machine, companyId: company.id }]) {
      await expect(change(company, { networks: ['198.51.100.0/24'] }, actor)).rejects.toMatchObject({
        code: 'access_denied',
      });
      await expect(updateCompany(world, { ...changes, actor })).rejects.toMatchObject({ code: 'access_denied' });
    }
    expect(await world.records.companies.find(company.id)).toEqual(company);
    await change(await addCompany(world), { networks: ['198.51.100.0/24'] }, machine);
    await updateCompany(world, { ...changes, actor: { ...machine, isStaffMachine: true } });
  });

  it('is told apart by the scope of a machine, and by its reach (T31)', () => {
    const request = { id: 'req_1', ip: address, socket: { remoteAddress: address }, headers: {} } as FastifyRequest;
    const isStaffMachine = (companyId: string | undefined, ...scopes: string[]) =>
      actorOf({ kind: 'machine', clientId: 'machine', companyId, scopes: new Set(scopes) }, request).isStaffMachine;
    expect(isStaffMachine(undefined, 'admin:write', 'admin:staff')).toBe(true);
    expect(isStaffMachine(undefined, 'admin:write')).toBe(false);
    expect(isStaffMachine('co_bank', 'admin:write', 'admin:staff')).toBe(false);
  });

  it('takes no rule on two people, which would be without effect (R-11)', async () => {
    const { company, olga } = await openBank();
    for (const actor of [olga, bank]) {
      const refused = change(company, { fourEyes: ['users.create'] }, actor);
      await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    }
    await change(company, { fourEyes: [] }, olga);
  });
});
