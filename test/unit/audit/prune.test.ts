/** Cutting off the oldest part of the trail: only what is old, at a checkpoint, and in an export; the rest still verifies. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckpointDeps, makeCheckpoint } from '../../../src/audit/checkpoints.ts';
import { csvLine, exportedTrail } from '../../../src/audit/export.ts';
import { planPrune, pruneTrail } from '../../../src/audit/prune.ts';
import type { AuditFilter } from '../../../src/audit/store.ts';
import { verifyTrail } from '../../../src/audit/trail.ts';
import { createKeyRing, type KeyRing } from '../../../src/keys/key-ring.ts';
import { ensureKeys } from '../../../src/keys/keys.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const day = 86_400_000;
const retentionMs = 366 * day;
let clock: TestClock;
let stores: TestStores;
let keys: KeyRing;
let deps: CheckpointDeps;

beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
  await ensureKeys({ ...stores, clock });
  keys = await createKeyRing({ ...stores, clock, issuer: 'https://login.bank.example' });
  deps = { records: stores.records, clock, issuer: 'https://login.bank.example', keys };
});
afterEach(async () => {
  keys.close();
  await stores.close();
});

async function write(count: number, companyId?: string): Promise<number> {
  for (let index = 0; index < count; index += 1) {
    const record = { event: 'order.created', actor: '=cmd()', companyId, data: { index, text: 'a,"b"' } } as const;
    await stores.records.audit.append(record, clock.now());
  }
  return (await stores.records.audit.head()).seq;
}

async function collect(format: 'jsonl' | 'csv', filter: AuditFilter = {}): Promise<string> {
  const { seq: through } = await stores.records.audit.head();
  let text = '';
  for await (const piece of exportedTrail(stores.records.audit, { format, filter, through })) text += piece;
  return text;
}

async function* linesOf(text: string): AsyncGenerator<string> {
  for (const line of text.split('\n')) yield line;
}

function prune(before: number, text: string): ReturnType<typeof pruneTrail> {
  return pruneTrail(deps, { before, retentionMs, actor: 'cli', exported: () => linesOf(text) });
}

/** Two years: a checkpoint in the middle of the first, one at its end. */
async function twoYears(): Promise<{ middle: number; end: number; cutAt: number }> {
  const middle = await write(4);
  await makeCheckpoint(deps);
  const end = await write(3);
  await makeCheckpoint(deps);
  await write(1);
  clock.advance(10 * day);
  const cutAt = clock.now();
  await write(2);
  clock.advance(400 * day);
  await write(2);
  await makeCheckpoint(deps);
  return { middle, end, cutAt };
}

const verify = () => verifyTrail(stores.records, { pageSize: 3 });
const sql = (text: string) => stores.durable.run(text);

