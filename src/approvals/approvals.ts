/** Acts that take two people: kept when the first asks, done once when the second agrees, with the rights of both judged at that moment. */
import { type Actor, actedBy, within } from '../companies/actor.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import { checkedReason } from '../companies/fields.ts';
import type { User } from '../companies/store.ts';
import { randomId } from '../crypto/random.ts';
import type { DeviceDeps } from '../devices/devices.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { Records } from '../store/records.ts';
import { type Asker, askerOf, settlePhones } from './asker.ts';
import { appendStep, settle } from './settling.ts';
import type { Approval, ApprovalStatus, KeptRequest, NamedApproval } from './store.ts';

export type ApprovalDeps = Pick<CompanyDeps, 'records' | 'shortLived' | 'clock'>;
/** Agreeing looks at the phone of who asked, too. */
export type ApprovingDeps = ApprovalDeps & DeviceDeps;

/** How long an act waits for the second person. */
const waitMs = 7 * 24 * 3_600_000;
/** How many acts of one company may wait: about so many, for it is no limit that is worth a lock. */
const mostPending = 200;

/** An act that can be kept: what it is called, and how it is judged and done. */
export interface Act {
  /** By its name in admin/permissions.ts. */
  readonly permission: string;
  /** Method and path. */
  readonly endpoint: string;
  /** Whether the kept request is still one that the endpoint takes: servers are upgraded while acts wait. */
  readonly takes: (request: KeptRequest) => boolean;
  /** Whether the role that this user has now may do it in their own company. */
  readonly isFor: (user: User) => boolean;
  /** Does it as the user who asked. */
  readonly perform: (request: KeptRequest, actor: Actor, user: User) => Promise<unknown>;
}

/**
 * Keeps a request instead of doing it, and tells the company's other administrators. Throws `not_found` for what is another company's,
 * `access_denied` for a decision on one's own device, `limit_reached` where too many wait.
 */
export async function keepAct(
  deps: ApprovalDeps,
  { act, request, actor }: { readonly act: Act; readonly request: KeptRequest; readonly actor: Actor },
): Promise<NamedApproval> {
  const { userId, companyId } = actor;
  if (userId === undefined || companyId === undefined) throw new AuthError('internal', { detail: 'kept for nobody' });
  const at = deps.clock.now();
  const id = randomId('apr');
  const kept = await deps.records.transaction(async (records) => {
    const subjectId = await subjectOf(records, request, actor);
    if (act.permission === 'devices.decide' && subjectId === userId) throw denied('it is your own device');
    if ((await records.approvals.countPending(companyId, at)) >= mostPending) {
      throw new AuthError('limit_reached', { message: 'too many acts of the company wait for a second person' });
    }
    const { permission, endpoint } = act;
    const reason = reasonOf(request);
    const expiresAt = at + waitMs;
    const asked = { id, companyId, requestedBy: userId, requestedWith: actor.deviceId, permission, endpoint };
    await records.approvals.insert({ ...asked, subjectId, reason, ...undecided, createdAt: at, expiresAt }, request);
    await notify(records, { event: 'approval.wanted', userId, expiresAt }, at);
    const data = { approvalId: id, permission, endpoint, expiresAt, reason: reason ?? null };
    const subject = { companyId, ...(subjectId === undefined ? {} : { userId: subjectId }) };
    await records.audit.append({ event: 'approval.requested', ...actedBy(actor), ...subject, data }, at);
    return records.approvals.find(id);
  });
  await wakeOutbox(deps.shortLived);
  return found(kept);
}

/** An approval, and the request that it is about: undefined once it is erased. Throws `not_found`. */
export async function findApproval(
  { records }: Pick<ApprovalDeps, 'records'>,
  id: string,
  actor: Actor,
): Promise<{ readonly approval: NamedApproval; readonly request: KeptRequest | undefined }> {
  const approval = within(actor, await records.approvals.find(id));
  return { approval, request: await records.approvals.request(id) };
}

