/**
 * Does again what a lost record tells, where not doing it would give something back: to who was shut out, or to who was guessing. The copy
 * is not signed, so a replay only ever takes away: whoever can append lines to it gains no right by them.
 */
import type { AuditEvent } from '../audit/events.ts';
import type { AuditEntry } from '../audit/store.ts';
import { erasedUser } from '../companies/personal-data.ts';
import type { Company, User } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import { MAX_ATTEMPTS } from '../lockout/deps.ts';
import type { Records } from '../store/records.ts';
import type { JudgedRecord } from './journal.ts';

/** ended: a device died again · spent: an attempt · changed: a user, company, client or key · undefined: nothing to do, or not known. */
export type Redone = 'ended' | 'spent' | 'changed' | undefined;

type Replay = (records: Records, entry: AuditEntry) => Promise<Redone>;

/**
 * What becomes of each event: a replay · look: not done again, a person should look at it · fleeting: leaves nothing behind which a backup
 * could give back, or which somebody would miss. A new event does not compile before somebody has decided.
 */
const fates: Readonly<Record<AuditEvent, Replay | 'look' | 'fleeting'>> = {
  'company.created': 'look',
  'company.updated': 'look',
  'company.suspended': (records, entry) => endCompany(records, entry, 'suspended'),
  'company.restored': 'look',
  'company.closed': (records, entry) => endCompany(records, entry, 'closed'),
  'user.created': 'look',
  'user.updated': lowerRights,
  'user.suspended': (records, entry) => changeUser(records, entry, () => ({ status: 'suspended' })),
  'user.restored': 'look',
  'user.removed': removeUser,
  'user.email_changed': 'look',
  'user.staff_changed': lowerRights,
  'user.document_warned': 'fleeting',
  'user.exported': 'fleeting',
  'user.erased': eraseUser,
  'activation.created': 'fleeting',
  'activation.voided': 'fleeting',
  'terms.published': 'look',
  'terms.accepted': 'look',
  // What was open is failed by the drill; what was asked since has to be asked again.
  'approval.requested': 'look',
  'approval.approved': 'fleeting',
  'approval.refused': 'fleeting',
  'approval.withdrawn': 'fleeting',
  'approval.done': 'fleeting',
  'approval.failed': 'fleeting',
  'registration.started': 'fleeting',
  'registration.refused': 'fleeting',
  'registration.finished': keepKeys,
  'device.approved': 'look',
  'device.refused': (records, entry) => endAgain(records, entry, 'refused'),
  'device.deactivated': (records, entry) => endAgain(records, entry, 'deactivated'),
  'mpin.attempt_spent': 'fleeting',
  'mpin.attempt_returned': 'fleeting',
  'mpin.proved': beginEpoch,
  'mpin.wrong': spendAgain,
  'mpin.blocked': (records, entry) => endAgain(records, entry, 'blocked'),
  // The backup has the verifier of the mPIN before: whoever knew that one was to be locked out.
  'mpin.changed': (records, entry) => endAgain(records, entry, 'deactivated', 'mpin-lost-in-restore'),
  // The key that the backup has may be the one that was taken away; its user switches biometrics on again.
  'biometrics.enabled': dropBiometric,
  'biometrics.disabled': dropBiometric,
  'confirmation.wrong': 'fleeting',
  'confirmation.attempt_returned': 'fleeting',
  'session.opened': 'fleeting',
  'session.refused': 'fleeting',
  'session.ended': 'fleeting',
  // Orders are short-lived, and never in a backup: what was signed is proved by the receipt that its portal holds, and by these records.
  'risk.assessed': 'fleeting',
  'order.created': 'fleeting',
  'order.claimed': 'fleeting',
  'order.claim_refused': 'fleeting',
  'order.approved': 'fleeting',
  'order.declined': 'fleeting',
  'order.reported': 'fleeting',
  'order.cancelled': 'fleeting',
  'order.expired': 'fleeting',
  'order.redeemed': 'fleeting',
  'order.decision_refused': 'fleeting',
  'signing.altered': 'look',
  // The backup would let the portal take the same money once more.
  'signing.captured': captureAgain,
  'signing.document_changed': 'fleeting',
  // What was pending is cancelled by the drill, and is asked again; what was signed, the portal's receipt proves.
  'signing.requested': 'fleeting',
  'signing.signed': 'fleeting',
  'signing.approved': 'fleeting',
  'signing.declined': 'fleeting',
  'signing.reported': 'fleeting',
  'signing.expired': 'fleeting',
  'signing.cancelled': 'fleeting',
  'login.completed': 'fleeting',
  'login.refused': 'fleeting',
  'logout.completed': 'fleeting',
  'token.refused': 'fleeting',
  'backchannel.silenced': 'fleeting',
  'proof.refused': 'fleeting',
  'envelope.refused': 'fleeting',
  'client.created': 'look',
  'client.updated': disableClient,
  'keys.created': 'look',
  'keys.rotated': 'look',
  'webhook.created': 'look',
  'webhook.rotated': 'look',
  'webhook.enabled': 'look',
  'webhook.disabled': 'look',
  'notification.resent': 'fleeting',
  'console.opened': 'fleeting',
  'admin.refused': 'fleeting',
  'backup.restored': 'look',
  'audit.exported': 'fleeting',
  'audit.pruned': 'fleeting',
  'rate.limited': 'fleeting',
  'server.started': 'fleeting',
  'server.stopped': 'fleeting',
};

