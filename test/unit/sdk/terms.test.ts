/** Terms in the SDK: whole, shown before anything is finished, and signed for by hash. */
import { describe, expect, it } from 'vitest';
import { memoryKeyStore } from '../../../src/sdk/index.ts';
import { type Bank, confirmationCode, description, mpin, openBank, termsOf } from './bank.ts';

const begin = async (bank: Bank, keyStore = memoryKeyStore()) => {
  const phone = bank.phone({ keyStore });
  return { phone, begun: await phone.beginRegistration(bank.activationText, { device: description }) };
};

async function bankWithTerms(terms = termsOf('Be careful.\n\u00c4')): Promise<Bank> {
  const bank = await openBank();
  bank.policy.termsOfUse = terms;
  return bank;
}

describe('a registration with terms', () => {
  it('gives them to the app, after a restart too, and signs what was accepted', async () => {
    const bank = await bankWithTerms();
    const keyStore = memoryKeyStore();
    const { begun } = await begin(bank, keyStore);
    expect(begun.terms).toEqual(bank.policy.termsOfUse);
    const restarted = bank.phone({ keyStore });
    expect(await restarted.state()).toMatchObject({ kind: 'registering', terms: bank.policy.termsOfUse });
    await restarted.finishRegistration({ confirmationCode, mpin, acceptedTerms: '2026-11' });
    expect(bank.device().status).toBe('active');
  });

  it.each([undefined, '2025-01', ''])(
    'sends nothing where they were not accepted, or others were: %s',
    async (acceptedTerms) => {
      const bank = await bankWithTerms();
      const { phone } = await begin(bank);
      const before = bank.recorded.length;
      await expect(phone.finishRegistration({ confirmationCode, mpin, acceptedTerms })).rejects.toMatchObject({
        code: 'terms_not_accepted',
      });
      expect(bank.recorded).toHaveLength(before);
    },
  );

  it('refuses terms that are not those of their hash: what is read is what is signed (R-04)', async () => {
    const bank = await bankWithTerms(termsOf('You pay nothing.', { text: 'You pay everything.' }));
    await expect(begin(bank)).rejects.toMatchObject({ code: 'server_not_authentic' });
  });

  it('says so where other terms came into force, and begins again with the same activation', async () => {
    const bank = await bankWithTerms();
    const { phone } = await begin(bank);
    bank.policy.newTerms = true;
    const late = phone.finishRegistration({ confirmationCode, mpin, acceptedTerms: '2026-11' });
    await expect(late).rejects.toMatchObject({ code: 'terms_not_accepted' });
    bank.policy.newTerms = false;
    bank.policy.termsOfUse = termsOf('Other terms.', { version: '2026-12' });
    const again = await phone.beginRegistration(bank.activationText, { device: description });
    expect(again.terms).toMatchObject({ version: '2026-12' });
    await phone.finishRegistration({ confirmationCode, mpin, acceptedTerms: '2026-12' });
  });
});

describe('a registration without terms', () => {
  it('signs what it always signed: a server of the version before knows no more', async () => {
    const bank = await openBank();
    const { phone, begun } = await begin(bank);
    expect(begun.terms).toBeNull();
    await phone.finishRegistration({ confirmationCode, mpin });
    expect(bank.device().status).toBe('active');
  });

  it('tells who has the confirmation code', async () => {
    const bank = await openBank();
    expect((await begin(bank)).begun).toMatchObject({
      confirmationChannel: 'email',
      confirmationHint: 'a•••@demo.example',
    });
    bank.policy.confirmation = { channel: 'administrator', hint: '' };
    expect((await begin(bank)).begun).toMatchObject({ confirmationChannel: 'administrator', confirmationHint: '' });
  });
});
