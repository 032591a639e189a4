/** Whole records for the contract suites, each with keys of its own. */

import { randomBytes } from 'node:crypto';
import { defaultRules } from '../../src/companies/rules.ts';
import type { Company, User } from '../../src/companies/store.ts';
import { randomId } from '../../src/crypto/random.ts';
import { createSealing, type KeyedSealing } from '../../src/crypto/sealing.ts';
import type { Device, DeviceSecrets } from '../../src/devices/store.ts';
import type { Activation } from '../../src/registration/store.ts';
import type { SigningApproval, SigningRequest } from '../../src/signing/store.ts';
import { openRecords } from '../../src/store/open.ts';
import type { RecordStore } from '../../src/store/records.ts';
import type { DurableEngine, FreshDurable } from '../engines.ts';

export const noon = Date.UTC(2026, 10, 20, 12);

/** Records over two connections of one store, as two processes have them. */
export interface FreshRecords {
  readonly records: RecordStore;
  readonly other: RecordStore;
  readonly fresh: FreshDurable;
  readonly sealing: KeyedSealing;
}

export async function freshRecords(engine: DurableEngine): Promise<FreshRecords> {
  const fresh = await engine.fresh();
  const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
  return {
    records: openRecords(fresh.store, sealing),
    other: openRecords(await fresh.another(), sealing),
    fresh,
    sealing,
  };
}

/** Calls `work` n times at once, over both connections in turn. */
export function parallel<T>(
  n: number,
  { records, other }: FreshRecords,
  work: (records: RecordStore, index: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, index) => work(index % 2 === 0 ? records : other, index)));
}

export function sampleCompany(changes: Partial<Company> = {}): Company {
  return {
    id: randomId('co'),
    name: 'Example & Söhne',
    status: 'active',
    userLimit: 2,
    deviceLimit: 3,
    selfActivation: true,
    mpinLength: 5,
    rules: defaultRules,
    isBank: false,
    createdAt: noon,
    version: 1,
    ...changes,
  };
}

export function sampleUser(companyId: string, changes: Partial<User> = {}): User {
  const id = randomId('usr');
  return {
    id,
    companyId,
    name: 'Anna Example',
    email: `${id.toLowerCase()}@example.com`,
    role: 'user',
    permissions: 'mtoken',
    locale: 'en',
    language: undefined,
    staffRole: undefined,
    document: undefined,
    status: 'active',
    createdAt: noon,
    version: 1,
    ...changes,
  };
}

export const sampleSecrets: DeviceSecrets = { salt: 'ab'.repeat(32), verifier: 'cd'.repeat(256) };

export function sampleDevice(user: User, changes: Partial<Device> = {}): Device {
  return {
    id: randomId('dev'),
    userId: user.id,
    companyId: user.companyId,
    name: "Anna's phone",
    platform: 'android',
    appVersion: '1.0.0',
    status: 'active',
    profile: 'srp6a-2048-sha256',
    thumbprint: randomBytes(32).toString('base64url'),
    publicJwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
    biometric: undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 1,
    createdAt: noon,
    activatedAt: noon,
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
    ...changes,
  };
}

export function sampleActivation(user: User, changes: Partial<Activation> = {}): Activation {
  return {
    id: randomId('act'),
    userId: user.id,
    companyId: user.companyId,
    codeHash: randomBytes(32).toString('base64url'),
    confirmationHash: randomBytes(32).toString('base64url'),
    confirmationAttempts: 0,
    status: 'open',
    delivery: 'shown',
    deviceId: undefined,
    createdBy: 'operator',
    createdAt: noon,
    expiresAt: noon + 600_000,
    ...changes,
  };
}

export const sampleReceipt = {
  format: 'mtoken-receipt',
  version: 1,
  order: 'o',
  approval: 'a',
  countersignature: 'secret-of-receipt',
} as const;

/** Asked of that user, pending. */
export function sampleSigning(user: User, changes: Partial<SigningRequest> = {}): SigningRequest {
  return {
    id: randomId('sig'),
    clientId: 'portal',
    door: 'api',
    origin: 'https://portal.example',
    userId: user.id,
    companyId: user.companyId,
    reference: 'secret reference',
    display: { text: 'secret text ä\u200e', locale: 'en' },
    approvers: 1,
    given: 0,
    mpinOnly: true,
    warnings: ['new_payee', 'other'],
    status: 'pending',
    reason: undefined,
    askableAt: noon,
    createdAt: noon,
    expiresAt: noon + 300_000,
    endedAt: undefined,
    captured: 0,
    version: 1,
    ...changes,
  };
}

/** That user's approval of it. */
export const sampleSigned = (
  request: SigningRequest,
  user: User,
  changes: Partial<SigningApproval> = {},
): SigningApproval => ({
  requestId: request.id,
  userId: user.id,
  deviceId: 'dev_x',
  orderId: randomId('ord'),
  approvedAt: noon + 1000,
  receipt: sampleReceipt,
  ...changes,
});

/** Inserts a company and a user of it. */
export async function insertedUser(records: RecordStore, changes: Partial<User> = {}): Promise<User> {
  const company = sampleCompany();
  await records.companies.insert(company);
  const user = sampleUser(company.id, changes);
  await records.users.insert(user);
  return user;
}

/** Inserts a company, a user and a device. */
export async function insertedDevice(records: RecordStore, changes: Partial<Device> = {}): Promise<Device> {
  const device = sampleDevice(await insertedUser(records), changes);
  await records.devices.insert(device, sampleSecrets, new Uint8Array(32).fill(7));
  return device;
}
