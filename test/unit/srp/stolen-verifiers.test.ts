/** What a thief of the verifier table can do with it (C-14): a real brute force over 200 mPINs. */
import { createHmac, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { label } from '../../../src/protocol/names.ts';
import { privateKey } from '../../../src/srp/formulas.ts';
import { srpProfiles } from '../../../src/srp/profile.ts';
import { createSrpServer } from '../../../src/srp/server.ts';

const server = createSrpServer({ poolSize: 0 });
const parameters = srpProfiles['srp6a-2048-sha256'];
const identity = 'dev_0123456789abcdefghijkl';
const mpin = '04711';
const candidates = Array.from({ length: 200 }, (_, index) => String(4600 + index).padStart(5, '0'));

/** The password of docs/protocol.md §4. */
function password(deviceSecret: Uint8Array, pin: string): string {
  return createHmac('sha512', deviceSecret).update(`${label.mpin}\0${pin}`).digest('base64url');
}

function verifierOf(salt: Uint8Array, secretPassword: string): string {
  const x = privateKey(parameters, { salt, identity, password: secretPassword });
  return Buffer.from(server.modularPower(parameters.generator, x)).toString('hex');
}

/** The mPIN for which a stolen row's verifier comes out, given a guess of how a password is made of it. */
function bruteForce(
  row: { salt: Uint8Array; verifier: string },
  passwordOf: (pin: string) => string,
): string | undefined {
  return candidates.find((pin) => verifierOf(row.salt, passwordOf(pin)) === row.verifier);
}

it('a stolen verifier gives the mPIN away with the device secret, and does not without (C-14)', () => {
  const deviceSecret = randomBytes(32);
  const salt = randomBytes(32);
  const row = { salt, verifier: verifierOf(salt, password(deviceSecret, mpin)) };
  expect(candidates).toContain(mpin);
  // With the secret the script works, so its failures below mean something.
  expect(bruteForce(row, (pin) => password(deviceSecret, pin))).toBe(mpin);
  expect(bruteForce(row, (pin) => pin)).toBeUndefined();
  expect(bruteForce(row, (pin) => password(new Uint8Array(32), pin))).toBeUndefined();
  expect(bruteForce(row, (pin) => password(randomBytes(32), pin))).toBeUndefined();
});

it('the table without the data key shows neither verifier nor salt (C-13, C-14)', () => {
  const sealing = createSealing([{ id: 'k1', key: randomBytes(32) }]);
  const salt = randomBytes(32);
  const verifier = verifierOf(salt, mpin);
  const stored = sealing.seal(JSON.stringify({ salt: salt.toString('hex'), verifier }), `devices.verifier:${identity}`);
  const bytes = Buffer.from(stored.split('.')[2] ?? '', 'base64url');
  for (const secret of [verifier, salt.toString('hex'), verifier.slice(0, 32)]) {
    expect(stored).not.toContain(secret);
    expect(bytes.includes(secret)).toBe(false);
    expect(bytes.includes(Buffer.from(secret, 'hex'))).toBe(false);
  }
  // The same row under a thief's own key, or moved to another device, does not open either.
  const thief = createSealing([{ id: 'k1', key: randomBytes(32) }]);
  expect(() => thief.open(stored, `devices.verifier:${identity}`)).toThrow();
  expect(() => sealing.open(stored, 'devices.verifier:dev_another')).toThrow();
});
