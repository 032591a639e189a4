import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditable, printable } from '../../../src/audit/audit.ts';
import { auditHash } from '../../../src/audit/chain.ts';
import type { AuditRecord } from '../../../src/audit/store.ts';
import { verifyChain } from '../../../src/audit/verify.ts';
import { type TestStores, testStores } from '../../stores.ts';

const at = Date.UTC(2026, 10, 20, 12);
let stores: TestStores;
beforeEach(async () => {
  stores = await testStores();
});
afterEach(() => stores.close());

async function write(count: number): Promise<void> {
  for (let index = 1; index <= count; index += 1) {
    await stores.records.audit.append({ event: 'order.created', actor: 'test', data: { index } }, at + index);
  }
}

const verify = (pageSize = 3) => verifyChain(stores.records.audit, { pageSize });
const sql = (text: string) => stores.durable.run(text);

describe('the audit chain (A-05)', () => {
  it('hashes a record as it always did: trails of every release verify', () => {
    const record = { event: 'order.created', actor: 'device:é\u{1f600}\ud800', userId: '', companyId: 'co_a' } as const;
    const data = { b: 2, a: 'ü', c: null, d: true };
    expect(auditHash({ ...record, data, seq: 7, at: 1_795_285_176_123, previousHash: 'ab'.repeat(32) })).toBe(
      'f9320d1b7a38fe6e9365bf114d8d0bfc4cf20b54f278d9f18af8b48ebe3b00d0',
    );
  });

  it('is intact as written, over any page size, and when it is empty', async () => {
    expect(await verify()).toEqual({ outcome: 'intact', count: 0, seq: 0, head: '' });
    await write(10);
    const { hash: head } = await stores.records.audit.head();
    for (const pageSize of [1, 3, 10, 1_000])
      expect(await verify(pageSize)).toEqual({ outcome: 'intact', count: 10, seq: 10, head });
  });

  it('finds an edit of any column and says where', async () => {
    await write(7);
    const edits = [
      `actor = 'eve'`,
      `at = at + 1`,
      `event = 'order.approved'`,
      `data = '{"index":99}'`,
      `company_id = ''`,
      `user_id = 'usr_x'`,
      `device_id = 'dev_x'`,
      `order_id = 'ord_x'`,
      `client_id = 'cli_x'`,
      `address = '192.0.2.1'`,
      `request_id = 'r'`,
    ];
    for (const edit of edits) {
      const [row] = await stores.durable.query('select * from audit_events where seq = 4');
      await sql(`update audit_events set ${edit} where seq = 4`);
      expect(await verify(), edit).toMatchObject({ fault: 'edited', seq: 4, what: 'its content was changed' });
      await sql('delete from audit_events where seq = 4');
      const names = Object.keys(row ?? {});
      const places = names.map((_, index) => `$${index + 1}`);
      await stores.durable.run(`insert into audit_events (${names}) values (${places})`, Object.values(row ?? {}));
    }
    expect(await verify()).toMatchObject({ outcome: 'intact' });
  });

  it('finds an edit whose own hash was made to fit at the record after it', async () => {
    await write(7);
    const [entry] = await stores.records.audit.read(3, 1);
    if (entry === undefined) throw new Error('no entry');
    const hash = auditHash({ ...entry, actor: 'eve' });
    await sql(`update audit_events set actor = 'eve', hash = '${hash}' where seq = 4`);
    expect(await verify()).toMatchObject({
      outcome: 'broken',
      seq: 5,
      what: 'it does not follow from the record before it',
    });
  });

  it('finds a deletion, also of the first record', async () => {
    await write(7);
    await sql('delete from audit_events where seq = 5');
    expect(await verify()).toMatchObject({ outcome: 'broken', seq: 5, what: 'a record is missing' });
    await sql('delete from audit_events where seq = 1');
    expect(await verify()).toMatchObject({ outcome: 'broken', seq: 1, what: 'a record is missing' });
  });

  it('finds two records that changed places, and says which one stands there', async () => {
    await write(7);
    await sql('update audit_events set seq = 100 where seq = 3');
    await sql('update audit_events set seq = 3 where seq = 4');
    await sql('update audit_events set seq = 4 where seq = 100');
    expect(await verify()).toEqual({
      outcome: 'broken',
      fault: 'moved',
      seq: 3,
      what: 'it stands in another place than it was written in',
      expected: 'record 3',
      found: 'the record that was written as 4',
    });
  });

  it('finds a record that was inserted with all later ones renumbered, and one that was taken out so', async () => {
    await write(7);
    const [fourth] = await stores.records.audit.read(3, 1);
    if (fourth === undefined) throw new Error('no entry');
    await sql('update audit_events set seq = -(seq + 1) where seq >= 4');
    await sql('update audit_events set seq = -seq where seq < 0');
    const planted = { ...fourth, actor: 'eve' };
    const values = [4, planted.at, planted.event, 'eve', '{"index":4}', planted.previousHash, auditHash(planted)];
    await stores.durable.run(
      'insert into audit_events (seq, at, event, actor, data, previous_hash, hash) values ($1, $2, $3, $4, $5, $6, $7)',
      values,
    );
    await sql('update audit_head set seq = 8');
    expect(await verify()).toMatchObject({ fault: 'moved', seq: 5, found: 'the record that was written as 4' });
    await sql('delete from audit_events where seq in (4, 5)');
    await sql('update audit_events set seq = seq - 2 where seq > 5');
    await sql('update audit_head set seq = 6');
    expect(await verify()).toMatchObject({ fault: 'moved', seq: 4, found: 'the record that was written as 5' });
  });

  it('finds a cut end by its head, with or without a head that was moved back', async () => {
    await write(7);
    const noted = await stores.records.audit.head();
    await sql('delete from audit_events where seq > 5');
    expect(await verify()).toMatchObject({ outcome: 'broken', seq: 6 });
    const [last] = await stores.records.audit.read(4, 1);
    await sql(`update audit_head set seq = 5, hash = '${last?.hash}'`);
    expect(await verify()).toMatchObject({ outcome: 'intact', count: 5 });
    const known = await verifyChain(stores.records.audit, { known: noted });
    expect(known).toMatchObject({ outcome: 'broken', seq: 6, what: 'the trail is shorter than what was noted' });
  });

  it('finds a head that was moved back while its records stayed, and a forged head', async () => {
    await write(7);
    const [fifth] = await stores.records.audit.read(4, 1);
    await sql(`update audit_head set seq = 5, hash = '${fifth?.hash}'`);
    expect(await verify()).toMatchObject({ outcome: 'broken', seq: 6, what: 'a record follows after the head' });
    await sql(`update audit_head set seq = 7, hash = 'x'`);
    expect(await verify()).toMatchObject({ outcome: 'broken', seq: 7 });
  });

  it('finds a chain that was written anew from one record on, by a head noted elsewhere', async () => {
    await write(3);
    const known = await stores.records.audit.head();
    await sql('delete from audit_events');
    await sql(`update audit_head set seq = 0, hash = ''`);
    await stores.records.audit.append({ event: 'order.created', actor: 'eve' }, at);
    await write(4);
    expect(await verify()).toMatchObject({ outcome: 'intact', count: 5 });
    expect(await verifyChain(stores.records.audit, { known })).toMatchObject({ outcome: 'broken', seq: 3 });
  });

  it('stays one chain when a hundred records are appended at once, and leaves no gap after a rollback', async () => {
    const appends = Array.from({ length: 100 }, (_, index) =>
      stores.records.transaction(async (records) => {
        await records.audit.append({ event: 'order.created', actor: `a${index}` }, at);
        if (index % 3 === 0) throw new Error('rolled back');
      }),
    );
    await Promise.allSettled(appends);
    expect(await verify(7)).toMatchObject({ outcome: 'intact', count: 66 });
  });
});

