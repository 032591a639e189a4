/** Does again what a lost record tells, where not doing it would give something back: to who was shut out, or to who was guessing. */
import type { AuditEntry } from '../audit/store.ts';
import type { Company, User } from '../companies/store.ts';
import { MAX_ATTEMPTS } from '../lockout/deps.ts';
import type { Records } from '../store/records.ts';

/** ended: a device died again · spent: an attempt · changed: a user, company, client or key · undefined: nothing to do, or not known. */
export type Redone = 'ended' | 'spent' | 'changed' | undefined;

type Replay = (records: Records, entry: AuditEntry) => Promise<Redone>;

const replays: Partial<Record<AuditEntry['event'], Replay>> = {
  'device.deactivated': (records, entry) => endAgain(records, entry, 'deactivated'),
  'device.refused': (records, entry) => endAgain(records, entry, 'refused'),
  'mpin.blocked': (records, entry) => endAgain(records, entry, 'blocked'),
  // The backup has the verifier of the mPIN before: whoever knew that one was to be locked out.
  'mpin.changed': (records, entry) => endAgain(records, entry, 'deactivated', 'mpin-lost-in-restore'),
  'mpin.proved': beginEpoch,
  'mpin.wrong': spendAgain,
  // The key that the backup has may be the one that was taken away; its user switches biometrics on again.
  'biometrics.enabled': dropBiometric,
  'biometrics.disabled': dropBiometric,
  'registration.finished': keepKeys,
  'user.suspended': (records, entry) => changeUser(records, entry, () => ({ status: 'suspended' })),
  'user.restored': restoreUser,
  'user.removed': removeUser,
  'user.updated': changeRights,
  'user.staff_changed': changeRights,
  'company.suspended': (records, entry) => changeCompany(records, entry, 'suspended'),
  'company.restored': (records, entry) => changeCompany(records, entry, 'active'),
  'company.closed': (records, entry) => changeCompany(records, entry, 'closed'),
  'client.updated': disableClient,
};

/** Events that leave nothing behind which a backup could give back, or which somebody would miss. */
const fleeting =
  /^(session|order|login|logout|token|proof|envelope|rate|confirmation|console|audit|server|notification)\./;
const alsoFleeting: ReadonlySet<string> = new Set([
  'mpin.attempt_spent',
  'mpin.attempt_returned',
  'admin.refused',
  'registration.started',
  'registration.refused',
  'activation.created',
  'activation.voided',
  'user.exported',
  'user.document_warned',
]);

/** Does the record's part again, within the transaction that takes the record back. */
export async function redo(records: Records, entry: AuditEntry): Promise<Redone> {
  return replays[entry.event]?.(records, entry);
}

/** Whether a person should look at what the backup lost with this record: it was not, or not wholly, done again. */
export function isWorthALook({ event, data }: AuditEntry, redone: Redone): boolean {
  if (fleeting.test(event) || alsoFleeting.has(event)) return false;
  if (event === 'mpin.proved' || event === 'mpin.wrong') return false;
  // What else the client's change was, the record does not tell.
  if (event === 'client.updated') return data?.['status'] !== 'disabled';
  return redone === undefined;
}

async function endAgain(
  records: Records,
  { deviceId = '', at, data }: AuditEntry,
  status: 'deactivated' | 'refused' | 'blocked',
  reason = String(data?.['reason'] ?? status),
): Promise<Redone> {
  const device = await records.devices.find(deviceId);
  if (device === undefined) return undefined;
  await records.users.hold(device.userId);
  if (!(await records.devices.end(deviceId, status, at, reason))) return undefined;
  await records.users.freeDevicePlace(device.userId);
  return 'ended';
}

async function beginEpoch(records: Records, { deviceId = '' }: AuditEntry): Promise<Redone> {
  const device = await records.devices.find(deviceId);
  if (device !== undefined) await records.attempts.reset({ kind: 'mpin', deviceId, epoch: device.pinEpoch });
  return undefined;
}

/** As many as were spent when it was written: attempts that a crash left spent have no record of their own. */
async function spendAgain(records: Records, { deviceId = '', data }: AuditEntry): Promise<Redone> {
  const device = await records.devices.find(deviceId);
  if (device?.status !== 'active') return undefined;
  const subject = { kind: 'mpin', deviceId, epoch: device.pinEpoch } as const;
  const spent = Math.min(MAX_ATTEMPTS, Math.max(device.pinAttempts + 1, Number(data?.['spent'] ?? 0)));
  for (let count = device.pinAttempts; count < spent; count += 1) await records.attempts.spend(subject, MAX_ATTEMPTS);
  await records.attempts.miss(subject);
  return 'spent';
}

