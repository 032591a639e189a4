/** Inbox, history and receipts at a server that is honest, and at one that lies. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Phone, verifyReceipt } from '../../../src/sdk/index.ts';
import { type Bank, issuer, mpin, openBankWithPhone } from './bank.ts';
import { frameText, id, newKey } from './protocol-server.ts';

const notAuthentic = { code: 'server_not_authentic' };
const byMpin = { method: 'mpin', mpin } as const;

async function unlocked(options: { biometric?: boolean } = {}): Promise<{ bank: Bank; phone: Phone }> {
  const both = await openBankWithPhone(options);
  await both.phone.unlockWithMpin(mpin);
  return both;
}

const sentTo = (bank: Bank): string[] => bank.recorded.map(({ name }) => name);

describe('what waits', () => {
  it('is listed, claimed, shown, signed, and then among what has ended, with a receipt that verifies (T-09, T-14)', async () => {
    const { bank, phone } = await unlocked();
    expect(await phone.inbox()).toEqual([]);
    const approvers = { needed: 2, given: 1 };
    const signingId = bank.inbox.add({ approvers, warnings: ['new_payee'] });
    expect(await phone.inbox()).toMatchObject([{ signingId, approvers, client: { name: 'Demo Portal' } }]);
    const order = await phone.claimWaiting(signingId);
    expect(order.descriptor).toMatchObject({
      via: 'inbox',
      signing: { id: signingId, approvers, warnings: ['new_payee'] },
    });
    expect(order.lines).toMatchObject([{ value: 'Log in to Demo Portal' }]);
    await phone.approve(order, byMpin);
    expect(await phone.inbox()).toEqual([]);
    expect(await phone.history()).toMatchObject({
      past: [{ signingId, state: 'approved', isSigned: true }],
      hasMore: false,
    });
    const receipt = await phone.receipt(signingId);
    expect(await verifyReceipt(receipt, await bank.keyHistory())).toMatchObject({
      isGenuine: true,
      facts: { signingId },
    });
    await expect(phone.receipt(id('sig'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('can be declined and reported as any other order', async () => {
    const { bank, phone } = await unlocked();
    await phone.decline(await phone.claimWaiting(bank.inbox.add()), 'payee');
    await phone.report(await phone.claimWaiting(bank.inbox.add()));
    expect(bank.decisions.map(({ claims }) => claims['decision'])).toEqual(['decline', 'report']);
  });

  it('and what does not is told apart from a code that is too old', async () => {
    const { bank, phone } = await unlocked();
    await expect(phone.claimWaiting(id('sig'))).rejects.toMatchObject({ code: 'order_unavailable' });
    for (const odd of ['', 'ord_aaaaaaaaaaaaaaaaaaaaaa', `${id('sig')}/..`, 'sig_']) {
      await expect(phone.claimWaiting(odd)).rejects.toMatchObject({ code: 'order_unavailable' });
      await expect(phone.receipt(odd)).rejects.toMatchObject({ code: 'not_found' });
      await expect(phone.history({ before: odd })).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(sentTo(bank).filter((name) => name.startsWith('orders/'))).toEqual(['orders/claim']);
  });

  it('takes a session, each of it', async () => {
    const { phone } = await openBankWithPhone();
    for (const call of [phone.inbox(), phone.history(), phone.receipt(id('sig')), phone.claimWaiting(id('sig'))]) {
      await expect(call).rejects.toMatchObject({ code: 'locked' });
    }
  });
});

const past = () => ({
  signingId: id('sig'),
  client: { id: 'portal', name: 'Demo Portal', domain: 'portal.example' },
  template: { name: 'payment', version: 1 },
  title: 'Payment',
  about: ['Amount: 1.00 EUR'],
  state: 'approved',
  endedAt: 1,
  isSigned: true,
});

/** One phone for many lies; some that are found out end its session. */
function onePhone(): { readonly bank: Bank; readonly phone: Phone } {
  const held: Partial<Awaited<ReturnType<typeof openBankWithPhone>>> = {};
  beforeAll(async () => {
    Object.assign(held, await openBankWithPhone());
  });
  beforeEach(async () => {
    const { bank, phone } = held;
    for (const name of Object.keys(bank?.tamper ?? {})) delete bank?.tamper[name as keyof Bank['tamper']];
    const state = await phone?.state();
    if (state?.kind === 'registered' && state.session === null) await phone?.unlockWithMpin(mpin);
  });
  return held as { bank: Bank; phone: Phone };
}

