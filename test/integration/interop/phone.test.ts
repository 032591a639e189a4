/** A phone that shares no line with this project, written from docs/protocol.md in another language, against a whole server. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomId } from '../../../src/crypto/random.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { samples } from '../../unit/signing/samples.ts';
import type { SystemStores } from '../system/engines.ts';
import { systemEngines } from '../system/engines.ts';
import { openLoginPage } from '../system/login.ts';
import { activate, mpin, type System, startSystem } from '../system/rig.ts';

const script = new URL('../../interop/phone.py', import.meta.url).pathname;
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import cryptography']).status === 0,
);

describe.skipIf(python === undefined)('a phone in Python', () => {
  let stores: SystemStores;
  let system: System;
  let directory: string;
  let state: string;

  beforeAll(async () => {
    const [engine] = systemEngines();
    if (engine === undefined) throw new Error('there is no engine');
    stores = await engine.open();
    system = await startSystem(stores);
    directory = await mkdtemp(join(tmpdir(), 'mtoken-interop-'));
    state = join(directory, 'phone.json');
    const { activationText, confirmationCode } = await activate(system, system.user);
    const registered = await phone('register', activationText, confirmationCode, mpin);
    expect(registered.answer).toMatchObject({ status: 'active', user: { name: 'Ada Example' } });
  });

  afterAll(async () => {
    await system.close();
    await stores.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function phone(...words: string[]) {
    const child = spawn(python ?? '', [script, state, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [exit] = (await once(child, 'close')) as [number | null];
    return { exit, err, answer: exit === 0 ? (JSON.parse(out) as Record<string, unknown>) : undefined };
  }

  it('registers, unlocks by SRP, claims, verifies, approves; the portal gets its tokens', async () => {
    const login = await openLoginPage(system.portal);
    const { answer, err } = await phone('approve', await login.frame(), mpin);
    expect(err).toBe('');
    expect(answer).toMatchObject({ state: 'approved', serverProof: null });
    const tokens = await system.portal.redeem(await login.finish(), login.begun);
    expect(tokens.claims()).toMatchObject({ sub: system.user.id, amr: ['pin', 'hwk', 'mfa'] });
    expect((await stat(state)).mode & 0o777).toBe(0o600);
  });

  it('proves the mPIN once more where the portal asks for a fresh login', async () => {
    const login = await openLoginPage(system.portal, { extra: { prompt: 'login' } });
    const { answer, err } = await phone('approve', await login.frame(), mpin);
    expect(err).toBe('');
    expect(answer).toMatchObject({ state: 'approved', serverProof: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('finds what waits in its inbox, and signs that and nothing else (T-09)', async () => {
    const { signings } = system.server.stores.records;
    const signingId = randomId('sig');
    const { name, fields } = checkFields({ template: 'payment', version: 1, fields: samples.payment });
    const at = system.clock.now();
    await signings.insert({
      id: signingId,
      clientId: system.portal.id,
      door: 'api',
      origin: 'https://portal.example',
      userId: system.user.id,
      companyId: system.company.id,
      reference: 'invoice 118',
      display: render(name, fields, 'en').display,
      approvers: 1,
      given: 0,
      mpinOnly: true,
      warnings: ['new_payee'],
      status: 'pending',
      reason: undefined,
      askableAt: at,
      createdAt: at,
      expiresAt: at + 300_000,
      endedAt: undefined,
      captured: 0,
      version: 1,
    });
    expect((await phone('inbox', mpin)).answer).toMatchObject({ waiting: [{ signingId, title: 'Payment' }] });
    const { answer, err } = await phone('sign', signingId, mpin);
    expect(err).toBe('');
    expect(answer).toMatchObject({ state: 'approved', warnings: expect.arrayContaining(['new_payee']) });
    expect((await signings.find(signingId))?.status).toBe('approved');
    expect((await phone('inbox', mpin)).answer).toEqual({ waiting: [] });
    expect((await phone('sign', signingId, mpin)).err).toContain('order_unavailable');
  });

  it('hears how many tries are left after a wrong mPIN', async () => {
    const login = await openLoginPage(system.portal);
    const { exit, err } = await phone('approve', await login.frame(), '13579');
    expect(exit).toBe(1);
    expect(err).toMatch(/"attemptsLeft": 4, "type": "urn:mtoken:error:authentication_failed"/);
    expect(await login.status()).toMatchObject({ state: 'pending' });
  });
});
