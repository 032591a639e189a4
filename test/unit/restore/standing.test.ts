/** Telling the newest database from a restored backup. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNewest, type StandingDeps, standingOf } from '../../../src/restore/standing.ts';
import type { Witness } from '../../../src/restore/store.ts';
import { startTrailWatch } from '../../../src/restore/watch.ts';
import { fileWitness, sharedWitness } from '../../../src/restore/witness.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const clock = fixedClock();
let stores: TestStores;
let deps: StandingDeps;
let warnings: string[];
const strictly = { isStrict: true, warn: (text: string) => void warnings.push(text) };
const gently = { ...strictly, isStrict: false };

beforeEach(async () => {
  stores = await testStores(clock);
  warnings = [];
  deps = { records: stores.records, clock, witness: sharedWitness(memoryStore(clock), 'https://login.bank.example') };
});

afterEach(() => stores.close());

const record = () => stores.records.audit.append({ event: 'server.started', actor: 'test' }, clock.now());
const note = async (seq: number, hash = 'x') => {
  const trail = (await stores.records.restore.trailName()) ?? '';
  await deps.witness.replace({ trail, seq, hash });
};

describe('A database', () => {
  it('that nobody has served from is new, with records of its setting up or without', async () => {
    expect(await standingOf(deps)).toMatchObject({ outcome: 'first' });
    await record();
    await requireNewest(deps, strictly);
    expect(await standingOf(deps)).toMatchObject({ outcome: 'current', head: { seq: 1 } });
  });

  it('that has served goes on serving, and what was seen of it rises', async () => {
    await requireNewest(deps, strictly);
    const { hash } = await record();
    await requireNewest(deps, strictly);
    expect(await deps.witness.read()).toMatchObject({ seq: 1, hash });
  });

  it('that ends before what was seen, or has another record there, serves nowhere (X-05, R-14)', async () => {
    await requireNewest(deps, strictly);
    await record();
    for (const [seq, outcome] of [
      [2, 'behind'],
      [1, 'forked'],
    ] as const) {
      await note(seq);
      expect(await standingOf(deps)).toMatchObject({ outcome });
      for (const how of [strictly, gently]) await expect(requireNewest(deps, how)).rejects.toThrow('mtoken restore');
    }
  });

  it('of which nothing remembers anything serves in development alone (X-05)', async () => {
    await requireNewest(deps, strictly);
    await record();
    const forgetful = { ...deps, witness: sharedWitness(memoryStore(clock), 'https://login.bank.example') };
    await expect(requireNewest(forgetful, strictly)).rejects.toMatchObject({ code: 'conflict' });
    await requireNewest(forgetful, gently);
    expect(warnings).toHaveLength(1);
    expect(await standingOf(forgetful)).toMatchObject({ outcome: 'current' });
  });

  it('that is another than was seen last serves only while it is empty, or in development (X-05)', async () => {
    await requireNewest(deps, strictly);
    await record();
    await requireNewest(deps, strictly);
    const other = await testStores(clock);
    const elsewhere = { ...deps, records: other.records };
    await other.records.audit.append({ event: 'server.started', actor: 'elsewhere' }, clock.now());
    await expect(requireNewest(elsewhere, strictly)).rejects.toMatchObject({ code: 'conflict' });
    const empty = await testStores(clock);
    await requireNewest({ ...deps, records: empty.records }, strictly);
    await other.close();
    await empty.close();
  });

  it('whose oldest records were cut off after an export is still the newest', async () => {
    await requireNewest(deps, strictly);
    await record();
    await record();
    await note(1);
    await stores.durable.run('delete from audit_events where seq = 1');
    expect(await standingOf(deps)).toMatchObject({ outcome: 'current' });
  });

  it('that is replaced under a running server ends the server, also where the note was lost with it (X-05)', async () => {
    await requireNewest(deps, strictly);
    await record();
    await record();
    let hear: () => void = () => undefined;
    const restored = new Promise<void>((resolve) => {
      hear = resolve;
    });
    const log = { warn: () => undefined, fatal: () => undefined };
    const watch = await startTrailWatch({ ...deps, shortLived: stores.shortLived, log, onRestored: hear }, 5);
    await expect.poll(async () => (await deps.witness.read())?.seq).toBe(2);
    await stores.durable.run('delete from audit_events where seq = 2');
    await stores.durable.run('update audit_head set seq = 1 where id = 1');
    await note(0);
    await restored;
    await watch.stop();
  });
});

describe.each(['in Redis', 'in a file'])('The note %s', (where) => {
  let directory: string;
  let witness: Witness;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mtoken-seen-'));
    witness =
      where === 'in Redis' ? sharedWitness(memoryStore(clock), 'i') : fileWitness(join(directory, 'audit-seen.json'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  it('rises and never falls, unless the drill says so', async () => {
    expect(await witness.read()).toBeUndefined();
    const head = { trail: 'a', seq: 5, hash: 'five' };
    await witness.raise(head);
    await witness.raise({ ...head, seq: 4, hash: 'four' });
    expect(await witness.read()).toEqual(head);
    await Promise.all([6, 9, 7, 8].map((seq) => witness.raise({ ...head, seq, hash: String(seq) })));
    if (where === 'in Redis') expect((await witness.read())?.seq).toBe(9);
    await witness.replace(head);
    expect(await witness.read()).toEqual(head);
    await witness.raise({ trail: 'b', seq: 1, hash: 'one' });
    expect((await witness.read())?.trail).toBe('b');
  });
});

it('A note that cannot be read does not pass for none (X-03)', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mtoken-seen-'));
  const path = join(directory, 'audit-seen.json');
  await fileWitness(path).replace({ trail: 'a', seq: 5, hash: 'five' });
  expect(await readFile(path, 'utf8')).toContain('"seq":5');
  for (const text of ['', '{}', '{"trail":"a","seq":-1,"hash":"x"}']) {
    await writeFile(path, text);
    await expect(fileWitness(path).read()).rejects.toThrow();
  }
  await rm(directory, { recursive: true });
});
