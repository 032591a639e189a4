/** What the server accepts and refuses: malformed values, wrong proofs, other profiles, devices that do not exist. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { createPowerPool } from '../../../src/srp/pool.ts';
import { type SrpProfileName, srpProfiles, srpSha256 } from '../../../src/srp/profile.ts';
import {
  checkClientEphemeral,
  checkProofForm,
  checkSalt,
  checkVerifier,
  createSrpServer,
  fakeCredentials,
  type ProofCheck,
} from '../../../src/srp/server.ts';
import { big, clientLogin, pad, power, primeHex, referenceGroup, referenceM1 } from './reference.ts';

const server = createSrpServer({ poolSize: 0 });
const prime = big(primeHex);
const fixed = (byte: string) => byte.repeat(32);
const profiles: SrpProfileName[] = ['srp6a-2048-sha256', 'rfc5054-2048-sha256'];

/** A whole right handshake, both secrets fixed or random. */
function handshake(
  profile: SrpProfileName,
  { x = fixed('5a'), a = fixed('a1') } = {},
): ProofCheck & { M2: string; K: string } {
  const verifier = Buffer.from(server.modularPower(Uint8Array.of(2), Buffer.from(x, 'hex'))).toString('hex');
  const ephemeral = server.createEphemeral({ profile, verifier });
  const identity = 'dev_0123456789abcdefghijkl';
  const salt = fixed('0c');
  const login = clientLogin(referenceGroup(profile), { identity, salt, x, a, B: ephemeral.serverEphemeral });
  const { A: clientEphemeral, M1: proof, M2, K } = login;
  return { profile, identity, salt, verifier, clientEphemeral, ...ephemeral, proof, M2, K };
}

const codeOf = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    return error instanceof AuthError ? error.code : 'another error';
  }
  return 'accepted';
};

const malformedIntegers: [string, string][] = [
  ['empty', ''],
  ['the digit 0', '0'],
  ['zero at full width', '00'.repeat(256)],
  ['N', primeHex],
  ['2N', pad(2n * prime)],
  ['N + 5', pad(prime + 5n)],
  ['all bits set', 'ff'.repeat(256)],
  ['a negative number', '-1'],
  ['a sign at full width', `-${'11'.repeat(255)}1`],
  ['letters that are not hex', 'zz'],
  ['letters that are not hex, at full width', 'zz'.repeat(256)],
  ['an odd number of digits', '1'.repeat(511)],
  ['513 digits', '1'.repeat(513)],
  ['514 digits with leading zeros', `00${'11'.repeat(256)}`],
  ['stripped leading zeros', '11'.repeat(255)],
  ['upper case', 'AB'.repeat(256)],
  ['a space in front', ` ${'1'.repeat(511)}`],
  ['a space inside', `${'1'.repeat(255)} ${'1'.repeat(256)}`],
  ['a line break at the end', `${'1'.repeat(512)}\n`],
  ['an 0x', `0x${'1'.repeat(510)}`],
];

describe('malformed values', () => {
  it.each(malformedIntegers)('refuses a client ephemeral that is %s, and gives no proof for it (P-12)', (_, text) => {
    expect(codeOf(() => checkClientEphemeral(text))).toBe('invalid_request');
    expect(server.checkProof({ ...handshake('srp6a-2048-sha256'), clientEphemeral: text })).toEqual({ ok: false });
  });

  it('accepts the client ephemerals 1 and N - 1, the ends of the range (P-12)', () => {
    expect(codeOf(() => checkClientEphemeral(pad(1n)))).toBe('accepted');
    expect(codeOf(() => checkClientEphemeral(pad(prime - 1n)))).toBe('accepted');
  });

  it.each([...malformedIntegers, ['1', pad(1n)], ['N - 1', pad(prime - 1n)], ['N + 1', pad(prime + 1n)]])(
    'refuses a verifier that is %s (R-06)',
    (_, text) => {
      expect(codeOf(() => checkVerifier(text))).toBe('invalid_request');
      expect(codeOf(() => server.createEphemeral({ profile: 'srp6a-2048-sha256', verifier: text }))).toBe(
        'invalid_request',
      );
    },
  );

  it('accepts the verifiers 2 and N - 2, the ends of the range (R-06)', () => {
    expect(codeOf(() => checkVerifier(pad(2n)))).toBe('accepted');
    expect(codeOf(() => checkVerifier(pad(prime - 2n)))).toBe('accepted');
  });

  it.each([
    ['empty', ''],
    ['a digit too short', 'a'.repeat(63)],
    ['a digit too long', 'a'.repeat(65)],
    ['upper case', 'A'.repeat(64)],
    ['with a space', ` ${'a'.repeat(63)}`],
    ['not hex', 'g'.repeat(64)],
    ['with a line break at the end', `${'a'.repeat(64)}\n`],
  ])('refuses salts and proofs that are %s (P-18)', (_, text) => {
    expect(codeOf(() => checkSalt(text))).toBe('invalid_request');
    expect(codeOf(() => checkProofForm(text))).toBe('invalid_request');
    expect(server.checkProof({ ...handshake('srp6a-2048-sha256'), proof: text })).toEqual({ ok: false });
  });

  it.each([
    ['zeros in front', (proof: string) => `0000${proof}`],
    ['a space in front', (proof: string) => ` ${proof}`],
    ['a space inside', (proof: string) => `${proof.slice(0, 32)} ${proof.slice(32)}`],
    ['upper case', (proof: string) => proof.toUpperCase()],
    ['its first byte missing', (proof: string) => proof.slice(2)],
  ])('refuses the right proof with %s: it has one spelling (P-18)', (_, change) => {
    const right = handshake('rfc5054-2048-sha256', { x: fixed('77') });
    expect(server.checkProof(right).ok).toBe(true);
    expect(server.checkProof({ ...right, proof: change(right.proof) })).toEqual({ ok: false });
  });

  it('calls a damaged record of its own a fault, not a wrong proof', () => {
    const check = { ...handshake('srp6a-2048-sha256'), verifier: 'aa' };
    expect(codeOf(() => server.checkProof(check))).toBe('internal');
  });
});

