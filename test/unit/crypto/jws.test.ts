/** Signed tokens: what verifies, and every JOSE header attack that must not (C-07). */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { CompactSign, compactVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import {
  type JwsKey,
  readJwsHeader,
  signCompactJws,
  type VerifyOptions,
  verifyCompactJws,
  verifySelfSignedJws,
} from '../../../src/crypto/jws.ts';
import { AuthError } from '../../../src/errors.ts';
import { typ } from '../../../src/protocol/names.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const otherEc = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ecJwk = ec.publicKey.export({ format: 'jwk' });
const privateKey: JwsKey = { key: ec.privateKey, alg: 'ES256' };
const publicKey: JwsKey = { key: ec.publicKey, alg: 'ES256' };
const payload = { iss: 'https://a', order: 'ord_1' };
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const ecSign = (input: string, dsaEncoding: 'ieee-p1363' | 'der') =>
  sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding });

/** Signs any header and payload, raw text too, as an attacker who owns the key can. */
const rawSign = (header: unknown, body: unknown) => {
  const input = `${encode(header)}.${encode(body)}`;
  return `${input}.${ecSign(input, 'ieee-p1363').toString('base64url')}`;
};

const refusal = (token: string, options: Partial<VerifyOptions> = {}): string => {
  try {
    verifyCompactJws({ token, typ: typ.approval, key: publicKey, ...options });
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    // One code and one message, whatever is wrong.
    expect([error.code, error.publicMessage]).toEqual(['invalid_request', 'the signed token is not acceptable']);
    return error.detail ?? '';
  }
  return 'accepted';
};

describe('a token that was signed for its purpose', () => {
  it.each<[string, JwsKey, JwsKey]>([
    ['ES256', privateKey, publicKey],
    ['PS256', { key: rsa.privateKey, alg: 'PS256' }, { key: rsa.publicKey, alg: 'PS256' }],
    ['RS256', { key: rsa.privateKey, alg: 'RS256' }, { key: rsa.publicKey, alg: 'RS256' }],
  ])('verifies in %s, here and with jose, and the other way round', async (alg, own, known) => {
    const token = signCompactJws({ payload, typ: typ.approval, key: own, header: { kid: 'k' } });
    const verified = verifyCompactJws({ token, typ: typ.approval, key: known });
    expect(verified).toMatchObject({ payload, header: { alg, typ: typ.approval, kid: 'k' } });
    expect(new TextDecoder().decode(verified.payloadBytes)).toBe(JSON.stringify(payload));
    expect((await compactVerify(token, known.key)).protectedHeader).toEqual({ alg, typ: typ.approval, kid: 'k' });
    const foreign = await new CompactSign(verified.payloadBytes)
      .setProtectedHeader({ alg, typ: typ.approval })
      .sign(own.key);
    expect(verifyCompactJws({ token: foreign, typ: typ.approval, key: known }).payload).toEqual(payload);
  });

  it('finds its key by kid, and no key by an unknown one', () => {
    const token = signCompactJws({ payload, typ: typ.approval, key: privateKey, header: { kid: 'k1' } });
    expect(refusal(token, { key: (kid) => (kid === 'k1' ? publicKey : undefined) })).toBe('accepted');
    expect(refusal(token, { key: () => undefined })).toContain('unknown kid');
    expect(readJwsHeader(token)).toEqual({ alg: 'ES256', typ: typ.approval, kid: 'k1' });
  });
});

