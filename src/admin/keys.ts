/** Admin endpoints of the server's keys and the audit trail. */
import type { AuditEntry } from '../audit/store.ts';
import { type KeyDeps, rotateKeys } from '../keys/keys.ts';
import * as wire from '../protocol/admin.ts';
import type { RecordStore } from '../store/records.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { pageOf } from './views.ts';

/** The server's keys: named, dated, never shown; rotated by hand besides the timer. */
export function keyAdminEndpoints(deps: KeyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      method: 'GET',
      path: '/keys',
      scope: 'admin:read',
      bankOnly: true,
      answer: async () => ({ items: (await deps.records.keys.list()).map(keyView) }),
    }),
    adminEndpoint({
      method: 'POST',
      path: '/keys/rotate',
      scope: 'admin:keys',
      bankOnly: true,
      body: wire.KeysRotate,
      answer: async ({ body, actor }) => ({ steps: await rotateKeys(deps, { ...body, actor: actor.name }) }),
    }),
  ];
}

/** The audit trail, oldest first; a company's own client sees its company's part. */
export function auditAdminEndpoints(deps: { readonly records: RecordStore }): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      method: 'GET',
      path: '/audit',
      scope: 'admin:audit',
      query: wire.AuditList,
      answer: async ({ query, actor }) => {
        const limit = query.limit ?? 50;
        // The actor's own company wins over whatever the query names: a filter can narrow its reach and never widen it (T31).
        const companyId = actor.companyId ?? query.companyId;
        if (actor.companyId !== undefined && query.companyId !== undefined && query.companyId !== actor.companyId) {
          return { items: [], next: null };
        }
        const filter = {
          ...(companyId === undefined ? {} : { companyId }),
          ...(query.userId === undefined ? {} : { userId: query.userId }),
          ...(query.deviceId === undefined ? {} : { deviceId: query.deviceId }),
        };
        const entries = await deps.records.audit.read(query.after ?? 0, limit, filter);
        return pageOf(entries, limit, ({ seq }) => seq, auditView);
      },
    }),
  ];
}

function keyView(key: { kid: string; use: string; alg: string; status: string; createdAt: number }) {
  const { kid, use, alg, status, createdAt } = key;
  return { kid, use, alg, status, createdAt };
}

function auditView(entry: AuditEntry) {
  return { ...entry };
}
