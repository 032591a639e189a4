/** Devices as administrators see them: whose, where used last, which wait; of their own company alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import {
  addAdminClient,
  addUser,
  adminToken,
  bank,
  deviceIdOf,
  fetchFrom,
  mpin,
  registerPhone,
  type System,
  startSystem,
} from '../system/rig.ts';
import { send } from '../system/wire.ts';

let stores: SystemStores;
let system: System;
let token: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  token = await adminToken(system, await addAdminClient(system.server, { companyId: system.company.id }));
});
afterAll(async () => {
  await system.close();
  await stores.close();
});

interface Shown {
  readonly id: string;
  readonly userName: string;
  readonly status: string;
  readonly lastUsedAt: number | null;
  readonly place: string | null;
}

async function devices(query = ''): Promise<readonly Shown[]> {
  const headers = { authorization: `Bearer ${token}` };
  const { text } = await send(system.adminUrl, { method: 'GET', path: `/admin/v1/devices${query}`, headers });
  return (JSON.parse(text) as { items: readonly Shown[] }).items;
}

describe('a list of devices', () => {
  it('names the user of each, and when and from which network it was used last, once it was', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Ada <b>Example</b>' });
    const phone = await registerPhone(system, { user, options: { fetch: fetchFrom('198.51.100.77') } });
    const id = await deviceIdOf(phone);
    const [before] = await devices(`?userId=${user.id}`);
    expect(before).toMatchObject({
      id,
      userName: 'Ada <b>Example</b>',
      status: 'active',
      lastUsedAt: null,
      place: null,
    });
    await phone.unlockWithMpin(mpin);
    const [after] = await devices(`?userId=${user.id}`);
    // Not the address: a network is enough to see that something is odd.
    expect(after).toMatchObject({ id, lastUsedAt: expect.any(Number), place: '198.51.100.0/24' });
  });

  it('shows those that wait for an approval, and of another company none (T31)', async () => {
    const waiting = { selfActivation: false, userLimit: 5, actor: bank } as const;
    const other = await createCompany(system.server.capabilities.admin, { name: 'Other Ltd', ...waiting });
    const stranger = await addUser(system.server, other.id, { name: 'Stranger' });
    const foreign = await deviceIdOf(await registerPhone(system, { user: stranger }));
    const company = await system.server.stores.records.companies.find(system.company.id);
    if (company === undefined) throw new Error('no company');
    await system.server.stores.records.companies.update({ ...company, selfActivation: false });
    const own = await deviceIdOf(await registerPhone(system));
    const pending = await devices('?status=pending');
    expect(pending.map(({ id }) => id)).toEqual([own]);
    expect(pending).toMatchObject([{ userName: system.user.name, status: 'pending' }]);
    expect(await devices(`?userId=${stranger.id}`)).toEqual([]);
    expect(JSON.stringify(await devices('?limit=200'))).not.toContain(foreign);
  });
});
