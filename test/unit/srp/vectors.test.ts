/** The published values, byte for byte, in both profiles (P-17). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  clientProof,
  modularPowerOf,
  premaster,
  privateKey,
  scrambler,
  serverEphemeral,
  serverProof,
} from '../../../src/srp/formulas.ts';
import { deriveParameters, type SrpProfileName, srpProfiles, toBytes } from '../../../src/srp/profile.ts';
import { createSrpServer } from '../../../src/srp/server.ts';

interface Vector {
  note: string;
  [quantity: string]: string;
}
interface VectorFile {
  N: string;
  k: string;
  testVectors: Vector[];
}

const read = (name: string): VectorFile =>
  JSON.parse(readFileSync(new URL(`../../vectors/srp/${name}.json`, import.meta.url), 'utf8')) as VectorFile;
const bytes = (hex = ''): Uint8Array => new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const files: [SrpProfileName, string][] = [
  ['srp6a-2048-sha256', 'linusu-0.3.1-stock'],
  ['rfc5054-2048-sha256', 'linusu-0.3.1-with-rfc5054-k'],
];
const quantities = ['x', 'v', 'A', 'B', 'u', 'S', 'K', 'M1', 'M2'];

const server = createSrpServer({ poolSize: 0 });
const power = server.modularPower;

describe.each(files)('profile %s', (profile, fileName) => {
  const file = read(fileName);
  const parameters = srpProfiles[profile];

  it('has the published group and multiplier (P-16, P-17)', () => {
    expect(hex(parameters.prime)).toBe(file.N);
    expect(hex(toBytes(parameters.multiplier, 32))).toBe(file.k);
    expect(hex(parameters.groupHash)).toMatch(/^4a76a9a2.*29cc4c$/);
  });

  it('has 20 cases, which between them have a leading zero byte in every quantity (P-17)', () => {
    expect(file.testVectors).toHaveLength(20);
    for (const quantity of [...quantities, 's']) {
      expect(
        file.testVectors.some((vector) => vector[quantity]?.startsWith('00')),
        quantity,
      ).toBe(true);
    }
  });

  it.each(file.testVectors)('computes every quantity of "$note" (P-17)', (vector) => {
    const { I = '', P = '', s, a, b } = vector;
    const salt = bytes(s);
    const x = privateKey(parameters, { salt, identity: I, password: P });
    const v = power(parameters.generator, x);
    const A = power(parameters.generator, bytes(a));
    const B = serverEphemeral(parameters, { verifier: v, power: power(parameters.generator, bytes(b)) });
    const u = scrambler(parameters, A, B);
    const S = premaster(parameters, power, { clientEphemeral: A, verifier: v, scrambler: u, serverSecret: bytes(b) });
    const K = parameters.hash(S);
    const common = { clientEphemeral: A, serverEphemeral: B, sessionKey: K };
    const M1 = clientProof(parameters, { ...common, identity: I, salt });
    const M2 = serverProof(parameters, { ...common, proof: M1 });
    const computed = { x, v, A, B, u, S, K, M1, M2 };
    expect(Object.fromEntries(Object.entries(computed).map(([name, value]) => [name, hex(value)]))).toEqual(
      Object.fromEntries(quantities.map((name) => [name, vector[name]])),
    );
  });

  // Salts on our wire have 32 bytes; the first published case has the RFC's salt of 16.
  it.each(file.testVectors.filter(({ s }) => s?.length === 64))('accepts the proof of "$note" (P-17)', (vector) => {
    const { I = '', s = '', v = '', A = '', B = '', b = '', M1 = '' } = vector;
    const check = { identity: I, salt: s, verifier: v, clientEphemeral: A, serverEphemeral: B, serverSecret: b };
    const result = server.checkProof({ ...check, profile, proof: M1 });
    expect(result).toEqual({ ok: true, serverProof: vector.M2, sessionKey: bytes(vector.K) });
  });
});

it('computes the values of RFC 5054 appendix B with the same formulas, in SHA-1 and 1024 bits (P-17)', () => {
  const vector = read('rfc5054').testVectors[0] as Vector;
  const sha1 = (...parts: (Uint8Array | string)[]) => {
    const hash = createHash('sha1');
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  };
  const parameters = deriveParameters({ prime: bytes(vector.N), generator: 2, padsGenerator: true, hash: sha1 });
  const raise = modularPowerOf(parameters);
  const x = privateKey(parameters, { salt: bytes(vector.s), identity: vector.I ?? '', password: vector.P ?? '' });
  const v = raise(parameters.generator, x);
  const A = raise(parameters.generator, bytes(vector.a));
  const B = serverEphemeral(parameters, { verifier: v, power: raise(parameters.generator, bytes(vector.b)) });
  const u = scrambler(parameters, A, B);
  const serverSecret = bytes(vector.b);
  const S = premaster(parameters, raise, { clientEphemeral: A, verifier: v, scrambler: u, serverSecret });
  const computed = { k: toBytes(parameters.multiplier, 20), x, v, A, B, u, S };
  for (const [name, value] of Object.entries(computed)) expect(hex(value), name).toBe(hex(bytes(vector[name])));
});
