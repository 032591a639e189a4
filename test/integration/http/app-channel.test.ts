/** The app channel under attack: order of checks, one answer for one class, replies nobody else can use (docs/protocol.md §3). */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import {
  type Answer,
  type Built,
  build,
  issuer,
  newPhone,
  opened,
  type Parts,
  type Phone,
  type PhoneSession,
  type Rig,
  registered,
  send,
  sessionOf,
  startRig,
} from './rig.ts';

let rig: Rig;
let phone: Phone;
let session: PhoneSession;

beforeAll(async () => {
  rig = await startRig({
    MTOKEN_LIMIT_PER_ADDRESS: '1000000',
    MTOKEN_LIMIT_PER_DEVICE: '1000000',
    MTOKEN_LIMIT_PER_USER: '1000000',
  });
  phone = newPhone();
  ({ session } = await registered(rig, phone));
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.reached.length = 0;
});

const body = { text: 'hello' };
const make = (parts: Partial<Parts> = {}): Promise<Built> => build(rig, { name: 'echo', phone, body, ...parts });
const inSession = (parts: Partial<Parts> = {}) => make({ name: 'session-echo', session, ...parts });

/** The refusal in clear, without what is different in every answer. */
function refusal({ status, headers, text }: Answer) {
  const { instance: _, ...problem } = JSON.parse(text) as Record<string, unknown>;
  return { status, type: headers['content-type'], problem, length: text.length };
}

const unfit = {
  status: 400,
  type: 'application/problem+json; charset=utf-8',
  problem: { type: 'urn:mtoken:error:invalid_request', title: 'The request is not well formed', status: 400 },
  length: expect.any(Number),
};

describe('a right request', () => {
  it.each([['ECDH-ES' as const], ['RSA-OAEP-256' as const]])(
    'is answered under its reply key (%s, C-01)',
    async (alg) => {
      const built = await make({ alg });
      const answer = await send(rig, built);
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/jose' } });
      expect(opened(built, answer)).toMatchObject({ status: 200, body });
    },
  );

  it('is answered under the session’s own key within a session', async () => {
    const built = await inSession();
    const answer = await send(rig, built);
    expect(opened(built, answer, session)).toMatchObject({ status: 200, body });
  });

  it('gets replies of one length for texts of different length (P-21)', async () => {
    const lengths = new Set<number>();
    for (const text of ['', 'x'.repeat(40), 'x'.repeat(100)]) {
      lengths.add((await send(rig, await make({ body: { text } }))).text.length);
    }
    expect(lengths.size).toBe(1);
  });
});

describe('errors after the envelope is open', () => {
  it('are sealed, with the same status outside (C-05)', async () => {
    const built = await make({ body: { text: 1 } });
    const answer = await send(rig, built);
    expect(answer).toMatchObject({ status: 400, headers: { 'content-type': 'application/jose' } });
    expect(opened(built, answer)).toMatchObject({ status: 400, body: { type: 'urn:mtoken:error:invalid_request' } });
  });

  it.each([['throw'], ['misfit']])('never describe a fault of ours (%s, X-01)', async (text) => {
    const built = await make({ body: { text } });
    const reply = opened(built, await send(rig, built));
    expect(reply.status).toBe(500);
    expect(Object.keys(reply.body as object).sort()).toEqual(['instance', 'status', 'title', 'type']);
    expect(JSON.stringify(reply.body)).not.toContain('select');
  });

  it.each([
    ['an unknown member', { text: 'a', more: 1 }],
    ['a missing member', {}],
    ['null', null],
    ['an array', []],
    ['too long a text', { text: 'x'.repeat(20_001) }],
  ])('refuse a body with %s before the endpoint sees it (P-28)', async (_what, wrong) => {
    const built = await make({ body: wrong });
    expect(opened(built, await send(rig, built)).status).toBe(400);
    expect(rig.reached).toEqual([]);
  });
});

