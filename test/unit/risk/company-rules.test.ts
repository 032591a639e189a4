/** Rules about signing as companies have them: what they may be, who changes them, and what is written down of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCompany, updateCompany } from '../../../src/companies/companies.ts';
import type { RuleChanges } from '../../../src/companies/rule-checks.ts';
import { completeRules, defaultRules } from '../../../src/companies/rules.ts';
import type { Company } from '../../../src/companies/store.ts';
import { defaultRiskRules } from '../../../src/risk/rules.ts';
import { addCompany, addUser, bank, openWorld, type World } from '../companies/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

const change = (company: Company, rules: RuleChanges, actor: Parameters<typeof updateCompany>[1]['actor'] = bank) =>
  updateCompany(world, { companyId: company.id, version: company.version, changes: { rules }, actor });
const updates = async () =>
  (await world.records.audit.read(0, 100)).filter(({ event }) => event === 'company.updated').map(({ data }) => data);

describe('rules about signing', () => {
  it('are complete whatever release wrote the row, and keep what it says (A-08)', async () => {
    const company = await addCompany(world);
    const write = (rules: string | null) =>
      world.stores.durable.run('update companies set rules = $1 where id = $2', [rules, company.id]);
    const read = async () => (await world.records.companies.find(company.id))?.rules;
    await write(null);
    expect(await read()).toEqual(defaultRules);
    await write('{"sessionMinutes":30}');
    expect(await read()).toEqual({ ...defaultRules, sessionMinutes: 30 });
    await write('{"risk":{"newPayee":{"action":"deny"}}}');
    expect(await read()).toEqual(completeRules({ risk: { newPayee: { action: 'deny' } } }));
    expect((await read())?.risk).toEqual({ ...defaultRiskRules, newPayee: { action: 'deny' } });
  });

  it('are changed one by one; the others stay, and the trail has each with its values', async () => {
    const company = await addCompany(world);
    const hours = { days: [5, 1], from: '22:00', until: '06:00', timeZone: 'Europe/Brussels' };
    const limits = [
      { currency: 'USD', amount: 0 },
      { currency: 'EUR', amount: 99_999_999_999_999 },
    ];
    const changed = await change(company, {
      risk: { unusualHour: { action: 'delay', hours }, amount: { action: 'deny', limits }, declines: { count: 5 } },
    });
    expect(changed.rules.risk).toEqual({
      ...defaultRiskRules,
      unusualHour: { action: 'delay', hours: { ...hours, days: [1, 5] } },
      amount: { action: 'deny', limits: limits.toReversed() },
    });
    expect(await updates()).toEqual([
      {
        riskAmountBefore: 'step-up none',
        riskAmountAfter: 'deny EUR 99999999999999, USD 0',
        riskUnusualHourBefore: 'warn as logins',
        riskUnusualHourAfter: 'delay 1 5 22:00-06:00 Europe/Brussels',
      },
    ]);
    expect((await world.records.companies.find(company.id))?.rules).toEqual(changed.rules);
  });

  it.each<[string, object]>([
    ['an action that there is not', { risk: { newPayee: { action: 'block' } } }],
    ['a rule that there is not', { risk: { newDevices: { action: 'deny', hours: 1 } } }],
    ['a number that belongs to another rule', { risk: { newPayee: { action: 'deny', hours: 1 } } }],
    ['no hours', { risk: { newDevice: { action: 'deny', hours: 0 } } }],
    ['half an hour', { risk: { newDevice: { action: 'deny', hours: 0.5 } } }],
    ['a number as a text', { risk: { declines: { action: 'deny', count: '5' } } }],
    ['nothing in place of its number', { risk: { declines: { action: 'deny', count: null } } }],
    ['a delay of a second', { risk: { delaySeconds: 1 } }],
    [
      'a currency that there is not',
      { risk: { amount: { action: 'deny', limits: [{ currency: 'XXX', amount: 1 }] } } },
    ],
    [
      'one currency twice',
      { risk: { amount: { action: 'deny', limits: [1, 2].map((amount) => ({ currency: 'EUR', amount })) } } },
    ],
    ['a limit with cents', { risk: { amount: { action: 'deny', limits: [{ currency: 'EUR', amount: 0.1 }] } } }],
    ['more than any amount', { risk: { amount: { action: 'deny', limits: [{ currency: 'EUR', amount: 1e30 }] } } }],
    [
      'hours in no time zone',
      {
        risk: {
          unusualHour: { action: 'warn', hours: { days: [1], from: '08:00', until: '18:00', timeZone: '+01:00' } },
        },
      },
    ],
    ['null for all of it', { risk: null }],
    ['one person', { approvers: [{ templates: ['payment'], needed: 1 }] }],
    ['eleven people', { approvers: [{ templates: ['payment'], needed: 11 }] }],
    ['no template', { approvers: [{ templates: [], needed: 2 }] }],
    ['a template that there is not', { approvers: [{ templates: ['toString'], needed: 2 }] }],
    ['minor units of no currency', { approvers: [{ templates: ['payment'], from: 5, needed: 2 }] }],
    ['an unknown currency of approvers', { approvers: [{ templates: ['payment'], currency: 'EURO', needed: 2 }] }],
    ['approvers that are no list', { approvers: { templates: ['payment'], needed: 2 } }],
  ])('are refused with %s, and nothing is changed', async (_what, rules) => {
    const company = await addCompany(world);
    await expect(change(company, rules)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await world.records.companies.find(company.id)).toEqual(company);
  });

  it('about risk are the bank’s: no administrator of a company makes its own fraud easier (T27, A-08)', async () => {
    const company = await addCompany(world, { userLimit: 5 });
    const own = { name: 'user:usr_1', companyId: company.id };
    await expect(change(company, { risk: { reported: { action: 'off', hours: 1 } } }, own)).rejects.toMatchObject({
      code: 'access_denied',
    });
    for (let index = 0; index < 2; index += 1) {
      await addUser(world, company.id, { email: `u${index}@example.com`, permissions: 'full' });
    }
    const approvers = [{ templates: ['payment' as const], needed: 2 }];
    expect((await change(company, { approvers }, own)).rules.approvers).toEqual(approvers);
  });

  it('never ask for more people than there are who may sign (T-15)', async () => {
    const company = await addCompany(world, { userLimit: 9 });
    const asked = { approvers: [{ templates: ['payment' as const], needed: 2 }] };
    await addUser(world, company.id, { email: 'one@example.com', permissions: 'full', status: 'active' });
    await addUser(world, company.id, { email: 'small@example.com', permissions: 'mtoken', status: 'active' });
    await addUser(world, company.id, { email: 'away@example.com', permissions: 'full', status: 'suspended' });
    await expect(change(company, asked)).rejects.toMatchObject({
      code: 'invalid_request',
      publicMessage: 'rules.approvers asks for 2 people, and the company has 1 with full permissions',
    });
    await addUser(world, company.id, { email: 'two@example.com', permissions: 'full', status: 'invited' });
    const changed = await change(company, asked);
    // What has been set is not judged again by a change of something else.
    const again = await change(changed, { sessionMinutes: 60 });
    await expect(change(again, { permissions: 'mtoken' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('fit into the trail however many are changed at once, and tell the administrators once', async () => {
    const company = await addCompany(world, { userLimit: 5 });
    for (let index = 0; index < 2; index += 1) {
      await addUser(world, company.id, { email: `u${index}@example.com`, permissions: 'full' });
    }
    const risk: NonNullable<RuleChanges['risk']> = {
      newDevice: { action: 'deny', hours: 1 },
      newPayee: { action: 'deny' },
      amount: { action: 'deny', limits: [{ currency: 'EUR', amount: 1 }] },
      unusualHour: { action: 'deny', hours: null },
      declines: { action: 'deny', count: 1 },
      reported: { action: 'warn', hours: 1 },
      delaySeconds: 60,
    };
    const rules = {
      risk,
      approvers: [{ templates: ['payment' as const, 'document' as const], currency: 'EUR', from: 1, needed: 2 }],
      fourEyes: ['users.create'],
      sessionsPerUser: 1,
      sessionMinutes: 5,
      networks: ['192.0.2.0/24'],
      hours: { days: [1], from: '08:00', until: '18:00', timeZone: 'UTC' },
      emailDomains: ['example.com'],
    };
    await updateCompany(world, {
      companyId: company.id,
      version: company.version,
      actor: bank,
      changes: { name: 'Other', userLimit: 7, deviceLimit: 7, selfActivation: false, mpinLength: 8, rules },
    });
    const records = await updates();
    expect(records).toHaveLength(2);
    expect(records[1]).toMatchObject({
      approversBefore: 'none',
      approversAfter: '2 for document, payment from 1 EUR',
      riskReportedAfter: 'warn 1 h',
      riskDelaySecondsAfter: '60',
    });
    expect(Object.keys(records[1] ?? {})).toHaveLength(16);
    await createCompany(world, { name: 'Born strict', rules: { ...rules, permissions: 'mtoken' }, actor: bank });
    expect(await updates()).toHaveLength(3);
  });
});
