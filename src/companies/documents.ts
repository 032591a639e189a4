/** Warns in time of identity documents that expire. */
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { CompanyDeps } from './deps.ts';
import type { DueDocument } from './store.ts';

const warnAheadMs = 30 * 24 * 3_600_000;
/** Of one turn; what is left waits for the next. */
const maxWarnings = 1_000;
const pageSize = 100;

type DocumentDeps = Pick<CompanyDeps, 'records' | 'shortLived' | 'clock'>;

/**
 * Tells user and administrators, once, of every document that expires within thirty days. Any number of processes may do so at once.
 * Answers how many this call told of.
 */
export async function warnOfDocuments(deps: DocumentDeps): Promise<number> {
  let warned = 0;
  for (let turn = 0; turn < maxWarnings / pageSize; turn += 1) {
    const due = await deps.records.users.dueDocuments(deps.clock.now() + warnAheadMs, pageSize);
    for (const document of due) if (await warn(deps, document)) warned += 1;
    if (due.length < pageSize) break;
  }
  if (warned > 0) await wakeOutbox(deps.shortLived);
  return warned;
}

/** The mark and the messages commit together: nobody is told twice, and nobody never. */
function warn({ records, clock }: DocumentDeps, document: DueDocument): Promise<boolean> {
  const { userId, expiresAt } = document;
  const at = clock.now();
  return records.transaction(async (within) => {
    if (!(await within.users.markDocumentWarned(document, at))) return false;
    const user = await within.users.find(userId);
    await notify(within, { event: 'document.expires', userId, expiresAt }, at);
    const record = { event: 'user.document_warned', actor: 'server', companyId: user?.companyId, userId } as const;
    await within.audit.append({ ...record, data: { expiresAt } }, at);
    return true;
  });
}
