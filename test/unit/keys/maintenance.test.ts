import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultKeyPolicy, ensureKeys } from '../../../src/keys/keys.ts';
import { startKeyMaintenance } from '../../../src/keys/maintenance.ts';
import { fixedClock } from '../../clock.ts';
import { soon } from '../../soon.ts';
import { type TestStores, testStores } from '../../stores.ts';

const policy = { ...defaultKeyPolicy, rsaBits: 2048 } as const;
let stores: TestStores;
beforeEach(async () => {
  stores = await testStores();
});
afterEach(() => stores.close());

describe('the maintenance of keys', () => {
  it('takes what is due, again and again, and goes on after the store was down (C-12, X-03)', async () => {
    const clock = fixedClock();
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const deps = { records: stores.records, shortLived: stores.shortLived, clock, log };
    await ensureKeys(deps, policy);
    await stores.durable.run('alter table server_keys rename to gone');
    clock.advance(policy.activeMs);
    const maintenance = startKeyMaintenance(deps, policy, 5);
    await soon(() => expect(warnings.length).toBeGreaterThan(0));
    await stores.durable.run('alter table gone rename to server_keys');
    const statuses = async () => (await stores.records.keys.list()).map(({ status }) => status).sort();
    const next = ['active', 'active', 'active', 'next', 'next', 'next'];
    await soon(async () => expect(await statuses()).toEqual(next));
    clock.advance(policy.publishMs);
    const used = ['active', 'active', 'active', 'retiring', 'retiring', 'retiring'];
    await soon(async () => expect(await statuses()).toEqual(used));
    maintenance.stop();
  });
});
