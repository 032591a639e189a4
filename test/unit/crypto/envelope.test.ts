/** The envelope both ways: what opens, and that everything else fails alike (C-01, C-02, C-04, C-05). */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { sha512 } from '../../../src/crypto/bytes.ts';
import {
  biometricTranscript,
  deriveSessionKeys,
  mpinTranscript,
  openReply,
  openRequest,
  sealReply,
  sealRequest,
} from '../../../src/crypto/envelope.ts';
import type { JweKey } from '../../../src/crypto/jwe.ts';
import { AuthError } from '../../../src/errors.ts';
import { typ } from '../../../src/protocol/names.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const sessionKey = new Uint8Array(randomBytes(64));
const replyKey = new Uint8Array(randomBytes(64));
const seconds = 1_763_640_000;
const nowMs = seconds * 1000;
const expected = { htu: 'https://bank.example/app/v1/session/start', jti: 'j'.repeat(22), jkt: 'k'.repeat(43) };
const body = { deviceId: 'dev_1', note: 'é' };
const full = { ...expected, iat: seconds, body, replyKey };
const { replyKey: _, ...withoutReplyKey } = full;

/** How each kind of request is made and opened. */
const kinds: Record<
  string,
  { seal: JweKey; open: JweKey; kid: string; envelope: typeof full | typeof withoutReplyKey }
> = {
  'ECDH-ES': {
    seal: { alg: 'ECDH-ES', key: ec.publicKey },
    open: { alg: 'ECDH-ES', key: ec.privateKey },
    kid: 'ec-key',
    envelope: full,
  },
  'RSA-OAEP-256': {
    seal: { alg: 'RSA-OAEP-256', key: rsa.publicKey },
    open: { alg: 'RSA-OAEP-256', key: rsa.privateKey },
    kid: 'rsa-key',
    envelope: full,
  },
  dir: {
    seal: { alg: 'dir', key: sessionKey },
    open: { alg: 'dir', key: sessionKey },
    kid: 'ses_1',
    envelope: withoutReplyKey,
  },
};
const kindNames = Object.keys(kinds);
const kindOf = (name: string) => kinds[name] as (typeof kinds)[string];

const open = (
  token: string,
  key: JweKey | undefined,
  overrides: Partial<{ expected: typeof expected; nowMs: number }> = {},
) => openRequest({ token, expected, nowMs, keyFor: () => key, ...overrides });

/** The log's detail of a refusal whose public face is always the same. */
async function refusal(attempt: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof attempt === 'function' ? attempt() : attempt);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    expect([error.code, error.publicMessage, error.members]).toEqual([
      'invalid_request',
      'the envelope is not acceptable',
      {},
    ]);
    return error.detail ?? '';
  }
  return 'accepted';
}

/** A request with any header and plaintext, made by jose: what an attacker, or another app, can make. */
function foreign(header: Record<string, unknown>, plain: unknown, key: Parameters<CompactEncrypt['encrypt']>[0]) {
  const text = typeof plain === 'string' ? plain : JSON.stringify(plain);
  const encrypt = new CompactEncrypt(new TextEncoder().encode(text));
  return encrypt.setProtectedHeader(header as { alg: string; enc: string }).encrypt(key, { crit: { foo: true } });
}
const sessionHeader = { alg: 'dir', enc: 'A256CBC-HS512', kid: 'ses_1', typ: typ.requestEnvelope };
const plain = { htm: 'POST', ...expected, iat: seconds, body };
const asSession = (changed: unknown) => foreign(sessionHeader, changed, sessionKey);