async function dropBiometric(records: Records, { deviceId = '', data }: AuditEntry): Promise<Redone> {
  const thumbprint = data?.['thumbprint'];
  if (typeof thumbprint === 'string') await records.restore.keepKey({ thumbprint, deviceId, purpose: 'biometric' });
  const device = await records.devices.find(deviceId);
  if (device?.biometric === undefined) return undefined;
  return (await records.devices.setBiometric(deviceId, undefined)) ? 'changed' : undefined;
}

/** The device itself is lost with its secrets; that its keys were registered once is not. */
async function keepKeys(records: Records, { deviceId = '', data }: AuditEntry): Promise<Redone> {
  if ((await records.devices.find(deviceId)) !== undefined) return undefined;
  for (const [purpose, thumbprint] of [
    ['device', data?.['thumbprint']],
    ['biometric', data?.['biometricThumbprint']],
  ] as const) {
    if (typeof thumbprint === 'string') await records.restore.keepKey({ thumbprint, deviceId, purpose });
  }
  return undefined;
}

async function changeUser(
  records: Records,
  { userId = '' }: AuditEntry,
  next: (user: User) => Partial<User>,
): Promise<Redone> {
  const user = await records.users.find(userId);
  if (user === undefined || user.status === 'removed') return undefined;
  return (await records.users.update({ ...user, ...next(user) })) ? 'changed' : undefined;
}

async function restoreUser(records: Records, entry: AuditEntry): Promise<Redone> {
  const devices = await records.devices.listByUser(entry.userId ?? '');
  const status = devices.some(({ activatedAt }) => activatedAt !== undefined) ? 'active' : 'invited';
  return changeUser(records, entry, (user) => (user.status === 'suspended' ? { status } : {}));
}

async function removeUser(records: Records, entry: AuditEntry): Promise<Redone> {
  const user = await records.users.find(entry.userId ?? '');
  if (user === undefined || user.status === 'removed') return undefined;
  await records.companies.freeUserPlace(user.companyId);
  for (const { id } of await records.devices.listByUser(user.id)) {
    if (await records.devices.end(id, 'deactivated', entry.at, 'user-removed'))
      await records.users.freeDevicePlace(user.id);
  }
  return changeUser(records, entry, () => ({ status: 'removed' }));
}

const roles: ReadonlySet<unknown> = new Set(['user', 'administrator']);
const permissions: ReadonlySet<unknown> = new Set(['full', 'mtoken']);
const staffRoles: ReadonlySet<unknown> = new Set(['operator', 'support', 'auditor']);

/** Rights as they were after the change: somebody who lost a role must not have it back. */
async function changeRights(records: Records, entry: AuditEntry): Promise<Redone> {
  const { roleAfter, permissionsAfter, staffRoleAfter } = entry.data ?? {};
  const rights: Record<string, unknown> = {
    ...(roles.has(roleAfter) ? { role: roleAfter } : {}),
    ...(permissions.has(permissionsAfter) ? { permissions: permissionsAfter } : {}),
    ...(staffRoles.has(staffRoleAfter) ? { staffRole: staffRoleAfter } : {}),
    ...(staffRoleAfter === 'none' ? { staffRole: undefined } : {}),
  };
  if (Object.keys(rights).length === 0) return undefined;
  return changeUser(records, entry, () => rights as Partial<User>);
}

async function changeCompany(
  records: Records,
  { companyId = '' }: AuditEntry,
  status: Company['status'],
): Promise<Redone> {
  const company = await records.companies.find(companyId);
  if (company === undefined || company.status === 'closed') return undefined;
  return (await records.companies.update({ ...company, status })) ? 'changed' : undefined;
}

async function disableClient(records: Records, { clientId = '', data }: AuditEntry): Promise<Redone> {
  const client = await records.clients.find(clientId);
  if (client?.status !== 'active' || data?.['status'] !== 'disabled') return undefined;
  return (await records.clients.update({ ...client, status: 'disabled' })) ? 'changed' : undefined;
}