describe('pruning (A-13)', () => {
  it('cuts at the last checkpoint before the time, keeps a signed note, records itself, and the rest verifies', async () => {
    const { end, cutAt } = await twoYears();
    const before = await stores.records.audit.head();
    const text = await collect('jsonl');
    expect(await planPrune(deps, cutAt)).toMatchObject({ from: 0, through: end });
    expect(await prune(cutAt, text)).toEqual({ from: 0, through: end });
    const [first] = await stores.records.audit.read(0, 1);
    expect(first?.seq).toBe(end + 1);
    const [pruned] = await stores.records.audit.read(before.seq, 1);
    expect(pruned).toMatchObject({ event: 'audit.pruned', actor: 'cli', data: { from: 0, through: end } });
    expect(await verify()).toMatchObject({ outcome: 'intact', cut: end, seq: before.seq + 1 });
    expect(await prune(cutAt, text)).toBeUndefined();
  });

  it('cuts again later, from where it cut before', async () => {
    const { end, cutAt } = await twoYears();
    await prune(cutAt, await collect('jsonl'));
    clock.advance(400 * day);
    const now = clock.now();
    const next = await write(1);
    const cut = await prune(now - retentionMs, await collect('jsonl'));
    expect(cut).toMatchObject({ from: end });
    expect(cut?.through).toBeLessThan(next);
    expect(await verify()).toMatchObject({ outcome: 'intact', cut: cut?.through });
  });

  it('is refused within the retention, without a checkpoint, and while the trail is not as it was written', async () => {
    const { cutAt } = await twoYears();
    const text = await collect('jsonl');
    await expect(prune(clock.now() - retentionMs + 1, text)).rejects.toMatchObject({ code: 'conflict' });
    expect(await prune(1, text)).toBeUndefined();
    await sql(`update audit_events set actor = 'eve' where seq = 2`);
    await expect(prune(cutAt, text)).rejects.toThrow('the trail is not as it was written: record 2');
    expect((await stores.records.audit.read(0, 1))[0]?.seq).toBe(1);
  });

  it('is refused where the export lacks a record, holds another, or ends too early', async () => {
    const { end, cutAt } = await twoYears();
    const lines = (await collect('jsonl')).split('\n');
    const without = lines.filter((_, index) => index !== 2).join('\n');
    const edited = lines.map((line, index) => (index === 4 ? line.replace('=cmd()', 'eve') : line)).join('\n');
    for (const text of [without, edited, lines.slice(0, end - 1).join('\n'), '']) {
      await expect(prune(cutAt, text)).rejects.toThrow('the export does not hold what would be cut off');
    }
    await expect(prune(cutAt, 'no export')).rejects.toThrow(SyntaxError);
    expect((await stores.records.audit.read(0, 1))[0]?.seq).toBe(1);
    expect(await verify()).toMatchObject({ outcome: 'intact', cut: 0 });
  });

  it('goes on where a process died between the note and the removal, and verifies meanwhile', async () => {
    const { end, cutAt } = await twoYears();
    const text = await collect('jsonl');
    const removed = stores.records.checkpoints.removeCut;
    const dying: CheckpointDeps = {
      ...deps,
      records: {
        ...stores.records,
        checkpoints: {
          ...stores.records.checkpoints,
          removeCut: async (limit) => {
            if ((await stores.records.checkpoints.last('cut')) !== undefined) throw new Error('died');
            return removed(limit);
          },
        },
      },
    };
    const request = { before: cutAt, retentionMs, actor: 'cli', exported: () => linesOf(text) };
    await expect(pruneTrail(dying, request)).rejects.toThrow('died');
    expect(await verify()).toMatchObject({ outcome: 'intact', cut: end });
    expect((await stores.records.audit.read(0, 1))[0]?.seq).toBe(1);
    expect(await prune(cutAt, text)).toBeUndefined();
    expect((await stores.records.audit.read(0, 1))[0]?.seq).toBe(end + 1);
    expect(await verify()).toMatchObject({ outcome: 'intact', cut: end });
  });

  it('cannot be feigned: a beginning that somebody removed shows, with a forged note and with a note moved on', async () => {
    const { middle, end, cutAt } = await twoYears();
    await sql(`delete from audit_events where seq <= ${middle}`);
    expect(await verify()).toMatchObject({ fault: 'missing', seq: 1 });
    await sql(
      `insert into audit_checkpoints (kind, seq, at, statement_sealed)
       select 'cut', seq, at, statement_sealed from audit_checkpoints where seq = ${middle}`,
    );
    expect(await verify()).toMatchObject({ fault: 'forged', seq: middle });
    await sql(`delete from audit_checkpoints where kind = 'cut'`);
    await expect(prune(cutAt, '')).rejects.toThrow('the trail is not as it was written');
    expect(end).toBeGreaterThan(middle);
  });

  it('leaves a real cut from which more was removed as broken', async () => {
    const { end, cutAt } = await twoYears();
    await prune(cutAt, await collect('jsonl'));
    await sql(`delete from audit_events where seq = ${end + 1}`);
    expect(await verify()).toMatchObject({ fault: 'missing', seq: end + 1 });
    await sql(`update audit_checkpoints set seq = ${end + 1} where kind = 'cut'`);
    expect(await verify()).toMatchObject({ fault: 'forged' });
  });

  it('removes nothing where nothing was cut off', async () => {
    const seq = await write(5);
    await makeCheckpoint(deps);
    expect(await stores.records.checkpoints.removeCut(1_000)).toBe(0);
    expect(await verify()).toMatchObject({ outcome: 'intact', count: seq, checkpoints: 1 });
  });
});

describe('an export', () => {
  it('holds each record that the filter fits once, over many pages, and nothing that came after it began', async () => {
    await write(1_200, 'co_a');
    const first = (await stores.records.audit.head()).seq;
    await write(3, 'co_b');
    const ofA = (await collect('jsonl', { companyId: 'co_a' })).trim().split('\n');
    expect(ofA).toHaveLength(1_200);
    expect(new Set(ofA).size).toBe(1_200);
    const ofB = (await collect('jsonl', { companyId: 'co_b', from: clock.now() })).trim().split('\n');
    expect(ofB.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([first + 1, first + 2, first + 3]);
    const pieces = exportedTrail(stores.records.audit, { format: 'jsonl', filter: {}, through: first });
    await pieces.next();
    await write(2);
    let rest = '';
    for await (const piece of pieces) rest += piece;
    expect(
      rest
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { seq: number }).seq)
        .at(-1),
    ).toBe(first);
    expect(await collect('jsonl', { until: 1 })).toBe('');
  });

  it('reads no further than its reader takes', async () => {
    await write(2_000);
    let pages = 0;
    const counted = {
      ...stores.records.audit,
      search: (...asked: Parameters<typeof stores.records.audit.search>) => {
        pages += 1;
        return stores.records.audit.search(...asked);
      },
    };
    const pieces = exportedTrail(counted, { format: 'jsonl', filter: {}, through: 2_000 });
    await pieces.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pages).toBe(1);
    await pieces.return(undefined);
  });

  it('in CSV has a header and lines of RFC 4180, and no cell that a spreadsheet runs (formula injection)', async () => {
    await write(1);
    const [header, ...lines] = (await collect('csv')).split('\r\n');
    expect(header).toBe(
      'seq,at,event,actor,companyId,userId,deviceId,orderId,clientId,address,requestId,data,previousHash,hash',
    );
    expect(lines.at(-2)).toMatch(/^\d+,2026-11-20T12:00:00\.000Z,order\.created,"'=cmd\(\)",,,,,,,,"\{""index"":0,/);
    for (const text of [
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      '\t=1',
      '\r=1',
      '\uff1d1',
      '=HYPERLINK("https://evil.example")',
    ]) {
      expect(csvLine([text]), text).toMatch(/^"'/);
      expect(csvLine(['x', text, 'y']).split(',')[1], text).toMatch(/^"'/);
    }
    expect(csvLine(['a;b', 'a,b', 'say "x"', 7, undefined, 'plain'])).toBe('"a;b","a,b","say ""x""",7,,plain\r\n');
  });
});
