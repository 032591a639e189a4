/** Which device keys are accepted, and how they are named (C-08). */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { checkDeviceKey, createKeyCache, jwkThumbprint } from '../../../src/crypto/jwk.ts';
import { AuthError } from '../../../src/errors.ts';

const ecPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ec = ecPair.publicKey.export({ format: 'jwk' });
const rsaPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsa = rsaPair.publicKey.export({ format: 'jwk' });
const rsaOf = (modulusLength: number, publicExponent = 65537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' });

const refusal = (jwk: unknown): string => {
  try {
    checkDeviceKey(jwk);
  } catch (error) {
    if (error instanceof AuthError && error.code === 'invalid_request') return error.publicMessage ?? '';
    throw error;
  }
  return 'accepted';
};
const bytes = (text: string | undefined) => Buffer.from(text ?? '', 'base64url');

it('accepts P-256 for ES256 and RSA-2048 for PS256, keeping public members alone (C-08)', async () => {
  const first = checkDeviceKey({ ...ec, ext: true, key_ops: ['verify'], use: 'sig', alg: 'ES256', kid: 'x', foo: 1 });
  expect(first).toMatchObject({ alg: 'ES256', publicJwk: { kty: 'EC', crv: 'P-256', x: ec.x, y: ec.y } });
  expect(Object.keys(first.publicJwk).toSorted()).toEqual(['crv', 'kty', 'x', 'y']);
  expect(first.thumbprint).toBe(await calculateJwkThumbprint(ec, 'sha256'));
  const second = checkDeviceKey(rsa);
  expect(second).toMatchObject({ alg: 'PS256', publicJwk: { kty: 'RSA', e: 'AQAB', n: rsa.n } });
  expect(second.thumbprint).toBe(await calculateJwkThumbprint(rsa, 'sha256'));
});

it('computes the thumbprints printed in RFC 7638 and RFC 9449 (C-08)', () => {
  const file = new URL('../../vectors/rfc-examples/rfc-single-values.json', import.meta.url);
  const { examples } = JSON.parse(readFileSync(file, 'utf8')) as {
    examples: { name: string; input: object; expected: string }[];
  };
  const keys = examples.filter(({ input }) => typeof input === 'object' && 'kty' in input);
  expect(keys.length).toBeGreaterThan(0);
  for (const { input, expected } of keys) expect(jwkThumbprint(input)).toBe(expected);
  const rfc7638 =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
  const named = { kty: 'RSA', n: rfc7638, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' };
  expect(jwkThumbprint(named)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
});

describe('refuses (C-08)', () => {
  const flipped = bytes(ec.y);
  flipped[31] = (flipped[31] ?? 0) ^ 1;
  const prime = Buffer.from('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff', 'hex');
  it.each<[string, unknown, RegExp]>([
    ['a point off the curve', { ...ec, y: flipped.toString('base64url') }, /not a valid key/],
    ['the point (0, 0), which stands for infinity', { ...ec, x: 'A'.repeat(43), y: 'A'.repeat(43) }, /not a valid key/],
    ['a coordinate not below the field prime', { ...ec, x: prime.toString('base64url') }, /not a valid key/],
    ['a short coordinate', { ...ec, x: bytes(ec.x).subarray(1).toString('base64url') }, /32 bytes/],
    ['a padded coordinate', { ...ec, x: `${ec.x}=` }, /32 bytes/],
    ['no y', { kty: 'EC', crv: 'P-256', x: ec.x }, /y must be text/],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }), /P-256/],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }), /P-256/],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), /EC or RSA/],
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }, /private members/],
    ['a private EC key', ecPair.privateKey.export({ format: 'jwk' }), /private members/],
    ['a private RSA key', rsaPair.privateKey.export({ format: 'jwk' }), /private members/],
    ['RSA-1024', rsaOf(1024), /2048 to 4096 bits/],
    ['RSA-2040', rsaOf(2040), /2048 to 4096 bits/],
    ['an RSA modulus of 4104 bits', { ...rsa, n: Buffer.alloc(513, 255).toString('base64url') }, /2048 to 4096 bits/],
    ['RSA with e = 3', rsaOf(2048, 3), /65537/],
    ['RSA with e = 65537 in four bytes', { ...rsa, e: 'AAEAAQ' }, /65537/],
    ['an even RSA modulus', { ...rsa, n: Buffer.alloc(256, 254).toString('base64url') }, /odd/],
    [
      'an RSA modulus with a leading zero byte',
      { ...rsa, n: Buffer.concat([Buffer.alloc(1), bytes(rsa.n)]).toString('base64url') },
      /odd/,
    ],
    ['an RSA modulus of a megabyte', { ...rsa, n: 'A'.repeat(1_000_000) }, /odd/],
    ['a key for encryption', { ...ec, use: 'enc' }, /not for signatures/],
    ['a key for signing operations alone', { ...ec, key_ops: ['sign'] }, /not for verification/],
    ['key_ops that are no list', { ...ec, key_ops: 'verify' }, /not for verification/],
    ['an EC key that claims HS256', { ...ec, alg: 'HS256' }, /ES256/],
    ['an RSA key that claims RS256', { ...rsa, alg: 'RS256' }, /PS256/],
    ['null', null, /a JWK is expected/],
    ['a list', [ec], /a JWK is expected/],
    ['text', JSON.stringify(ec), /a JWK is expected/],
    ['nothing', undefined, /a JWK is expected/],
  ])('%s', (_, jwk, message) => {
    expect(refusal(jwk)).toMatch(message);
  });
});

describe('the cache of imported keys', () => {
  const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });

  it('imports a key once, and lets the one that was unused for longest go', () => {
    const cache = createKeyCache(2);
    const [one, two, three] = [newKey(), newKey(), newKey()];
    const first = checkDeviceKey(one, cache);
    const second = checkDeviceKey(two, cache);
    expect(checkDeviceKey(one, cache)).toBe(first);
    checkDeviceKey(three, cache);
    expect(cache.get(second.thumbprint)).toBeUndefined();
    expect(checkDeviceKey(one, cache)).toBe(first);
  });

  it('does not let a known key through with a private member or another purpose', () => {
    const cache = createKeyCache();
    checkDeviceKey(ec, cache);
    expect(() => checkDeviceKey({ ...ec, d: 'AA' }, cache)).toThrow(AuthError);
    expect(() => checkDeviceKey({ ...ec, use: 'enc' }, cache)).toThrow(AuthError);
  });
});