describe('an order that a lying server gives for what waits', () => {
  const other = id('sig');
  const at = onePhone();
  it.each([
    ['of another request', { signing: { id: other, approvers: { needed: 1, given: 0 }, warnings: [] } }],
    ['of no request', { signing: undefined }],
    ['begun in another way', { via: 'qr' }],
    ['that is a login', { purpose: 'login' }],
    ['without a proof of its own', { freshProof: false }],
    ['with all its approvals', { approvers: { needed: 2, given: 2 } }],
    ['with more approvals than it takes', { approvers: { needed: 1, given: 7 } }],
    ['with no approver needed', { approvers: { needed: 0, given: 0 } }],
    ['with a warning that there is not', { warnings: ['all_is_well'] }],
    ['that says more than it may', { signing: { more: true } }],
    ['with a text of another', { display: { text: 'Pay 1 EUR', locale: 'en' } }],
  ])('%s is refused, and nothing is signed (T-04, T-05)', async (_what, changed) => {
    const { bank, phone } = at;
    const { signing = {}, approvers, warnings, ...rest } = changed as Record<string, object | undefined>;
    bank.tamper.descriptorClaims = (honest) => {
      const said = {
        ...(honest['signing'] as object),
        ...signing,
        ...(approvers && { approvers }),
        ...(warnings && { warnings }),
      };
      const { signing: _signing, ...without } = honest;
      return {
        ...without,
        ...('signing' in changed && changed.signing === undefined ? {} : { signing: said }),
        ...rest,
      };
    };
    await expect(phone.claimWaiting(bank.inbox.add())).rejects.toMatchObject(notAuthentic);
    expect(sentTo(bank)).not.toContain('orders/decide');
  });

  it('is refused for a scanned code too, where it claims to have waited, or signs at a login (T-04)', async () => {
    const { bank, phone } = at;
    const signing = { id: other, approvers: { needed: 1, given: 0 }, warnings: [] };
    for (const changed of [{ via: 'inbox' }, { via: 'inbox', signing }, { signing }, { mpinOnly: true }]) {
      bank.tamper.descriptorClaims = (honest) => ({ ...honest, ...changed });
      await expect(phone.claim(frameText(issuer))).rejects.toMatchObject(notAuthentic);
    }
  });
});

describe('an order that takes the mPIN alone', () => {
  it('is not approved with fingerprint or face, and nothing is sent (T-02)', async () => {
    const { bank, phone } = await unlocked({ biometric: true });
    const order = await phone.claimWaiting(bank.inbox.add({ mpinOnly: true }));
    expect(order.descriptor.mpinOnly).toBe(true);
    const sent = bank.recorded.length;
    await expect(phone.approve(order, { method: 'biometric' })).rejects.toMatchObject({ code: 'proof_required' });
    // What an app made of its own copy does not count.
    const bent = { ...order, descriptor: { ...order.descriptor, mpinOnly: false } };
    await expect(phone.approve(bent, { method: 'biometric' })).rejects.toMatchObject({ code: 'proof_required' });
    expect(bank.recorded).toHaveLength(sent);
    await phone.approve(order, byMpin);
    expect(bank.decisions.map(({ claims }) => claims['factors'])).toEqual([['mpin']]);
  });
});

describe('a list that a lying server gives', () => {
  const at = onePhone();
  it.each<[string, (entry: Record<string, unknown>) => object[]]>([
    ['more than a hundred', (entry) => Array.from({ length: 101 }, () => ({ ...entry, signingId: id('sig') }))],
    ['one twice', (entry) => [entry, entry]],
    ['markup for a title', (entry) => [{ ...entry, title: '<img src=x onerror=alert(1)>' }]],
    ['a title in two lines', (entry) => [{ ...entry, title: 'Payment\nApproved' }]],
    ['a title that turns round', (entry) => [{ ...entry, title: '\u202eyap' }]],
    [
      'a story for a title',
      (entry) => [{ ...entry, title: 'Approve this at once or your account will be closed for good!' }],
    ],
    ['a name that nobody sees', (entry) => [{ ...entry, client: { id: 'x', name: 'Ba\u200bnk', domain: 'x' } }]],
    ['a line that turns round', (entry) => [{ ...entry, about: ['Amount: 1.00 \u202eRUE 00.9'] }]],
    ['a line that is two', (entry) => [{ ...entry, about: ['Amount: 1.00 EUR\nPayee: Jansen'] }]],
    ['more lines than a headline has', (entry) => [{ ...entry, about: ['one', 'two', 'three'] }]],
    ['no name', (entry) => [{ ...entry, client: { id: 'x', name: '', domain: 'x' } }]],
    ['all its approvals', (entry) => [{ ...entry, approvers: { needed: 1, given: 1 } }]],
    ['an end before its beginning', (entry) => [{ ...entry, expiresAt: 1 }]],
    ['another kind of id', (entry) => [{ ...entry, signingId: 'ord_aaaaaaaaaaaaaaaaaaaaaa' }]],
    ['a member more', (entry) => [{ ...entry, amount: 1 }]],
  ])('with %s is refused whole (T-05, T-08)', async (_what, lie) => {
    const { bank, phone } = at;
    bank.inbox.add();
    bank.tamper.inbox = ({ waiting: [entry = {}] }) => ({ waiting: lie(entry) });
    await expect(phone.inbox()).rejects.toMatchObject(notAuthentic);
  });

  it.each<[string, (page: { past: Record<string, unknown>[] }) => object]>([
    ['no end', () => ({ past: [], hasMore: true })],
    ['a reason of what was approved', ({ past: [one] }) => ({ past: [{ ...one, reason: 'payee' }], hasMore: false })],
    ['what has not ended', ({ past: [one] }) => ({ past: [{ ...one, state: 'pending' }], hasMore: false })],
    ['markup for a title', ({ past: [one] }) => ({ past: [{ ...one, title: '<b>Payment</b>' }], hasMore: false })],
    [
      'more than a page',
      ({ past }) => ({
        past: Array.from({ length: 51 }, () => ({ ...past[0], signingId: id('sig') })),
        hasMore: false,
      }),
    ],
  ])('of what has ended with %s is refused', async (_what, lie) => {
    const { bank, phone } = at;
    bank.inbox.past.splice(0, Infinity, past());
    bank.tamper.history = lie;
    await expect(phone.history()).rejects.toMatchObject(notAuthentic);
  });

  it('cannot keep a phone asking for the same page for ever (X-10)', async () => {
    const { bank, phone } = at;
    const { signingId } = past();
    bank.tamper.history = () => ({ past: [{ ...past(), signingId }], hasMore: true });
    await expect(phone.history({ before: signingId })).rejects.toMatchObject(notAuthentic);
  });
});

