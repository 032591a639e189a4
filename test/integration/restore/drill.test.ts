/** A backup is restored: no server starts on it, and after the drill nothing came back with it. */
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportedTrail } from '../../../src/audit/export.ts';
import { verifyTrail } from '../../../src/audit/trail.ts';
import { systemClock } from '../../../src/clock.ts';
import { removeUser } from '../../../src/companies/user-status.ts';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { memoryMailbox } from '../../../src/notify/mailbox.ts';
import { createActivation } from '../../../src/registration/activations.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import type { Server } from '../../../src/server.ts';
import { redisStore } from '../../../src/store/redis.ts';
import { redisClientFactory } from '../../../src/store/redis-client.ts';
import { commandProgram } from '../../bundled-programs.ts';
import { everySystemEngine, type SystemEngine, type SystemStores } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import {
  addUser,
  bank,
  deviceIdOf,
  eventually,
  freePort,
  furnish,
  mpin,
  openServer,
  registerPhone,
  type System,
  serverEnv,
} from '../system/rig.ts';
import { type Backups, backupsOf } from './backups.ts';

const cli = await commandProgram();

// A Cluster is to the drill what a single Redis is.
const engines = everySystemEngine().filter(({ name }) => name !== 'postgres and redis cluster');

describe.each(engines)('A restored backup on $name', { timeout: 120_000 }, (engine: SystemEngine) => {
  let stores: SystemStores;
  let backups: Backups;
  let env: Record<string, string>;
  let system: System;
  const mailbox = memoryMailbox(systemClock);

  beforeAll(async () => {
    stores = await engine.open();
    backups = await backupsOf(stores);
    const port = await freePort();
    const issuer = `http://localhost:${port}`;
    env = { ...serverEnv(issuer, stores), MTOKEN_PORT: String(port) };
    const server = await startServer();
    const mails = {
      to: (address: string) =>
        mailbox
          .messages()
          .filter(({ to }) => to.address === address)
          .map(({ text }) => text)
          .reverse(),
    };
    system = await furnish(server, { issuer, mails });
  });

  afterAll(async () => {
    await system.close();
    await backups.remove();
    await stores.close();
  });

  async function startServer(more: Readonly<Record<string, string>> = {}): Promise<Server> {
    const server = await openServer({ env: { ...env, ...more }, mailbox });
    await server.start();
    return server;
  }

  async function serve(): Promise<void> {
    system = { ...system, server: await startServer() };
  }

  /** As an operator types it, on the server's machine. */
  function mtoken(...args: string[]): { status: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, said: `${stdout}${stderr}` };
  }

  async function exportTrail(name: string, after = 0): Promise<string> {
    const file = join(stores.dataDir, name);
    const { audit } = system.server.stores.records;
    const { seq: through } = await audit.head();
    let text = '';
    for await (const piece of exportedTrail(audit, { format: 'jsonl', filter: {}, through })) text += piece;
    await writeFile(file, text.split('\n').slice(after).join('\n'));
    return file;
  }

  async function takeBackup(): Promise<void> {
    await system.server.close();
    await backups.take();
    await serve();
  }

  async function restoreBackup(): Promise<void> {
    await system.server.close();
    await backups.restore();
  }

  const headSeq = async (): Promise<number> => (await system.server.stores.records.audit.head()).seq;
  const newUser = (name: string) => addUser(system.server, system.company.id, { name });
  const attemptsOf = async (phone: Phone): Promise<number | undefined> =>
    (await system.server.stores.records.devices.find(await deviceIdOf(phone)))?.pinAttempts;

  it('revives no device, gives back no attempt, no user, no mPIN, no login, no key and no invitation (X-05, R-14, S-07, R-07, R-10, O-10)', async () => {
    const lost = await registerPhone(system, { user: await newUser('Lisa Lost') });
    const guessed = await registerPhone(system, { user: await newUser('Gus Guessed') });
    const exhausted = await registerPhone(system, { user: await newUser('Eve Exhausted') });
    const changed = await registerPhone(system, { user: await newUser('Carl Changed') });
    const goer = await newUser('Gina Gone');
    const gone = await registerPhone(system, { user: goer });
    const steady = await registerPhone(system, { user: await newUser('Stella Steady') });
    const { tokens } = await logIn(system.portal, steady);
    const invited = await newUser('Ivan Invited');
    const invitation = await createActivation(system.server.capabilities.registration, {
      userId: invited.id,
      actor: bank,
    });
    await expect(guessed.unlockWithMpin('00000')).rejects.toMatchObject({ attemptsLeft: 4 });
    await takeBackup();
    const before = await headSeq();

    const { devices, admin } = system.server.capabilities;
    await deactivateDevice(devices, { deviceId: await deviceIdOf(lost), actor: 'cli', reason: 'lost' });
    await expect(guessed.unlockWithMpin('00000')).rejects.toMatchObject({ attemptsLeft: 3 });
    await guessed.unlockWithMpin(mpin);
    await expect(guessed.unlockWithMpin('00000')).rejects.toMatchObject({ attemptsLeft: 4 });
    await expect(guessed.unlockWithMpin('11111')).rejects.toMatchObject({ attemptsLeft: 3 });
    await expect(guessed.unlockWithMpin('22222')).rejects.toMatchObject({ attemptsLeft: 2 });
    for (const guess of ['00000', '11111', '22222', '33333'])
      await exhausted.unlockWithMpin(guess).catch(() => undefined);
    await expect(exhausted.unlockWithMpin('44444')).rejects.toMatchObject({ code: 'blocked' });
    await changed.unlockWithMpin(mpin);
    await changed.changeMpin({ oldMpin: mpin, newMpin: '40517' });
    await removeUser(admin, { userId: goer.id, reason: 'left', actor: bank });
    const latest = await registerPhone(system, { user: await newUser('Nora New') });
    const { records } = system.server.stores;
    const ended = await records.devices.find(await deviceIdOf(latest));
    await deactivateDevice(devices, { deviceId: ended?.id ?? '', actor: 'cli', reason: 'stolen' });
    const file = await exportTrail('trail.jsonl', before - 3);
    const after = await headSeq();

    await restoreBackup();
    await expect(startServer()).rejects.toThrow(/restored backup/);
    expect(mtoken('doctor').said).toContain('it is a restored backup');
    expect(mtoken('restore')).toMatchObject({ status: 1, said: expect.stringContaining('restored backup') });
    const drill = mtoken('restore', '--since-audit', file, '--yes', '--json');
    expect(drill.status, drill.said).toBe(0);
    expect(JSON.parse(drill.said)).toMatchObject({ records: after - before, devicesEnded: 4, changes: 1 });
    expect(mtoken('restore')).toMatchObject({ status: 0 });
    await serve();

    for (const phone of [lost, exhausted, gone, latest, changed]) {
      await expect(phone.unlockWithMpin(mpin)).rejects.toBeInstanceOf(Error);
      const id = await deviceIdOf(phone).catch(() => undefined);
      const device = id === undefined ? undefined : await system.server.stores.records.devices.find(id);
      expect(device?.status).not.toBe('active');
    }
    expect(await attemptsOf(guessed)).toBe(3);
    await expect(guessed.unlockWithMpin('33333')).rejects.toMatchObject({ attemptsLeft: 1 });
    expect((await system.server.stores.records.users.find(goer.id))?.status).toBe('removed');
    await expect(system.portal.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await system.portal.userinfo(tokens.access_token)).status).toBe(401);
    const activations = await system.server.stores.records.activations.find(invitation.activationId);
    expect(activations?.status).toBe('void');
    // A key that the backup never knew can still not be registered again.
    const known = await system.server.stores.records.devices.find(await deviceIdOf(steady));
    if (ended === undefined || known === undefined) throw new Error('no device');
    const secrets = { salt: 'x', verifier: 'x' };
    const again = { ...known, id: 'dev_AAAAAAAAAAAAAAAAAAAAAA', thumbprint: ended.thumbprint };
    await expect(system.server.stores.records.devices.insert(again, secrets, new Uint8Array(32))).rejects.toMatchObject(
      { code: 'already_exists' },
    );
    // Who did nothing wrong goes on.
    await logIn(system.portal, steady);
    expect(await verifyTrail(system.server.stores.records)).toMatchObject({ outcome: 'intact' });
    const trail = await system.server.stores.records.audit.search(
      { event: 'backup.restored' },
      { order: 'newest', limit: 1 },
    );
    expect(trail[0]?.data).toMatchObject({ how: 'copy', from: before, devicesEnded: 4 });
  });

  it('is not repaired by a copy with a gap, with an altered record, of another trail, or that ends too early (X-05, A-05)', async () => {
    const phone = await registerPhone(system, { user: await newUser('Lisa Lost') });
    await takeBackup();
    const before = await headSeq();
    const { devices } = system.server.capabilities;
    await deactivateDevice(devices, { deviceId: await deviceIdOf(phone), actor: 'cli', reason: 'lost' });
    await registerPhone(system, { user: await newUser('Otto Other') });
    const file = await exportTrail('whole.jsonl');
    await restoreBackup();

    const lines = (await readFile(file, 'utf8')).split('\n');
    const write = async (name: string, changed: readonly string[]): Promise<string> => {
      const path = join(stores.dataDir, name);
      await writeFile(path, changed.join('\n'));
      return path;
    };
    const without = lines.filter((_, index) => index !== before);
    const deactivation = lines.findIndex((line, index) => index >= before && line.includes('device.deactivated'));
    const altered = lines.with(
      deactivation,
      (lines[deactivation] ?? '').replace('device.deactivated', 'device.approved'),
    );
    const elsewhere = lines.with(
      before - 1,
      (lines[before - 1] ?? '').replace(/"hash":"[0-9a-f]{8}/, '"hash":"00000000'),
    );
    const cases: readonly (readonly [string[], RegExp])[] = [
      [without, new RegExp(`record ${before + 1} is missing`)],
      [altered, /was altered/],
      [elsewhere, /another one than the database has/],
      [lines.slice(0, -3), /ends at record \d+, and record \d+ was seen/],
      [['nothing of it'], /ends at record \d+, and record \d+ was seen/],
    ];
    for (const [changed, message] of cases) {
      const outcome = mtoken('restore', '--since-audit', await write('copy.jsonl', changed), '--yes');
      expect(outcome.status, outcome.said).toBe(1);
      expect(outcome.said).toMatch(message);
    }
    expect(mtoken('restore', '--nothing-lost', 'I say so', '--yes')).toMatchObject({
      status: 1,
      said: expect.stringContaining('something was lost'),
    });
    // Nothing of all that has changed anything: the whole copy, with lines of a log between, still does it.
    const mixed = lines.flatMap((line) => ['{"level":"info"}', `<110>1 - host - - - ${line}`, line, 'plain']);
    const drill = mtoken('restore', '--since-audit', await write('mixed.jsonl', mixed), '--yes');
    expect(drill.status, drill.said).toBe(0);
    await serve();
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
  });

  it('that was written to by a command is told from the newest one, whatever its length (X-05)', async () => {
    await takeBackup();
    await newUser('One More');
    await restoreBackup();
    const forge = mtoken('bootstrap', '--out', join(stores.dataDir, 'operator.json'), '--json');
    expect(forge.status, forge.said).toBe(0);
    await expect(startServer()).rejects.toThrow(/another one than was seen|restored backup/);
    // Nor is the credential good that was made on it: every machine is off, and a new one takes the server's own machine.
    const { clientId } = JSON.parse(forge.said) as { clientId: string };
    const drill = mtoken('restore', '--end-all-devices', '--yes');
    expect(drill.status, drill.said).toBe(0);
    expect(drill.said).toContain('mtoken bootstrap --out');
    expect(drill.said).toContain('check by hand');
    const next = mtoken('bootstrap', '--out', join(stores.dataDir, 'next.json'), '--json');
    expect(next.status, next.said).toBe(0);
    await serve();
    const { clients } = system.server.stores.records;
    expect((await clients.find(clientId))?.status).toBe('disabled');
    const made = (JSON.parse(next.said) as { clientId: string }).clientId;
    expect((await clients.find(made))?.status).toBe('active');
  });

  it('without a copy costs every phone, and no thief keeps one (X-05, R-14)', async () => {
    const phone = await registerPhone(system, { user: await newUser('Lisa Lost') });
    await takeBackup();
    await newUser('Somebody');
    await restoreBackup();
    await expect(startServer()).rejects.toThrow(/restored backup/);
    const drill = mtoken('restore', '--end-all-devices', '--yes', '--json');
    expect(drill.status, drill.said).toBe(0);
    expect((JSON.parse(drill.said) as { devicesEnded: number }).devicesEnded).toBeGreaterThan(0);
    await serve();
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
    await registerPhone(system, { user: await newUser('A New One') });
  });

  it.skipIf(!engine.isShared)('under servers that run makes them stop (X-05, X-06)', async () => {
    await takeBackup();
    await newUser('Somebody');
    // Noted by now, at the latest when the next second is over.
    const running = system.server;
    await eventually('the note of the newest head', async () => {
      const head = await headSeq();
      const seen = await running.stores.shortLived.get(seenKey());
      return seen !== undefined && (JSON.parse(seen.value) as { seq: number }).seq >= head ? true : undefined;
    });
    await backups.restore();
    await eventually('the end of the server', async () =>
      fetch(`${system.issuer}/health/live`).then(
        () => undefined,
        () => true as const,
      ),
    );
    // It lives in this process, which the drill's holds up: what it is still writing would keep its locks.
    await running.close();
    const drill = mtoken('restore', '--end-all-devices', '--yes');
    expect(drill.status, drill.said).toBe(0);
    await serve();
  });

  it.skipIf(!engine.isShared)(
    'that cannot be told from the newest one, because Redis was lost too, is told by a person (X-05, X-03)',
    async () => {
      await system.server.close();
      const shortLived = redisStore({ factory: redisClientFactory(env['REDIS_URL'] ?? '') });
      await shortLived.remove(seenKey());
      await shortLived.close();
      expect(mtoken('restore')).toMatchObject({ status: 1, said: expect.stringContaining('cannot be told') });
      expect(mtoken('restore', '--nothing-lost', 'Redis was replaced', '--yes').status).toBe(0);
      expect(mtoken('restore').status).toBe(0);
      await serve();
    },
  );

  function seenKey(): string {
    return `audit.seen:{${encodeBase64url(sha256(system.issuer))}}`;
  }
});
