/** What is registered before anything is timed: a company, its users with one phone each, and a portal; in stores of their own. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { defaultRules } from '../../src/companies/rules.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { randomId } from '../../src/crypto/random.ts';
import { createClient } from '../../src/oidc/clients.ts';
import { openStores } from '../../src/server/stores.ts';
import { type ModularPower, modularPowerOf } from '../../src/srp/formulas.ts';
import { srpProfiles } from '../../src/srp/profile.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import type { RecordStore } from '../../src/store/records.ts';
import { newPhoneIdentity, type PhoneIdentity } from './fast-phone.ts';
import { type Environment, serverEnvironment } from './server-process.ts';

export interface Portal {
  readonly clientId: string;
  readonly secret: string;
  readonly redirectUri: string;
}

/** A pair of stores that is measured. */
export interface StorePair {
  readonly name: string;
  /** Adds the stores to an environment; answers how to remove them. */
  open(): Promise<{ readonly environment: Environment; remove(): Promise<void> }>;
}

export interface World {
  readonly pair: string;
  readonly environment: Environment & { readonly MTOKEN_ISSUER: string };
  readonly portal: Portal;
  readonly phones: readonly Registered[];
  readonly power: ModularPower;
  remove(): Promise<void>;
}

/** A phone and the user whose it is. */
export interface Registered {
  readonly identity: PhoneIdentity;
  readonly userId: string;
}

/** SQLite + memory, and PostgreSQL + Redis where the environment names them. */
export function storePairs(): StorePair[] {
  const database = process.env['MTOKEN_TEST_DATABASE_URL'];
  const redis = process.env['MTOKEN_TEST_REDIS_URL'];
  return [embedded, ...(database && redis ? [servers(database, redis)] : [])];
}

export const embedded: StorePair = {
  name: 'SQLite + memory',
  open: async () => ({ environment: {}, remove: async () => undefined }),
};

function servers(database: string, redis: string): StorePair {
  return {
    name: 'PostgreSQL + Redis',
    open: async () => {
      const name = `bench_${randomBytes(6).toString('hex')}`;
      const url = new URL(database);
      const administrator = await openPostgres({ url: database, poolSize: 1 });
      await administrator.run(`create database ${name}`);
      url.pathname = `/${name}`;
      return {
        environment: { DATABASE_URL: url.href, REDIS_URL: redis },
        remove: async () => {
          await administrator.run(`drop database ${name} with (force)`);
          await administrator.close();
        },
      };
    },
  };
}

/** Opens fresh stores and registers everybody directly, without any of the protocols. */
export async function createWorld(pair: StorePair, phoneCount: number): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-bench-'));
  const opened = await pair.open();
  const environment = { ...(await serverEnvironment()), ...opened.environment, MTOKEN_DATA_DIR: dataDir };
  const power = modularPowerOf(srpProfiles['srp6a-2048-sha256']);
  const log = { info: () => undefined, warn: () => undefined };
  const stores = await openStores({ config: configOf(environment), clock: systemClock, log, isServer: false });
  const portal = await registerPortal(stores.records);
  const phones = await registerPhones(stores.records, { power, count: phoneCount });
  await stores.close();
  return {
    pair: pair.name,
    environment,
    portal,
    phones,
    power,
    remove: async () => {
      await opened.remove();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The configuration that a server with this environment has. */
export function configOf(environment: Environment): Config {
  const result = readConfig({ env: environment, readFile: () => '', realPath: (path) => path });
  if (result.outcome === 'refused') throw new Error(JSON.stringify(result.problems));
  return result.config;
}

async function registerPortal(records: RecordStore): Promise<Portal> {
  const redirectUri = 'http://localhost:9/callback';
  const metadata = { redirect_uris: [redirectUri] };
  const actor = { name: 'bench' };
  const input = { kind: 'portal', name: 'Bench portal', metadata } as const;
  const { client, secret } = await createClient({ records, clock: systemClock }, input, actor);
  if (secret === undefined) throw new Error('the portal has no secret');
  return { clientId: client.id, secret, redirectUri };
}

async function registerPhones(
  records: RecordStore,
  { power, count }: { power: ModularPower; count: number },
): Promise<Registered[]> {
  const createdAt = systemClock.now();
  const companyId = randomId('co');
  await records.companies.insert({
    id: companyId,
    name: 'Bench',
    status: 'active',
    userLimit: count,
    deviceLimit: 1,
    selfActivation: true,
    mpinLength: 5,
    rules: defaultRules,
    isBank: false,
    createdAt,
    version: 1,
  });
  const phones: Registered[] = [];
  for (let index = 0; index < count; index += 1) {
    const identity = newPhoneIdentity(power);
    const userId = randomId('usr');
    await records.users.insert({
      id: userId,
      companyId,
      name: `User ${index}`,
      email: `user${index}@bench.example`,
      role: 'user',
      permissions: 'full',
      locale: 'en',
      language: undefined,
      staffRole: undefined,
      document: undefined,
      status: 'active',
      createdAt,
      version: 1,
    });
    await insertDevice(records, { identity, userId, companyId, createdAt });
    phones.push({ identity, userId });
  }
  return phones;
}

async function insertDevice(
  records: RecordStore,
  owner: { identity: PhoneIdentity; userId: string; companyId: string; createdAt: number },
): Promise<void> {
  const { identity, userId, companyId, createdAt } = owner;
  const { salt, verifier, key, deviceId } = identity;
  const device = {
    id: deviceId,
    userId,
    companyId,
    name: 'Bench phone',
    platform: 'Bench',
    appVersion: '1.0',
    status: 'active',
    profile: 'srp6a-2048-sha256',
    thumbprint: key.thumbprint,
    publicJwk: key.publicJwk,
    biometric: undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 0,
    createdAt,
    activatedAt: createdAt,
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
  } as const;
  await records.devices.insert(device, { salt, verifier }, randomBytes(32));
}
