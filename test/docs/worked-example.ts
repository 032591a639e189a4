/**
 * The worked example of docs/protocol.md: every value computed from fixed keys and fixed "randomness", with nothing but node:crypto and
 * BigInt, so that it is a second implementation of the protocol and not an echo of the first.
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from 'node:crypto';
import { publicPoint, signDeterministic } from './p256.ts';

/** Seconds since the epoch: 2026-11-20T12:00:00Z. */
export const exampleTime = 1_795_176_000;
export const issuer = 'https://login.bank.example';
export const mpin = '83920';

/** "Random" bytes: SHA-256 in counter mode over a name. */
function bytes(name: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    sha256(`mtoken example ${index} ${name}`),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
const b64 = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url');
const id = (prefix: string): string => `${prefix}_${b64(bytes(prefix, 16))}`;

/** `frame(p1, …, pn)` of §1. */
function frame(parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(part));
      return [length, Buffer.from(part)];
    }),
  );
}

export interface ExampleKey {
  readonly scalar: Uint8Array;
  readonly publicJwk: { readonly crv: 'P-256'; readonly kty: 'EC'; readonly x: string; readonly y: string };
  /** RFC 7638. */
  readonly thumbprint: string;
}

function makeKey(name: string): ExampleKey {
  const scalar = bytes(name, 32);
  const { x, y } = publicPoint(scalar);
  // RFC 7638: members in alphabetical order, no blanks.
  const publicJwk = { crv: 'P-256', kty: 'EC', x: b64(x), y: b64(y) } as const;
  return { scalar, publicJwk, thumbprint: b64(sha256(JSON.stringify(publicJwk))) };
}

export const keys = {
  device: makeKey('device key'),
  biometric: makeKey('biometric key'),
  serverSigning: makeKey('server signing key'),
  serverEnvelope: makeKey('server envelope key'),
  ephemeral: makeKey('ephemeral key of the envelope'),
};

function jws(key: ExampleKey, header: object, payload: object): string {
  const input = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(payload))}`;
  return `${input}.${b64(signDeterministic(key.scalar, input))}`;
}

/** A256CBC-HS512 (RFC 7518 §5.2.5). */
function jwe(header: object, contentKey: Uint8Array, { plaintext, iv }: { plaintext: string; iv: Uint8Array }): string {
  const protectedHeader = b64(JSON.stringify(header));
  const cipher = createCipheriv('aes-256-cbc', contentKey.subarray(32), iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const bits = Buffer.alloc(8);
  bits.writeUInt32BE(protectedHeader.length * 8, 4);
  const mac = createHmac('sha512', contentKey.subarray(0, 32)).update(protectedHeader).update(iv).update(ciphertext);
  return [protectedHeader, '', b64(iv), b64(ciphertext), b64(mac.update(bits).digest().subarray(0, 32))].join('.');
}

/** ECDH-ES for a direct key of 64 bytes (RFC 7518 §4.6). */
function agreedKey(own: ExampleKey, other: ExampleKey): Buffer {
  const privateKey = createPrivateKey({ key: { ...own.publicJwk, d: b64(own.scalar) }, format: 'jwk' });
  const publicKey = createPublicKey({ key: other.publicJwk, format: 'jwk' });
  const secret = diffieHellman({ privateKey, publicKey });
  const otherInfo = Buffer.concat([frame(['A256CBC-HS512', '', '']), Buffer.from([0, 0, 2, 0])]);
  const round = (count: number): Buffer => sha256(Buffer.concat([Buffer.from([0, 0, 0, count]), secret, otherInfo]));
  return Buffer.concat([round(1), round(2)]);
}

/* SRP, §4 */

const modulus = BigInt(
  '0xac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb694b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73',
);
const pad = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(512, '0'), 'hex');
const hash = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  sha256(Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
const integer = (data: Uint8Array): bigint => BigInt(`0x${Buffer.from(data).toString('hex')}`);

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

export const deviceId = id('dev');
export const deviceSecret = bytes('device secret', 32);
const password = b64(createHmac('sha512', deviceSecret).update(`mtoken/v1/mpin\u0000${mpin}`).digest());
const salt = bytes('salt', 32);
const x = integer(hash(salt, hash(`${deviceId}:${password}`)));
const v = power(2n, x);
const a = integer(bytes('a', 32));
const A = power(2n, a);
const b = integer(bytes('b', 32));
const k = integer(hash(pad(modulus), Uint8Array.of(2)));
const B = (k * v + power(2n, b)) % modulus;
const u = integer(hash(pad(A), pad(B)));
const S = power(A * power(v, u), b);
const K = hash(pad(S));
const groupHash = Buffer.from(hash(pad(modulus)).map((byte, index) => byte ^ (hash(Uint8Array.of(2))[index] ?? 0)));
const M1 = hash(groupHash, hash(deviceId), salt, pad(A), pad(B), K);
const M2 = hash(pad(A), M1, K);
const hex = (value: bigint | Uint8Array): string =>
  typeof value === 'bigint' ? pad(value).toString('hex') : Buffer.from(value).toString('hex');

export const srp = {
  password,
  salt: hex(salt),
  verifier: hex(v),
  clientSecret: hex(bytes('a', 32)),
  clientEphemeral: hex(A),
  serverSecret: hex(bytes('b', 32)),
  serverEphemeral: hex(B),
  scrambler: u.toString(16).padStart(64, '0'),
  premaster: hex(S),
  sessionKey: hex(K),
  proof: hex(M1),
  serverProof: hex(M2),
};

/* Registration, §5 */

export const activationText = `${issuer}/activate#c=0EXA-MP1E-C0DE-F0RT-HEPR-0T0C&k=${keys.serverSigning.thumbprint}`;
export const registrationStatement = {
  iss: issuer,
  registrationId: id('reg'),
  deviceId,
  nonce: b64(bytes('nonce', 32)),
  jkt: keys.device.thumbprint,
  biometricJkt: null,
  profile: 'srp6a-2048-sha256',
  salt: srp.salt,
  verifier: srp.verifier,
  iat: exampleTime,
};
const deviceHeader = (typ: string): object => ({ alg: 'ES256', typ });
export const registrationJws = jws(keys.device, deviceHeader('mtoken-registration+jws'), registrationStatement);

