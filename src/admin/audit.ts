/** Admin endpoints of the audit trail: searched, exported, and its last signed head for keeping elsewhere. */
import { Readable } from 'node:stream';
import { type ExportFormat, exportedTrail, exportTypes } from '../audit/export.ts';
import type { AuditEntry, AuditFilter } from '../audit/store.ts';
import type { Clock } from '../clock.ts';
import { type Actor, actedBy } from '../companies/actor.ts';
import { AuthError } from '../errors.ts';
import * as wire from '../protocol/admin.ts';
import * as view from '../protocol/admin-views.ts';
import type { RecordStore } from '../store/records.ts';
import { type AdminEndpoint, adminEndpoint, type StreamedAnswer } from './endpoint.ts';
import { pageOf } from './views.ts';

export interface AuditAdminDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
}

/** A company's own client sees its company's part of the trail; the bank's clients see all of it. */
export function auditAdminEndpoints(deps: AuditAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'searchAudit',
      summary: 'Search the audit trail',
      method: 'GET',
      path: '/audit',
      reply: view.AuditPage,
      permission: 'audit.read',
      query: wire.AuditList,
      answer: async ({ query, actor }) => {
        const { order = 'oldest', after, limit = 50, ...asked } = query;
        const filter = filterFor(actor, asked);
        if (filter === undefined) return { items: [], next: null };
        const entries = await deps.records.audit.search(filter, { order, after, limit });
        return pageOf(entries, limit, ({ seq }) => seq, auditView);
      },
    }),
    adminEndpoint({
      name: 'exportAudit',
      summary: 'Export the audit trail as a file',
      method: 'GET',
      path: '/audit/export',
      permission: 'audit.read',
      query: wire.AuditExport,
      files: Object.values(exportTypes),
      answer: ({ query: { format = 'jsonl', ...asked }, actor }) => startExport(deps, { format, asked, actor }),
    }),
    adminEndpoint({
      name: 'getAuditCheckpoint',
      summary: 'Fetch the last signed head of the audit trail',
      method: 'GET',
      path: '/audit/checkpoint',
      reply: view.CheckpointView,
      permission: 'audit.checkpoint',
      answer: async () => {
        const checkpoint = await deps.records.checkpoints.last('head');
        if (checkpoint?.statement === undefined) throw new AuthError('not_found');
        return checkpoint;
      },
    }),
  ];
}

/**
 * What the actor may find of what it asks for: its own company wins over whatever the query names, so that a filter can narrow its
 * reach and never widen it (T31). Undefined: nothing.
 */
function filterFor(actor: Actor, asked: AuditFilter): AuditFilter | undefined {
  if (actor.companyId === undefined) return asked;
  if (asked.companyId !== undefined && asked.companyId !== actor.companyId) return undefined;
  return { ...asked, companyId: actor.companyId };
}

interface Export {
  readonly format: ExportFormat;
  readonly asked: AuditFilter;
  readonly actor: Actor;
}

/** The export is recorded before its first byte leaves, with what was asked for; if that cannot be written, nothing leaves. */
async function startExport(deps: AuditAdminDeps, { format, asked, actor }: Export): Promise<StreamedAnswer> {
  const filter = filterFor(actor, asked);
  const named = Object.entries(asked).filter(([, value]) => value !== undefined);
  const { seq } = await deps.records.audit.append(
    {
      event: 'audit.exported',
      companyId: actor.companyId,
      ...actedBy(actor),
      data: { format, ...Object.fromEntries(named) },
    },
    deps.clock.now(),
  );
  // Undefined for another company's part: a file without records, as the list is without items.
  const request = { format, filter: filter ?? {}, through: filter === undefined ? 0 : seq - 1 };
  return {
    type: exportTypes[format],
    fileName: `audit.${format}`,
    // One piece ahead of the reader, not sixteen.
    body: Readable.from(exportedTrail(deps.records.audit, request), { highWaterMark: 1 }),
  };
}

function auditView(entry: AuditEntry) {
  return { ...entry };
}