describe('attacks (C-07)', () => {
  const header = { alg: 'ES256', typ: typ.approval };

  it('the raw signer of these tests makes tokens that verify, so their failures mean something', () => {
    expect(refusal(rawSign(header, payload))).toBe('accepted');
  });

  it('alg none, in any spelling, with and without a signature', () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      expect(refusal(`${encode({ ...header, alg })}.${encode(payload)}.`)).not.toBe('accepted');
      expect(refusal(rawSign({ ...header, alg }, payload))).toContain('another alg');
    }
  });

  it('HS256 with the public key as the secret', () => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`;
    for (const secret of [ec.publicKey.export({ type: 'spki', format: 'pem' }), JSON.stringify(ecJwk)]) {
      const mac = createHmac('sha256', secret).update(input).digest('base64url');
      expect(refusal(`${input}.${mac}`)).toContain('another alg');
    }
  });

  it('an algorithm that the key has not: RS256 where PS256 is agreed', () => {
    const token = signCompactJws({ payload, typ: typ.approval, key: { key: rsa.privateKey, alg: 'RS256' } });
    expect(refusal(token, { key: { key: rsa.publicKey, alg: 'PS256' } })).toContain('another alg');
    expect(refusal(token, { key: { key: ec.publicKey, alg: 'RS256' } })).toContain('does not fit');
  });

  it.each<[string, object]>([
    ['crit', { crit: ['exp'], exp: 1 }],
    ['an empty crit', { crit: [] }],
    ['b64 false', { b64: false, crit: ['b64'] }],
    ['an embedded jwk', { jwk: ecJwk }],
    ['jku', { jku: 'https://attacker.example/keys' }],
    ['x5u', { x5u: 'https://attacker.example/cert' }],
    ['x5c', { x5c: ['AAAA'] }],
    ['zip', { zip: 'DEF' }],
    ['anything unknown', { foo: 1 }],
  ])('%s in the header', (_, members) => {
    expect(refusal(rawSign({ ...header, ...members }, payload))).toContain('unexpected header member');
  });

  it('a kid that is not text', () => {
    expect(refusal(rawSign({ ...header, kid: ['k'] }, payload))).toContain('kid is not text');
  });

  it('a token of another type: each of ours where any other is expected (T-10)', () => {
    for (const made of Object.values(typ)) {
      for (const expected of Object.values(typ)) {
        const token = signCompactJws({ payload, typ: made, key: privateKey });
        expect(refusal(token, { typ: expected }) === 'accepted').toBe(made === expected);
      }
    }
    expect(refusal(rawSign({ alg: 'ES256' }, payload))).toContain('another typ');
    expect(refusal(rawSign({ ...header, typ: typ.approval.toUpperCase() }, payload))).toContain('another typ');
  });

  it('duplicate members in header or payload', () => {
    const twice = `{"alg":"none","alg":"ES256","typ":"${typ.approval}"}`;
    expect(refusal(rawSign(twice, payload))).toContain('header is not strict JSON');
    expect(refusal(rawSign(header, '{"order":"ord_1","order":"ord_2"}'))).toContain('payload is not strict JSON');
    expect(refusal(rawSign(header, '["a"]'))).toContain('payload is not strict JSON');
  });

  it('another key, or any altered bit of the three parts', () => {
    const token = signCompactJws({ payload, typ: typ.approval, key: privateKey });
    expect(refusal(token, { key: { key: otherEc.publicKey, alg: 'ES256' } })).toContain('does not fit');
    const parts = token.split('.').map((part) => Buffer.from(part, 'base64url'));
    for (const [index, part] of parts.entries()) {
      for (let position = 0; position < part.length; position += 1) {
        const altered = Buffer.from(part);
        altered[position] = (altered[position] ?? 0) ^ 4;
        const token = parts.map((other, at) => (at === index ? altered : other).toString('base64url')).join('.');
        expect(refusal(token)).not.toBe('accepted');
      }
    }
  });

  it('another spelling of the same token, which would pass a replay check (P-23)', () => {
    const token = signCompactJws({ payload, typ: typ.approval, key: privateKey });
    const [first = '', second = '', third = ''] = token.split('.');
    const spellings = [
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      `${first}.${second} .${third}`,
      `${first}\n.${second}.${third}`,
      `${token}.`,
    ];
    // 64 bytes leave four unused bits in the last character.
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    spellings.push(`${token.slice(0, -1)}${last.charAt(last.indexOf(token.slice(-1)) ^ 1)}`);
    for (const text of spellings) expect(refusal(text)).not.toBe('accepted');
  });

  it('a signature in DER, or with r and s at other widths (C-09)', () => {
    const input = `${encode(header)}.${encode(payload)}`;
    const der = ecSign(input, 'der');
    expect(refusal(`${input}.${der.toString('base64url')}`)).toContain('does not fit');
    const raw = ecSign(input, 'ieee-p1363');
    const wide = Buffer.concat([Buffer.alloc(1), raw.subarray(0, 32), Buffer.alloc(1), raw.subarray(32)]);
    expect(refusal(`${input}.${wide.toString('base64url')}`)).toContain('does not fit');
  });

  it.each(['', '.', '..', '...', 'a.b', 'a.b.c.d', 'bm90IGpzb24.e30.AAAA', '....'])('no token at all: %j', (text) => {
    expect(refusal(text)).not.toBe('accepted');
  });

  it('a token that is too long', () => {
    const token = signCompactJws({ payload: { text: 'x'.repeat(20_000) }, typ: typ.approval, key: privateKey });
    expect(refusal(token)).toContain('too long');
    expect(refusal(token, { maxLength: 40_000 })).toBe('accepted');
  });
});

describe('a token signed by the key in its own header', () => {
  const own = checkDeviceKey(ecJwk);
  const selfSign = (jwk: unknown, key = privateKey) => signCompactJws({ payload, typ: typ.dpop, key, header: { jwk } });
  const verify = (token: string) => verifySelfSignedJws({ token, typ: typ.dpop });

  it('shows possession of that key and names it', () => {
    expect(verify(selfSign(ecJwk))).toMatchObject({ payload, deviceKey: { thumbprint: own.thumbprint, alg: 'ES256' } });
  });

  it.each<[string, () => string]>([
    ['another key in the header', () => selfSign(otherEc.publicKey.export({ format: 'jwk' }))],
    ['a private key in the header', () => selfSign(ec.privateKey.export({ format: 'jwk' }))],
    ['no key in the header', () => signCompactJws({ payload, typ: typ.dpop, key: privateKey })],
    ['a key of text', () => selfSign('jwk')],
    [
      'a kid beside the key',
      () => signCompactJws({ payload, typ: typ.dpop, key: privateKey, header: { jwk: ecJwk, kid: 'k' } }),
    ],
    ['a symmetric key', () => selfSign({ kty: 'oct', k: 'AAAA' })],
    [
      'RS256 by an RSA key',
      () => selfSign(rsa.publicKey.export({ format: 'jwk' }), { key: rsa.privateKey, alg: 'RS256' }),
    ],
  ])('is refused with %s (C-07)', (_, make) => {
    expect(() => verify(make())).toThrow(AuthError);
  });
});