/**
 * Does the record's part again, within the transaction that takes the record back. Attempts are given back by a proved record alone, which
 * nobody can have appended to the copy.
 */
export async function redo(records: Records, { entry, isProved }: JudgedRecord): Promise<Redone> {
  if (entry.event === 'mpin.proved' && !isProved) return undefined;
  const fate = fateOf(entry);
  return typeof fate === 'function' ? fate(records, entry) : undefined;
}

/** The copy may name an event that this version does not know. */
function fateOf({ event }: Pick<AuditEntry, 'event'>): (typeof fates)[AuditEvent] {
  return Object.hasOwn(fates, event) ? fates[event] : 'look';
}

/** Whether a person should look at what the backup lost with this record: it was not, or not wholly, done again. */
export function isWorthALook({ event, data = {} }: AuditEntry, redone: Redone): boolean {
  const fate = fateOf({ event });
  if (fate === 'fleeting' || event === 'mpin.proved' || event === 'mpin.wrong') return false;
  if (redone === undefined) return true;
  // What else the client's change was, the record does not tell.
  if (event === 'client.updated') return data['status'] !== 'disabled';
  return fate === lowerRights && Object.keys(data).some((name) => !isLowered(name, data));
}

async function captureAgain({ signings }: Records, { data = {} }: AuditEntry): Promise<Redone> {
  const { signingId, amount } = data;
  const request = typeof signingId === 'string' ? await findUnaltered(signings, signingId) : undefined;
  const maximum = request?.display.template?.fields['maximum'];
  if (request === undefined || typeof amount !== 'number' || typeof maximum !== 'number') return undefined;
  return (await signings.capture(request.id, amount, maximum)) ? 'changed' : undefined;
}

/** One row that somebody had changed before the backup does not keep a bank from its restore: a person looks at it (T-04). */
async function findUnaltered(signings: Records['signings'], id: string): ReturnType<typeof signings.find> {
  try {
    return await signings.find(id);
  } catch (error) {
    if (error instanceof AuthError && error.code === 'internal') return undefined;
    throw error;
  }
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

/** A person was forgotten as the law demands, and must not be known again. Who is not removed is left to a person's look. */
async function eraseUser(records: Records, { userId = '' }: AuditEntry): Promise<Redone> {
  const user = await records.users.find(userId);
  return user !== undefined && (await records.users.erase(erasedUser(user))) ? 'changed' : undefined;
}

/** From what gives nothing to what gives most; each one may all that those before it may (admin/permissions.ts). */
const ladders = {
  role: ['user', 'administrator'],
  permissions: ['mtoken', 'full'],
  staffRole: ['none', 'auditor', 'support', 'operator'],
} as const;

type Right = keyof typeof ladders;
const rights = Object.keys(ladders) as readonly Right[];

/** Somebody who lost a right must not have it back; a right that was given has to be given again, by somebody who may. */
async function lowerRights(records: Records, entry: AuditEntry): Promise<Redone> {
  const user = await records.users.find(entry.userId ?? '');
  if (user === undefined) return undefined;
  const lowered: Partial<Record<Right, unknown>> = {};
  for (const right of rights) {
    const ladder: readonly unknown[] = ladders[right];
    const after = ladder.indexOf(entry.data?.[`${right}After`]);
    if (after < 0 || after >= ladder.indexOf(user[right] ?? 'none')) continue;
    lowered[right] = ladder[after] === 'none' ? undefined : ladder[after];
  }
  if (Object.keys(lowered).length === 0) return undefined;
  return changeUser(records, entry, () => lowered as Partial<User>);
}

/** Whether a member of the record tells of a right that went down, by the record alone. */
function isLowered(name: string, data: NonNullable<AuditEntry['data']>): boolean {
  const right = rights.find((one) => name === `${one}Before` || name === `${one}After`);
  if (right === undefined) return false;
  const ladder: readonly unknown[] = ladders[right];
  const [before, after] = [ladder.indexOf(data[`${right}Before`]), ladder.indexOf(data[`${right}After`])];
  return after >= 0 && after < before;
}

/** Suspended or closed; never less than it is. */
async function endCompany(
  records: Records,
  { companyId = '' }: AuditEntry,
  status: Exclude<Company['status'], 'active'>,
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
