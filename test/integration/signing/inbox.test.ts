/** The inbox of a whole server: what waits, what has ended and the receipts, each for whom it is meant and for nobody else. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import type { User } from '../../../src/companies/store.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { updateUser } from '../../../src/companies/users.ts';
import { randomId } from '../../../src/crypto/random.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import type { ClaimedOrder, Phone } from '../../../src/sdk/index.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { checkFields } from '../../../src/signing/check.ts';
import type { SigningRequest } from '../../../src/signing/store.ts';
import { render } from '../../../src/signing/wording.ts';
import { samples } from '../../unit/signing/samples.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addUser, bank, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';

let stores: SystemStores;
let system: System;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores);
});
afterAll(async () => {
  await system.close();
  await stores.close();
});

const now = () => system.clock.now();
const byMpin = { method: 'mpin', mpin } as const;
const history = async () => (await fetch(`${system.issuer}/.well-known/mtoken-key-history`)).json() as Promise<unknown>;

/** A person of the company, and their phone, unlocked. */
async function person(name: string, companyId = system.company.id): Promise<{ user: User; phone: Phone }> {
  const user = await addUser(system.server, companyId, { name });
  return { user, phone: await unlockedPhone(user) };
}

async function unlockedPhone(user: User): Promise<Phone> {
  const phone = await registerPhone(system, { user });
  await phone.unlockWithMpin(mpin);
  return phone;
}

async function allow(user: User, permissions: User['permissions']): Promise<void> {
  const { id: userId, version } = (await system.server.stores.records.users.find(user.id)) ?? user;
  await updateUser(system.server.capabilities.admin, { userId, version, changes: { permissions }, actor: bank });
}

