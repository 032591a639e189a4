/** What an audit record may hold: bounded, printable, and without secrets. Every store passes each record through here. */
import { AuthError } from '../errors.ts';
import type { AuditRecord } from './store.ts';

const maxMembers = 24;
const maxTextLength = 512;
const maxIdLength = 128;
const memberName = /^[a-z][A-Za-z0-9]{0,39}$/;

/** Names under which a secret or an address would come; a record with one is a mistake of ours, found by the first test that meets it. */
const secretNames: ReadonlySet<string> = new Set([
  'mpin',
  'pin',
  'code',
  'activationCode',
  'confirmationCode',
  'secret',
  'deviceSecret',
  'sessionSecret',
  'salt',
  'verifier',
  'proof',
  'serverProof',
  'clientEphemeral',
  'serverEphemeral',
  'token',
  'accessToken',
  'refreshToken',
  'idToken',
  'privateJwk',
  'vaultKey',
  'replyKey',
  'password',
  'email',
  'cookie',
]);

/** Control, zero-width and bidirectional characters, line separators, lone surrogates: what could forge or hide a line. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/**
 * The record as it is written: texts bounded, unprintable characters written as `\uXXXX`, a backslash doubled so that the escaping
 * is unambiguous. Throws `internal` for a member whose name or value no event may have.
 */
export function auditable(record: AuditRecord): AuditRecord {
  return {
    event: record.event,
    actor: printable(record.actor, maxIdLength),
    companyId: optionalText(record.companyId),
    userId: optionalText(record.userId),
    deviceId: optionalText(record.deviceId),
    orderId: optionalText(record.orderId),
    clientId: optionalText(record.clientId),
    address: optionalText(record.address),
    requestId: optionalText(record.requestId),
    data: auditableData(record.data ?? {}),
  };
}

/** Text without a character that could forge a line; at most `maxLength` UTF-16 units of the original are kept. */
export function printable(text: string, maxLength = maxTextLength): string {
  return text.slice(0, maxLength).replaceAll('\\', '\\\\').replace(unprintable, escapeCharacter);
}

/** Every UTF-16 unit of it: some invisible characters take two. */
function escapeCharacter(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function optionalText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : printable(text, maxIdLength);
}

function auditableData(data: NonNullable<AuditRecord['data']>): NonNullable<AuditRecord['data']> {
  const members = Object.entries(data);
  if (members.length > maxMembers) throw unfit(`it has ${members.length} members`);
  return Object.fromEntries(members.map(([name, value]) => [name, auditableValue(name, value)]));
}

function auditableValue(name: string, value: string | number | boolean | null): string | number | boolean | null {
  if (!memberName.test(name)) throw unfit('a member has an unusable name');
  if (secretNames.has(name)) throw unfit(`a member is named "${name}"`);
  if (typeof value === 'string') return printable(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw unfit(`"${name}" is not a finite number`);
  if (value !== null && typeof value === 'object') throw unfit(`"${name}" is not a plain value`);
  return value;
}

function unfit(why: string): AuthError {
  return new AuthError('internal', { detail: `an audit record cannot be written: ${why}` });
}
