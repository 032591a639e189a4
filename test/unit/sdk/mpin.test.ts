/** The mPIN: its form, weak ones, and that neither it nor a hash of it alone ever leaves the phone. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../src/sdk/bytes.ts';
import { weakMpin } from '../../../src/sdk/index.ts';
import { memoryKeyStore } from '../../../src/sdk/memory-key-store.ts';
import { checkMpinForm, checkNewMpin, mpinPassword } from '../../../src/sdk/mpin.ts';
import { confirmationCode, description, issuer, mpin, openBank, openBankWithPhone } from './bank.ts';
import { frameText } from './protocol-server.ts';

const rules = { minLength: 5, maxLength: 8 };

describe('an mPIN', () => {
  it.each(['1234', '123456789', '', ' 83046', '83046\n', '8304a', '٨٣٠٤٦', '8304６', '+8304', '8e304'])(
    '%j is not of the form (P-19)',
    (text) => {
      expect(() => checkMpinForm(text, rules)).toThrow(expect.objectContaining({ code: 'mpin_format' }));
    },
  );

  it('that is a number is refused, since it would have lost its leading zeros (P-19)', () => {
    expect(() => checkMpinForm(83_046 as unknown as string, rules)).toThrow(
      expect.objectContaining({ code: 'mpin_format' }),
    );
  });

  it.each([
    ['repeated', '00000 11111 99999 10000 00001 12122 55565 000000 0000000 00000000 70070700'],
    [
      'sequence',
      '12345 54321 01234 56789 67890 90123 09876 13579 24680 97531 02468 123456 987654 1234567 12345678 87654321',
    ],
    ['pattern', '12312 45645 123123 121314151 12341234 11223 33221 112233 123321 12321 1231231 45644564 77889'],
    ['date', '19850 11985 20041 02004 311299 010190 851231 202611 112026 3161985 1121985 31121985 19851231 12311985'],
    ['common', '14789 31415 10203 75391 02580 147258 314159 142857 8675309 1472583 31415926 14725836'],
  ])('is weak by the rule %s: %s (L-14)', (rule, list) => {
    for (const text of list.split(' ').filter((entry) => entry.length <= 8)) {
      expect({ text, rule: weakMpin(text)?.rule }).toEqual({ text, rule });
      expect(() => checkNewMpin(text, rules)).toThrow(expect.objectContaining({ code: 'weak_mpin', rule }));
    }
  });

  it.each(['83046', '61734', '70592', '83046195', '604917', '5930274'])('%s is accepted', (text) => {
    expect(weakMpin(text)).toBeUndefined();
  });

  it('leaves most mPINs of every length to choose from: at most a tenth is refused', () => {
    for (const length of [5, 6]) {
      let weak = 0;
      for (let value = 0; value < 10 ** length; value += 1)
        if (weakMpin(String(value).padStart(length, '0'))) weak += 1;
      expect(weak / 10 ** length).toBeLessThan(0.1);
      expect(weak).toBeGreaterThan(10);
    }
  });

  it('that is weak is refused at registration and at a change, before anything is sent (L-14)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    const sent = bank.recorded.length;
    await expect(phone.changeMpin({ oldMpin: mpin, newMpin: '12345' })).rejects.toMatchObject({
      code: 'weak_mpin',
      rule: 'sequence',
    });
    await expect(phone.changeMpin({ oldMpin: mpin, newMpin: mpin })).rejects.toMatchObject({
      code: 'weak_mpin',
      rule: 'unchanged',
    });
    expect(bank.recorded.length).toBe(sent);
    const fresh = bank.phone();
    await fresh.beginRegistration(bank.activationText, { device: description });
    await expect(fresh.finishRegistration({ confirmationCode, mpin: '00000' })).rejects.toMatchObject({
      code: 'weak_mpin',
    });
  });

  it('becomes the password of the protocol: HMAC-SHA-512 of label, zero byte and digits under the device secret', async () => {
    const secret = randomBytes(32);
    const keys = {
      ...memoryKeyStore(),
      mac: async (data: Uint8Array) => new Uint8Array(createHmac('sha512', secret).update(data).digest()),
    };
    const expected = createHmac('sha512', secret)
      .update(Buffer.concat([Buffer.from('mtoken/v1/mpin'), Buffer.from([0]), Buffer.from('01234')]))
      .digest('base64url');
    expect(await mpinPassword(keys, '01234')).toBe(expected);
    expect(await mpinPassword(keys, '1234')).not.toBe(expected);
  });
});

describe('what a phone sends, all envelopes opened', () => {
  it('has neither the mPIN nor a hash or encoding of it alone, in any request of its life (P-19)', async () => {
    const bank = await openBank();
    Object.assign(bank.terms, { freshProof: true, purpose: 'signing' });
    const newMpin = '50927364';
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description, biometric: 'face' });
    await phone.finishRegistration({ confirmationCode, mpin });
    await phone.unlockWithMpin(mpin);
    await phone.approve(await phone.claim(frameText(issuer)), { method: 'mpin', mpin });
    await phone.changeMpin({ oldMpin: mpin, newMpin });
    await phone.unlockWithMpin(newMpin);
    await phone.unlockWithMpin('83046196').catch(() => undefined);
    await phone.unlockWithBiometrics();
    await phone.deactivate();
    const needles = [mpin, newMpin, '83046196'].flatMap((text) => [
      text,
      [...text].reverse().join(''),
      Buffer.from(text).toString('hex'),
      Buffer.from(text).toString('base64url'),
      ...['md5', 'sha1', 'sha256', 'sha512'].flatMap((hash) => {
        const digest = createHash(hash).update(text).digest();
        return [digest.toString('hex'), digest.toString('base64url'), digest.toString('base64')];
      }),
    ]);
    const everything = bank.recorded
      .map(
        ({ plaintext, dpop }) =>
          plaintext +
          dpop
            .split('.')
            .map((part) => Buffer.from(part, 'base64url').toString('latin1'))
            .join(),
      )
      .join('\n');
    // Statements are base64url within the plaintext: look into those as well.
    const statements = [...everything.matchAll(/eyJ[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\./g)]
      .map(([, payload = '']) => fromUtf8(Buffer.from(payload, 'base64url')))
      .join('\n');
    expect(bank.recorded.length).toBeGreaterThan(14);
    expect(statements).toContain('srp6a-2048-sha256');
    expect(needles.filter((needle) => (everything + statements).includes(needle))).toEqual([]);
  });
});
