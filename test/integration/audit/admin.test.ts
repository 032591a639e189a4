/** The audit trail through the admin API: searched, exported, signed; each company its own part, and nothing unrecorded. */
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCheckpoint } from '../../../src/audit/checkpoints.ts';
import type { AuditEntry } from '../../../src/audit/store.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addAdminClient, addUser, adminToken, bank, type System, startSystem } from '../system/rig.ts';
import { codeOf, type RawAnswer, send } from '../system/wire.ts';

let stores: SystemStores;
let system: System;
let other: Company;
let otherUser: User;
let auditor: string;
let own: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  other = await createCompany(system.server.capabilities.admin, { name: 'Other Ltd', userLimit: 5, actor: bank });
  otherUser = await addUser(system.server, other.id, { name: 'Olga Other' });
  auditor = await adminToken(system, await addAdminClient(system.server, { scope: 'admin:audit' }));
  own = await adminToken(system, await addAdminClient(system.server, { companyId: system.company.id }));
});
afterAll(async () => {
  await system.close();
  await stores.close();
});

const audit = () => system.server.stores.records.audit;

function call(path: string, token: string, method = 'GET'): Promise<RawAnswer> {
  return send(system.adminUrl, {
    method,
    path: `/admin/v1${path}`,
    headers: {
      authorization: `Bearer ${token}`,
    },
  });
}

async function search(query: string, token = auditor): Promise<AuditEntry[]> {
  const answer = await call(`/audit?limit=200${query}`, token);
  expect(answer.status, answer.text).toBe(200);
  return (JSON.parse(answer.text) as { items: AuditEntry[] }).items;
}

const linesOf = (text: string): AuditEntry[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEntry);

describe('searching', () => {
  it('takes every filter and both orders, and pages without a gap or a double from either end', async () => {
    for (const order of ['oldest', 'newest']) {
      const seen: number[] = [];
      for (let after: number | null | undefined; after !== null; ) {
        const from: string = after === undefined ? '' : `&after=${after}`;
        const answer = await call(`/audit?order=${order}&limit=2${from}`, auditor);
        const page = JSON.parse(answer.text) as { items: AuditEntry[]; next: number | null };
        seen.push(...page.items.map(({ seq }) => seq));
        after = page.next;
      }
      const { seq } = await audit().head();
      const all = Array.from({ length: seq }, (_, index) => index + 1);
      expect(seen, order).toEqual(order === 'oldest' ? all : all.reverse());
    }
    const [created] = await search(`&event=company.created&companyId=${other.id}`);
    expect(created).toMatchObject({ event: 'company.created', actor: 'cli', companyId: other.id });
    const at = created?.at ?? 0;
    expect(await search(`&companyId=${other.id}&from=${at}&until=${at + 1}&actor=cli`)).toContainEqual(created);
    expect(await search(`&companyId=${other.id}&until=${at}`)).toEqual([]);
    expect((await search(`&userId=${otherUser.id}`)).every(({ userId }) => userId === otherUser.id)).toBe(true);
  });

  it('refuses filters of another form with 400, and finds nothing with one of no record', async () => {
    for (const query of [
      'event=%27',
      'event=x',
      'from=x',
      'until=-1',
      'order=up',
      'after=x',
      'orderId=x',
      'limit=201',
      'q=1',
    ]) {
      const answer = await call(`/audit?${query}`, auditor);
      expect([answer.status, codeOf(answer)], query).toEqual([400, 'invalid_request']);
    }
    expect(await search('&actor=nobody')).toEqual([]);
  });
});

