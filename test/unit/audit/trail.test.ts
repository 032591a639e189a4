/** The whole trail: checkpoints that the server signs, against somebody who can write every table. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckpointDeps, makeCheckpoint, startCheckpoints } from '../../../src/audit/checkpoints.ts';
import { verifyTrail } from '../../../src/audit/trail.ts';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { generateServerKey } from '../../../src/keys/generate.ts';
import { createKeyRing, type KeyRing } from '../../../src/keys/key-ring.ts';
import { ensureKeys, rotateKeys } from '../../../src/keys/keys.ts';
import { openRecords } from '../../../src/store/open.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const issuer = 'https://login.bank.example';
let clock: TestClock;
let stores: TestStores;
let keys: KeyRing;
let deps: CheckpointDeps;

beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
  await ensureKeys({ ...stores, clock });
  keys = await createKeyRing({ ...stores, clock, issuer });
  deps = { records: stores.records, clock, issuer, keys };
});
afterEach(async () => {
  keys.close();
  await stores.close();
});

const sql = (text: string) => stores.durable.run(text);
const verify = (kept: readonly string[] = []) => verifyTrail(stores.records, { pageSize: 3, kept });

async function write(count: number): Promise<number> {
  for (let index = 1; index <= count; index += 1) {
    await stores.records.audit.append({ event: 'order.created', actor: 'test', data: { index } }, clock.now());
  }
  return (await stores.records.audit.head()).seq;
}

/** Cuts the trail behind a record, its head moved back so that the chain alone shows nothing. */
async function cutBehind(seq: number): Promise<void> {
  await sql(`delete from audit_events where seq > ${seq}`);
  const [last] = await stores.records.audit.read(seq - 1, 1);
  await sql(`update audit_head set seq = ${seq}, hash = '${last?.hash ?? ''}'`);
}

async function checkpoint(): Promise<{ seq: number; statement: string }> {
  const made = await makeCheckpoint(deps);
  if (made === undefined) throw new Error('the trail is empty');
  return made;
}