/* A request before a session, §3 */

const dpop = (claims: object): string =>
  jws(keys.device, { typ: 'dpop+jwt', alg: 'ES256', jwk: keys.device.publicJwk }, claims);

export const startUrl = `${issuer}/app/v1/session/start`;
export const startJti = b64(bytes('jti of the start', 16));
export const replyKey = bytes('reply key', 64);
export const startPlaintext = JSON.stringify({
  htm: 'POST',
  htu: startUrl,
  iat: exampleTime,
  jti: startJti,
  jkt: keys.device.thumbprint,
  replyKey: b64(replyKey),
  body: { deviceId, method: 'mpin', clientEphemeral: srp.clientEphemeral },
});
export const startContentKey = agreedKey(keys.ephemeral, keys.serverEnvelope);
export const startEnvelope = jwe(
  {
    alg: 'ECDH-ES',
    enc: 'A256CBC-HS512',
    kid: keys.serverEnvelope.thumbprint,
    typ: 'mtoken-request+jwe',
    epk: { kty: 'EC', crv: 'P-256', x: keys.ephemeral.publicJwk.x, y: keys.ephemeral.publicJwk.y },
  },
  startContentKey,
  { plaintext: startPlaintext, iv: bytes('iv of the start', 16) },
);
export const startProof = dpop({
  jti: startJti,
  htm: 'POST',
  htu: startUrl,
  iat: exampleTime,
  bh: b64(sha256(startEnvelope)),
});

export const handshake = id('hs');
const startReply = { re: startJti, htu: startUrl, iat: exampleTime, status: 200 };
const challenge = { handshake, salt: srp.salt, serverEphemeral: srp.serverEphemeral, expiresInSeconds: 120 };
export const startReplyPlaintext = padded({ ...startReply, body: challenge });
export const startReplyEnvelope = jwe({ alg: 'dir', enc: 'A256CBC-HS512', typ: 'mtoken-reply+jwe' }, replyKey, {
  plaintext: startReplyPlaintext,
  iv: bytes('iv of the reply', 16),
});

function padded(reply: object): string {
  const bare = JSON.stringify({ ...reply, pad: '' });
  return JSON.stringify({ ...reply, pad: ' '.repeat((512 - (Buffer.byteLength(bare) % 512)) % 512) });
}

/* The session's keys, §6 */

export const transcript = [
  'mpin',
  handshake,
  deviceId,
  srp.clientEphemeral,
  srp.serverEphemeral,
  srp.proof,
  srp.serverProof,
] as const;
const transcriptHash = createHash('sha512').update(frame(transcript)).digest();
const derive = (info: string): Buffer => Buffer.from(hkdfSync('sha512', K, transcriptHash, info, 64));
export const sessionKeys = {
  transcriptHash: transcriptHash.toString('hex'),
  appToServer: derive('mtoken/v1/app-to-server').toString('hex'),
  serverToApp: derive('mtoken/v1/server-to-app').toString('hex'),
};