describe('an audit record', () => {
  const record = (data: AuditRecord['data'], rest: Partial<AuditRecord> = {}): AuditRecord => ({
    event: 'registration.started',
    actor: 'test',
    data: data ?? {},
    ...rest,
  });

  it('holds no character that could forge or hide a line, whatever it is given (A-04)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const { actor, data } = auditable(record({ text }, { actor: text }));
        for (const written of [actor, String(data?.['text'])]) {
          expect(written).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        }
      }),
    );
  });

  it('keeps two different texts different', () => {
    expect(printable('a\nb')).toBe('a\\u000ab');
    expect(printable('a\\u000ab')).toBe('a\\\\u000ab');
    expect(printable('\u{E0001}\u202E\uD800')).toBe('\\udb40\\udc01\\u202e\\ud800');
  });

  it('is bounded', () => {
    const { actor, data } = auditable(record({ text: 'x'.repeat(10_000) }, { actor: 'y'.repeat(1_000) }));
    expect(actor).toHaveLength(128);
    expect(data?.['text']).toHaveLength(512);
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`m${index}`, index]));
    expect(() => auditable(record(many))).toThrow('25 members');
  });

  it('refuses members that secrets and addresses come under (A-03, T33)', () => {
    for (const name of ['mpin', 'verifier', 'salt', 'confirmationCode', 'token', 'email', 'vaultKey', 'privateJwk']) {
      expect(() => auditable(record({ [name]: 'x' })), name).toThrow('cannot be written');
    }
    for (const name of ['__proto__x', 'A', 'a b', 'a\n', '']) {
      expect(() => auditable(record({ [name]: 'x' })), name).toThrow('cannot be written');
    }
    expect(() => auditable(record({ n: Number.NaN }))).toThrow('cannot be written');
    expect(() => auditable(record({ o: { nested: 'x' } as unknown as string }))).toThrow('cannot be written');
  });

  it('goes through these rules in the store itself, and a record that breaks them stops the act (A-11)', async () => {
    await stores.records.audit.append(record({ name: 'a\r\nb' }), at);
    const [entry] = await stores.records.audit.read(0, 1);
    expect(entry?.data).toEqual({ name: 'a\\u000d\\u000ab' });
    await expect(stores.records.audit.append(record({ mpin: '12345' }), at)).rejects.toMatchObject({
      code: 'internal',
    });
    expect(await verify()).toMatchObject({ outcome: 'intact', count: 1 });
  });
});