describe('replay and forwarding', () => {
  it('refuses the same bytes a second time (P-23)', async () => {
    const built = await make();
    expect((await send(rig, built)).status).toBe(200);
    expect(refusal(await send(rig, built))).toEqual(unfit);
    expect(rig.reached).toHaveLength(1);
    expect(rig.lines.some((line) => line.includes('proof.refused'))).toBe(true);
  });

  it('accepts one of fifty copies that arrive at once (P-23, P-03)', async () => {
    const built = await inSession();
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(rig, built)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(rig.reached).toHaveLength(1);
  });

  it('refuses a recorded request at another endpoint (P-23, C-05)', async () => {
    const built = await make();
    expect(refusal(await send(rig, { ...built, url: '/app/v1/other' }))).toEqual(unfit);
    const within = await inSession();
    expect(refusal(await send(rig, { ...within, url: '/app/v1/session-other' }))).toEqual(unfit);
  });

  it('refuses an envelope for another endpoint with a fresh proof for this one (C-05)', async () => {
    const elsewhere = await make({ name: 'other' });
    expect(refusal(await send(rig, await make({ token: elsewhere.payload })))).toEqual(unfit);
    const within = await inSession({ name: 'session-other' });
    expect(refusal(await send(rig, await inSession({ token: within.payload })))).toEqual(unfit);
  });

  it('refuses another device’s envelope under one’s own proof (P-20)', async () => {
    const theirs = await make();
    const thief = newPhone();
    const claims = { jti: theirs.jti };
    expect(refusal(await send(rig, await make({ phone: thief, token: theirs.payload, claims })))).toEqual(unfit);
  });

  it('refuses a stolen session without its device key (P-20)', async () => {
    const thief = newPhone();
    await registered(rig, thief);
    const built = await inSession({ phone: thief });
    const answer = await send(rig, built);
    expect(opened(built, answer, session)).toMatchObject({ status: 400 });
    expect(rig.reached).toEqual([]);
  });

  it('refuses the access token of another session of the same device', async () => {
    const standing = await rig.server.stores.records.devices.findByThumbprint(phone.thumbprint);
    const second = await sessionOf(rig, standing?.id ?? '');
    const mixed = { ...session, accessToken: second.accessToken };
    const built = await inSession({ session: mixed });
    expect(opened(built, await send(rig, built), session).status).toBe(400);
  });

  it('refuses a reply sent back as a request (C-05)', async () => {
    const first = await inSession();
    const reply = await send(rig, first);
    expect(refusal(await send(rig, await inSession({ token: reply.text })))).toEqual(unfit);
  });

  it('makes replies that open for their own request only (C-05)', async () => {
    const first = await inSession();
    const second = await inSession();
    const reply = await send(rig, first);
    expect(() => opened(second, reply, session)).toThrow();
  });
});

