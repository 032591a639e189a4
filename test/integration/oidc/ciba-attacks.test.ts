/** Attacks on requests by CIBA: by who can write the database, and by a portal that has lost its right. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import { backchannelAsker } from '../../../src/oidc/ciba-ask.ts';
import { updateClient } from '../../../src/oidc/clients.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { samples } from '../../unit/signing/samples.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addUser, bank, eventually, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import { addCibaPortal, authReqIdOf, type CibaPortal, poll } from './ciba-portal.ts';

let stores: SystemStores;
let system: System;
let portal: CibaPortal;
let phone: Phone;
let offset = 0;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores, { clock: { now: () => Date.now() + offset } });
  portal = await addCibaPortal(system);
  phone = await registerPhone(system);
});
afterAll(async () => {
  await system.close();
  await stores.close();
});
// Three an hour: each test has an hour of its own.
beforeEach(async () => {
  offset += 3_600_001;
  await phone.unlockWithMpin(mpin);
});

const sql = () => system.server.stores.durable;
const detail = (amount: number) => ({
  type: 'urn:mtoken:signing:payment:v1',
  reference: 'payment-4711',
  fields: { ...samples.payment, amount },
});
const ofDetail = (amount: number) => ({ authorization_details: [detail(amount)], binding_message: undefined });

/** The newest request by CIBA, once its user was asked. */
async function asked(): Promise<{ lookup: string; signingId: string }> {
  const text = 'select id_lookup as lookup, signing_id as signing from backchannel_requests order by created_at desc';
  const row = await eventually('the question', async () => {
    const [newest] = await sql().query<{ lookup: string; signing: string | null }>(text, []);
    return newest?.signing === null ? undefined : newest;
  });
  return { lookup: row.lookup, signingId: String(row.signing) };
}

async function approve(signingId: string): Promise<void> {
  await phone.approve(await phone.claimWaiting(signingId), { method: 'mpin', mpin });
}

describe('Who can write the database', () => {
  it('makes an approved payment no approval of another one, of another text, or for another portal (T-04, T-11, T-12)', async () => {
    const small = await authReqIdOf(system, portal, ofDetail(100));
    const own = await asked();
    await approve(own.signingId);
    const other = await addCibaPortal(system);
    const victims = [
      { by: portal, id: await authReqIdOf(system, portal, ofDetail(900_000)) },
      { by: portal, id: await authReqIdOf(system, portal) },
      { by: other, id: await authReqIdOf(system, other, ofDetail(100)) },
    ];
    const rows = await sql().query<{ lookup: string }>(
      'select id_lookup as lookup from backchannel_requests where signing_id is null or signing_id <> $1',
      [own.signingId],
    );
    expect(rows).toHaveLength(victims.length);
    const lead = async (lookup: string, signingId: string | null): Promise<void> => {
      await sql().run('update backchannel_requests set signing_id = $2, settled_at = $3 where id_lookup = $1', [
        lookup,
        signingId,
        signingId === null ? null : 1,
      ]);
    };
    await lead(own.lookup, null);
    for (const { lookup } of rows) {
      await lead(lookup, own.signingId);
      for (const { by, id } of victims) {
        const { status, body } = await poll(system, by, id);
        expect([status, JSON.stringify(body)]).toEqual([400, expect.not.stringContaining('token')]);
      }
      await lead(lookup, null);
    }
    // Where it leads back to what was asked, it is given out as ever.
    await lead(own.lookup, own.signingId);
    const { body } = await poll(system, portal, small);
    expect(body['authorization_details']).toEqual([{ ...detail(100), signing_id: own.signingId }]);
  });
});

describe('Who can write the database, while something waits', () => {
  it('makes it neither somebody else’s nor another portal’s, nor for fewer people, without the mPIN or for longer (T-04, T-12, T-15)', async () => {
    const company = await createCompany(system.server.capabilities.admin, { name: 'Southwind', actor: bank });
    const other = await addUser(system.server, company.id, { name: 'Mal Lory' });
    const id = await authReqIdOf(system, portal, ofDetail(100));
    const { signingId } = await asked();
    const flips: Readonly<Record<string, string | number>> = {
      client_id: (await addCibaPortal(system)).id,
      door: 'api',
      origin: 'https://evil.example',
      user_id: other.id,
      company_id: company.id,
      approvers: 2,
      mpin_only: 1,
      warnings: '["new_payee"]',
      askable_at: 1,
      created_at: 1,
      expires_at: 9_999_999_999_999,
    };
    const { signings } = system.server.stores.records;
    for (const [column, flipped] of Object.entries(flips)) {
      const [row] = await sql().query<Record<string, string | number>>(`select ${column} from signings where id = $1`, [
        signingId,
      ]);
      const write = (value: string | number) =>
        sql().run(`update signings set ${column} = $2 where id = $1`, [signingId, value]);
      await write(flipped);
      await expect(signings.find(signingId), column).rejects.toThrow();
      if (column === 'approvers') await expect(phone.claimWaiting(signingId)).rejects.toThrow();
      await write(row?.[column] ?? '');
    }
    await approve(signingId);
    expect((await poll(system, portal, id)).status).toBe(200);
  });
});