describe('checkpoints (A-05)', () => {
  it('sign the head, once for a record, and tell how much lies behind the last one', async () => {
    const seq = await write(3);
    const first = await checkpoint();
    expect(first.seq).toBe(seq);
    expect(await checkpoint()).toEqual(first);
    await write(2);
    await checkpoint();
    await write(4);
    expect(await verify()).toMatchObject({ outcome: 'intact', seq: seq + 6, cut: 0, checkpoints: 2, unsigned: 4 });
  });

  it('are none in an empty trail, and none are needed', async () => {
    await sql('delete from audit_events');
    await sql(`update audit_head set seq = 0, hash = ''`);
    expect(await makeCheckpoint(deps)).toBeUndefined();
    expect(await verify()).toMatchObject({ outcome: 'intact', count: 0, checkpoints: 0, unsigned: 0 });
  });

  it('stay good when the key that signed them is rotated away and erased', async () => {
    await write(2);
    await checkpoint();
    await rotateKeys({ ...stores, clock }, { actor: 'test', immediately: true, withoutOverlap: true });
    await keys.reload();
    await checkpoint();
    expect(await verify()).toMatchObject({ outcome: 'intact', checkpoints: 2 });
  });

  it('show a trail that was cut with its head moved back', async () => {
    const seq = await write(5);
    await checkpoint();
    await cutBehind(seq - 2);
    expect(await verify()).toEqual({
      outcome: 'broken',
      fault: 'truncated',
      seq: seq - 1,
      what: 'the trail is shorter than its last checkpoint',
      expected: `records up to ${seq}`,
      found: `nothing after record ${seq - 2}`,
    });
    await expect(makeCheckpoint(deps)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('tell a cut behind the last of them as such where the head still names what is gone', async () => {
    const seq = await write(5);
    await checkpoint();
    await write(3);
    await sql(`delete from audit_events where seq > ${seq + 1}`);
    const verdict = await verify();
    expect(verdict).toMatchObject({ fault: 'truncated', seq: seq + 2 });
    expect(verdict).toMatchObject({ what: expect.stringContaining('cut behind its last checkpoint') });
  });

  it('kept elsewhere show a cut behind the last one that is here, and a trail whose checkpoints went too', async () => {
    const seq = await write(3);
    await checkpoint();
    await write(3);
    const kept = await checkpoint();
    await cutBehind(seq + 1);
    await sql(`delete from audit_checkpoints where seq > ${seq}`);
    expect(await verify()).toMatchObject({ outcome: 'intact', unsigned: 1 });
    expect(await verify([kept.statement])).toMatchObject({
      fault: 'truncated',
      seq: seq + 2,
      what: 'the trail is shorter than what was noted',
    });
    await sql('delete from audit_events');
    await sql('delete from audit_checkpoints');
    await sql(`update audit_head set seq = 0, hash = ''`);
    expect(await verify()).toMatchObject({ outcome: 'intact', count: 0 });
    expect(await verify([kept.statement])).toMatchObject({ fault: 'truncated', seq: 1 });
  });

  it('show a chain that was written anew, by its hash', async () => {
    const seq = await write(4);
    await checkpoint();
    await cutBehind(seq - 2);
    await stores.records.audit.append({ event: 'order.created', actor: 'eve' }, clock.now());
    await write(3);
    expect(await verify()).toMatchObject({
      fault: 'rewritten',
      seq,
      what: 'it is not the record that was signed in a checkpoint',
    });
  });

  it('show one that was taken out from between, and one that was altered or put in another place', async () => {
    const seqs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      seqs.push(await write(2));
      await checkpoint();
    }
    const [first, second, third] = seqs;
    const row = `(select statement_sealed from audit_checkpoints where seq = ${second})`;
    await sql(`update audit_checkpoints set statement_sealed = ${row} where seq = ${third}`);
    expect(await verify()).toMatchObject({ fault: 'forged', seq: third });
    await sql(`delete from audit_checkpoints where seq = ${third}`);
    await checkpoint();
    expect(await verify()).toMatchObject({ outcome: 'intact', checkpoints: 3 });
    await sql(`delete from audit_checkpoints where seq = ${second}`);
    expect(await verify()).toMatchObject({ fault: 'forged', seq: second });
    await sql(`delete from audit_checkpoints where seq = ${first}`);
    expect(await verify()).toMatchObject({ outcome: 'broken', fault: 'forged' });
  });

  it('cannot be made by somebody with the database alone: not with an own key, not with an own data key', async () => {
    const seq = await write(3);
    const own = await generateServerKey({ alg: 'ES256', rsaBits: 2048, status: 'active', at: clock.now() });
    const head = await stores.records.audit.head();
    const { createPrivateKey } = await import('node:crypto');
    const key = { alg: 'ES256', key: createPrivateKey({ key: own.privateJwk ?? {}, format: 'jwk' }) } as const;
    const forge = (kid: string) =>
      signCompactJws({
        payload: { iss: issuer, iat: 1, ...head, previous: 0 },
        typ: 'mtoken-audit-checkpoint+jws',
        key,
        header: { kid },
      });
    await sql(`update server_keys set status = 'retiring' where alg = 'ES256'`);
    await stores.records.keys.insert(own);
    const eve = openRecords(stores.durable, createSealing([{ id: 'test', key: new Uint8Array(32).fill(7) }]));
    await eve.checkpoints.insert('head', { seq, at: 1, statement: forge(own.kid) });
    expect(await verify()).toMatchObject({ fault: 'forged', seq });
    await sql('delete from audit_checkpoints');
    const known = keys.trustThumbprint();
    await stores.records.checkpoints.insert('head', { seq, at: 1, statement: forge(known) });
    expect(await verify()).toMatchObject({ fault: 'forged', seq });
    expect(await verify([forge(known)])).toMatchObject({ fault: 'forged' });
    expect(await verify(['not.a.checkpoint'])).toMatchObject({ fault: 'forged' });
  });

  it('are no other kind of statement: a signed cut does not pass for one', async () => {
    const seq = await write(3);
    const { hash } = await stores.records.audit.head();
    const statement = await keys.signCompact('mtoken-audit-cut+jws', { iss: issuer, iat: 1, seq, hash, previous: 0 });
    expect(await verify([statement])).toMatchObject({ fault: 'forged' });
  });
});

describe('the maker of checkpoints', () => {
  const log = { error: () => undefined };

  async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!(await isTrue())) {
      if (performance.now() > deadline) throw new Error('it did not come about');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const last = async () => (await stores.records.checkpoints.last('head'))?.seq ?? 0;

  it('signs after so many records, after so much time with a record in it, and when it stops', async () => {
    const maker = startCheckpoints({ ...deps, log }, { records: 4, everyMs: 60_000, lookMs: 5 });
    const first = await write(1);
    await eventually(async () => (await last()) > 0);
    const seen = await last();
    const many = await write(4 + first - seen);
    await eventually(async () => (await last()) === many);
    const late = await write(1);
    clock.advance(59_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await last()).toBe(many);
    clock.advance(1_000);
    await eventually(async () => (await last()) === late);
    const end = await write(2);
    await maker.stop();
    expect(await last()).toBe(end);
    expect(await verify()).toMatchObject({ outcome: 'intact', unsigned: 0 });
  });

  it('tells once that the trail became shorter, and goes on where it is whole again', async () => {
    const told: unknown[] = [];
    const seq = await write(4);
    await checkpoint();
    await cutBehind(seq - 1);
    const noisy = { error: (fields: object) => void told.push(fields) };
    const maker = startCheckpoints({ ...deps, log: noisy }, { records: 1, everyMs: 1, lookMs: 5 });
    await eventually(async () => told.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(told).toHaveLength(1);
    await maker.stop();
  });

  it('makes one chain of checkpoints when many sign at once', async () => {
    await write(1);
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        if (index % 2 === 0) await write(1);
        await makeCheckpoint(deps);
      }),
    );
    expect(await verify()).toMatchObject({ outcome: 'intact' });
  });
});