describe('one answer for every envelope and proof that does not fit (C-02)', () => {
  const late = () => Math.floor(rig.clock.now() / 1000);
  const wrong: [string, () => Promise<Built>][] = [
    ['an envelope of another time', () => make({ envelope: { iat: late() - 61 } })],
    ['an envelope of the future', () => make({ envelope: { iat: late() + 61 } })],
    ['an envelope with another jti', () => make({ envelope: { jti: randomBytes(16).toString('base64url') } })],
    ['an envelope with another jkt', () => make({ envelope: { jkt: 'x'.repeat(43) } })],
    ['an envelope with another htu', () => make({ envelope: { htu: `${issuer}/app/v1/other` } })],
    [
      'an envelope with the URL of another server',
      () => make({ envelope: { htu: 'https://evil.example/app/v1/echo' } }),
    ],
    ['a proof of another time', () => make({ claims: { iat: late() - 61 } })],
    ['a proof of the future', () => make({ claims: { iat: late() + 61 } })],
    ['a proof for another method', () => make({ claims: { htm: 'GET' } })],
    ['a proof for another URL', () => make({ claims: { htu: `${issuer}/app/v1/other` } })],
    ['a proof over another body', () => make({ claims: { bh: 'x'.repeat(43) } })],
    ['a proof with an access token outside a session', () => make({ claims: { ath: 'x'.repeat(43) } })],
    ['a proof without ath within a session', () => inSession({ claims: { ath: undefined } })],
    ['a proof of another access token', () => inSession({ claims: { ath: 'x'.repeat(43) } })],
    ['a short jti', () => make({ claims: { jti: 'short' } })],
    ['an unknown claim', () => make({ claims: { admin: true } })],
    ['no DPoP header', () => make({ headers: { dpop: '' } })],
    [
      'two DPoP proofs',
      async () =>
        ((built) => ({
          ...built,
          headers: { ...built.headers, dpop: `${built.headers['dpop']}, ${built.headers['dpop']}` },
        }))(await make()),
    ],
    ['a session envelope at an endpoint without', () => make({ session, headers: { authorization: '' } })],
    [
      'an envelope without session at a session endpoint',
      async () =>
        ((built) => inSession({ token: built.payload, claims: { jti: built.jti } }))(
          await make({ name: 'session-echo' }),
        ),
    ],
    ['a bearer token', () => inSession({ headers: { authorization: `Bearer ${session.accessToken}` } })],
    ['an access token where none belongs', () => make({ headers: { authorization: `DPoP ${session.accessToken}` } })],
    ['no access token', () => inSession({ headers: { authorization: '' } })],
    ['text that is no JWE', () => make({ token: 'hello' })],
    ['five empty parts', () => make({ token: '....' })],
    [
      'a JWE with a unknown kid',
      async () => {
        const built = await make();
        const [, ...rest] = built.payload.split('.');
        return make({
          token: [
            Buffer.from(
              JSON.stringify({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512', kid: 'nobody', typ: 'mtoken-request+jwe' }),
            ).toString('base64url'),
            ...rest,
          ].join('.'),
        });
      },
    ],
    [
      'alg none',
      () =>
        make({
          token: `${Buffer.from('{"alg":"none"}').toString('base64url')}..${'x'.repeat(22)}.${'x'.repeat(22)}.${'x'.repeat(43)}`,
        }),
    ],
  ];

  it.each(wrong)('refuses %s like every other', async (_what, prepare) => {
    expect(refusal(await send(rig, await prepare()))).toEqual(unfit);
    expect(rig.reached).toEqual([]);
  });

  it('answers the same length whatever was wrong', async () => {
    const lengths = new Set<number>();
    for (const [, prepare] of wrong) lengths.add(refusal(await send(rig, await prepare())).length);
    expect(lengths.size).toBe(1);
  });

  it.each([['ECDH-ES' as const], ['RSA-OAEP-256' as const]])(
    'answers every flipped bit in every part alike (%s)',
    async (alg) => {
      const { payload } = await make({ alg, body: { text: '' } });
      const seen = new Set<string>();
      for (const token of flips(payload)) {
        // A fresh proof over the altered bytes: so the envelope itself is what refuses.
        seen.add(JSON.stringify(refusal(await send(rig, await make({ token })))));
      }
      expect([...seen].map((text) => JSON.parse(text) as object)).toEqual([{ ...unfit, length: expect.any(Number) }]);
      expect(rig.reached).toEqual([]);
    },
  );

  it('opens no envelope of a session in which a bit was flipped, and says at most that there is no such session', async () => {
    const { payload } = await inSession({ body: { text: '' } });
    const seen = new Set<string>();
    for (const token of flips(payload)) {
      const { problem } = refusal(await send(rig, await inSession({ token })));
      seen.add(String(problem['type']));
    }
    expect([...seen].sort()).toEqual(['urn:mtoken:error:invalid_request', 'urn:mtoken:error:session_expired']);
    expect(rig.reached).toEqual([]);
  });
});

/** The token with one bit of one part flipped: of long parts every seventh bit, of short ones all. */
function* flips(token: string): Generator<string> {
  const parts = token.split('.');
  for (const [index, part] of parts.entries()) {
    const bytes = Buffer.from(part, 'base64url');
    const step = bytes.length > 48 ? 7 : 1;
    for (let bit = 0; bit < bytes.length * 8; bit += step) {
      const flipped = Buffer.from(bytes);
      const at = bit >> 3;
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      yield parts.map((old, place) => (place === index ? flipped.toString('base64url') : old)).join('.');
    }
  }
}

describe('size and type come first (X-10)', () => {
  it('refuses more than 32 KiB with 413, told or not', async () => {
    const built = await make();
    const payload = 'x'.repeat(32 * 1024 + 1);
    expect(refusal(await send(rig, { ...built, payload }))).toMatchObject({
      status: 413,
      problem: { type: 'urn:mtoken:error:payload_too_large' },
    });
    const exactly = await send(rig, { ...built, payload: 'x'.repeat(32 * 1024) });
    expect(exactly.status).toBe(400);
  });

  it.each([['application/json'], ['text/plain'], ['application/jose+json'], ['multipart/form-data; boundary=x'], ['']])(
    'refuses the content type %j with 415',
    async (type) => {
      const built = await make({ headers: { 'content-type': type } });
      expect(refusal(await send(rig, built)).status).toBe(415);
    },
  );

  it('judges the size before the proof: a junk proof makes no difference', async () => {
    const built = await make({ headers: { dpop: 'junk' } });
    expect(refusal(await send(rig, { ...built, payload: 'x'.repeat(40_000) })).status).toBe(413);
  });

  it('judges the proof before the envelope: a wrong proof leaves the jti unused', async () => {
    const built = await make();
    const other = await make({ claims: { bh: 'x'.repeat(43) } });
    const mixed = { ...built, headers: { ...built.headers, dpop: other.headers['dpop'] ?? '' } };
    expect(refusal(await send(rig, mixed))).toEqual(unfit);
    expect((await send(rig, built)).status).toBe(200);
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)('refuses %s with 405 and Allow', async (method) => {
    const response = await rig.channel.inject({ method, url: '/app/v1/echo' });
    expect(response).toMatchObject({ statusCode: 405, headers: { allow: 'POST' } });
  });
});

describe('sessions end', () => {
  it('is over after five minutes without a request, and a refused request is none (S-01)', async () => {
    const own = newPhone();
    const { session: idle } = await registered(rig, own);
    rig.clock.advance(299_000);
    expect((await send(rig, await inSession({ phone: own, session: idle }))).status).toBe(200);
    rig.clock.advance(290_000);
    await send(rig, await inSession({ phone: own, session: idle, claims: { bh: 'x'.repeat(43) } }));
    rig.clock.advance(11_000);
    const { problem } = refusal(await send(rig, await inSession({ phone: own, session: idle })));
    expect(problem).toMatchObject({ type: 'urn:mtoken:error:session_expired', status: 401 });
  });

  it('is over at once when the device is deactivated (S-07)', async () => {
    const own = newPhone();
    const { session: live, deviceId } = await registered(rig, own);
    expect((await send(rig, await inSession({ phone: own, session: live }))).status).toBe(200);
    await deactivateDevice(rig.server.capabilities.devices, { deviceId, actor: 'cli', reason: 'lost' });
    expect(refusal(await send(rig, await inSession({ phone: own, session: live }))).status).toBe(401);
    expect(rig.reached).toHaveLength(1);
  });
});
