/** Who is told of what: the one place where recipients are computed, and the way into the outbox. */
import type { User } from '../companies/store.ts';
import type { Records } from '../store/records.ts';
import type { Notice, NoticeEvent } from './notices.ts';

/** Of these the company's administrators hear too; of all others only the user. */
const administratorEvents: ReadonlySet<NoticeEvent> = new Set([
  'device.registered',
  'device.deactivated',
  'mpin.blocked',
  'login.reported',
  'approval.wanted',
] satisfies NoticeEvent[]);

/** These carry a code that works for ten minutes. */
const codeEvents: ReadonlySet<NoticeEvent> = new Set([
  'activation.created',
  'activation.invited',
] satisfies NoticeEvent[]);

/** What an outbox e-mail's payload holds, as JSON. */
export type NoticePayload = {
  readonly [Event in NoticeEvent]: {
    readonly event: Event;
    readonly data: Omit<Extract<Notice, { readonly event: Event }>, 'event'>;
  };
}[NoticeEvent];

/**
 * Enqueues one e-mail for everyone whom the notice concerns: the user and, where the event asks for it, the active
 * administrators of the user's own company. `records` is the transaction of the act that the notice tells of, so that both commit or
 * neither. `at` in epoch-milliseconds. A user who is gone is told nothing.
 */
export async function notify(records: Records, notice: Notice, at: number): Promise<void> {
  const { event, ...data } = notice;
  const payload = JSON.stringify({ event, data });
  for (const recipient of await recipientsOf(records, notice)) {
    // A person waits for the code: no message before it may hold it back.
    const isOrdered = !codeEvents.has(event);
    await records.outbox.enqueue({ kind: 'email', recipient, payload, about: event, isOrdered }, at);
  }
}

/** Ids of the users whom the notice goes to, each once. */
export async function recipientsOf(records: Records, notice: Notice): Promise<readonly string[]> {
  const user = await records.users.find(notice.userId);
  if (user === undefined || user.status === 'removed') return [];
  if (!administratorEvents.has(notice.event)) return [user.id];
  const administrators = await records.users.administrators(user.companyId);
  // Judged again here: no fault in a store's filter may tell another company (T32: one product mailed every user of every realm).
  const told = administrators.filter((administrator) => isAdministratorOf(administrator, user.companyId));
  const ids = new Set([user.id, ...told.map(({ id }) => id)]);
  // Who asked knows it, and may not decide.
  if (notice.event === 'approval.wanted') ids.delete(user.id);
  return [...ids];
}

function isAdministratorOf(user: User, companyId: string): boolean {
  return user.companyId === companyId && user.role === 'administrator' && user.status === 'active';
}
