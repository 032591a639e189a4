/** Activation texts and frames: what is accepted, and that nothing else reaches the network or the person. */
import { describe, expect, it } from 'vitest';
import { parseActivation, parseFrame, parseTyped } from '../../../src/sdk/texts.ts';
import { description, issuer, mpin, openBank, openBankWithPhone } from './bank.ts';
import { frameText } from './protocol-server.ts';

const thumbprint = 'A'.repeat(43);
const code = 'ABCD-EFGH-JKMN-PQRS-TVWX-YZ23';
const policy = { issuer: undefined, allowLoopbackHttp: false };
const good = frameText(issuer);
const tail = good.slice(issuer.length);

describe('frames', () => {
  const wrongOrigin: string[] = [
    `https://id.evil.example${tail}`,
    `http://id.bank.example${tail}`,
    `${issuer}:8443${tail}`,
    `${issuer}.evil.example${tail}`,
    `https://id.bank.example@evil.example${tail}`,
    `https://evil.example\\@id.bank.example${tail}`,
    `https://id.bank.example.${tail}`,
    `https://id.bаnk.example${tail}`,
  ];
  const noFrame: string[] = [
    '',
    'hello',
    issuer,
    `${issuer}/`,
    `HTTPS://id.bank.example${tail}`,
    `https://ID.BANK.EXAMPLE${tail}`,
    `${issuer}${tail}?next=https://evil.example`,
    `${issuer}${tail}#x`,
    `${issuer}${tail}/`,
    `${issuer}/x${tail.slice(2)}`,
    `${issuer}/q/../l/${tail.slice(3)}`,
    `${issuer}${tail.replace('.890000000.', '.0890000000.')}`,
    `${issuer}${tail.replace('.890000000.', '.4294967296.')}`,
    `${issuer}${tail.replace('.890000000.', '.-1.')}`,
    `${issuer}${tail.slice(0, -1)}`,
    `${issuer}${tail} ${tail}`,
    `javascript:alert(1)`,
    `mtoken:${tail}`,
    `${issuer}${tail.replace(/^(\/q\/.{21})./, '$1_')}`,
    'x'.repeat(100_000),
  ];

  it.each(wrongOrigin)('%s is of another origin (P-26)', (text) => {
    expect(() => parseFrame(text, issuer)).toThrow(expect.objectContaining({ code: 'wrong_origin' }));
  });

  it.each(noFrame)('%s is no frame (P-26)', (text) => {
    expect(() => parseFrame(text, issuer)).toThrow(expect.objectContaining({ code: 'not_a_frame' }));
  });

  it('are refused by the phone before any request (P-26)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    const asked = bank.urls.length;
    for (const text of [...wrongOrigin, ...noFrame]) {
      await expect(phone.claim(text)).rejects.toMatchObject({
        code: expect.stringMatching(/^(wrong_origin|not_a_frame)$/),
      });
    }
    expect(bank.urls.length).toBe(asked);
  });

  it('are taken apart where they are right, with blanks around them', () => {
    expect(parseFrame(` ${good}\n`, issuer)).toMatchObject({
      via: 'qr',
      step: 890_000_000,
      token: expect.stringMatching(/^.{22}$/),
    });
    expect(parseFrame(frameText(issuer, 'l'), issuer)).toMatchObject({ via: 'link' });
    expect(parseFrame(`${issuer}${tail.replace('/q/', '/s/')}`, issuer)).toMatchObject({ via: 'steady' });
  });
});

