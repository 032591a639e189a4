/** The rules of a company: what they may be, who may change them, and whom they keep out. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { permissions } from '../../../src/admin/permissions.ts';
import { updateCompany } from '../../../src/companies/companies.ts';
import { isWithinNetworks, loginObstacle } from '../../../src/companies/login-rules.ts';
import { changedRules, type RuleChanges } from '../../../src/companies/rule-checks.ts';
import { defaultRules, fourEyesActs } from '../../../src/companies/rules.ts';
import type { Company } from '../../../src/companies/store.ts';
import { updateUser } from '../../../src/companies/users.ts';
import { addCompany, addUser, bank, openWorld, takeNotices, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

const change = (company: Company, rules: object, actor: Parameters<typeof updateCompany>[1]['actor'] = bank) =>
  updateCompany(world, { companyId: company.id, version: company.version, changes: { rules }, actor });

describe('a rule', () => {
  it('takes its canonical form: lists in order and once, networks and days as they are compared', () => {
    const rules = changedRules(defaultRules, {
      networks: ['2001:0DB8:0:0::/32', '192.0.2.0/24', '192.0.2.0/24', '198.51.100.7/032'],
      emailDomains: ['b.example', 'a.example', 'b.example'],
      hours: { days: [5, 1], from: '07:30', until: '18:00', timeZone: 'Europe/Brussels' },
      fourEyes: ['users.email', 'devices.decide'],
    });
    expect(rules).toEqual({
      ...defaultRules,
      networks: ['192.0.2.0/24', '198.51.100.7/32', '2001:db8::/32'],
      emailDomains: ['a.example', 'b.example'],
      hours: { days: [1, 5], from: '07:30', until: '18:00', timeZone: 'Europe/Brussels' },
      fourEyes: ['devices.decide', 'users.email'],
    });
    expect(changedRules(rules, { hours: null, networks: undefined }).hours).toBeNull();
    expect(changedRules(rules, {}).networks).toEqual(rules.networks);
  });

  const hours = { days: [1], from: '08:00', until: '17:00', timeZone: 'Europe/Paris' };
  const bad: readonly (readonly [string, object])[] = [
    ['a rule that there is not', { isBank: true }],
    ['a name of the prototype', { constructor: 1 }],
    ['an act that cannot take two', { fourEyes: ['devices.deactivate'] }],
    ['an act that there is not', { fourEyes: ['everything'] }],
    ['other permissions', { permissions: 'all' }],
    ['no session at all', { sessionsPerUser: 0 }],
    ['sessions without end', { sessionMinutes: 100_000 }],
    ['half a minute', { sessionMinutes: 5.5 }],
    ['an address without width', { networks: ['192.0.2.1'] }],
    ['a width that is too large', { networks: ['192.0.2.0/33'] }],
    ['a negative width', { networks: ['192.0.2.0/-1'] }],
    ['two widths', { networks: ['192.0.2.0/24/8'] }],
    ['octal numbers', { networks: ['0300.0.2.0/24'] }],
    ['a scope', { networks: ['fe80::1%eth0/64'] }],
    ['an IPv4 network in IPv6 clothes', { networks: ['::ffff:192.0.2.0/120'] }],
    ['a name for a network', { networks: ['localhost/8'] }],
    ['a number for a network', { networks: [7] }],
    ['too many networks', { networks: Array.from({ length: 101 }, () => '192.0.2.0/24') }],
    ['a domain in capitals', { emailDomains: ['Example.com'] }],
    ['a domain that looks like another', { emailDomains: ['ex\u0430mple.com'] }],
    ['a domain with a wildcard', { emailDomains: ['*.example.com'] }],
    ['a domain that begins with a dot', { emailDomains: ['.example.com'] }],
    ['a domain with an @', { emailDomains: ['@example.com'] }],
    ['one label', { emailDomains: ['localhost'] }],
    ['no day', { hours: { ...hours, days: [] } }],
    ['an eighth day', { hours: { ...hours, days: [8] } }],
    ['a day twice', { hours: { ...hours, days: [1, 1] } }],
    ['a 25th hour', { hours: { ...hours, until: '25:00' } }],
    ['no time at all', { hours: { ...hours, until: '08:00' } }],
    ['a zone that there is not', { hours: { ...hours, timeZone: 'Europe/Atlantis' } }],
    ['an offset for a zone', { hours: { ...hours, timeZone: '+01:00' } }],
    ['more than hours', { hours: { ...hours, except: 'me' } }],
  ];
  it.each(bad)('is not %s', (_, rules) => {
    expect(() => changedRules(defaultRules, rules as RuleChanges)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('on two people names acts of the table of permissions, none of which stops harm (R-11)', () => {
    for (const act of fourEyesActs) expect(Object.keys(permissions)).toContain(act);
    for (const rescue of ['devices.deactivate', 'devices.deactivate-company', 'users.suspend', 'users.remove']) {
      expect(fourEyesActs).not.toContain(rescue);
    }
  });

  it('is changed alone, told of to the administrators and recorded with before and after (A-10)', async () => {
    const company = await addCompany(world);
    const administrator = await addUser(world, company.id, { role: 'administrator', status: 'active' });
    await addUser(world, company.id, { role: 'administrator' });
    await takeNotices(world.records, world.clock.now());
    const changed = await change(company, { sessionMinutes: 30, networks: ['192.0.2.0/24'] });
    expect(changed.rules).toEqual({ ...defaultRules, sessionMinutes: 30, networks: ['192.0.2.0/24'] });
    expect(await world.records.companies.find(company.id)).toEqual(changed);
    const [entry] = (await world.records.audit.read(0, 100)).slice(-1);
    expect(entry).toMatchObject({
      event: 'company.updated',
      data: {
        sessionMinutesBefore: 720,
        sessionMinutesAfter: 30,
        networksBefore: 'none',
        networksAfter: '192.0.2.0/24',
      },
    });
    const notices = await takeNotices(world.records, world.clock.now());
    expect(notices).toEqual([
      { event: 'policy.changed', recipient: administrator.id, data: { companyId: company.id } },
    ]);
    await change(changed, { sessionMinutes: 30 });
    expect(await takeNotices(world.records, world.clock.now())).toEqual([]);
  });
});

describe("a company's own administrator", () => {
  const administratorOf = (company: Company) => ({
    name: 'user:usr_a',
    userId: 'usr_a',
    companyId: company.id,
    address: '192.0.2.7',
  });

  it('changes its rules, but not what the bank allows at most, nor its limits or name beside them (T27)', async () => {
    const company = await addCompany(world);
    const actor = administratorOf(company);
    const set = (changes: object) =>
      updateCompany(world, { companyId: company.id, version: company.version, changes, actor });
    for (const changes of [
      { rules: { permissions: 'mtoken' } },
      { rules: { permissions: 'full' } },
      { rules: { sessionMinutes: 60, permissions: 'full' } },
      { rules: { sessionMinutes: 60 }, userLimit: 99 },
      { rules: { sessionMinutes: 60 }, name: 'Other' },
    ]) {
      await expect(set(changes), JSON.stringify(changes)).rejects.toMatchObject({ code: 'access_denied' });
    }
    expect(await world.records.companies.find(company.id)).toEqual(company);
    const rules = { sessionMinutes: 60, sessionsPerUser: 2, emailDomains: ['a.example'], fourEyes: ['users.create'] };
    expect((await set({ rules, mpinLength: 6 })).rules).toEqual({ ...defaultRules, ...rules });
  });

  it('cannot shut out the network from which they set the rule, while the bank may', async () => {
    const company = await addCompany(world);
    const refused = change(company, { networks: ['198.51.100.0/24'] }, administratorOf(company));
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    await change(company, { networks: ['198.51.100.0/24'] }, bank);
  });
});

describe('the rule on e-mail domains', () => {
  it.each([
    ['another domain', 'eve@evil.example'],
    ['a domain that ends like it', 'eve@notacme.example'],
    ['a domain below it', 'eve@mail.acme.example'],
    ['a domain that begins like it', 'eve@acme.example.evil.example'],
  ])('keeps out %s at creation (T14)', async (_, email) => {
    const company = await addCompany(world, { rules: { emailDomains: ['acme.example'] } });
    await expect(addUser(world, company.id, { email })).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await world.records.users.list(company.id, { limit: 5 })).toEqual([]);
    await addUser(world, company.id, { email: 'Ann@ACME.example' });
  });
});

describe('the rule on permissions', () => {
  it('lets nobody have more, and lowers in the same step who had (T27)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { permissions: 'full', status: 'active' });
    const gone = await addUser(world, company.id, { permissions: 'full', status: 'removed' });
    await change(company, { permissions: 'mtoken' });
    const lowered = await world.records.users.find(user.id);
    expect(lowered).toMatchObject({ permissions: 'mtoken', version: user.version + 1 });
    expect(await world.records.users.find(gone.id)).toEqual(gone);
    expect((await world.records.audit.read(0, 100)).at(-1)?.data).toMatchObject({ usersLowered: 1 });
    await expect(addUser(world, company.id, { permissions: 'full' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    const version = lowered?.version ?? 0;
    const raise = { userId: user.id, version, changes: { permissions: 'full' }, actor: bank } as const;
    await expect(updateUser(world, raise)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is not walked around by twenty changes and creations at the same time', async () => {
    const company = await addCompany(world, { userLimit: 50 });
    const users = await Promise.all(Array.from({ length: 10 }, () => addUser(world, company.id)));
    const raises = users.map(({ id: userId, version }) =>
      updateUser(world, { userId, version, changes: { permissions: 'full' }, actor: bank }),
    );
    const creations = Array.from({ length: 10 }, () => addUser(world, company.id, { permissions: 'full' }));
    await Promise.allSettled([
      ...raises.slice(0, 5),
      change(company, { permissions: 'mtoken' }),
      ...raises,
      ...creations,
    ]);
    const after = await world.records.users.list(company.id, { limit: 50 });
    expect(after.length).toBeGreaterThanOrEqual(10);
    expect(after.filter(({ permissions: given }) => given === 'full')).toEqual([]);
  });
});

describe('the rule on networks', () => {
  const within = (address: string | undefined, networks = ['192.0.2.0/24', '2001:db8::/32']) =>
    isWithinNetworks({ networks }, address);

  it('lets in its own addresses, and any where it names none', () => {
    for (const address of ['192.0.2.0', '192.0.2.255', '2001:db8::1', '2001:DB8:ffff::']) {
      expect(within(address), address).toBe(true);
    }
    expect(within('203.0.113.9', [])).toBe(true);
    expect(within(undefined, [])).toBe(true);
  });

  it.each([
    ['a neighbour', '192.0.3.0'],
    ['another IPv6 network', '2001:db9::1'],
    ['no address', ''],
    ['one that is not known', undefined],
    ['a network for an address, as the phone is told it', '192.0.2.0/24'],
    ['a name', 'localhost'],
    ['an address with something behind it', '192.0.2.1 '],
  ])('keeps out %s', (_, address) => {
    expect(within(address)).toBe(false);
  });

  it('asks of every address that a login comes from', () => {
    const rules = { networks: ['192.0.2.0/24'], hours: null };
    const of = (...addresses: (string | undefined)[]) => loginObstacle(rules, { addresses, now: 0 });
    expect(of('192.0.2.1', '192.0.2.2')).toBeUndefined();
    expect(of('192.0.2.1', '203.0.113.1')).toBe('network');
    expect(of('203.0.113.1', '192.0.2.1')).toBe('network');
    expect(of('192.0.2.1', undefined)).toBe('network');
  });
});

describe('the rule on hours', () => {
  const at = (time: string, hours: object) =>
    loginObstacle(
      {
        networks: [],
        hours: { days: [1, 2, 3, 4, 5], from: '08:00', until: '18:00', timeZone: 'Europe/Brussels', ...hours },
      },
      { addresses: [], now: Date.parse(time) },
    ) === undefined;

  it('is that of the company’s own clock, summer time and all: the end is not included', () => {
    // Friday, 20 November 2026, CET is one hour ahead.
    expect(at('2026-11-20T06:59:59Z', {})).toBe(false);
    expect(at('2026-11-20T07:00:00Z', {})).toBe(true);
    expect(at('2026-11-20T16:59:59Z', {})).toBe(true);
    expect(at('2026-11-20T17:00:00Z', {})).toBe(false);
    // Friday, 17 July 2026: two hours ahead.
    expect(at('2026-07-17T06:00:00Z', {})).toBe(true);
    expect(at('2026-07-17T16:00:00Z', {})).toBe(false);
    expect(at('2026-11-21T12:00:00Z', {})).toBe(false);
  });

  it('goes past midnight with the day on which it began', () => {
    const night = { days: [5], from: '22:00', until: '06:00', timeZone: 'UTC' };
    expect(at('2026-11-20T23:00:00Z', night)).toBe(true);
    expect(at('2026-11-21T05:59:00Z', night)).toBe(true);
    expect(at('2026-11-21T06:00:00Z', night)).toBe(false);
    expect(at('2026-11-21T23:00:00Z', night)).toBe(false);
    expect(at('2026-11-20T05:00:00Z', night)).toBe(false);
    const sunday = { ...night, days: [7] };
    expect(at('2026-11-23T01:00:00Z', sunday)).toBe(true);
  });

  it('has a midnight', () => {
    const early = { days: [6], from: '00:00', until: '00:30', timeZone: 'UTC' };
    expect(at('2026-11-21T00:00:00Z', early)).toBe(true);
    expect(at('2026-11-21T00:30:00Z', early)).toBe(false);
  });
});
