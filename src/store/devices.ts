/** Devices in SQL: their keys are unique for ever, their secrets are sealed and erased at the end. */

import type { JWK } from 'jose';
import type { Sealing } from '../crypto/sealing.ts';
import type {
  BiometricKey,
  Device,
  DeviceSecrets,
  DeviceStore,
  ListedDevice,
  Standing,
  WebauthnState,
} from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { type CompanyRow, companyColumns, toCompany } from './companies.ts';
import type { Sql } from './ports.ts';
import { firstOf, optional, pageSize, parsed, prefixed, unprefixed, whereAll } from './rows.ts';
import { atomically } from './transaction.ts';
import { toUser, type UserRow, userColumns } from './users.ts';

interface DeviceRow {
  id: string;
  user_id: string;
  company_id: string;
  name: string;
  platform: string;
  app_version: string;
  status: Device['status'];
  profile: Device['profile'];
  thumbprint: string;
  public_jwk: string;
  biometric_thumbprint: string | null;
  biometric_jwk: string | null;
  biometric_kind: BiometricKey['kind'] | null;
  biometric_sign_count: number | null;
  biometric_backup: WebauthnState['backup'] | null;
  attestation_level: string;
  pin_attempts: number;
  pin_epoch: number;
  created_at: number;
  activated_at: number | null;
  last_used_at: number | null;
  ended_at: number | null;
  ended_reason: string | null;
}

const columns = `id, user_id, company_id, name, platform, app_version, status, profile, thumbprint, public_jwk,
  biometric_thumbprint, biometric_jwk, biometric_kind, biometric_sign_count, biometric_backup, attestation_level, pin_attempts, pin_epoch,
  created_at, activated_at, last_used_at, ended_at, ended_reason`;

function toDevice(row: DeviceRow): Device {
  return {
    id: row.id,
    userId: row.user_id,
    companyId: row.company_id,
    name: row.name,
    platform: row.platform,
    appVersion: row.app_version,
    status: row.status,
    profile: row.profile,
    thumbprint: row.thumbprint,
    publicJwk: parsed(row.public_jwk),
    biometric: toBiometric(row),
    attestationLevel: row.attestation_level,
    pinAttempts: row.pin_attempts,
    pinEpoch: row.pin_epoch,
    createdAt: row.created_at,
    activatedAt: optional(row.activated_at),
    lastUsedAt: optional(row.last_used_at),
    endedAt: optional(row.ended_at),
    endedReason: optional(row.ended_reason),
  };
}

function toBiometric(row: DeviceRow): Device['biometric'] {
  if (row.biometric_thumbprint === null || row.biometric_jwk === null || row.biometric_kind === null) return undefined;
  const key = {
    thumbprint: row.biometric_thumbprint,
    publicJwk: parsed<JWK>(row.biometric_jwk),
    kind: row.biometric_kind,
  };
  const { biometric_sign_count: signCount, biometric_backup: backup } = row;
  return signCount === null || backup === null ? key : { ...key, webauthn: { signCount, backup } };
}

/** Of each table its own columns, apart from the others' by a prefix. */
const standingQuery = `select ${prefixed('d', columns)}, d.pin_generation, ${prefixed('u', userColumns)}, ${prefixed('c', companyColumns)}
  from devices d join users u on u.id = d.user_id join companies c on c.id = d.company_id where d.id = $1`;

const listedQuery = `select ${prefixed('d', columns)}, d.last_place, u.name as user_name
  from devices d join users u on u.id = d.user_id`;

type ListedRow = Readonly<Record<string, unknown>> & { readonly last_place: string | null; readonly user_name: string };

function toListed(row: ListedRow): ListedDevice {
  const device = toDevice(unprefixed<DeviceRow>('d', row));
  return { ...device, userName: row.user_name, place: optional(row.last_place) };
}

type StandingRow = Readonly<Record<string, unknown>> & { readonly pin_generation: number };

function toStanding(row: StandingRow, sealing: Sealing): Standing {
  return {
    device: toDevice(unprefixed<DeviceRow>('d', row)),
    user: toUser(unprefixed<UserRow>('u', row), sealing),
    company: toCompany(unprefixed<CompanyRow>('c', row)),
    pinGeneration: row.pin_generation,
  };
}

