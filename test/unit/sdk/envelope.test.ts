/** Freshness of every message, and that nothing of one message opens another. */
import { decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import type { PublicJwk } from '../../../src/protocol/common.ts';
import { randomBytes } from '../../../src/sdk/bytes.ts';
import { openReply, sealInSession, sealToServer } from '../../../src/sdk/envelope.ts';
import { mpin, openBankWithPhone } from './bank.ts';
import { newKey } from './protocol-server.ts';

const request = {
  htm: 'POST' as const,
  htu: 'https://id.bank.example/app/v1/session/start',
  iat: 1,
  jti: 'A'.repeat(22),
  jkt: 'A'.repeat(43),
  body: {},
};

describe('a thousand messages', () => {
  it.each([
    ['ECDH-ES', 700],
    ['RSA-OAEP-256', 100],
    ['dir', 200],
  ] as const)(
    'under %s never share an IV, a content key or an ephemeral key: %i of them (C-04)',
    async (alg, count) => {
      const key = alg === 'dir' ? undefined : await newKey(alg);
      const sessionKey = randomBytes(64);
      const seal = async () =>
        key === undefined
          ? sealInSession(request, { id: 'ses_x', key: sessionKey })
          : sealToServer(request, { kid: key.kid, alg: alg as 'ECDH-ES', jwk: bare(key.jwk) });
      const ivs = new Set<string>();
      const keys = new Set<string>();
      for (let index = 0; index < count; index += 1) {
        const [header = '', encryptedKey = '', iv = ''] = (await seal()).split('.');
        ivs.add(iv);
        keys.add(alg === 'ECDH-ES' ? JSON.stringify(decodeProtectedHeader(`${header}....`)['epk']) : encryptedKey);
      }
      expect(ivs.size).toBe(count);
      expect(keys.size).toBe(alg === 'dir' ? 1 : count);
    },
  );

  it('of one phone have a jti, a reply key and a proof of their own each (C-04, P-23)', async () => {
    const { bank, phone } = await openBankWithPhone();
    for (let index = 0; index < 5; index += 1) await phone.unlockWithMpin(mpin);
    for (let index = 0; index < 50; index += 1) await phone.listDevices();
    const messages = bank.recorded.map(({ plaintext }) => JSON.parse(plaintext) as { jti: string; replyKey?: string });
    const replyKeys = messages.flatMap(({ replyKey }) => replyKey ?? []);
    expect(new Set(messages.map(({ jti }) => jti)).size).toBe(messages.length);
    expect(new Set(replyKeys).size).toBe(replyKeys.length);
    expect(replyKeys.every((key) => Buffer.from(key, 'base64url').length === 64)).toBe(true);
    expect(new Set(bank.recorded.map(({ encrypted }) => encrypted.split('.')[2])).size).toBe(messages.length);
  });
});

describe('the two directions of a session', () => {
  it('a message of the phone does not open as a reply, even under the same key (C-05)', async () => {
    const key = randomBytes(64);
    const message = await sealInSession(request, { id: 'ses_x', key });
    const expected = { key, kid: 'ses_x', re: request.jti, htu: request.htu, status: 200 };
    await expect(openReply(message, expected)).rejects.toMatchObject({ code: 'server_not_authentic' });
  });
});

function bare(jwk: object): PublicJwk {
  const { kty, crv, x, y, n, e } = jwk as Record<string, string>;
  return (kty === 'EC' ? { kty, crv, x, y } : { kty, n, e }) as PublicJwk;
}