describe("a company's own client", () => {
  it("reads its part and nothing of another's: not by a filter, a cursor, an order nor an export (T31)", async () => {
    const queries = [
      '',
      `&companyId=${other.id}`,
      `&userId=${otherUser.id}`,
      '&after=0',
      '&order=newest',
      '&actor=cli',
    ];
    for (const query of queries) {
      for (const entry of await search(query, own)) expect(entry.companyId, query).toBe(system.company.id);
      for (const format of ['jsonl', 'csv']) {
        if (/after|order/.test(query)) continue;
        const answer = await call(`/audit/export?format=${format}${query}`, own);
        expect(answer.status, query).toBe(200);
        expect(answer.text, query).not.toContain(otherUser.id);
        expect(answer.text, query).not.toContain(other.id);
      }
    }
    expect((await search('', own)).length).toBeGreaterThan(0);
    expect(await search(`&companyId=${other.id}`, own)).toEqual([]);
    expect((await call('/audit/checkpoint', own)).status).toBe(403);
  });
});

describe('exporting', () => {
  it('gives all records that a filter fits, as lines that are the same as in the search, and records itself first', async () => {
    const before = await audit().head();
    const answer = await call(`/audit/export?companyId=${other.id}`, auditor);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/jsonl; charset=utf-8');
    expect(answer.headers['content-disposition']).toBe('attachment; filename="audit.jsonl"');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(linesOf(answer.text)).toEqual(await search(`&companyId=${other.id}`));
    const [recorded] = await audit().read(before.seq, 1);
    expect(recorded).toMatchObject({
      event: 'audit.exported',
      actor: expect.stringMatching(/^client:/),
      data: { format: 'jsonl', companyId: other.id },
    });
    const csv = await call('/audit/export?format=csv&event=audit.exported', auditor);
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    expect(csv.text.split('\r\n')[0]).toMatch(/^seq,at,event,actor,/);
  });

  it('is not begun by HEAD, and refuses a format that there is not', async () => {
    const before = await audit().head();
    const head = await call('/audit/export', auditor, 'HEAD');
    expect([head.status, head.headers['allow']]).toEqual([405, 'GET']);
    expect((await call('/audit/export?format=xlsx', auditor)).status).toBe(400);
    expect(await audit().head()).toEqual(before);
  });

  it('of any length costs a slow reader time and not the server memory, and holds up nobody', async () => {
    const text = 'x'.repeat(400);
    const data = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`m${index}`, text]));
    for (let index = 0; index < 5_000; index += 1) {
      await audit().append({ event: 'order.created', actor: 'flood', data }, system.clock.now());
    }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${auditor}` };
      get(`${system.adminUrl}/admin/v1/audit/export?actor=flood`, { headers }, resolve).on('error', reject);
    });
    response.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    global.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    for (let index = 0; index < 5; index += 1) expect((await call('/audit?limit=1', auditor)).status).toBe(200);
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(20 * 1024 * 1024);
    let lines = 0;
    for await (const chunk of response) lines += (chunk as Buffer).toString().split('\n').length - 1;
    expect(lines).toBe(5_000);
  }, 60_000);

  it('tells its reader by a broken connection that a part is a part', async () => {
    const { durable } = system.server.stores;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${auditor}` };
      get(`${system.adminUrl}/admin/v1/audit/export?actor=flood`, { headers }, resolve).on('error', reject);
    });
    response.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await durable.run('alter table audit_events rename to audit_events_away');
    try {
      const reading = (async () => {
        for await (const chunk of response) void chunk;
      })();
      await expect(reading).rejects.toThrow(/aborted|reset|closed/i);
    } finally {
      await durable.run('alter table audit_events_away rename to audit_events');
    }
  }, 60_000);
});

describe('a checkpoint', () => {
  it('is the last one that the server made, signed by its key', async () => {
    const made = await makeCheckpoint({ ...system.server.capabilities.oidc, keys: system.server.capabilities.keys });
    const answer = await call('/audit/checkpoint', auditor);
    expect(JSON.parse(answer.text)).toEqual(made);
    const parts = (made?.statement ?? '').split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(parts[0] ?? '')).toMatchObject({ alg: 'ES256', typ: 'mtoken-audit-checkpoint+jws' });
    expect(JSON.parse(parts[1] ?? '')).toMatchObject({ iss: system.issuer, seq: (await audit().head()).seq });
  });
});
