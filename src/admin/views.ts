/** What the admin API shows of each record: named members only, so that a new column is never shown by accident. */
import type { Company, User } from '../companies/store.ts';
import type { ListedDevice } from '../devices/store.ts';
import { MAX_ATTEMPTS } from '../lockout/lockout.ts';
import type { DeadLetter, WebhookEndpoint } from '../notify/store.ts';
import type { Client } from '../oidc/store.ts';

/** A page of rows and where the next one begins; `next` is null on the last page. */
export function pageOf<T, V>(rows: readonly T[], limit: number, key: (row: T) => string | number, view: (row: T) => V) {
  const last = rows.at(-1);
  return { items: rows.map(view), next: rows.length === limit && last !== undefined ? key(last) : null };
}

export function companyView(company: Company) {
  const { id, name, status, userLimit, deviceLimit, selfActivation, mpinLength, createdAt, version } = company;
  const { rules, isBank } = company;
  return { id, name, status, userLimit, deviceLimit, selfActivation, mpinLength, rules, isBank, createdAt, version };
}

export function userView(user: User) {
  const { id, companyId, name, email, role, permissions, locale, language, document, status, createdAt, version } =
    user;
  return {
    id,
    companyId,
    name,
    email,
    role,
    staffRole: user.staffRole ?? null,
    permissions,
    locale,
    language: language ?? null,
    document: document === undefined ? null : { ...document, expiresAt: document.expiresAt ?? null },
    status,
    createdAt,
    version,
  };
}

/** No key, no thumbprint, no salt: who administers needs none of them. */
export function deviceView(device: ListedDevice) {
  const { id, userId, userName, companyId, name, platform, appVersion, status, attestationLevel, createdAt } = device;
  return {
    id,
    userId,
    userName,
    companyId,
    name,
    platform,
    appVersion,
    status,
    attestationLevel,
    hasBiometrics: device.biometric !== undefined,
    attemptsLeft: MAX_ATTEMPTS - device.pinAttempts,
    createdAt,
    activatedAt: device.activatedAt ?? null,
    lastUsedAt: device.lastUsedAt ?? null,
    place: device.place ?? null,
    endedAt: device.endedAt ?? null,
    endedReason: device.endedReason ?? null,
  };
}

/** Without the secret: it is shown once, by the answer that creates it. */
export function clientView(client: Omit<Client, 'secret'>) {
  const { id, kind, name, companyId, metadata, status, createdAt, version } = client;
  return { id, kind, name, companyId: companyId ?? null, metadata, status, createdAt, version };
}

/** What it says is not shown: it may hold a confirmation code. */
export function deadLetterView({ id, kind, recipient, about, attempts, lastError, createdAt }: DeadLetter) {
  return { id, kind, recipient, about: about ?? null, attempts, lastError: lastError ?? null, createdAt };
}

/** Without the secrets: each is shown once, by the answer that makes it. */
export function webhookView(endpoint: WebhookEndpoint) {
  const { id, companyId, name, url, events, status, previous, createdAt, version } = endpoint;
  return {
    id,
    companyId: companyId ?? null,
    name,
    url,
    events,
    status,
    overlapUntil: previous?.until ?? null,
    createdAt,
    version,
  };
}