describe('Who can write the database, where several people sign', () => {
  it('makes one of them no two (T-04, T-15)', async () => {
    const company = await createCompany(system.server.capabilities.admin, {
      name: 'Two Sign',
      rules: { approvers: [{ templates: ['text' as const], needed: 2 }] },
      actor: bank,
    });
    const user = await addUser(system.server, company.id, { name: 'Ada Alone' });
    const own = await registerPhone(system, { user });
    await own.unlockWithMpin(mpin);
    const id = await authReqIdOf(system, portal, { login_hint: user.id });
    const { signingId } = await asked();
    await sql().run('update signings set given = 1 where id = $1', [signingId]);
    // The phone is told of two, and the record would have one receipt.
    await expect(own.approve(await own.claimWaiting(signingId), { method: 'mpin', mpin })).rejects.toThrow();
    const [row] = await sql().query<{ status: string }>('select status from signings where id = $1', [signingId]);
    expect(row?.status).toBe('pending');
    // Nor does it help to write that, too.
    await sql().run('update signings set given = 0 where id = $1', [signingId]);
    await own.approve(await own.claimWaiting(signingId), { method: 'mpin', mpin });
    await sql().run("update signings set given = 2, status = 'approved', ended_at = created_at where id = $1", [
      signingId,
    ]);
    await sql().run('update backchannel_requests set settled_at = 1 where signing_id = $1', [signingId]);
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'access_denied' });
  });
});

describe('A request that expires', () => {
  it('is told so by the same statements for a user who was asked and for one who does not exist, at once and again (O-18)', async () => {
    const real = await authReqIdOf(system, portal, { requested_expiry: 90 });
    const { signingId } = await asked();
    const order = await phone.claimWaiting(signingId);
    const nobody = await authReqIdOf(system, portal, { requested_expiry: 90, login_hint: `usr_${'A'.repeat(22)}` });
    offset += 91_000;
    const request = async () => {
      const [row] = await sql().query<{ status: string; version: number }>(
        'select status, version from signings where id = $1',
        [signingId],
      );
      return row;
    };
    const before = await request();
    for (const id of [real, nobody, nobody, real]) {
      expect((await poll(system, portal, id)).body).toMatchObject({ error: 'expired_token' });
      // Neither read, which would take longer, nor written: from now on it is as if nobody had been asked.
      expect(await request()).toEqual(before);
    }
    await expect(phone.approve(order, { method: 'mpin', mpin })).rejects.toMatchObject({ code: 'order_unavailable' });
    expect(await system.server.stores.records.signings.approvals(signingId)).toEqual([]);
    expect((await poll(system, portal, real)).body).toMatchObject({ error: 'expired_token' });
  });
});

describe('A portal', () => {
  it('whose right to have things signed ended while its request waited asks nobody (T-11, O-17)', async () => {
    const { admin, signing } = system.server.capabilities;
    const desk = await addCibaPortal(system);
    await authReqIdOf(system, desk);
    const { signingId } = await asked();
    // One at a time: the second asks nobody, and so is still there to be delivered.
    await authReqIdOf(system, desk, ofDetail(100));
    const silences = async (): Promise<unknown[]> =>
      (
        await system.server.stores.records.audit.search(
          { event: 'backchannel.silenced' },
          { order: 'newest', limit: 9 },
        )
      )
        .filter(({ clientId }) => clientId === desk.id)
        .map(({ data }) => data?.['reason']);
    await eventually('the silence', async () => (await silences())[0]);
    const [waiting] = await sql().query<{ lookup: string }>(
      'select id_lookup as lookup from backchannel_requests where client_id = $1 and signing_id is null',
      [desk.id],
    );
    const stored = await system.server.stores.records.clients.find(desk.id);
    const { scope: _scope, ...metadata } = stored?.metadata ?? {};
    await updateClient(admin, desk.id, { change: { version: stored?.version ?? 0, metadata }, actor: bank });
    await approve(signingId);
    const message = { kind: 'backchannel_request', recipient: system.user.id, attempts: 0, createdAt: 0 } as const;
    const payload = JSON.stringify({ idLookup: waiting?.lookup });
    await backchannelAsker(signing)({ ...message, id: 'box_test', payload });
    expect(await silences()).toEqual(['client', 'pending']);
    expect(await phone.inbox()).toEqual([]);
  });
});
