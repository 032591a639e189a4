/**
 * Lets the phones of a test run raise to powers with OpenSSL in place of the SRP package's own JavaScript, for the group of the protocol: the
 * same numbers in a fortieth of the time, which was half of what the tests took. The package's own arithmetic is what test/unit/srp, the commands and
 * the browsers run, and each worker compares the two once here.
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { modularPowerOf } from '../src/srp/formulas.ts';
import { srpProfiles, toBytes } from '../src/srp/profile.ts';

/** An integer of the package. */
interface PackageInteger {
  readonly [kind: symbol]: { toString(radix: number): string };
  modPow(exponent: PackageInteger, modulus: PackageInteger): PackageInteger;
  toHex(): string;
}

interface PackageIntegers {
  readonly prototype: PackageInteger;
  fromHex(text: string): PackageInteger;
}

const { modulus: prime, width } = srpProfiles['srp6a-2048-sha256'];
const require = createRequire(import.meta.url);
const Integer = require('secure-remote-password/lib/srp-integer.js') as PackageIntegers;
const { N } = require('secure-remote-password/lib/params.js') as { readonly N: PackageInteger };
const ownPower = Integer.prototype.modPow;

/** The number itself is kept under a symbol. */
function numberOf(integer: PackageInteger): bigint {
  const [symbol] = Object.getOwnPropertySymbols(integer);
  if (symbol === undefined) throw new Error('the SRP package keeps its integers otherwise');
  const text = integer[symbol]?.toString(16) ?? '';
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
}

function nativePower(this: PackageInteger, exponent: PackageInteger, modulus: PackageInteger): PackageInteger {
  const base = ((numberOf(this) % prime) + prime) % prime;
  const raised = numberOf(exponent);
  // OpenSSL refuses what no honest side comes to.
  if (modulus !== N || base < 2n || base === prime - 1n || raised < 1n) return ownPower.call(this, exponent, modulus);
  const bytes = Math.ceil(raised.toString(16).length / 2);
  const power = modularPowerOf(srpProfiles['srp6a-2048-sha256'])(toBytes(base, width), toBytes(raised, bytes));
  return Integer.fromHex(Buffer.from(power).toString('hex'));
}

if (Integer.prototype.modPow.name !== nativePower.name) {
  const [base, exponent] = [width, 32].map((bytes) => Integer.fromHex(randomBytes(bytes).toString('hex')));
  if (base === undefined || exponent === undefined) throw new Error('two numbers were made');
  const own = ownPower.call(base, exponent, N).toHex();
  if (nativePower.call(base, exponent, N).toHex() !== own) throw new Error('OpenSSL and the SRP package disagree');
  Object.defineProperty(Integer.prototype, 'modPow', { value: nativePower });
}