/**
 * Agrees, and has the very request done that was kept: by whoever of any number of callers is first, once. The order is claimed → act →
 * done or failed, each with its record in the trail; a crash between them, and an act of which nobody knows whether it committed, leaves
 * `claimed`, which `settleInterrupted` clears up from the trail and never by doing it again.
 *
 * Throws `not_found`; `access_denied` to who asked, to whom it concerns, to a machine, and where who asked may no longer do it or the
 * phone with which they asked has ended;
 * `conflict` where it was decided or has expired; and what the act throws, after that was recorded.
 */
export async function approveAct(
  deps: ApprovingDeps,
  { id, act, actor }: { readonly id: string; readonly act: Act; readonly actor: Actor },
): Promise<{ readonly approval: NamedApproval; readonly result: unknown }> {
  const { approval, request } = await findApproval(deps, id, actor);
  if (request === undefined) throw await alreadyDecided(deps.records, id, deps.clock.now());
  const claimedAt = deps.clock.now();
  const requester = await claim(deps, { approval, request, act, actor });
  let result: unknown;
  try {
    result = await act.perform(request, requester.actor, requester.user);
  } catch (error) {
    // A commit that got no answer may have been one: the trail will tell.
    const code = error instanceof AuthError ? error.code : 'internal';
    if (code !== 'unavailable' && code !== 'internal') {
      await settle(deps, approval, { by: actor, status: 'failed', problem: code });
    }
    throw error;
  }
  const claimed = { ...approval, decidedAt: claimedAt, decisionRequest: actor.requestId };
  await settle(deps, claimed, { by: actor, status: 'done' });
  return { approval: found(await deps.records.approvals.find(id)), result };
}

/** Says no, for good. Throws `invalid_request`, `not_found`, `access_denied` to who asked or whom it concerns, `conflict`. */
export async function refuseAct(
  deps: ApprovalDeps,
  { id, reason, actor }: { readonly id: string; readonly reason: string; readonly actor: Actor },
): Promise<NamedApproval> {
  const why = checkedReason(reason);
  return end(deps, { id, actor, status: 'refused', reason: why });
}

/** Takes back what oneself asked for. Throws `not_found`, `access_denied` to everybody else, `conflict`. */
export async function withdrawAct(
  deps: ApprovalDeps,
  { id, actor }: { readonly id: string; readonly actor: Actor },
): Promise<NamedApproval> {
  return end(deps, { id, actor, status: 'withdrawn' });
}

/** The status that everybody sees: what nobody decided in time has expired. */
export function shownStatus({ status, expiresAt }: Approval, now: number): ApprovalStatus | 'expired' {
  return status === 'pending' && expiresAt <= now ? 'expired' : status;
}

const undecided = {
  status: 'pending',
  decidedBy: undefined,
  decidedAt: undefined,
  decisionRequest: undefined,
  decisionReason: undefined,
  problem: undefined,
  settledAt: undefined,
} as const;

interface Claim {
  readonly approval: Approval;
  readonly request: KeptRequest;
  readonly act: Act;
  readonly actor: Actor;
}

/** Makes this caller the one who has it done; answers the one who asked, as whom it is done. */
async function claim(
  deps: ApprovingDeps,
  { approval, request, act, actor }: Claim,
): Promise<{ readonly actor: Actor; readonly user: User }> {
  const by = decider(approval, actor);
  await settlePhones(deps, approval);
  const at = deps.clock.now();
  const { id, requestedBy, requestedWith, companyId } = approval;
  const judged = await deps.records.transaction(async (records) => {
    const standing = await standingOf(records, { approval, request, act });
    const { problem } = standing;
    const decided = problem === undefined ? ({ status: 'claimed' } as const) : ({ status: 'failed', problem } as const);
    const isFirst = await records.approvals.decide({ id, by, at, request: actor.requestId, ...decided });
    if (!isFirst) throw await alreadyDecided(records, id, at);
    await appendStep(records, {
      event: problem === undefined ? 'approval.approved' : 'approval.failed',
      approval,
      by: actor,
      at,
      ...(problem === undefined ? {} : { more: { problem } }),
    });
    return standing;
  });
  if (judged.problem !== undefined) throw refusalOf(judged.problem);
  // The address and the request are the approval's: who asked is not there.
  const { address, requestId } = actor;
  const who = { name: `user:${requestedBy}`, userId: requestedBy, deviceId: requestedWith, companyId };
  return { actor: { ...who, address, requestId }, user: judged.user };
}