/** What a portal asked of that user, as every door keeps it. */
async function asked(
  user: User,
  {
    template = 'payment',
    fields = samples[template],
    ...changes
  }: Partial<SigningRequest> & {
    template?: TemplateName;
    fields?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<string> {
  const checked = checkFields({ template, version: 1, fields });
  const request: SigningRequest = {
    id: randomId('sig'),
    clientId: system.portal.id,
    door: 'api',
    origin: 'https://portal.example',
    userId: user.id,
    companyId: user.companyId,
    reference: `order ${randomUUID()}`,
    display: render(checked.name, checked.fields, 'en').display,
    approvers: 1,
    given: 0,
    mpinOnly: false,
    warnings: [],
    status: 'pending',
    reason: undefined,
    askableAt: now(),
    createdAt: now(),
    expiresAt: now() + 300_000,
    endedAt: undefined,
    captured: 0,
    version: 1,
    ...changes,
  };
  await system.server.stores.records.signings.insert(request, { list: checked.list });
  return request.id;
}

const idsOf = async (phone: Phone): Promise<string[]> => (await phone.inbox()).map(({ signingId }) => signingId);

async function claimed(phone: Phone, signingId: string): Promise<ClaimedOrder> {
  return phone.claimWaiting(signingId);
}

const gone = { code: 'order_unavailable' };
const nothing = { code: 'not_found' };

describe('the inbox', () => {
  it('tells each user what was asked of them; nobody else sees, opens or gets a receipt of it (T-09, T17)', async () => {
    const ada = await person('Ada');
    const elsewhere = await createCompany(system.server.capabilities.admin, {
      name: 'Southwind',
      userLimit: 10,
      deviceLimit: 10,
      selfActivation: true,
      actor: bank,
    });
    const strangers = [await person('Bob'), await person('Eve', elsewhere.id)];
    const signingId = await asked(ada.user);
    expect(await ada.phone.inbox()).toMatchObject([
      {
        signingId,
        client: { id: system.portal.id, name: 'Business portal', domain: 'portal.example' },
        template: { name: 'payment', version: 1 },
        title: 'Payment',
        about: ['Amount: 1,250.00\u00a0EUR', 'Payee: Jansen & Zn'],
        approvers: { needed: 1, given: 0 },
      },
    ]);
    for (const { phone } of strangers) {
      expect(await idsOf(phone)).toEqual([]);
      await expect(phone.claimWaiting(signingId)).rejects.toMatchObject(gone);
    }
    const order = await claimed(ada.phone, signingId);
    expect(order.descriptor).toMatchObject({ via: 'inbox', signing: { id: signingId } });
    await ada.phone.approve(order, byMpin);
    expect(await idsOf(ada.phone)).toEqual([]);
    const receipt = await ada.phone.receipt(signingId);
    const { facts } = await verifyReceipt(receipt, await history());
    expect(facts).toMatchObject({ signingId, user: { id: ada.user.id } });
    expect((await ada.phone.history()).past).toMatchObject([{ signingId, state: 'approved', isSigned: true }]);
    // Another phone of the same user has it too.
    expect(await (await unlockedPhone(ada.user)).receipt(signingId)).toEqual(receipt);
    for (const { phone } of strangers) {
      expect(await phone.history()).toEqual({ past: [], hasMore: false });
      expect(await phone.history({ before: signingId })).toEqual({ past: [], hasMore: false });
      await expect(phone.receipt(signingId)).rejects.toMatchObject(nothing);
      await expect(phone.receipt(randomId('sig'))).rejects.toMatchObject(nothing);
    }
  });

  it('shows what takes several of a company to its users with all permissions, until they have approved (T-15, T17)', async () => {
    const [ada, bob, carl] = [await person('Ada'), await person('Bob'), await person('Carl')];
    await allow(carl.user, 'mtoken');
    const signingId = await asked(ada.user, { approvers: 2 });
    expect(await idsOf(carl.phone)).not.toContain(signingId);
    await expect(carl.phone.claimWaiting(signingId)).rejects.toMatchObject(gone);
    await ada.phone.approve(await claimed(ada.phone, signingId), byMpin);
    expect(await idsOf(ada.phone)).not.toContain(signingId);
    await expect(ada.phone.claimWaiting(signingId)).rejects.toMatchObject(gone);
    const seen = (await bob.phone.inbox()).find((one) => one.signingId === signingId);
    expect(seen?.approvers).toEqual({ needed: 2, given: 1 });
    // Who loses the permission while the app is open sees nothing of the company from then on.
    await allow(bob.user, 'mtoken');
    expect(await idsOf(bob.phone)).not.toContain(signingId);
    await expect(bob.phone.claimWaiting(signingId)).rejects.toMatchObject(gone);
    await allow(bob.user, 'full');
    const order = await claimed(bob.phone, signingId);
    expect(order.descriptor.signing?.approvers).toEqual({ needed: 2, given: 1 });
    await bob.phone.approve(order, byMpin);
    for (const { user, phone } of [ada, bob]) {
      const { facts } = await verifyReceipt(await phone.receipt(signingId), await history());
      expect(facts?.user.id).toBe(user.id);
      expect((await phone.history()).past).toMatchObject([{ signingId, state: 'approved', isSigned: true }]);
    }
    await expect(carl.phone.receipt(signingId)).rejects.toMatchObject(nothing);
    expect((await carl.phone.history()).past).toEqual([]);
  });

  it('is silent about what may not be asked yet, and about what is over (T-13)', async () => {
    const { user, phone } = await person('Ada');
    const early = await asked(user, { askableAt: now() + 60_000 });
    const late = await asked(user, { createdAt: now() - 10_000, expiresAt: now() - 1 });
    const open = await asked(user);
    expect(await idsOf(phone)).toEqual([open]);
    for (const signingId of [early, late]) await expect(phone.claimWaiting(signingId)).rejects.toMatchObject(gone);
  });

  it('keeps what was declined, with its reason and without a receipt, and no order of it can be claimed again', async () => {
    const { user, phone } = await person('Ada');
    const signingId = await asked(user);
    await phone.decline(await claimed(phone, signingId), 'payee');
    const { past } = await phone.history();
    expect(past).toMatchObject([{ signingId, state: 'declined', reason: 'payee', isSigned: false }]);
    await expect(phone.claimWaiting(signingId)).rejects.toMatchObject(gone);
    await expect(phone.receipt(signingId)).rejects.toMatchObject(nothing);
  });

  it('keeps the receipt of a batch that one approved and another declined, and it verifies (T-06, T-15)', async () => {
    const [ada, bob] = [await person('Ada'), await person('Bob')];
    const signingId = await asked(ada.user, { approvers: 2, template: 'payment-batch' });
    await ada.phone.approve(await claimed(ada.phone, signingId), byMpin);
    await bob.phone.decline(await claimed(bob.phone, signingId));
    expect((await ada.phone.history()).past).toMatchObject([{ signingId, state: 'declined', isSigned: true }]);
    expect(await ada.phone.receipt(signingId)).toMatchObject({ list: expect.stringContaining('amount') });
    await expect(bob.phone.receipt(signingId)).rejects.toMatchObject(nothing);
  });

  it('gives the history page by page, each entry once, and a stranger’s id leads nowhere (T17)', async () => {
    const { user, phone } = await person('Ada');
    const at = now() - 1_000_000;
    const ids: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      // Some of one instant: then their ids decide.
      const createdAt = at + Math.floor(index / 3);
      ids.push(await asked(user, { status: 'expired', createdAt, askableAt: at, endedAt: at + 400_000 }));
    }
    const seen: string[] = [];
    const lengths: number[] = [];
    for (let hasMore = true; hasMore; ) {
      const before = seen.at(-1);
      const page = await phone.history(before === undefined ? {} : { before });
      lengths.push(page.past.length);
      seen.push(...page.past.map(({ signingId }) => signingId));
      hasMore = page.hasMore;
    }
    expect(lengths).toEqual([25, 25, 10]);
    expect([...seen].sort()).toEqual([...ids].sort());
    // Older than all of hers, so that a place taken from her list would show it.
    const other = await person('Bob');
    const older = await asked(other.user, { status: 'expired', createdAt: at - 1, askableAt: at, endedAt: at });
    expect((await other.phone.history()).past).toMatchObject([{ signingId: older }]);
    expect(await other.phone.history({ before: ids[0] ?? '' })).toEqual({ past: [], hasMore: false });
    expect((await phone.history({ before: randomId('sig') })).past).toEqual([]);
  });

  it('gives nothing to who was suspended, not even in a session that was open (S-07)', async () => {
    const { user, phone } = await person('Ada');
    const signed = await asked(user);
    await phone.approve(await claimed(phone, signed), byMpin);
    const signingId = await asked(user);
    await suspendUser(system.server.capabilities.admin, { userId: user.id, reason: 'test', actor: bank });
    for (const call of [
      () => phone.inbox(),
      () => phone.history(),
      () => phone.receipt(signed),
      () => phone.claimWaiting(signingId),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/^(session_ended|locked)$/) });
    }
  });

  it('tells a phone that asks in a loop to wait, and no other phone (X-10)', async () => {
    const { user, phone } = await person('Ada');
    for (let count = 0; count < 40; count += 1) await phone.inbox();
    await expect(phone.inbox()).rejects.toMatchObject({
      code: 'too_many_requests',
      retryAfterSeconds: expect.any(Number),
    });
    expect(await phone.history()).toEqual({ past: [], hasMore: false });
    expect(await idsOf(await unlockedPhone(user))).toEqual([]);
  });

  it('hands out the receipt of ten thousand payments whole (T-06, T-14)', async () => {
    const { user, phone } = await person('Ada');
    const one = { amount: 1, creditorName: 'Zoë Peeters', creditorIban: 'BE71096123456769', reference: 'November' };
    const payments = Array.from({ length: 10_000 }, (_, index) => ({ ...one, amount: index + 1 }));
    const fields = { ...samples['payment-batch'], payments, count: 10_000, total: 50_005_000 };
    const signingId = await asked(user, { template: 'payment-batch', fields });
    const order = await claimed(phone, signingId);
    expect(order.payments).toHaveLength(10_000);
    await phone.approve(order, byMpin);
    const { isGenuine, facts } = await verifyReceipt(await phone.receipt(signingId), await history());
    expect(isGenuine).toBe(true);
    expect(facts?.payments).toEqual(payments);
  });
});
