/** A company with an administrator on empty stores: where the tests of companies, notices and registrations begin. */
import { type Actor } from '../../../src/companies/actor.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { CompanyDeps } from '../../../src/companies/deps.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { createUser } from '../../../src/companies/users.ts';
import { randomId } from '../../../src/crypto/random.ts';
import type { EndLogins } from '../../../src/devices/end.ts';
import type { Device } from '../../../src/devices/store.ts';
import type { NoticePayload } from '../../../src/notify/notify.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import type { RecordStore } from '../../../src/store/records.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { takeMessages } from '../../outbox.ts';
import { type TestStores, testStores } from '../../stores.ts';

export const bank: Actor = { name: 'cli' };

export interface World extends CompanyDeps {
  readonly clock: TestClock;
  readonly stores: TestStores;
  readonly log: { readonly error: () => void };
  /** Owners whose logins were ended. */
  readonly ended: Parameters<EndLogins>[1][];
}

export async function openWorld(clock = fixedClock()): Promise<World> {
  const stores = await testStores(clock);
  const ended: Parameters<EndLogins>[1][] = [];
  const recorded: EndLogins = async (records, owner, at) => {
    ended.push(owner);
    await endLogins(records, owner, at);
  };
  return {
    records: stores.records,
    shortLived: stores.shortLived,
    clock,
    stores,
    log: { error: () => undefined },
    ended,
    endLogins: recorded,
  };
}

export function addCompany(
  deps: CompanyDeps,
  policies: Omit<Parameters<typeof createCompany>[1], 'name' | 'actor'> = {},
): Promise<Company> {
  return createCompany(deps, { name: 'Bakery', userLimit: 10, ...policies, actor: bank });
}

let count = 0;

/** A user of any name; `status` is written past the rules, as if it had come about. */
export async function addUser(
  deps: CompanyDeps,
  companyId: string,
  { status = 'invited', ...given }: Omit<Partial<User>, 'document'> = {},
): Promise<User> {
  count += 1;
  const user = await createUser(deps, {
    companyId,
    name: `User ${count}`,
    email: `user${count}@example.com`,
    ...given,
    actor: bank,
  });
  if (status === 'invited') return user;
  await deps.records.users.update({ ...user, status });
  return { ...user, status, version: user.version + 1 };
}

/** A device as it is after a registration. */
export async function addDevice(
  deps: CompanyDeps,
  user: User,
  { status = 'active', name = 'Phone' }: { status?: 'active' | 'pending'; name?: string } = {},
): Promise<Device> {
  const device: Device = {
    id: randomId('dev'),
    userId: user.id,
    companyId: user.companyId,
    name,
    platform: 'test',
    appVersion: '1',
    status,
    profile: 'srp6a-2048-sha256',
    thumbprint: randomId('key'),
    publicJwk: { kty: 'EC' },
    biometric: undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 1,
    createdAt: deps.clock.now(),
    activatedAt: status === 'active' ? deps.clock.now() : undefined,
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
  };
  await deps.records.users.takeDevicePlace(user.id, 20);
  await deps.records.devices.insert(device, { salt: 'aa', verifier: 'bb' }, new Uint8Array(32));
  return device;
}

/** Everything in the outbox that was not taken yet, opened. */
export async function takeNotices(
  records: RecordStore,
  at: number,
): Promise<(NoticePayload & { recipient: string })[]> {
  const messages = await takeMessages(records, at);
  return messages.map(({ recipient, payload }) => ({ recipient, ...(JSON.parse(payload) as NoticePayload) }));
}

/** The names of all audit events so far. */
export async function auditTrail(records: RecordStore): Promise<string[]> {
  return (await records.audit.read(0, 1_000)).map(({ event }) => event);
}