describe('proofs', () => {
  it.each(profiles)('accepts a right proof and proves itself in return, in %s (P-17)', (profile) => {
    const { M2, K, ...check } = handshake(profile);
    const result = server.checkProof(check);
    expect(result).toEqual({ ok: true, serverProof: M2, sessionKey: new Uint8Array(Buffer.from(K, 'hex')) });
  });

  it.each(profiles)('answers a wrong proof with nothing at all: no M2, no key, in %s (P-14)', (profile) => {
    const { M2: _, K: __, ...check } = handshake(profile);
    for (let position = 0; position < 64; position += 1) {
      const other = check.proof[position] === '0' ? '1' : '0';
      const proof = check.proof.slice(0, position) + other + check.proof.slice(position + 1);
      expect(server.checkProof({ ...check, proof })).toEqual({ ok: false });
    }
  });

  it('refuses in each profile the proofs of the other (P-17)', () => {
    for (const [mine, other] of [profiles, profiles.toReversed()] as [SrpProfileName, SrpProfileName][]) {
      const check = handshake(mine);
      const login = {
        identity: check.identity,
        salt: check.salt,
        x: fixed('5a'),
        a: fixed('a1'),
        B: check.serverEphemeral,
      };
      const foreign = clientLogin(referenceGroup(other), login);
      expect(server.checkProof(check).ok).toBe(true);
      expect(server.checkProof({ ...check, proof: foreign.M1 })).toEqual({ ok: false });
    }
  });

  it('refuses a proof for another device, salt, verifier, ephemeral or secret', () => {
    const check = handshake('srp6a-2048-sha256');
    const another = handshake('srp6a-2048-sha256', { x: fixed('66'), a: fixed('b2') });
    const { verifier, clientEphemeral, serverEphemeral, serverSecret } = another;
    const changes = [
      { identity: 'dev_x' },
      { salt: fixed('0d') },
      { verifier },
      { clientEphemeral },
      { serverEphemeral },
      { serverSecret },
    ];
    for (const change of changes) expect(server.checkProof({ ...check, ...change })).toEqual({ ok: false });
  });

  it('refuses u = 0, with which a client would need no password, before any exponentiation (P-13)', () => {
    // OpenSSL refuses the exponent 0 as well; this one answers 1, so that the check itself is what refuses.
    const modularPower = vi.fn((base: Uint8Array, exponent: Uint8Array) =>
      exponent.every((byte) => byte === 0) ? fromHex(pad(1n)) : server.modularPower(base, exponent),
    );
    const weak = serverWithScrambler(0, modularPower);
    const check = handshake('srp6a-2048-sha256');
    // With u = 0 the key is A^b = (g^b)^a: no password is in it.
    const K = srpSha256(server.modularPower(fromHex(check.clientEphemeral), fromHex(check.serverSecret)));
    expect(weak.checkProof({ ...check, proof: forge(check, K) })).toEqual({ ok: false });
    expect(modularPower).not.toHaveBeenCalled();
  });

  it('refuses A·v^u = 1, which only who knows v could choose, as a wrong proof', () => {
    const weak = serverWithScrambler(1);
    const check = handshake('srp6a-2048-sha256');
    const inverse = power(big(check.verifier), prime - 2n, prime);
    const forged = { ...check, clientEphemeral: pad(inverse) };
    const K = srpSha256(fromHex(pad(1n)));
    expect(weak.checkProof({ ...forged, proof: forge(forged, K) })).toEqual({ ok: false });
  });
});

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** A server whose u is always `value`: of all hashes only u takes exactly two integers of the group. */
function serverWithScrambler(value: number, modularPower = server.modularPower) {
  const u = Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? value : 0));
  const hash = (...parts: (Uint8Array | string)[]) =>
    parts.length === 2 && parts.every((part) => part.length === 256) ? u : srpSha256(...parts);
  const patched = { ...srpProfiles['srp6a-2048-sha256'], hash };
  const patchedProfiles = { 'srp6a-2048-sha256': patched, 'rfc5054-2048-sha256': patched };
  return createSrpServer({ poolSize: 0, profiles: patchedProfiles, modularPower });
}

