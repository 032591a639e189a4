/** The Wycheproof suites through our own functions. They are read where they lie, not copied: see `foreignVectors`. */

import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decryptContent, encryptContent, type JweKey, openJwe, parseJwe } from '../../../src/crypto/jwe.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { type JwsKey, verifyJwsBytes, verifySignature } from '../../../src/crypto/jws.ts';

interface Case {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly [value: string]: unknown;
}
interface Group {
  readonly tests: Case[];
  readonly private?: JsonWebKey;
  readonly public?: JsonWebKey;
  readonly publicKey?: { readonly wx?: string; readonly wy?: string; readonly modulus?: string };
  readonly keyJwk?: JsonWebKey;
}

/** Foreign vectors: `MTOKEN_VECTORS`, or `shared/vectors` beside the checkout. */
const folder = process.env.MTOKEN_VECTORS
  ? new URL(`file://${process.env.MTOKEN_VECTORS.replace(/\/*$/, '/')}`)
  : new URL('../../../../shared/vectors/', import.meta.url);
const isHere = existsSync(new URL('wycheproof/', folder));
const groups = (name: string): Group[] =>
  (JSON.parse(readFileSync(new URL(`wycheproof/${name}_test.json`, folder), 'utf8')) as { testGroups: Group[] })
    .testGroups;
const casesOf = (name: string) => groups(name).flatMap((group) => group.tests.map((test) => ({ group, test })));
const hex = (text: unknown): Uint8Array => new Uint8Array(Buffer.from(typeof text === 'string' ? text : '', 'hex'));
const attempt = <T>(act: () => T): T | undefined => {
  try {
    return act();
  } catch {
    return undefined;
  }
};
/** A token's header as anybody would read it, for deciding what is expected. */
const lenientHeader = (token: unknown): { alg?: string; enc?: string } =>
  attempt(
    () => JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString()) as { alg?: string },
  ) ?? {};

it('has the foreign vectors beside the checkout (elsewhere: set MTOKEN_VECTORS)', ({ skip }) => {
  if (!isHere && process.env.CI !== 'true') skip('no foreign vectors here: the Wycheproof suites are skipped');
  expect(isHere, 'CI must run the Wycheproof suites').toBe(true);
});

describe.skipIf(!isHere)('Wycheproof', () => {
  it('A256CBC-HS512: 94 of 94 (C-03)', () => {
    const cases = casesOf('a256cbc_hs512');
    expect(cases).toHaveLength(94);
    for (const { test } of cases) {
      const [key, iv, associatedData, plaintext] = [test.key, test.iv, test.aad, test.msg].map(hex) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      const [ciphertext, tag] = [hex(test.ct), hex(test.tag)];
      const opened = decryptContent(key, { iv, ciphertext, tag, associatedData });
      expect(opened, `case ${test.tcId}`).toEqual(test.result === 'valid' ? plaintext : undefined);
      if (test.result === 'valid')
        expect(encryptContent(key, { iv, plaintext, associatedData })).toEqual({ ciphertext, tag });
    }
  });

  it('JWE: 139 cases; what is valid in our two pairs opens, the other valid pairs and all invalid ones do not (C-01, C-02, C-07)', () => {
    const cases = casesOf('json_web_encryption');
    expect(cases).toHaveLength(139);
    let opened = 0;
    for (const { group, test } of cases) {
      const { alg, enc } = lenientHeader(test.jwe);
      const isOurs = (alg === 'RSA-OAEP-256' || alg === 'ECDH-ES') && enc === 'A256CBC-HS512';
      const plaintext = openAny(String(test.jwe), group.private ?? {});
      expect(plaintext, `case ${test.tcId}: ${test.comment}`).toEqual(
        isOurs && test.result === 'valid' ? hex(test.pt) : undefined,
      );
      opened += plaintext === undefined ? 0 : 1;
    }
    expect(opened).toBe(2);
  });

  it('JWS: 401 cases; all valid ones in ES256, PS256 and RS256 verify, nothing else does (C-07, C-09)', () => {
    const cases = casesOf('json_web_signature');
    expect(cases).toHaveLength(401);
    let verified = 0;
    for (const { group, test } of cases) {
      const jwk = group.public ?? group.private ?? {};
      const isOurs = ['ES256', 'PS256', 'RS256'].includes(lenientHeader(test.jws).alg ?? '');
      const result = verifyAny(String(test.jws), jwk);
      expect(result, `case ${test.tcId}: ${test.comment}`).toBe(isOurs && test.result === 'valid');
      verified += result ? 1 : 0;
    }
    expect(verified).toBeGreaterThanOrEqual(15);
  });

  it('ECDSA on P-256 in P1363: 262 of 262 (C-09)', () => {
    const cases = casesOf('ecdsa_secp256r1_sha256_p1363');
    expect(cases).toHaveLength(262);
    for (const { group, test } of cases) {
      const [x, y] = [group.publicKey?.wx, group.publicKey?.wy].map((value = '') =>
        Buffer.from(value.replace(/^0+/, '').padStart(64, '0'), 'hex').toString('base64url'),
      );
      const key: JwsKey = checkDeviceKey({ kty: 'EC', crv: 'P-256', x, y });
      expect(verifySignature(hex(test.msg), hex(test.sig), key), `case ${test.tcId}: ${test.comment}`).toBe(
        test.result === 'valid',
      );
    }
  });

  it('RSA PKCS#1 with 2048 bits: 257 cases agree, and the two keys with e = 3 are refused (C-08, C-09)', () => {
    const cases = casesOf('rsa_signature_2048_sha256');
    expect(cases).toHaveLength(259);
    let refusedKeys = 0;
    for (const { group, test } of cases) {
      const key = attempt(() => checkDeviceKey({ ...group.keyJwk, alg: undefined }));
      if (key === undefined) {
        expect(group.keyJwk?.e).toBe('Aw');
        refusedKeys += 1;
        continue;
      }
      const result = verifySignature(hex(test.msg), hex(test.sig), { key: key.key, alg: 'RS256' });
      if (test.result !== 'acceptable')
        expect(result, `case ${test.tcId}: ${test.comment}`).toBe(test.result === 'valid');
    }
    expect(refusedKeys).toBe(2);
  });
});

/** Opens with the group's key, under the algorithm for which that key was made. */
function openAny(token: string, jwk: JsonWebKey): Uint8Array | undefined {
  const parsed = parseJwe(token, 32_768);
  const key = attempt((): JweKey => {
    if (jwk.kty === 'oct') return { alg: 'dir', key: new Uint8Array(Buffer.from(String(jwk.k), 'base64url')) };
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    return { alg: jwk.kty === 'EC' ? 'ECDH-ES' : 'RSA-OAEP-256', key: privateKey };
  });
  return parsed && key && openJwe(parsed, key);
}

/** Verifies with the group's key, if it is one that we accept, under that key's own algorithm. */
function verifyAny(token: string, jwk: JsonWebKey): boolean {
  const isRs256 = jwk.alg === 'RS256';
  const known = attempt(() => checkDeviceKey(isRs256 ? { ...jwk, alg: undefined } : jwk));
  if (known === undefined) return false;
  const key: JwsKey = isRs256 ? { key: known.key, alg: 'RS256' } : known;
  return attempt(() => verifyJwsBytes({ token, typ: undefined, key, maxLength: 100_000 })) !== undefined;
}