/* The word of a biometric key, §6: in both forms, as if it were either */

export const biometricStatement = {
  iss: issuer,
  deviceId,
  purpose: 'session',
  subject: handshake,
  nonce: b64(bytes('nonce of the biometrics', 32)),
  boundHash: b64(sha256(bytes('session secret', 32))),
  iat: exampleTime,
};
export const biometricJws = jws(keys.biometric, deviceHeader('mtoken-biometric+jws'), biometricStatement);

const statementText = JSON.stringify(biometricStatement);
export const assertionChallenge = sha256(frame(['mtoken/v1/webauthn', statementText]));
const clientDataJSON = JSON.stringify({
  type: 'webauthn.get',
  challenge: b64(assertionChallenge),
  origin: issuer,
  crossOrigin: false,
});
/** UP and UV, and a counter of 1. */
const authenticatorData = Buffer.concat([sha256(new URL(issuer).hostname), Buffer.of(0x05, 0, 0, 0, 1)]);
export const assertion = {
  statement: b64(statementText),
  authenticatorData: b64(authenticatorData),
  clientDataJSON: b64(clientDataJSON),
  signature: b64(
    der(signDeterministic(keys.biometric.scalar, Buffer.concat([authenticatorData, sha256(clientDataJSON)]))),
  ),
};

/** Ecdsa-Sig-Value (RFC 3279 §2.2.3) of r ‖ s. */
function der(signature: Uint8Array): Buffer {
  const integers = [signature.subarray(0, 32), signature.subarray(32)].map((bytes) => {
    const trimmed = Buffer.from(bytes.subarray(bytes.findIndex((byte) => byte !== 0)));
    const value = (trimmed[0] ?? 0) < 0x80 ? trimmed : Buffer.concat([Buffer.of(0), trimmed]);
    return Buffer.concat([Buffer.of(0x02, value.length), value]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/* A frame, §7, and a request within the session */

export const sessionId = id('ses');
export const accessToken = b64(bytes('access token', 32));
export const frameToken = b64(bytes('frame token', 16));
export const frameStep = Math.floor(exampleTime / 2);
export const frameTag = b64(bytes('frame tag', 12));
export const frameText = `${issuer}/q/${frameToken}.${frameStep}.${frameTag}`;
export const claimUrl = `${issuer}/app/v1/orders/claim`;
export const claimJti = b64(bytes('jti of the claim', 16));
export const claimPlaintext = JSON.stringify({
  htm: 'POST',
  htu: claimUrl,
  iat: exampleTime,
  jti: claimJti,
  jkt: keys.device.thumbprint,
  body: { via: 'qr', token: frameToken, step: frameStep, tag: frameTag },
});
export const claimEnvelope = jwe(
  { alg: 'dir', enc: 'A256CBC-HS512', kid: sessionId, typ: 'mtoken-request+jwe' },
  Buffer.from(sessionKeys.appToServer, 'hex'),
  { plaintext: claimPlaintext, iv: bytes('iv of the claim', 16) },
);
export const claimProof = dpop({
  jti: claimJti,
  htm: 'POST',
  htu: claimUrl,
  iat: exampleTime,
  bh: b64(sha256(claimEnvelope)),
  ath: b64(sha256(accessToken)),
});

/* Descriptor and approval, §8 */

export const orderId = id('ord');
const challengeOfOrder = b64(bytes('challenge', 32));
export const descriptor = {
  iss: issuer,
  orderId,
  deviceId,
  purpose: 'login',
  client: { id: 'portal', name: 'Business portal', domain: 'portal.example' },
  origin: 'https://portal.example',
  via: 'qr',
  browser: { name: 'Firefox on Linux', address: '192.0.2.0/24', place: null },
  display: { text: 'Log in to Business portal\nportal.example', locale: 'en' },
  challenge: challengeOfOrder,
  freshProof: false,
  iat: exampleTime,
  exp: exampleTime + 120,
};
export const descriptorJws = jws(
  keys.serverSigning,
  { alg: 'ES256', typ: 'mtoken-order+jws', kid: keys.serverSigning.thumbprint },
  descriptor,
);
export const approval = {
  aud: issuer,
  orderId,
  deviceId,
  purpose: 'login',
  decision: 'approve',
  clientId: 'portal',
  origin: 'https://portal.example',
  challenge: challengeOfOrder,
  displayHash: b64(sha256(descriptor.display.text)),
  descriptorHash: b64(sha256(descriptorJws)),
  factors: ['mpin'],
  iat: exampleTime,
};
export const approvalJws = jws(keys.device, deviceHeader('mtoken-approval+jws'), approval);