/** M1 for a key that an attacker computed. */
function forge(check: ProofCheck, K: Uint8Array): string {
  const { identity, salt, clientEphemeral: A, serverEphemeral: B } = check;
  return referenceM1(referenceGroup(check.profile), { identity, salt, A, B, K: Buffer.from(K).toString('hex') });
}

describe('ephemerals', () => {
  it('makes a fresh secret of 256 bits and a full-width B for each handshake (P-15)', () => {
    const verifier = handshake('srp6a-2048-sha256').verifier;
    const made = Array.from({ length: 100 }, () => server.createEphemeral({ profile: 'srp6a-2048-sha256', verifier }));
    for (const { serverSecret, serverEphemeral } of made) {
      expect(serverSecret).toMatch(/^[0-9a-f]{64}$/);
      expect(serverEphemeral).toMatch(/^[0-9a-f]{512}$/);
      expect(big(serverEphemeral) < prime && big(serverEphemeral) > 0n).toBe(true);
    }
    expect(new Set(made.map(({ serverSecret }) => serverSecret)).size).toBe(100);
    expect(new Set(made.map(({ serverEphemeral }) => serverEphemeral)).size).toBe(100);
  });

  it('hands out no pair of its stock twice, and works on when the stock is empty (P-15)', async () => {
    const pooled = createSrpServer({ poolSize: 8 });
    await pooled.warmUp();
    const verifier = handshake('srp6a-2048-sha256').verifier;
    const made = Array.from({ length: 30 }, () => pooled.createEphemeral({ profile: 'srp6a-2048-sha256', verifier }));
    expect(new Set(made.map(({ serverSecret }) => serverSecret)).size).toBe(30);
    pooled.close();
  });

  it('keeps at most the told number in stock and refills in idle turns', async () => {
    const make = vi.fn(() => ({ secret: new Uint8Array(32), power: new Uint8Array(256) }));
    const pool = createPowerPool({ size: 3, make });
    await pool.fill();
    expect(make).toHaveBeenCalledTimes(3);
    pool.take();
    expect(make).toHaveBeenCalledTimes(3);
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    expect(make).toHaveBeenCalledTimes(4);
    pool.close();
    pool.take();
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    expect(make).toHaveBeenCalledTimes(5);
  });
});

describe('devices that do not exist', () => {
  const secret = new Uint8Array(32).fill(7);

  it('get the same salt and verifier each time, others for another identity or secret (P-11)', () => {
    const first = fakeCredentials({ secret, identity: 'dev_a' });
    expect(fakeCredentials({ secret, identity: 'dev_a' })).toEqual(first);
    const others = [
      fakeCredentials({ secret, identity: 'dev_b' }),
      fakeCredentials({ secret: new Uint8Array(32).fill(8), identity: 'dev_a' }),
    ];
    for (const other of others) {
      expect(other.salt).not.toBe(first.salt);
      expect(other.verifier).not.toBe(first.verifier);
    }
  });

  it('get values of the form of real ones, and another B each time (P-11)', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (identity) => {
        const { salt, verifier } = fakeCredentials({ secret, identity });
        checkSalt(salt);
        checkVerifier(verifier);
      }),
      { numRuns: 200 },
    );
    const { verifier } = fakeCredentials({ secret, identity: 'dev_a' });
    const [one, two] = [1, 2].map(() => server.createEphemeral({ profile: 'srp6a-2048-sha256', verifier }));
    expect(one?.serverEphemeral).toMatch(/^[0-9a-f]{512}$/);
    expect(one?.serverEphemeral).not.toBe(two?.serverEphemeral);
  });

  it('go through the same exponentiations as real ones and fail (P-11)', () => {
    const modularPower = vi.fn(server.modularPower);
    const counting = createSrpServer({ poolSize: 0, modularPower });
    const count = (verifier: string, salt: string) => {
      modularPower.mockClear();
      const ephemeral = counting.createEphemeral({ profile: real.profile, verifier });
      const result = counting.checkProof({ ...real, ...ephemeral, salt, verifier });
      return { result, exponentiations: modularPower.mock.calls.length };
    };
    const real = handshake('rfc5054-2048-sha256');
    const fake = fakeCredentials({ secret, identity: real.identity });
    // The real device's proof is for another B, so it is as wrong as the fake one's.
    const expected = { result: { ok: false }, exponentiations: 3 };
    expect(count(real.verifier, real.salt)).toEqual(expected);
    expect(count(fake.verifier, fake.salt)).toEqual(expected);
  });
});

describe('modular power', () => {
  it('equals square-and-multiply for any base and exponent, at full width (C-17)', () => {
    const bigBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bigBytes(256), bigBytes(32), (base, exponent) => {
        const value = big(Buffer.from(base).toString('hex')) % prime;
        fc.pre(value > 1n && value < prime - 1n && exponent.some((byte) => byte > 0));
        const result = server.modularPower(Buffer.from(pad(value), 'hex'), exponent);
        const expected = power(value, big(Buffer.from(exponent).toString('hex')), prime);
        expect(Buffer.from(result).toString('hex')).toBe(pad(expected));
      }),
      { numRuns: 60 },
    );
  });
});
