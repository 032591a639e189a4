/** What a hostile server, or someone in between, can send: each is refused, and nothing that helps them is sent. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createPhone, memoryKeyStore, type Phone } from '../../../src/sdk/index.ts';
import { assertUsableEphemerals } from '../../../src/sdk/srp-client.ts';
import { type Bank, confirmationCode, description, issuer, mpin, openBank, openBankWithPhone } from './bank.ts';
import { frameText, newKey } from './protocol-server.ts';

const modulus = BigInt(
  '0xac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb694b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73',
);
const hex = (value: bigint) => value.toString(16).padStart(512, '0');
const notAuthentic = { code: 'server_not_authentic' };

async function unlocked(options: { biometric?: boolean } = {}): Promise<{ bank: Bank; phone: Phone }> {
  const both = await openBankWithPhone(options);
  await both.phone.unlockWithMpin(mpin);
  return both;
}

describe('weak SRP values', () => {
  it.each([
    ['0', hex(0n)],
    ['N', hex(modulus)],
    ['N + 5', hex(modulus + 5n)],
    ['the largest of 2048 bits', 'f'.repeat(512)],
    ['2N, in 513 digits', (2n * modulus).toString(16)],
    ['a short spelling', '5'],
    ['upper case', hex(modulus - 1n).toUpperCase()],
  ])('B = %s: the phone sends no proof (P-13)', async (_, serverEphemeral) => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.challenge = (challenge) => ({ ...challenge, serverEphemeral });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
    expect(bank.recorded.map(({ name }) => name)).not.toContain('session/finish');
    expect(await phone.state()).toMatchObject({ session: null });
  });

  it('refuses them for an order and for a change of mPIN as well (P-13)', async () => {
    const { bank, phone } = await unlocked();
    bank.terms.freshProof = true;
    const order = await phone.claim(frameText(issuer));
    bank.tamper.challenge = (challenge) => ({ ...challenge, serverEphemeral: hex(0n) });
    await expect(phone.changeMpin({ oldMpin: mpin, newMpin: '96130' })).rejects.toMatchObject(notAuthentic);
    await expect(phone.approve(order, { method: 'mpin', mpin })).rejects.toMatchObject(notAuthentic);
    const sent = bank.recorded.map(({ name }) => name);
    expect(sent).not.toContain('mpin/change/finish');
    expect(sent).not.toContain('orders/decide');
  });

  it('refuses u = 0, shown with a hash that gives zero (P-13)', async () => {
    const one = hex(1n);
    await expect(assertUsableEphemerals(one, one)).resolves.toBeUndefined();
    await expect(assertUsableEphemerals(one, one, async () => new Uint8Array(32))).rejects.toMatchObject(notAuthentic);
  });

  it('takes no group from the server: a challenge that names one is refused, and none is ever sent (P-16)', async () => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.challenge = (challenge) => ({ ...challenge, N: '17', g: '05' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
    expect(bank.recorded.map(({ name }) => name)).not.toContain('session/finish');
  });

  it('does not register at a server that lacks its SRP profile (P-16)', async () => {
    const bank = await openBank();
    bank.tamper.configuration = (honest) => ({ ...honest, profiles: ['srp6a-512-md5'] });
    await expect(bank.phone().beginRegistration(bank.activationText, { device: description })).rejects.toMatchObject({
      code: 'unsupported',
    });
    expect(bank.recorded).toHaveLength(0);
  });
});

describe('a server that does not know the verifier', () => {
  it.each([
    ['wrong', (proof: string) => `${proof[0] === '0' ? '1' : '0'}${proof.slice(1)}`],
    ['absent', () => null],
    ['of another spelling', (proof: string) => proof.toUpperCase().replace(/^[0-9]/, 'A')],
  ])('a session whose server proof is %s is not believed, and nothing of it is kept (P-27)', async (_, change) => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.opened = (opened) => ({ ...opened, serverProof: change(String(opened['serverProof'])) });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
    expect(await phone.state()).toMatchObject({ session: null });
    await expect(phone.vaultKey()).rejects.toMatchObject({ code: 'locked' });
    await expect(phone.listDevices()).rejects.toMatchObject({ code: 'locked' });
  });

  it('a wrong server proof after a change of mPIN or an approval ends the session (P-27)', async () => {
    const zeros = '0'.repeat(64);
    const first = await unlocked();
    first.bank.tamper.changed = () => ({ serverProof: zeros });
    await expect(first.phone.changeMpin({ oldMpin: mpin, newMpin: '96130' })).rejects.toMatchObject(notAuthentic);
    expect(await first.phone.state()).toMatchObject({ session: null });

    const second = await unlocked();
    second.bank.terms.freshProof = true;
    second.bank.tamper.decided = (reply) => ({ ...reply, serverProof: zeros });
    const order = await second.phone.claim(frameText(issuer));
    await expect(second.phone.approve(order, { method: 'mpin', mpin })).rejects.toMatchObject(notAuthentic);
    expect(await second.phone.state()).toMatchObject({ session: null });
  });

  it('a decision that came out otherwise than signed is not reported as done', async () => {
    const { bank, phone } = await unlocked();
    bank.tamper.decided = (reply) => ({ ...reply, state: 'approved' });
    await expect(phone.decline(await phone.claim(frameText(issuer)))).rejects.toMatchObject(notAuthentic);
  });
});

describe('swapped server keys', () => {
  const attacks: [string, (bank: Bank) => Promise<object>][] = [
    [
      'signed by another key',
      async (bank) => {
        const own = await newKey('ES256');
        return bank.keySet({ signers: [own], published: [own, ...bank.envelopeKeys] });
      },
    ],
    [
      'with the trusted key listed but another signer',
      async (bank) => {
        const own = await newKey('ES256');
        return bank.keySet({ signers: [own], published: [bank.signingKey, own, await newKey('ECDH-ES')] });
      },
    ],
    [
      'of another issuer',
      async (bank) =>
        bank.keySet({
          signers: [bank.signingKey],
          published: [bank.signingKey, ...bank.envelopeKeys],
          iss: 'https://id.other.example',
        }),
    ],
    [
      'signed by the trusted key as something else',
      async (bank) => {
        const [header, payload, signature] = (
          await bank.sign('mtoken-order+jws', {
            iss: issuer,
            iat: 1,
            keys: [bank.signingKey.jwk, bank.envelopeKeys[0]?.jwk],
          })
        ).split('.');
        return { payload, signatures: [{ protected: header, signature }] };
      },
    ],
    [
      'with one byte of the payload changed',
      async (bank) => {
        const honest = (await bank.keySet()) as { payload: string };
        return { ...honest, payload: honest.payload.replace(/.(?=.{40}$)/, (c) => (c === 'A' ? 'B' : 'A')) };
      },
    ],
    [
      'without an envelope key',
      async (bank) => bank.keySet({ signers: [bank.signingKey], published: [bank.signingKey] }),
    ],
    ['not signed at all', async (bank) => ({ keys: [bank.signingKey.jwk] })],
    ['that is no object', async () => []],
  ];

  it.each(attacks)(
    'a key set %s is refused at registration, before the activation code is sent (P-27)',
    async (_, attack) => {
      const bank = await openBank();
      bank.tamper.keySet = async () => attack(bank);
      await expect(bank.phone().beginRegistration(bank.activationText, { device: description })).rejects.toMatchObject(
        notAuthentic,
      );
      expect(bank.recorded).toHaveLength(0);
    },
  );

  it.each(attacks)('a key set %s is refused later, and the trusted one stays (P-27)', async (_, attack) => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.keySet = async () => attack(bank);
    bank.tamper.inClear = () => ({ status: 400, code: 'invalid_request' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
    delete bank.tamper.inClear;
    await phone.unlockWithMpin(mpin);
  });

  it('an old key set, once superseded, is not accepted again (C-12)', async () => {
    const { bank, phone } = await openBankWithPhone();
    const old = await bank.keySet();
    bank.clock.advance(3_600_000);
    let isRefused = true;
    bank.tamper.inClear = () => (isRefused ? { status: 400, code: 'invalid_request' } : undefined);
    bank.tamper.keySet = (honest) => {
      isRefused = false;
      return honest;
    };
    await phone.unlockWithMpin(mpin);
    isRefused = true;
    bank.tamper.keySet = () => old;
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
  });

  it('old key sets, each a little older than the one before, lead no phone back to a retired key (C-12)', async () => {
    const { bank, phone } = await openBankWithPhone();
    const retired = bank.signingKey;
    const next = await newKey('ES256');
    const overlap = { signers: [retired, next], published: [retired, next, ...bank.envelopeKeys] };
    // Anybody can collect them: the address is public.
    const collected: object[] = [];
    for (let at = 0; at < 5; at += 1) {
      collected.unshift(await bank.keySet(overlap));
      bank.clock.advance(100_000);
    }
    let isRefused = true;
    bank.tamper.inClear = () => (isRefused ? { status: 400, code: 'invalid_request' } : undefined);
    const comeWith = async (keySet: object): Promise<unknown> => {
      isRefused = true;
      bank.tamper.keySet = () => {
        isRefused = false;
        return keySet;
      };
      return phone.unlockWithMpin(mpin);
    };
    const [newest = {}, ...older] = collected;
    await comeWith(newest);
    await comeWith(await bank.keySet({ signers: [next], published: [next, ...bank.envelopeKeys] }));
    // By so much the servers of one installation may differ; and by no more the next time.
    await comeWith(newest);
    for (const old of older) await expect(comeWith(old)).rejects.toMatchObject(notAuthentic);
  });
});

describe('replies that do not fit their request', () => {
  const reply = (bank: Bank, change: (envelope: Record<string, unknown>) => Record<string, unknown>) => {
    bank.tamper.replyEnvelope = change;
  };
  const attacks: [string, (bank: Bank) => void][] = [
    ['of another request', (bank) => reply(bank, (envelope) => ({ ...envelope, re: 'AAAAAAAAAAAAAAAAAAAAAA' }))],
    [
      'of another endpoint',
      (bank) => reply(bank, (envelope) => ({ ...envelope, htu: `${issuer}/app/v1/orders/claim` })),
    ],
    ['with another inner status', (bank) => reply(bank, (envelope) => ({ ...envelope, status: 201 }))],
    ['with a member too many', (bank) => reply(bank, (envelope) => ({ ...envelope, more: 1 }))],
    ['without its time', (bank) => reply(bank, ({ iat: _iat, ...envelope }) => envelope)],
    [
      'typed as a request',
      (bank) => {
        bank.tamper.replyHeader = (header) => ({ ...header, typ: 'mtoken-request+jwe' });
      },
    ],
    [
      'of another session',
      (bank) => {
        bank.tamper.replyHeader = (header) => ({ ...header, kid: 'ses_AAAAAAAAAAAAAAAAAAAAAA' });
      },
    ],
    [
      'with another HTTP status',
      (bank) => {
        bank.tamper.wire = (wire) => ({ ...wire, status: 201 });
      },
    ],
    [
      'that are the request, sent back',
      (bank) => {
        bank.tamper.wire = (wire, { body }) => ({ ...wire, body });
      },
    ],
    [
      'that are HTML',
      (bank) => {
        bank.tamper.wire = (wire) => ({ ...wire, type: 'text/html', body: '<html>' });
      },
    ],
    [
      'in clear',
      (bank) => {
        bank.tamper.wire = () => ({ status: 200, type: 'application/json', body: '{"devices":[]}' });
      },
    ],
    [
      'with a byte changed',
      (bank) => {
        bank.tamper.wire = (wire) => ({ ...wire, body: wire.body.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')) });
      },
    ],
  ];

  it.each(attacks)('%s are refused before a session, and the phone stays locked (C-05)', async (_, attack) => {
    const { bank, phone } = await openBankWithPhone();
    attack(bank);
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
    expect(await phone.state()).toMatchObject({ session: null });
  });

  it.each(attacks)('%s are refused within a session, which ends (C-05)', async (_, attack) => {
    const { bank, phone } = await unlocked();
    attack(bank);
    await expect(phone.listDevices()).rejects.toMatchObject(notAuthentic);
    expect(await phone.state()).toMatchObject({ session: null });
  });

  it('the recorded reply to an earlier request of the same session is refused (C-05)', async () => {
    const { bank, phone } = await unlocked();
    let recorded = '';
    bank.tamper.wire = (wire) => {
      recorded ||= wire.body;
      return { ...wire, body: recorded };
    };
    await phone.listDevices();
    await expect(phone.listDevices()).rejects.toMatchObject(notAuthentic);
  });

  it('an answer in clear cannot say that the mPIN was wrong or the phone is blocked', async () => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.wire = () => ({
      status: 401,
      type: 'application/problem+json',
      body: JSON.stringify({ type: 'urn:mtoken:error:authentication_failed', attemptsLeft: 0 }),
    });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
  });

  it('an oversized reply is not taken', async () => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.wire = (wire) => ({ ...wire, body: 'A'.repeat(1_100_000) });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject(notAuthentic);
  });
});

describe('descriptors', () => {
  it('one altered character, anywhere, and the order is refused (P-08)', async () => {
    const { bank, phone } = await unlocked();
    const order = await phone.claim(frameText(issuer));
    const { signedDescriptor } = order;
    const sent = bank.recorded.length;
    let refused = 0;
    for (let index = 0; index < signedDescriptor.length; index += 1) {
      const other = signedDescriptor[index] === 'A' ? 'B' : 'A';
      const altered = signedDescriptor.slice(0, index) + other + signedDescriptor.slice(index + 1);
      const failure = await phone
        .approve({ ...order, signedDescriptor: altered })
        .catch((error: { code: string }) => error.code);
      if (failure === 'server_not_authentic') refused += 1;
    }
    expect(refused).toBe(signedDescriptor.length);
    expect(bank.recorded.length).toBe(sent);
    // At most the characters of the key's name pay for a second look at the keys.
    expect(bank.pauses.length).toBeLessThanOrEqual(43);
  });

  const claims = (change: (honest: Record<string, unknown>) => Record<string, unknown>) => (bank: Bank) => {
    bank.tamper.descriptorClaims = change;
  };
  it.each<[string, (bank: Bank) => void | Promise<void>]>([
    ['for another phone', claims((honest) => ({ ...honest, deviceId: 'dev_AAAAAAAAAAAAAAAAAAAAAA' }))],
    ['of another order', claims((honest) => ({ ...honest, orderId: 'ord_AAAAAAAAAAAAAAAAAAAAAA' }))],
    ['of another server', claims((honest) => ({ ...honest, iss: 'https://id.other.example' }))],
    ['begun in another way', claims((honest) => ({ ...honest, via: 'link' }))],
    ['dated in the future', claims((honest) => ({ ...honest, iat: Number(honest['iat']) + 3_600 }))],
    ['without the origin', claims(({ origin: _origin, ...honest }) => honest)],
    ['with a member too many', claims((honest) => ({ ...honest, note: 'urgent' }))],
    [
      'signed by an unknown key',
      async (bank) => {
        const own = await newKey('ES256');
        bank.tamper.descriptor = async (jws) =>
          bank.sign('mtoken-order+jws', JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()), own);
      },
    ],
    [
      'signed by an unknown key under the name of the known one',
      async (bank) => {
        const own = { ...(await newKey('ES256')), kid: bank.signingKey.kid };
        bank.tamper.descriptor = async (jws) =>
          bank.sign('mtoken-order+jws', JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()), own);
      },
    ],
    [
      'signed for another purpose',
      (bank) => {
        bank.tamper.descriptor = async (jws) =>
          bank.sign('mtoken-keys+jws', JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()));
      },
    ],
    [
      'with alg none',
      (bank) => {
        bank.tamper.descriptor = (jws) => {
          const header = Buffer.from(
            JSON.stringify({ alg: 'none', typ: 'mtoken-order+jws', kid: bank.signingKey.kid }),
          ).toString('base64url');
          return `${header}.${jws.split('.')[1]}.AAAA`;
        };
      },
    ],
    [
      'with the public key as an HMAC secret',
      (bank) => {
        bank.tamper.descriptor = (jws) => {
          const header = Buffer.from(
            JSON.stringify({ alg: 'HS256', typ: 'mtoken-order+jws', kid: bank.signingKey.kid }),
          ).toString('base64url');
          return `${header}.${jws.split('.')[1]}.${createHash('sha256').update(JSON.stringify(bank.signingKey.jwk)).digest('base64url')}`;
        };
      },
    ],
  ])('one %s is refused, and nothing is shown (P-08, P-27)', async (name, attack) => {
    const { bank, phone } = await unlocked();
    await attack(bank);
    await expect(phone.claim(frameText(issuer))).rejects.toMatchObject(notAuthentic);
    expect(bank.decisions).toHaveLength(0);
    // Whoever signs with a key of their own holds the phone once; everybody else not at all.
    expect(bank.pauses).toEqual(name === 'signed by an unknown key' ? [1_000] : []);
  });

  const resigned = async (bank: Bank, change: (honest: Record<string, unknown>) => Record<string, unknown>) => {
    const own = await newKey('ES256');
    bank.tamper.descriptorClaims = change;
    bank.tamper.descriptor = async (jws) =>
      bank.sign('mtoken-order+jws', JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()), own);
  };
  it.each<[string, (bank: Bank) => Promise<void>]>([
    ['lacks something', async (bank) => resigned(bank, ({ origin: _origin, ...honest }) => honest)],
    [
      'is for another phone',
      async (bank) => resigned(bank, (honest) => ({ ...honest, deviceId: 'dev_AAAAAAAAAAAAAAAAAAAAAA' })),
    ],
    [
      'comes with a key set that no trusted key signed',
      async (bank) => {
        await resigned(bank, (honest) => honest);
        const own = await newKey('ES256');
        bank.tamper.keySet = async () => bank.keySet({ signers: [own], published: [own, ...bank.envelopeKeys] });
      },
    ],
  ])('one of an unknown key that %s holds the phone for no second look (P-08, P-27)', async (_, attack) => {
    const { bank, phone } = await unlocked();
    await attack(bank);
    await expect(phone.claim(frameText(issuer))).rejects.toMatchObject(notAuthentic);
    expect(bank.pauses).toEqual([]);
  });

  it('an expired one is not shown, and one that expires while shown is not approved', async () => {
    const { bank, phone } = await unlocked();
    const order = await phone.claim(frameText(issuer));
    bank.clock.advance(121_000);
    await expect(phone.approve(order)).rejects.toMatchObject({ code: 'order_unavailable' });
    bank.tamper.descriptorClaims = (honest) => ({ ...honest, exp: honest['iat'] });
    await expect(phone.claim(frameText(issuer))).rejects.toMatchObject({ code: 'order_unavailable' });
    expect(bank.decisions).toHaveLength(0);
  });

  it('what the app changes in its copy does not count: the signed one is what gets approved', async () => {
    const { bank, phone } = await unlocked();
    const order = await phone.claim(frameText(issuer));
    await phone.approve({
      ...order,
      descriptor: { ...order.descriptor, display: { text: 'Something else', locale: 'en' } },
    });
    expect(bank.decisions).toHaveLength(1);
  });

  it('the approval of one order is not given for another', async () => {
    const { bank, phone } = await unlocked();
    const [first, second] = [await phone.claim(frameText(issuer)), await phone.claim(frameText(issuer))];
    await expect(phone.approve({ ...first, orderId: second.orderId })).rejects.toMatchObject(notAuthentic);
    expect(bank.decisions).toHaveLength(0);
  });
});

describe('the network', () => {
  it.each([
    ['no network', (): 'request' | 'answer' => 'request', 'offline'],
    ['a lost answer', (): 'request' | 'answer' => 'answer', 'offline'],
  ] as const)('%s is told as such, and the next try works', async (_, lose, code) => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.lose = lose;
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code });
    delete bank.tamper.lose;
    await phone.unlockWithMpin(mpin);
  });

  it.each([
    [503, 'unavailable', 'unavailable'],
    [500, 'internal', 'unavailable'],
    [429, 'too_many_requests', 'too_many_requests'],
    [400, 'invalid_request', 'refused'],
  ])('a problem %i %s in clear becomes %s', async (status, code, expected) => {
    const { bank, phone } = await openBankWithPhone();
    bank.tamper.inClear = () => ({ status, code });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({
      code: expected,
      serverCode: code,
      requestId: 'req-1',
    });
  });

  it('gives up after its time limit', async () => {
    const phone = createPhone({
      keyStore: memoryKeyStore(),
      timeoutMs: 20,
      fetch: async (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    });
    const text = `${issuer}/activate#c=ABCD-EFGH-JKMN-PQRS-TVWX-YZ23&k=${'A'.repeat(43)}`;
    await expect(phone.beginRegistration(text, { device: description })).rejects.toMatchObject({ code: 'offline' });
  });

  it('a server that forgot the session makes the phone forget it too', async () => {
    const { bank, phone } = await unlocked();
    bank.sessions.clear();
    await expect(phone.listDevices()).rejects.toMatchObject({ code: 'session_ended' });
    expect(await phone.state()).toMatchObject({ session: null });
  });

  it('a registration reply for another device is refused', async () => {
    const bank = await openBank();
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description });
    bank.tamper.replyEnvelope = (envelope) => ({
      ...envelope,
      body: { ...(envelope['body'] as object), deviceId: 'dev_AAAAAAAAAAAAAAAAAAAAAA' },
    });
    await expect(phone.finishRegistration({ confirmationCode, mpin })).rejects.toMatchObject(notAuthentic);
  });
});
