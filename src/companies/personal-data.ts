/** What is held of one person: given out as a file, and erased once they are removed. */
import type { AuditFilter } from '../audit/store.ts';
import { AuthError } from '../errors.ts';
import { unaltered } from '../signing/altered.ts';
import type { Records } from '../store/records.ts';
import { actedBy, assertMayManage, within } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedReason } from './fields.ts';
import type { User } from './store.ts';
import type { UserAct } from './user-status.ts';

const auditPage = 500;
const signingPage = 200;

/**
 * Everything that is held of the person, as the pieces of one JSON document that is made while it is read. That it was given out is
 * recorded before its first byte leaves. Throws `invalid_request`, `not_found`.
 */
export async function exportPersonalData(deps: CompanyDeps, act: UserAct): Promise<AsyncGenerator<string>> {
  const { userId, actor } = act;
  const reason = checkedReason(act.reason);
  const user = within(actor, await deps.records.users.find(userId));
  const at = deps.clock.now();
  const record = { event: 'user.exported', ...actedBy(actor), companyId: user.companyId, userId } as const;
  const { seq } = await deps.records.audit.append({ ...record, data: { reason } }, at);
  return personalData(deps.records, { user, at, through: seq });
}

interface Export {
  readonly user: User;
  readonly at: number;
  /** The record of the export itself: what comes after it is not part of it. */
  readonly through: number;
}

async function* personalData(records: Records, { user, at, through }: Export): AsyncGenerator<string> {
  const held = {
    exportedAt: new Date(at).toISOString(),
    user,
    company: (await records.companies.find(user.companyId))?.name,
    devices: (await records.devices.listByUser(user.id)).map(withoutCounters),
    sessions: await sessionsOf(records, user.id),
    acceptances: await records.terms.acceptances(user.id),
    browsersLastUsedAt: await records.users.browsers(user.id),
    messages: await records.outbox.sentTo(user.id),
    signings: await signingsOf(records, user.id),
  };
  yield `${JSON.stringify(held).slice(0, -1)},"audit":[`;
  let isFirst = true;
  // What was done to the person, and what the person did to others.
  for (const filter of [{ userId: user.id }, { actor: `user:${user.id}` }]) {
    for await (const entry of entriesOf(records, filter, through)) {
      if ('actor' in filter && entry.userId === user.id) continue;
      yield `${isFirst ? '' : ','}${JSON.stringify(entry)}`;
      isFirst = false;
    }
  }
  yield ']}\n';
}

/** Keys are public and stay: they are the person's. How many wrong mPINs there were is for nobody who reads a file. */
function withoutCounters<T extends { readonly pinAttempts: number; readonly pinEpoch: number }>(device: T) {
  const { pinAttempts: _attempts, pinEpoch: _epoch, ...shown } = device;
  return shown;
}

async function sessionsOf(records: Records, userId: string) {
  const sessions = [];
  for (const { uid, createdAt, expiresAt, deviceId } of await records.oidc.sessionsOf({ userId })) {
    const portals = (await records.oidc.sessionClients(uid)).map(({ clientId }) => clientId);
    sessions.push({ createdAt, expiresAt, deviceId, portals });
  }
  return sessions;
}

/** What the person was asked to sign, and what of their company they approved, with the text as they saw it; the newest first. */
async function signingsOf({ signings }: Records, userId: string) {
  const found = [];
  for (let before: string | undefined; ; ) {
    const page = await signings.everyOf(userId, { before, limit: signingPage });
    const requests = unaltered(page);
    const signed = await signings.signedBy(
      userId,
      requests.map(({ id }) => id),
    );
    for (const { id, clientId, reference, display, status, createdAt, endedAt } of requests) {
      found.push({ id, clientId, reference, text: display.text, status, createdAt, endedAt, isSigned: signed.has(id) });
    }
    before = page.at(-1)?.id;
    if (page.length < signingPage) return found;
  }
}

async function* entriesOf({ audit }: Records, filter: AuditFilter, through: number) {
  let after = 0;
  for (;;) {
    const page = await audit.search(filter, { order: 'oldest', after, limit: auditPage });
    yield* page.filter(({ seq }) => seq <= through);
    after = page.at(-1)?.seq ?? through;
    if (page.length < auditPage || after >= through) return;
  }
}

/** In place of the name; a language of its own it has none. */
const erasedName = '—';

/**
 * Replaces name, address and document of a removed user, and erases browsers, messages, what they were asked to sign and signed, and the
 * names of devices. The trail holds ids, and
 * the ids of ended devices stay, so that no ended key comes back. Doing it twice changes nothing. Throws `invalid_request`,
 * `access_denied`, `not_found`, `conflict` for a user who is not removed.
 */
export async function erasePersonalData(deps: CompanyDeps, act: UserAct): Promise<User> {
  const { userId, actor } = act;
  const reason = checkedReason(act.reason);
  const at = deps.clock.now();
  return deps.records.transaction(async (records) => {
    const user = within(actor, await records.users.find(userId));
    assertMayManage(actor, user);
    if (user.status !== 'removed') throw new AuthError('conflict', { message: 'remove the user first' });
    if (user.name === erasedName && user.email === erasedEmail(user)) return user;
    const erased = erasedUser(user);
    if (!(await records.users.erase(erased))) throw changedMeanwhile();
    const record = { event: 'user.erased', ...actedBy(actor), companyId: user.companyId, userId } as const;
    await records.audit.append({ ...record, data: { reason } }, at);
    return { ...erased, version: user.version + 1 };
  });
}

/** The user without what tells of the person. */
export function erasedUser(user: User): User {
  return { ...user, name: erasedName, email: erasedEmail(user), document: undefined, language: undefined };
}

/** Of a domain that never exists (RFC 2606). */
function erasedEmail({ id }: User): string {
  return `${id.toLowerCase()}@erased.invalid`;
}

function changedMeanwhile(): AuthError {
  return new AuthError('conflict', { message: 'the record is being changed by others: try again' });
}
