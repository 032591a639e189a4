/** DPoP: what is not exactly this request, this key and this minute is refused, with one answer. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import { randomToken } from '../../../src/crypto/random.ts';
import { verifyDpop } from '../../../src/devices/proof.ts';
import { AuthError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { fixedClock } from '../../clock.ts';

const url = 'https://login.example.test/app/v1/session/start';
const body = new TextEncoder().encode('header..iv.ciphertext.tag');
const accessToken = 'a'.repeat(43);
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = checkDeviceKey(pair.publicKey.export({ format: 'jwk' })).publicJwk;

function setting() {
  const clock = fixedClock();
  return { clock, shortLived: memoryStore(clock) };
}

function claimsAt(seconds: number): Record<string, unknown> {
  return { jti: randomToken(16), htm: 'POST', htu: url, iat: seconds, bh: encodeBase64url(sha256(body)) };
}

interface Forged {
  readonly changes?: Record<string, unknown>;
  readonly without?: string;
  readonly header?: Record<string, unknown>;
  readonly typ?: string;
  readonly key?: KeyObject;
}

function proofAt(
  clock: { now(): number },
  { changes, without, header, typ = 'dpop+jwt', key = pair.privateKey }: Forged = {},
) {
  const claims = { ...claimsAt(Math.floor(clock.now() / 1000)), ...changes };
  if (without !== undefined) delete claims[without as keyof typeof claims];
  return signCompactJws({ payload: claims, typ, key: { key, alg: 'ES256' }, header: { jwk, ...header } });
}

function check(deps: ReturnType<typeof setting>, proof: string, changes: Record<string, unknown> = {}) {
  return verifyDpop(deps, { proof, method: 'POST', url, body, ...changes });
}

const refused = { code: 'invalid_request', publicMessage: 'the proof of possession is not acceptable' };

describe('a proof of possession', () => {
  it('tells whose key signed exactly this request', async () => {
    const deps = setting();
    const jti = randomToken(16);
    const proof = await check(deps, proofAt(deps.clock, { changes: { jti } }));
    const { thumbprint } = checkDeviceKey(jwk);
    expect(proof).toEqual({ publicJwk: jwk, thumbprint, jti, iat: Math.floor(deps.clock.now() / 1000) });
  });

  it('is accepted with RSA keys of 2048 bits by PS256', async () => {
    const deps = setting();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { publicJwk, thumbprint } = checkDeviceKey(rsa.publicKey.export({ format: 'jwk' }));
    const payload = claimsAt(Math.floor(deps.clock.now() / 1000));
    const key = { key: rsa.privateKey, alg: 'PS256' } as const;
    const proof = signCompactJws({ payload, typ: 'dpop+jwt', key, header: { jwk: publicJwk } });
    expect((await check(deps, proof)).thumbprint).toBe(thumbprint);
  });

  it('is accepted once: replayed at once, later, or 50 times in parallel (P-23)', async () => {
    const deps = setting();
    const proof = proofAt(deps.clock);
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => check(deps, proof)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    deps.clock.advance(10_000);
    await expect(check(deps, proof)).rejects.toMatchObject(refused);
  });

  it('is remembered for as long as it could be accepted (P-23)', async () => {
    const deps = setting();
    const iat = Math.floor(deps.clock.now() / 1000) + 60;
    const proof = proofAt(deps.clock, { changes: { iat } });
    await check(deps, proof);
    deps.clock.advance(120_000);
    await expect(check(deps, proof)).rejects.toMatchObject({ ...refused, detail: 'DPoP: jti used before' });
  });

  it('does not use up the jti of another key', async () => {
    const deps = setting();
    const jti = randomToken(16);
    await check(deps, proofAt(deps.clock, { changes: { jti } }));
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const header = { jwk: checkDeviceKey(other.publicKey.export({ format: 'jwk' })).publicJwk };
    await check(deps, proofAt(deps.clock, { changes: { jti }, key: other.privateKey, header }));
  });

  it('may be a minute off and no more (P-23)', async () => {
    const deps = setting();
    const now = Math.floor(deps.clock.now() / 1000);
    for (const iat of [now - 60, now + 60]) await check(deps, proofAt(deps.clock, { changes: { iat } }));
    for (const iat of [now - 61, now + 61]) {
      await expect(check(deps, proofAt(deps.clock, { changes: { iat } }))).rejects.toMatchObject(refused);
    }
  });

  it.each(['jti', 'htm', 'htu', 'iat', 'bh'])('is refused without %s (T23)', async (without) => {
    const deps = setting();
    await expect(check(deps, proofAt(deps.clock, { without }))).rejects.toMatchObject(refused);
  });

  it.each<[string, Forged]>([
    ['another method', { changes: { htm: 'GET' } }],
    ['another endpoint', { changes: { htu: `${url}x` } }],
    ['another host', { changes: { htu: url.replace('login', 'evil') } }],
    ['another body', { changes: { bh: encodeBase64url(sha256('other')) } }],
    ['an access token that was not sent', { changes: { ath: encodeBase64url(sha256(accessToken)) } }],
    ['a jti too short', { changes: { jti: 'short' } }],
    ['an extra claim', { changes: { nonce: 'x' } }],
    ['another typ', { typ: 'mtoken-approval+jws' }],
    ['a key id', { header: { kid: 'x' } }],
    ['a critical extension', { header: { crit: ['b64'], b64: false } }],
    ['a private key', { header: { jwk: pair.privateKey.export({ format: 'jwk' }) } }],
    ['a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }],
    ['no key', { header: { jwk: null } }],
    ['an algorithm that is none', { header: { alg: 'none' } }],
    ['a symmetric algorithm', { header: { alg: 'HS256' } }],
    ['another signature', { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }],
  ])('is refused with %s (P-20, P-23, T22)', async (_, forged) => {
    const deps = setting();
    await expect(check(deps, proofAt(deps.clock, forged))).rejects.toMatchObject(refused);
  });

  it('within a session must be bound to the access token', async () => {
    const deps = setting();
    const bound = { changes: { ath: encodeBase64url(sha256(accessToken)) } };
    await check(deps, proofAt(deps.clock, bound), { accessToken });
    await expect(check(deps, proofAt(deps.clock), { accessToken })).rejects.toMatchObject(refused);
    const other = { accessToken: 'b'.repeat(43) };
    await expect(check(deps, proofAt(deps.clock, bound), other)).rejects.toMatchObject(refused);
  });

  it('that is refused uses up nothing: the right one with the same jti still passes', async () => {
    const deps = setting();
    const jti = randomToken(16);
    await expect(check(deps, proofAt(deps.clock, { changes: { jti, htu: 'https://x.test' } }))).rejects.toMatchObject(
      refused,
    );
    await check(deps, proofAt(deps.clock, { changes: { jti } }));
  });

  it('is refused where the memory of used ones is down (P-23)', async () => {
    const deps = setting();
    const shortLived = { ...deps.shortLived, create: () => Promise.reject(new AuthError('unavailable')) };
    await expect(check({ ...deps, shortLived }, proofAt(deps.clock))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each(['', '.', 'a.b.c', 'x'.repeat(5000), `${'A'.repeat(43)}.${'A'.repeat(43)}.`])(
    'is refused as %s',
    async (text) => {
      await expect(check(setting(), text)).rejects.toMatchObject(refused);
    },
  );
});