describe.each(kindNames)('a request with %s', (name) => {
  const { seal, open: key, kid, envelope } = kindOf(name);
  const token = sealRequest({ key: seal, kid, envelope });

  it('opens with its key, which is found by algorithm and kid', async () => {
    const opened = await openRequest({
      token,
      expected,
      nowMs,
      keyFor: (keyName) => (keyName.alg === name && keyName.kid === kid ? Promise.resolve(key) : undefined),
    });
    expect(opened).toEqual({
      keyName: { alg: name, kid },
      iat: seconds,
      body,
      replyKey: name === 'dir' ? undefined : replyKey,
    });
  });

  it('is read by jose, and is read when jose made it (C-03)', async () => {
    const { plaintext, protectedHeader } = await compactDecrypt(token, key.key);
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toMatchObject(plain);
    const { epk, ...header } = protectedHeader;
    expect(header).toEqual({ alg: name, enc: 'A256CBC-HS512', kid, typ: typ.requestEnvelope });
    expect(epk === undefined).toBe(name !== 'ECDH-ES');
    const reply = name === 'dir' ? {} : { replyKey: Buffer.from(replyKey).toString('base64url') };
    const made = await foreign({ ...sessionHeader, alg: name, kid }, { ...plain, ...reply }, seal.key);
    expect(await open(made, key)).toMatchObject({ body });
  });

  it('fails alike with any bit of its five parts altered, or another key (C-02)', async () => {
    const parts = token.split('.').map((part) => Buffer.from(part, 'base64url'));
    for (const [index, part] of parts.entries()) {
      // Every byte of the short parts; of the long ones as many, evenly spread.
      const step = Math.ceil(part.length / 40);
      for (let position = 0; position < part.length; position += step) {
        const altered = Buffer.from(part);
        altered[position] = (altered[position] ?? 0) ^ 1;
        const changed = parts.map((other, at) => (at === index ? altered : other).toString('base64url')).join('.');
        expect(await refusal(open(changed, key))).not.toBe('accepted');
      }
    }
    const strangers: JweKey[] = [
      { alg: 'dir', key: replyKey },
      { alg: 'dir', key: new Uint8Array(32) },
      { alg: 'ECDH-ES', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
      { alg: 'RSA-OAEP-256', key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey },
    ];
    for (const stranger of strangers) expect(await refusal(open(token, stranger))).toContain('it does not decrypt');
    expect(await refusal(open(token, undefined))).toContain('unknown kid');
  });

  it('never repeats a content key or IV (C-04)', () => {
    const made = Array.from({ length: name === 'ECDH-ES' ? 300 : 1000 }, () =>
      sealRequest({ key: seal, kid, envelope }).split('.'),
    );
    expect(new Set(made.map((parts) => parts[2])).size).toBe(made.length);
    expect(new Set(made.map((parts) => parts[3])).size).toBe(made.length);
    if (name === 'RSA-OAEP-256') expect(new Set(made.map((parts) => parts[1])).size).toBe(made.length);
    if (name === 'ECDH-ES') expect(new Set(made.map((parts) => parts[0])).size).toBe(made.length);
  });

  it('fits its endpoint, proof, sender and time only (C-05, P-23)', async () => {
    const other = (change: Partial<typeof expected>) =>
      refusal(open(token, key, { expected: { ...expected, ...change } }));
    expect(await other({ htu: 'https://bank.example/app/v1/session/finish' })).toContain('another endpoint');
    expect(await other({ htu: 'https://other.example/app/v1/session/start' })).toContain('another endpoint');
    expect(await other({ jti: 'x'.repeat(22) })).toContain('another proof');
    expect(await other({ jkt: 'x'.repeat(43) })).toContain('another sender');
    expect(await refusal(open(token, key, { nowMs: nowMs + 60_000 }))).toBe('accepted');
    expect(await refusal(open(token, key, { nowMs: nowMs - 60_000 }))).toBe('accepted');
    expect(await refusal(open(token, key, { nowMs: nowMs + 60_001 }))).toContain('outside the window');
    expect(await refusal(open(token, key, { nowMs: nowMs - 60_001 }))).toContain('outside the window');
  });
});

describe('the form of a request', () => {
  it('allows only the agreed algorithms (C-01)', async () => {
    const secret = randomBytes(32);
    const tokens = await Promise.all([
      foreign({ ...sessionHeader, enc: 'A256GCM' }, plain, secret),
      foreign({ ...sessionHeader, enc: 'A128CBC-HS256' }, plain, secret),
      foreign({ ...sessionHeader, alg: 'A256KW' }, plain, secret),
      foreign({ ...sessionHeader, alg: 'A256GCMKW' }, plain, secret),
      foreign({ ...sessionHeader, alg: 'RSA-OAEP' }, plain, rsa.publicKey),
      foreign({ ...sessionHeader, alg: 'RSA-OAEP-512' }, plain, rsa.publicKey),
      foreign({ ...sessionHeader, alg: 'RSA-OAEP-256', enc: 'A256GCM' }, plain, rsa.publicKey),
      foreign({ ...sessionHeader, alg: 'ECDH-ES+A256KW' }, plain, ec.publicKey),
      foreign({ ...sessionHeader, alg: 'ECDH-ES', enc: 'A256GCM' }, plain, ec.publicKey),
      foreign({ ...sessionHeader, alg: 'PBES2-HS512+A256KW' }, plain, secret),
    ]);
    const dir = sealRequest({ key: { alg: 'dir', key: sessionKey }, kid: 'k', envelope: withoutReplyKey }).split('.');
    for (const alg of ['RSA1_5', 'none', 'PBES2-HS256+A128KW']) {
      const header = Buffer.from(JSON.stringify({ ...sessionHeader, alg })).toString('base64url');
      tokens.push([header, 'AAAA', ...dir.slice(2)].join('.'));
    }
    for (const token of tokens) {
      for (const name of kindNames)
        expect(await refusal(open(token, kindOf(name).open))).toContain('not a JWE of the accepted form');
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ['zip', { zip: 'DEF' }],
    ['crit', { crit: ['foo'], foo: 1 }],
    ['p2c', { p2c: 2_000_000_000 }],
    ['jwk', { jwk: ec.publicKey.export({ format: 'jwk' }) }],
    ['jku', { jku: 'https://attacker.example' }],
    ['x5u', { x5u: 'https://attacker.example' }],
    ['cty', { cty: 'json' }],
    ['apu', { apu: 'AAAA' }],
    ['epk with dir', { epk: ec.publicKey.export({ format: 'jwk' }) }],
    ['a kid that is no text', { kid: 1 }],
    ['a typ that is no text', { typ: [typ.requestEnvelope] }],
  ])('allows no %s in the header (C-07)', async (_, members) => {
    // jose will not make all of these, and need not: form is judged before any key is used.
    const [, ...rest] = sealRequest({
      key: { alg: 'dir', key: sessionKey },
      kid: 'ses_1',
      envelope: withoutReplyKey,
    }).split('.');
    const header = Buffer.from(JSON.stringify({ ...sessionHeader, ...members })).toString('base64url');
    expect(await refusal(open([header, ...rest].join('.'), kindOf('dir').open))).toContain(
      'not a JWE of the accepted form',
    );
  });

  it('allows no duplicate header member, no missing kid and no other type', async () => {
    const [first = '', ...rest] = sealRequest({
      key: { alg: 'dir', key: sessionKey },
      kid: 'ses_1',
      envelope: withoutReplyKey,
    }).split('.');
    const text = Buffer.from(first, 'base64url').toString().replace('{', '{"alg":"none",');
    const twice = [Buffer.from(text).toString('base64url'), ...rest].join('.');
    expect(await refusal(open(twice, kindOf('dir').open))).toContain('not a JWE of the accepted form');
    const { kid: __, ...noKid } = sessionHeader;
    expect(await refusal(open(await foreign(noKid, plain, sessionKey), kindOf('dir').open))).toContain('no kid');
    const reply = await foreign({ ...sessionHeader, typ: typ.replyEnvelope }, plain, sessionKey);
    expect(await refusal(open(reply, kindOf('dir').open))).toContain('another typ');
  });

  it.each<[string, (token: string) => string]>([
    ['padding', (token) => `${token}=`],
    ['a space', (token) => ` ${token}`],
    ['a line break', (token) => `${token}\n`],
    ['a sixth part', (token) => `${token}.`],
    ['a missing part', (token) => token.slice(0, token.lastIndexOf('.'))],
    ['a wrapped key that dir has not', (token) => token.replace('..', '.AAAA.')],
    ['a tag cut to half', (token) => token.slice(0, -22)],
    ['nothing', () => ''],
    ['four dots', () => '....'],
    ['more than 32 KiB', (token) => token + 'A'.repeat(33_000)],
  ])('allows no other spelling: %s', async (_, change) => {
    const token = sealRequest({ key: { alg: 'dir', key: sessionKey }, kid: 'ses_1', envelope: withoutReplyKey });
    expect(await refusal(open(change(token), kindOf('dir').open))).toContain('not a JWE of the accepted form');
  });

  it.each<[string, object]>([
    ['on another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })],
    ['with a private member', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })],
    ['off the curve', { ...ec.publicKey.export({ format: 'jwk' }), y: 'A'.repeat(43) }],
    ['of a short coordinate', { ...ec.publicKey.export({ format: 'jwk' }), y: 'AAAA' }],
    ['that is not there', {}],
  ])('refuses an ephemeral key %s (C-07)', async (_, epk) => {
    const [, ...rest] = sealRequest({ key: kindOf('ECDH-ES').seal, kid: 'k', envelope: full }).split('.');
    const header = Buffer.from(JSON.stringify({ ...sessionHeader, alg: 'ECDH-ES', epk })).toString('base64url');
    expect(await refusal(open([header, ...rest].join('.'), kindOf('ECDH-ES').open))).toContain('it does not decrypt');
  });
});

describe('the plaintext of a request', () => {
  const key: JweKey = { alg: 'dir', key: sessionKey };
  const replyKeyText = Buffer.from(replyKey).toString('base64url');

  it.each<[string, unknown]>([
    ['another method', { ...plain, htm: 'GET' }],
    ['a missing member', { ...plain, jkt: undefined }],
    ['no body', { ...plain, body: undefined }],
    ['an unknown member', { ...plain, extra: 1 }],
    ['a reply key within a session', { ...plain, replyKey: replyKeyText }],
    ['a time that is text', { ...plain, iat: String(seconds) }],
    ['a time with a fraction', { ...plain, iat: seconds + 0.5 }],
    ['a list', [plain]],
    ['text', '"text"'],
    ['nothing', ''],
    ['a duplicate member', JSON.stringify(plain).replace('{', '{"htm":"POST",')],
    ['a duplicate member inside the body', JSON.stringify(plain).replace('"body":{', '"body":{"deviceId":"dev_2",')],
    ['a body 17 levels deep', JSON.stringify(plain).replace('"dev_1"', '['.repeat(16) + ']'.repeat(16))],
  ])('is refused with %s (P-28)', async (_, changed) => {
    expect(await refusal(open(await asSession(changed), key))).not.toBe('accepted');
  });

  it('may have a body 16 levels deep', async () => {
    const deep = JSON.stringify(plain).replace('"dev_1"', '['.repeat(15) + ']'.repeat(15));
    expect(await refusal(open(await asSession(deep), key))).toBe('accepted');
  });

  it.each([undefined, '', 'AAAA', `${replyKeyText}=`, replyKeyText.slice(0, -2), 64])(
    'is refused with the reply key %j',
    async (text) => {
      const header = { ...sessionHeader, alg: 'ECDH-ES' };
      const token = await foreign(header, { ...plain, replyKey: text }, ec.publicKey);
      expect(await refusal(open(token, kindOf('ECDH-ES').open))).not.toBe('accepted');
    },
  );
});

it('lets what the key search throws pass: a store that is down is not a bad envelope (X-03)', async () => {
  const token = sealRequest({ key: kindOf('dir').seal, kid: 'ses_1', envelope: withoutReplyKey });
  const keyFor = () => Promise.reject(new AuthError('unavailable'));
  await expect(openRequest({ token, expected, nowMs, keyFor })).rejects.toMatchObject({ code: 'unavailable' });
});

describe('a reply', () => {
  const reply = { re: expected.jti, htu: expected.htu, iat: seconds, status: 200, body };
  const address = { re: expected.jti, htu: expected.htu };

  it('opens with its key for its request, and is read by jose', async () => {
    const token = sealReply({ key: replyKey, reply });
    expect(openReply({ token, key: replyKey, expected: address })).toEqual(reply);
    const { protectedHeader } = await compactDecrypt(token, replyKey);
    expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256CBC-HS512', typ: typ.replyEnvelope });
    const within = sealReply({ key: sessionKey, kid: 'ses_1', reply });
    expect(openReply({ token: within, key: sessionKey, kid: 'ses_1', expected: address })).toEqual(reply);
  });

  it('is as long for a failure as for a success: multiples of 512 bytes of plaintext (P-21)', async () => {
    const lengths = new Set<number>();
    for (let letters = 0; letters < 1100; letters += 7) {
      const token = sealReply({ key: replyKey, reply: { ...reply, body: { text: 'é'.repeat(letters) } } });
      const { plaintext } = await compactDecrypt(token, replyKey);
      expect(plaintext.length % 512).toBe(0);
      expect(openReply({ token, key: replyKey, expected: address }).body).toEqual({ text: 'é'.repeat(letters) });
      lengths.add(token.length);
    }
    expect(lengths.size).toBeLessThan(7);
    const failure = {
      ...reply,
      status: 401,
      body: { type: 'urn:mtoken:error:authentication_failed', attemptsLeft: 4 },
    };
    expect(sealReply({ key: replyKey, reply: failure }).length).toBe(sealReply({ key: replyKey, reply }).length);
  });

  it('is refused under another key, for another request or session, or sent in the other direction (C-05)', async () => {
    const token = sealReply({ key: sessionKey, kid: 'ses_1', reply });
    const attempt = (change: object) =>
      refusal(() => openReply({ token, key: sessionKey, kid: 'ses_1', expected: address, ...change }));
    expect(await attempt({})).toBe('accepted');
    expect(await attempt({ key: replyKey })).toContain('does not decrypt');
    expect(await attempt({ kid: 'ses_2' })).toContain('another kid');
    expect(await attempt({ kid: undefined })).toContain('another kid');
    expect(await attempt({ expected: { ...address, re: 'x' } })).toContain('another request');
    expect(await attempt({ expected: { ...address, htu: 'x' } })).toContain('another request');
    expect(await refusal(open(token, kindOf('dir').open))).toContain('another typ');
    const request = sealRequest({ key: kindOf('dir').seal, kid: 'ses_1', envelope: withoutReplyKey });
    expect(await attempt({ token: request })).toContain('another typ');
  });
});

describe('the keys of a session', () => {
  const secret = new Uint8Array(32).fill(1);
  const parts = {
    handshake: 'hs_1',
    deviceId: 'dev_1',
    clientEphemeral: 'aa',
    serverEphemeral: 'bb',
    proof: 'cc',
    serverProof: 'dd',
  };
  const transcript = mpinTranscript(parts);

  it('are HKDF-SHA-512 over the framed transcript, as docs/protocol.md §6 says', async () => {
    const { appToServerKey: appToServer, serverToAppKey: serverToApp } = deriveSessionKeys({ secret, transcript });
    const texts = ['mpin', 'hs_1', 'dev_1', 'aa', 'bb', 'cc', 'dd'];
    const framed = Buffer.concat(
      texts.map((text) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)])),
    );
    const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
    const derive = async (info: string) => {
      const parameters = {
        name: 'HKDF',
        hash: 'SHA-512',
        salt: new Uint8Array(sha512(framed)),
        info: new TextEncoder().encode(info),
      };
      return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 512));
    };
    expect(appToServer).toEqual(await derive('mtoken/v1/app-to-server'));
    expect(serverToApp).toEqual(await derive('mtoken/v1/server-to-app'));
  });

  it('differ by direction, secret and every part of the transcript', () => {
    const variants = [
      { secret, transcript },
      { secret: new Uint8Array(32).fill(2), transcript },
      ...Object.keys(parts).map((part) => ({ secret, transcript: mpinTranscript({ ...parts, [part]: 'other' }) })),
      { secret, transcript: biometricTranscript({ handshake: 'hs_1', deviceId: 'dev_1', nonce: 'n', signature: 's' }) },
    ];
    const keys = variants.flatMap((variant) => Object.values(deriveSessionKeys(variant)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(2 * variants.length);
    for (const key of keys) expect(key).toHaveLength(64);
  });
});