describe('short codes', () => {
  it.each([
    '123456789012',
    ' 1234 5678 9012\n',
    '1234-5678-9012',
    '1234\u20135678\u20139012',
    '1234\u00a05678\u00a09012',
    '1 2 3 4 - 5 6 7 8 - 9 0 1 2',
    '\u0661\u0662\u0663\u0664 \u0665\u0666\u0667\u0668 \u0669\u0660\u0661\u0662',
    '\u06f1\u06f2\u06f3\u06f4 \u06f5\u06f6\u06f7\u06f8 \u06f9\u06f0\u06f1\u06f2',
  ])('%j is taken as twelve digits', (text) => {
    expect(parseTyped(text, issuer)).toEqual({ via: 'code', code: '123456789012' });
  });

  it.each([
    '',
    '12345678901',
    '1234567890123',
    '1234.5678.9012',
    '1234,5678,9012',
    '+123456789012',
    '12345678901x',
    '0x3456789012',
    `${' '.repeat(100_000)}123456789012`,
    `${issuer}/c/123456789012`,
  ])('%j is none', (text) => {
    expect(() => parseTyped(text, issuer)).toThrow(expect.objectContaining({ code: 'not_a_frame' }));
  });

  it('in a picture is refused before any request: a code that lives two minutes cannot be sent as one to be scanned (P-01, P-26)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    const asked = bank.urls.length;
    for (const text of ['123456789012', '1234 5678 9012']) {
      await expect(phone.claim(text)).rejects.toMatchObject({ code: 'not_a_frame' });
    }
    expect(bank.urls.length).toBe(asked);
  });

  it('and frames are told apart', () => {
    expect(parseTyped(good, issuer)).toMatchObject({ via: 'qr' });
    expect(() => parseTyped(`https://id.evil.example${tail}`, issuer)).toThrow(
      expect.objectContaining({ code: 'wrong_origin' }),
    );
  });
});

describe('activation texts', () => {
  it.each([
    `${issuer}/activate#c=${code}&k=${thumbprint}`,
    `  ${issuer}/activate#c=${code.toLowerCase().replaceAll('-', ' ')}&k=${thumbprint}  `,
    `${issuer}/activate#c=${code.replaceAll('-', '')}&k=${thumbprint}`,
  ])('%s is accepted, whatever the case, blanks and dashes of its code', (text) => {
    expect(parseActivation(text, policy)).toEqual({ issuer, code, keyThumbprint: thumbprint });
  });

  it.each([
    ['', 'invalid_activation'],
    ['hello', 'invalid_activation'],
    [`${issuer}/activate#c=${code}`, 'invalid_activation'],
    [`${issuer}/activate#k=${thumbprint}&c=${code}`, 'invalid_activation'],
    [`${issuer}/activate?c=${code}&k=${thumbprint}`, 'invalid_activation'],
    [`${issuer}/tenant/activate#c=${code}&k=${thumbprint}`, 'invalid_activation'],
    [`https://id.bank.example@evil.example/activate#c=${code}&k=${thumbprint}`, 'invalid_activation'],
    [`https://ID.bank.example/activate#c=${code}&k=${thumbprint}`, 'invalid_activation'],
    [`${issuer}:443/activate#c=${code}&k=${thumbprint}`, 'invalid_activation'],
    [`${issuer}/activate#c=${code}&k=${thumbprint.slice(1)}B`, 'invalid_activation'],
    [`http://id.bank.example/activate#c=${code}&k=${thumbprint}`, 'wrong_origin'],
    [`http://localhost:3000/activate#c=${code}&k=${thumbprint}`, 'wrong_origin'],
    [`ftp://id.bank.example/activate#c=${code}&k=${thumbprint}`, 'wrong_origin'],
  ])('%s is refused as %s (P-26)', (text, expected) => {
    expect(() => parseActivation(text, policy)).toThrow(expect.objectContaining({ code: expected }));
  });

  it('http is accepted for the loopback only, and only where that was allowed', () => {
    const allowing = { issuer: undefined, allowLoopbackHttp: true };
    expect(parseActivation(`http://localhost:3000/activate#c=${code}&k=${thumbprint}`, allowing).issuer).toBe(
      'http://localhost:3000',
    );
    const remote = `http://localhost.evil.example/activate#c=${code}&k=${thumbprint}`;
    expect(() => parseActivation(remote, allowing)).toThrow(expect.objectContaining({ code: 'wrong_origin' }));
  });

  it('an app of one server takes no activation of another (P-26)', async () => {
    const bank = await openBank();
    const phone = bank.phone({ issuer: 'https://id.own.example' });
    await expect(phone.beginRegistration(bank.activationText, { device: description })).rejects.toMatchObject({
      code: 'wrong_origin',
    });
    expect(bank.urls).toHaveLength(0);
  });
});
