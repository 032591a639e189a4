/** Who is told of what: the one place where recipients are computed, and the way into the outbox. */
import type { User } from '../companies/store.ts';
import type { Records } from '../store/records.ts';
import type { Notice, NoticeEvent, NoticeFrom } from './notices.ts';
import { nudge } from './push.ts';

/** Who hears of an event: the user, the active administrators of the user's company (of the bank's own: its operators), or both. */
const readersOf = {
  'activation.created': 'user',
  'activation.invited': 'user',
  'device.registered': 'both',
  'device.approved': 'user',
  'device.refused': 'user',
  'device.deactivated': 'both',
  'approval.wanted': 'administrators',
  'mpin.last_attempt': 'user',
  'mpin.blocked': 'both',
  'mpin.changed': 'user',
  'biometrics.enabled': 'user',
  'login.after_failures': 'user',
  'login.reported': 'both',
  'contact.changed': 'user',
  'browser.new': 'user',
  'administrator.added': 'both',
  'policy.changed': 'administrators',
  'document.expires': 'both',
} as const satisfies Record<NoticeEvent, 'user' | 'administrators' | 'both'>;

/** Members of a notice that tell where it goes, and are no part of what it says. */
type Routing = 'event' | 'formerAddress';
type DataOf<N extends Notice> = N extends Notice ? Omit<N, Routing> : never;

/** What an outbox e-mail's payload holds, as JSON. */
export type NoticePayload = {
  readonly [Event in NoticeEvent]: {
    readonly event: Event;
    readonly data: DataOf<Extract<Notice, { readonly event: Event }>>;
    /** Sent there instead of to the recipient's address of that moment. Sealed with the rest, and erased with it. */
    readonly address?: string;
  };
}[NoticeEvent];

/**
 * Enqueues one e-mail for everyone whom the notice concerns: the user, the active administrators of their own company, or both, as the
 * event asks for; and where the bank has a gateway, a nudge for each of their phones. `records` is the transaction of the act that the
 * notice tells of, so that all commit or none. `at` in epoch-milliseconds. A user who is gone is told nothing.
 */
export async function notify(records: Records, notice: NoticeFrom, at: number): Promise<void> {
  const { event, formerAddress, fromDeviceId, ...data } = {
    formerAddress: undefined,
    fromDeviceId: undefined,
    ...notice,
  };
  const payload = { event, data };
  // A person waits for the code: no message before it may hold it back.
  const isOrdered = event !== 'activation.created' && event !== 'activation.invited';
  for (const recipient of await recipientsOf(records, notice)) {
    await nudge(records, { event, reader: recipient, fromDeviceId }, at);
    const message = { kind: 'email', recipient, about: event } as const;
    await records.outbox.enqueue({ ...message, payload: JSON.stringify(payload), isOrdered }, at);
    if (formerAddress === undefined) continue;
    // In no order: an address that nobody reads any more must not hold back what goes to the new one.
    await records.outbox.enqueue({ ...message, payload: JSON.stringify({ ...payload, address: formerAddress }) }, at);
  }
}

/** Ids of the users whom the notice goes to, each once. */
export async function recipientsOf(records: Records, notice: Notice): Promise<readonly string[]> {
  // Of a phone that waits for their word administrators hear by an event of its own.
  const isForUser = notice.event === 'device.registered' && notice.isPending;
  const readers = isForUser ? 'user' : readersOf[notice.event];
  const companyId = 'companyId' in notice ? notice.companyId : undefined;
  const user = 'userId' in notice ? await records.users.find(notice.userId) : undefined;
  if (companyId === undefined && (user === undefined || user.status === 'removed')) return [];
  // Who has no phone yet learns of being an administrator with the invitation.
  const isTold = notice.event !== 'administrator.added' || user?.status === 'active';
  const own = user !== undefined && isTold && readers !== 'administrators' ? [user.id] : [];
  const of = user?.companyId ?? companyId;
  if (readers === 'user' || of === undefined) return own;
  const ids = new Set([...own, ...(await keepersOf(records, of)).map(({ id }) => id)]);
  // Nobody decides on what is their own, and who asked knows of it.
  if (notice.event === 'approval.wanted') ids.delete(notice.userId);
  return [...ids];
}

/** The active people who answer for a company. The bank's own has no administrators: there it is the operators. */
async function keepersOf(records: Records, companyId: string): Promise<readonly User[]> {
  const isBank = (await records.companies.find(companyId))?.isBank === true;
  const keepers = isBank ? await operatorsOf(records, companyId) : await records.users.administrators(companyId);
  // Judged again here: no fault in a store's filter may tell another company (T32: one product mailed every user of every realm).
  return keepers.filter((user) => {
    const isKeeper = isBank ? user.staffRole === 'operator' : user.role === 'administrator';
    return isKeeper && user.companyId === companyId && user.status === 'active';
  });
}

async function operatorsOf(records: Records, companyId: string): Promise<readonly User[]> {
  const limit = 200;
  const filter = { role: 'operator', status: 'active' } as const;
  const operators: User[] = [];
  for (;;) {
    const after = operators.at(-1)?.id;
    const page = await records.users.list(companyId, after === undefined ? { limit } : { after, limit }, filter);
    operators.push(...page);
    if (page.length < limit) return operators;
  }
}