type Standing = Asker | { readonly problem: 'invalid_request' };

/** Whether an act can be done once somebody agrees: judged by what holds now, not by what held when it was asked for. */
async function standingOf(records: Records, { approval, request, act }: Omit<Claim, 'actor'>): Promise<Standing> {
  const asker = await askerOf(records, approval);
  if (asker.problem !== undefined) return asker;
  if (!act.isFor(asker.user)) return { problem: 'access_denied' };
  const isSame = act.permission === approval.permission && act.endpoint === approval.endpoint;
  return isSame && act.takes(request) ? asker : { problem: 'invalid_request' };
}

function refusalOf(problem: NonNullable<Standing['problem']>): AuthError {
  switch (problem) {
    case 'access_denied':
      return denied('who asked for it may no longer do it');
    case 'device_ended':
      return denied('the phone with which it was asked for is no longer in use: whoever asked has to ask again');
    case 'invalid_request':
      return new AuthError(problem, { message: 'the request is no longer one that can be done' });
  }
}

async function end(
  deps: ApprovalDeps,
  options: {
    readonly id: string;
    readonly actor: Actor;
    readonly status: 'refused' | 'withdrawn';
    readonly reason?: string;
  },
): Promise<NamedApproval> {
  const { id, actor, status, reason } = options;
  const at = deps.clock.now();
  return deps.records.transaction(async (records) => {
    const approval = within(actor, await records.approvals.find(id));
    const by = status === 'withdrawn' ? requesterOf(approval, actor) : decider(approval, actor);
    const isFirst = await records.approvals.decide({ id, status, by, at, request: actor.requestId, reason });
    if (!isFirst) throw await alreadyDecided(records, id, at);
    const more = reason === undefined ? {} : { more: { reason } };
    await appendStep(records, { event: `approval.${status}`, approval, by: actor, at, ...more });
    return found(await records.approvals.find(id));
  });
}

/** The person who may decide: another one than who asked, and than whom it is about. */
function decider({ requestedBy, subjectId }: Approval, { userId }: Actor): string {
  if (userId === undefined) throw denied('a person has to decide');
  if (userId === requestedBy) throw denied('you asked for it yourself: somebody else has to decide');
  if (userId === subjectId) throw denied('it is about yourself: somebody else has to decide');
  return userId;
}

function requesterOf({ requestedBy }: Approval, { userId }: Actor): string {
  if (userId !== requestedBy) throw denied('only who asked for it can take it back');
  return requestedBy;
}

/** The user whom a request is about, by the ids in its path. Throws `not_found` for what is another company's (T31). */
async function subjectOf(records: Records, { params }: KeptRequest, actor: Actor): Promise<string | undefined> {
  const { userId, deviceId, companyId } = (params ?? {}) as Readonly<Record<string, string | undefined>>;
  if (companyId !== undefined && companyId !== actor.companyId) throw new AuthError('not_found');
  if (userId !== undefined) return within(actor, await records.users.find(userId)).id;
  if (deviceId !== undefined) return within(actor, await records.devices.find(deviceId)).userId;
  return undefined;
}

function reasonOf({ body }: KeptRequest): string | undefined {
  const { reason } = (body ?? {}) as Readonly<Record<string, unknown>>;
  return typeof reason === 'string' ? checkedReason(reason) : undefined;
}

async function alreadyDecided(records: Records, id: string, at: number): Promise<AuthError> {
  const approval = found(await records.approvals.find(id));
  return new AuthError('conflict', { message: `nothing can be decided any more: it is ${shownStatus(approval, at)}` });
}

function found<T>(approval: T | undefined): T {
  if (approval === undefined) throw new AuthError('internal', { detail: 'an approval is gone' });
  return approval;
}

function denied(message: string): AuthError {
  return new AuthError('access_denied', { message });
}