describe('a receipt that a lying server gives', () => {
  const at = onePhone();
  /** Something waited, and the phone signed it. */
  async function signedOne(): Promise<{ bank: Bank; phone: Phone; signingId: string }> {
    const { bank, phone } = at;
    const signingId = bank.inbox.add();
    await phone.approve(await phone.claimWaiting(signingId), byMpin);
    return { bank, phone, signingId };
  }

  it('with any member changed is refused (T-04, T-14)', async () => {
    const { bank, phone, signingId } = await signedOne();
    for (const member of ['order', 'approval', 'countersignature', 'format', 'version', 'list']) {
      bank.tamper.receipt = (honest) => {
        const text = String(honest[member]);
        const middle = Math.floor(text.length / 2);
        const bent = `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`;
        return { ...honest, [member]: member === 'version' ? 2 : member === 'list' ? '[]' : bent };
      };
      await expect(phone.receipt(signingId), member).rejects.toMatchObject(notAuthentic);
    }
    bank.tamper.receipt = () => [];
    await expect(phone.receipt(signingId)).rejects.toMatchObject(notAuthentic);
  });

  it('of another request is refused, genuine as it is (T-14)', async () => {
    const { bank, phone, signingId } = await signedOne();
    const second = bank.inbox.add();
    await phone.approve(await phone.claimWaiting(second), byMpin);
    bank.tamper.receipt = () => ({ ...bank.inbox.receipts.get(second), version: 1 });
    await expect(phone.receipt(signingId)).rejects.toMatchObject(notAuthentic);
    expect(await phone.receipt(second)).toMatchObject({ format: 'mtoken-receipt' });
  });

  it("of another user's phone is refused, genuine as it is, and one of the same user's taken (T-14, T17)", async () => {
    const { bank, phone, signingId } = await signedOne();
    const receipt = bank.inbox.receipts.get(signingId) ?? {};
    const stranger = await openBankWithPhone();
    // The same server's keys, but a phone that this user does not have.
    stranger.bank.signingKey = bank.signingKey;
    stranger.bank.publishedSigningKeys = [...stranger.bank.publishedSigningKeys, bank.signingKey];
    stranger.bank.inbox.receipts.set(signingId, receipt as Record<string, string>);
    await stranger.phone.unlockWithMpin(mpin);
    await expect(stranger.phone.receipt(signingId)).rejects.toMatchObject(notAuthentic);
    expect(sentTo(stranger.bank)).toContain('devices/list');
    stranger.bank.otherDevices.push(bank.device().deviceId);
    expect(await stranger.phone.receipt(signingId)).toMatchObject({ approval: receipt['approval'] });
    expect(await phone.receipt(signingId)).toMatchObject({ approval: receipt['approval'] });
  });

  it('under a key history that no trusted key has signed is refused, though it verifies under that (C-12, T-14)', async () => {
    const { bank, phone, signingId } = await signedOne();
    const foreign = await newKey('ES256');
    bank.tamper.keyHistory = () => bank.keyHistory({ signers: [foreign], published: [bank.signingKey, foreign] });
    await expect(phone.receipt(signingId)).rejects.toMatchObject(notAuthentic);
    bank.tamper.keyHistory = () => ({ error: 'no such document' });
    await expect(phone.receipt(signingId)).rejects.toMatchObject(notAuthentic);
    delete bank.tamper.keyHistory;
    expect(await phone.receipt(signingId)).toMatchObject({ version: 1 });
  });

  it('after a rotation verifies by the new key, which a trusted one vouches for (C-12)', async () => {
    const { bank, phone, signingId } = await signedOne();
    const next = await newKey('ES256');
    const old = bank.signingKey;
    bank.publishedSigningKeys = [old, next];
    bank.tamper.keyHistory = () => bank.keyHistory({ signers: [next], published: [old, next] });
    expect(await phone.receipt(signingId)).toMatchObject({ version: 1 });
  });
});
