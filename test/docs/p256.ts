/** ECDSA on P-256 with the deterministic nonce of RFC 6979, so that examples can be made again byte for byte. For documents only: not constant time. */
import { createHash, createHmac } from 'node:crypto';

const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const generator = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** A private scalar's public point. */
export function publicPoint(scalar: Uint8Array): { readonly x: Uint8Array; readonly y: Uint8Array } {
  const { x, y } = multiply(generator, toInteger(scalar));
  return { x: toBytes(x), y: toBytes(y) };
}

/** r ‖ s over SHA-256 of the data. */
export function signDeterministic(scalar: Uint8Array, data: string | Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(data).digest();
  const secret = toInteger(scalar);
  const nonce = deterministicNonce(scalar, digest);
  const r = modulo(multiply(generator, nonce).x, order);
  const s = modulo(inverse(nonce, order) * (toInteger(digest) + r * secret), order);
  return Buffer.concat([toBytes(r), toBytes(s)]);
}

/** RFC 6979 §3.2 for a hash as long as the order. */
function deterministicNonce(scalar: Uint8Array, digest: Uint8Array): bigint {
  const reduced = toBytes(modulo(toInteger(digest), order));
  const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer =>
    createHmac('sha256', key).update(Buffer.concat(parts)).digest();
  let value: Uint8Array = Buffer.alloc(32, 1);
  let key: Uint8Array = Buffer.alloc(32, 0);
  for (const separator of [0, 1]) {
    key = mac(key, value, Uint8Array.of(separator), scalar, reduced);
    value = mac(key, value);
  }
  for (;;) {
    value = mac(key, value);
    const candidate = toInteger(value);
    if (candidate > 0n && candidate < order) return candidate;
    key = mac(key, value, Uint8Array.of(0));
    value = mac(key, value);
  }
}

function multiply(point: Point, scalar: bigint): Point {
  let result: Point | undefined;
  let addend: Point = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = result === undefined ? addend : add(result, addend);
    addend = add(addend, addend);
  }
  if (result === undefined) throw new Error('the scalar is zero');
  return result;
}

function add(left: Point, right: Point): Point {
  const isDoubling = left.x === right.x && left.y === right.y;
  const slope = isDoubling
    ? (3n * left.x * left.x - 3n) * inverse(2n * left.y, prime)
    : (right.y - left.y) * inverse(right.x - left.x, prime);
  const x = modulo(slope * slope - left.x - right.x, prime);
  return { x, y: modulo(slope * (left.x - x) - left.y, prime) };
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [low, high] = [modulo(value, modulus), modulus];
  let [left, right] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high % low, low];
    [left, right] = [right - quotient * left, left];
  }
  return modulo(left, modulus);
}

function modulo(value: bigint, modulus: bigint): bigint {
  return ((value % modulus) + modulus) % modulus;
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint): Uint8Array {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