const verifierContext = (id: string): string => `devices.verifier:${id}`;
const vaultKeyContext = (id: string): string => `devices.vault_key:${id}`;

/** Devices over one engine or one open transaction. */
export function deviceStore(sql: Sql, sealing: Sealing): DeviceStore {
  const reading = { ...deviceReader(sql, sealing), ...deviceSecrets(sql, sealing) };
  return { ...reading, ...deviceBiometrics(sql), ...deviceLife(sql, sealing) };
}

type Reading = Pick<DeviceStore, 'find' | 'standing' | 'findByThumbprint' | 'listByUser' | 'list'>;

function deviceReader(sql: Sql, sealing: Sealing): Reading {
  return {
    find: async (id) =>
      firstOf(await sql.query<DeviceRow>(`select ${columns} from devices where id = $1`, [id]), toDevice),
    standing: async (id) =>
      firstOf(await sql.query<StandingRow>(standingQuery, [id]), (row) => toStanding(row, sealing)),
    findByThumbprint: async (thumbprint) =>
      firstOf(
        await sql.query<DeviceRow>(`select ${columns} from devices where thumbprint = $1`, [thumbprint]),
        toDevice,
      ),
    listByUser: async (userId) => {
      const rows = await sql.query<DeviceRow>(`select ${columns} from devices where user_id = $1 order by id`, [
        userId,
      ]);
      return rows.map(toDevice);
    },
    list: async ({ id, companyId, userId, status }, { after, limit }) => {
      const where = whereAll([
        ['d.id = ?', id],
        ['d.company_id = ?', companyId],
        ['d.user_id = ?', userId],
        ['d.status = ?', status],
        ['d.id > ?', after],
      ]);
      const rows = await sql.query<ListedRow>(
        `${listedQuery} ${where.clause} order by d.id limit ${pageSize(limit)}`,
        where.values,
      );
      return rows.map(toListed);
    },
  };
}

type Secrets = Pick<DeviceStore, 'secrets' | 'vaultKey' | 'replaceSecrets'>;

function deviceSecrets(sql: Sql, sealing: Sealing): Secrets {
  return {
    secrets: async (id) => {
      const [row] = await sql.query<{ verifier_sealed: string | null; pin_generation: number }>(
        'select verifier_sealed, pin_generation from devices where id = $1',
        [id],
      );
      if (row === undefined || row.verifier_sealed === null) return undefined;
      const secrets = parsed<DeviceSecrets>(sealing.openText(row.verifier_sealed, verifierContext(id)));
      return { ...secrets, generation: row.pin_generation };
    },
    vaultKey: async (id) => {
      const rows = await sql.query<{ vault_key_sealed: string | null }>(
        'select vault_key_sealed from devices where id = $1',
        [id],
      );
      const sealed = rows[0]?.vault_key_sealed ?? null;
      return sealed === null ? undefined : sealing.open(sealed, vaultKeyContext(id));
    },
    // Below five only: a device that is blocked in truth must not be given a new mPIN by a change that was on its way.
    replaceSecrets: async (id, generation, secrets) =>
      (await sql.run(
        `update devices set verifier_sealed = $1, pin_generation = pin_generation + 1
         where id = $2 and status = 'active' and pin_generation = $3 and pin_attempts < 5`,
        [sealSecrets(sealing, id, secrets), id, generation],
      )) === 1,
  };
}

type Biometrics = Pick<DeviceStore, 'setBiometric' | 'advanceBiometric'>;

function deviceBiometrics(sql: Sql): Biometrics {
  return {
    setBiometric: (id, biometric) =>
      atomically(sql, async (inner) => {
        if (biometric !== undefined)
          await claimKey(inner, id, { thumbprint: biometric.thumbprint, purpose: 'biometric' });
        const changed = await inner.run(
          `update devices set biometric_thumbprint = $1, biometric_jwk = $2, biometric_kind = $3, biometric_sign_count = $4,
           biometric_backup = $5 where id = $6 and status = 'active' and pin_attempts < 5`,
          [...biometricValues(biometric), id],
        );
        return changed === 1;
      }),
    // One statement: of two uses with one count, a copy's among them, one is refused.
    advanceBiometric: async (id, thumbprint, { signCount, backup }) =>
      (await sql.run(
        `update devices set biometric_sign_count = $1, biometric_backup = $2 where id = $3 and biometric_thumbprint = $4
         and (biometric_sign_count < $1 or (biometric_sign_count = 0 and biometric_sign_count = $1))`,
        [signCount, backup, id, thumbprint],
      )) === 1,
  };
}

