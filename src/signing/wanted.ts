/** Nudges the phones of everybody who may sign something: no text of it, and no e-mail, goes out (M-08). */
import { nudge } from '../notify/push.ts';
import type { Records } from '../store/records.ts';
import { unaltered } from './altered.ts';
import { isApprover } from './approver.ts';
import type { SigningDeps } from './deps.ts';
import { announce } from './ending.ts';
import type { SigningRequest } from './store.ts';

const pageSize = 200;
/** Who is among the others finds it in the inbox: so many are nudged, and so many pages of the company's people looked through for them. */
const mostCosigners = 100;
const mostPages = 10;
/** Nudges of one person, whichever portals ask: whoever is asked more finds it in the inbox, and is not worn down by their phone (O-18). */
const nudges = { most: 10, windowMs: 600_000 } as const;

/** Within the transaction that makes it askable. `at` in epoch-milliseconds. */
export async function tellPhones(
  { shortLived }: Pick<SigningDeps, 'shortLived'>,
  records: Records,
  { request, at }: { readonly request: SigningRequest; readonly at: number },
): Promise<void> {
  if (records.isPushing !== true) return;
  for (const reader of [request.userId, ...(await cosignersOf(records, request))]) {
    const { count } = await shortLived.hit(`signing-nudges:{${reader}}`, nudges.windowMs);
    if (count > nudges.most) continue;
    await nudge(records, { event: 'signing.wanted', reader, fromDeviceId: undefined }, at);
  }
}

/**
 * Nudges for what the risk port delayed until now. Of any number of processes one does. Throws where one could not be told of, after all
 * others: it keeps nobody else waiting.
 */
export async function tellOfDelayed(deps: SigningDeps): Promise<void> {
  const at = deps.clock.now();
  let failure: { readonly cause: unknown } | undefined;
  for (let after: string | undefined; ; ) {
    const page = await deps.records.signings.untold(at, pageSize, after);
    const requests = unaltered(page);
    let told = 0;
    for (const request of requests) {
      try {
        await tellOf(deps, request, at);
        told += 1;
      } catch (cause) {
        failure ??= { cause };
      }
    }
    // A page at a turn; what was altered, or cannot be told of, stands in nobody's way.
    if (told > 0 || page.length < pageSize) break;
    after = page.at(-1)?.id;
  }
  if (failure !== undefined) throw failure.cause;
}

async function tellOf(deps: SigningDeps, request: SigningRequest, at: number): Promise<void> {
  const isTold = await deps.records.transaction(async (records) => {
    if (!(await records.signings.markTold(request.id, at))) return false;
    await tellPhones(deps, records, { request, at });
    return true;
  });
  if (isTold) await announce(deps, request.id);
}

async function cosignersOf(records: Records, request: SigningRequest): Promise<readonly string[]> {
  if (request.approvers === 1) return [];
  const found: string[] = [];
  for (let after: string | undefined, pages = 0; pages < mostPages; pages += 1) {
    const page = { limit: pageSize, ...(after === undefined ? {} : { after }) };
    const users = await records.users.list(request.companyId, page, { status: 'active' });
    for (const user of users) {
      if (user.id !== request.userId && isApprover(request, user)) found.push(user.id);
      if (found.length === mostCosigners) return found;
    }
    after = users.at(-1)?.id;
    if (users.length < pageSize) break;
  }
  return found;
}