function biometricValues(biometric: BiometricKey | undefined) {
  const { thumbprint, publicJwk, kind, webauthn } = biometric ?? {};
  const jwk = publicJwk === undefined ? undefined : JSON.stringify(publicJwk);
  return [thumbprint, jwk, kind, webauthn?.signCount, webauthn?.backup];
}

type Life = Pick<DeviceStore, 'insert' | 'endSessions' | 'activate' | 'end' | 'markUsed'>;

function deviceLife(sql: Sql, sealing: Sealing): Life {
  return {
    insert: (device, secrets, vaultKey) =>
      atomically(sql, async (inner) => {
        await claimKeys(inner, device);
        await insertDevice(inner, device, {
          verifier: sealSecrets(sealing, device.id, secrets),
          vaultKey: sealing.seal(vaultKey, vaultKeyContext(device.id)),
        });
      }),
    endSessions: async (userId) => {
      await sql.run('update devices set pin_generation = pin_generation + 1 where user_id = $1', [userId]);
    },
    activate: async (id, at) =>
      (await sql.run("update devices set status = 'active', activated_at = $2 where id = $1 and status = 'pending'", [
        id,
        at,
      ])) === 1,
    end: async (id, status, at, reason) =>
      (await sql.run(
        `update devices set status = $2, ended_at = $3, ended_reason = $4, verifier_sealed = null, vault_key_sealed = null
         where id = $1 and status in ('pending', 'active')`,
        [id, status, at, reason],
      )) === 1,
    markUsed: async (id, at, place) => {
      await sql.run('update devices set last_used_at = $2, last_place = $3 where id = $1', [id, at, place]);
    },
  };
}

function sealSecrets(sealing: Sealing, id: string, { salt, verifier }: DeviceSecrets): string {
  return sealing.seal(JSON.stringify({ salt, verifier }), verifierContext(id));
}

/** One table for both purposes, so that a key cannot come back as the other kind, nor serve as both factors of one device. */
async function claimKeys(sql: Sql, device: Device): Promise<void> {
  const keys = [{ thumbprint: device.thumbprint, purpose: 'device' }];
  if (device.biometric !== undefined) keys.push({ thumbprint: device.biometric.thumbprint, purpose: 'biometric' });
  for (const key of keys) await claimKey(sql, device.id, key);
}

async function claimKey(sql: Sql, deviceId: string, key: { thumbprint: string; purpose: string }): Promise<void> {
  const written = await sql.run(
    'insert into registered_keys (thumbprint, device_id, purpose) values ($1, $2, $3) on conflict do nothing',
    [key.thumbprint, deviceId, key.purpose],
  );
  if (written === 0) throw new AuthError('already_exists', { message: 'this key was registered before' });
}

async function insertDevice(sql: Sql, device: Device, sealed: { verifier: string; vaultKey: string }): Promise<void> {
  const written = await sql.run(
    `insert into devices (${columns}, verifier_sealed, vault_key_sealed)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
       $25)
     on conflict do nothing`,
    [
      device.id,
      device.userId,
      device.companyId,
      device.name,
      device.platform,
      device.appVersion,
      device.status,
      device.profile,
      device.thumbprint,
      JSON.stringify(device.publicJwk),
      ...biometricValues(device.biometric),
      device.attestationLevel,
      device.pinAttempts,
      device.pinEpoch,
      device.createdAt,
      device.activatedAt,
      device.lastUsedAt,
      device.endedAt,
      device.endedReason,
      sealed.verifier,
      sealed.vaultKey,
    ],
  );
  if (written === 0) throw new AuthError('already_exists', { message: 'a device has this id' });
}
