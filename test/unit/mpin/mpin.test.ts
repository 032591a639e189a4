/** The mPIN proof and the app session: one answer to all failures, one use of every handshake, one purpose of every proof. */
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { equalBytes, sha256 } from '../../../src/crypto/bytes.ts';
import { deriveSessionKeys } from '../../../src/crypto/envelope.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import { randomId } from '../../../src/crypto/random.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { verifyDpop } from '../../../src/devices/proof.ts';
import { finishMpinChange, startMpinChange } from '../../../src/mpin/change.ts';
import type { HandshakePurpose } from '../../../src/mpin/handshake.ts';
import { finishMpinHandshake, startMpinHandshake } from '../../../src/mpin/mpin.ts';
import { proveForOrder, startOrderProof } from '../../../src/mpin/order-proof.ts';
import { mpinEndpoints } from '../../../src/mpin/routes.ts';
import { loadSession } from '../../../src/mpin/session.ts';
import { startBiometric, unlockByMpin } from '../../../src/mpin/unlock.ts';
import {
  addPhone,
  callerOf,
  clientEphemeral,
  createWorld,
  deviceOf,
  eventsOf,
  failed,
  insertUser,
  issuer,
  noticesOf,
  type Phone,
  prepare,
  proofOf,
  refusalOf,
  secretsFor,
  sessionCall,
  stranger,
  unlock,
  unlockWithFinger,
  type World,
} from './world.ts';

const wrongMpin = '99999';
const modulus =
  0xac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb694b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73n;

let worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds) await world.close();
  worlds = [];
});

async function phoneInWorld(): Promise<{ world: World; phone: Phone }> {
  const world = await createWorld();
  worlds.push(world);
  return { world, phone: await addPhone(world) };
}

async function missTimes(world: World, phone: Phone, times: number): Promise<void> {
  for (let index = 0; index < times; index += 1) await refusalOf(unlock(world, phone, wrongMpin));
}

describe('a session by the mPIN', () => {
  it('opens with the right one: server proof, vault key and keys that both sides derive (P-14, P-17)', async () => {
    const { world, phone } = await phoneInWorld();
    const caller = await callerOf(world, phone);
    const ephemeral = clientEphemeral();
    const start = { deviceId: phone.id, clientEphemeral: ephemeral.public, purpose: 'session' } as const;
    const challenge = await startMpinHandshake(world.deps, caller, start);
    expect(challenge).toMatchObject({ salt: phone.salt, expiresInSeconds: 120 });
    const { proof, key } = proofOf(phone, challenge, ephemeral);
    const opened = await unlockByMpin(world.deps, caller, { handshake: challenge.handshake, proof });
    expect(opened).toMatchObject({
      idleSeconds: 300,
      absoluteSeconds: 1800,
      permissions: 'full',
      user: { name: 'Ann' },
    });
    const vaultKey = await world.deps.records.devices.vaultKey(phone.id);
    expect(opened.vaultKey).toBe(Buffer.from(vaultKey ?? []).toString('base64url'));

    const live = await loadSession(world.deps, opened.sessionId);
    const transcript = ['mpin', challenge.handshake, phone.id, ephemeral.public, challenge.serverEphemeral, proof];
    const keys = deriveSessionKeys({
      secret: Buffer.from(key, 'hex'),
      transcript: [...transcript, opened.serverProof ?? ''],
    });
    expect(live?.appToServerKey).toEqual(keys.appToServerKey);
    expect(live?.serverToAppKey).toEqual(keys.serverToAppKey);
    expect(live?.appToServerKey).not.toEqual(live?.serverToAppKey);
    expect(equalBytes(live?.tokenHash ?? new Uint8Array(), sha256(opened.accessToken))).toBe(true);
    expect(live?.session).toMatchObject({ deviceId: phone.id, method: 'mpin', factor: 'pin' });
    expect(await eventsOf(world)).toEqual(['session.opened', 'mpin.proved']);
  });

  it('ends with five wrong ones, and the right one after them looks the same (L-01, P-21)', async () => {
    const { world, phone } = await phoneInWorld();
    const refusals = [];
    for (let index = 0; index < 5; index += 1) refusals.push(await refusalOf(unlock(world, phone, wrongMpin)));
    expect(refusals).toEqual([4, 3, 2, 1, 0].map(failed));
    expect(await refusalOf(unlock(world, phone))).toEqual(refusals[4]);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('opens after four wrong ones and counts from zero then (L-01)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 4);
    await unlock(world, phone);
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });

  it('opens for 50 right proofs at once: all of them, and nothing is blocked (T3)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await Promise.all(Array.from({ length: 50 }, () => prepare(world, phone)));
    const caller = await callerOf(world, phone);
    const opened = await Promise.all(ready.map((one) => unlockByMpin(world.deps, caller, one)));
    expect(new Set(opened.map(({ sessionId }) => sessionId)).size).toBe(50);
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 0 });
  });

  it('gives an access token of 256 bits that the store does not know (S-04)', async () => {
    const { world, phone } = await phoneInWorld();
    const opened = await unlock(world, phone);
    expect(opened.accessToken).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const kept = await world.deps.shortLived.get(`{ses:${opened.sessionId}}`);
    expect(kept?.value).not.toContain(opened.accessToken);
  });
});

describe('an SRP handshake', () => {
  it('is used once: after a wrong proof the right one is refused and costs nothing (P-15)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    const caller = await callerOf(world, phone);
    const wrong = { ...ready, proof: 'ab'.repeat(32) };
    expect(await refusalOf(unlockByMpin(world.deps, caller, wrong))).toEqual(failed(4));
    expect(await refusalOf(unlockByMpin(world.deps, caller, ready))).toEqual(failed(4));
    expect((await deviceOf(world, phone)).pinAttempts).toBe(1);
  });

  it('is used once: a replayed right proof opens no second session (P-23)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    const caller = await callerOf(world, phone);
    const both = await Promise.allSettled([
      unlockByMpin(world.deps, caller, ready),
      unlockByMpin(world.deps, caller, ready),
    ]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('lives for two minutes (P-15)', async () => {
    const { world, phone } = await phoneInWorld();
    const [early, late] = [await prepare(world, phone), await prepare(world, phone)];
    world.clock.advance(119_999);
    await unlockByMpin(world.deps, await callerOf(world, phone), early);
    world.clock.advance(1);
    expect(await refusalOf(unlockByMpin(world.deps, await callerOf(world, phone), late))).toEqual(failed(5));
  });

  it('of one device cannot be finished by another one, nor by its key (P-20)', async () => {
    const { world, phone } = await phoneInWorld();
    const other = await addPhone(world);
    const ready = await prepare(world, phone);
    expect(await refusalOf(unlockByMpin(world.deps, await callerOf(world, other), ready))).toEqual(failed(null));
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
    expect((await deviceOf(world, other)).pinAttempts).toBe(0);
  });

  it('is bound to the key that began it, whatever device is named with the other (P-20)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    const caller = { ...(await callerOf(world, phone)), thumbprint: stranger().thumbprint };
    expect(await refusalOf(unlockByMpin(world.deps, caller, ready))).toEqual(failed(5));
  });

  it('answers an unknown device with a stable fake salt and a fresh ephemeral (P-11)', async () => {
    const { world } = await phoneInWorld();
    const deviceId = randomId('dev');
    const start = { deviceId, clientEphemeral: clientEphemeral().public, purpose: 'session' } as const;
    const first = await startMpinHandshake(world.deps, stranger(), start);
    const second = await startMpinHandshake(world.deps, stranger(), start);
    expect(first.salt).toMatch(/^[0-9a-f]{64}$/);
    expect(second.salt).toBe(first.salt);
    expect(second.serverEphemeral).not.toBe(first.serverEphemeral);
    expect(first.serverEphemeral).toMatch(/^[0-9a-f]{512}$/);
    expect(BigInt(`0x${first.serverEphemeral}`)).toBeLessThan(modulus);
  });

  it('never shows the real salt to another key than the device has (L-11, P-11)', async () => {
    const { world, phone } = await phoneInWorld();
    const start = { deviceId: phone.id, clientEphemeral: clientEphemeral().public, purpose: 'session' } as const;
    const active = await startMpinHandshake(world.deps, stranger(), start);
    expect(active.salt).not.toBe(phone.salt);
    await missTimes(world, phone, 5);
    const blocked = await startMpinHandshake(world.deps, stranger(), start);
    expect(blocked.salt).toBe(active.salt);
    expect(Object.keys(blocked)).toEqual(Object.keys(active));
  });

  it('of a stranger takes little room, so that made-up keys cannot fill the store (L-16)', async () => {
    const { world, phone } = await phoneInWorld();
    const sizes: number[] = [];
    const create = (key: string, value: string, ttlMs: number): Promise<boolean> => {
      sizes.push(value.length);
      return world.deps.shortLived.create(key, value, ttlMs);
    };
    const deps = { ...world.deps, shortLived: { ...world.deps.shortLived, create } };
    const start = { deviceId: phone.id, clientEphemeral: clientEphemeral().public, purpose: 'session' } as const;
    await startMpinHandshake(deps, await callerOf(world, phone), start);
    await startMpinHandshake(deps, stranger(), start);
    const [own = 0, strangers = 0] = sizes;
    expect(strangers).toBeGreaterThan(0);
    expect(strangers).toBeLessThan(own / 3);
  });

  it('refuses an ephemeral out of range as malformed, and counts nothing (P-12)', async () => {
    const { world, phone } = await phoneInWorld();
    const caller = await callerOf(world, phone);
    const pad = (value: bigint) => value.toString(16).padStart(512, '0');
    const malformed = ['', '0', '00'.repeat(256), pad(modulus), pad(modulus + 5n), '-1', 'zz', 'a'.repeat(511)];
    for (const clientEphemeral of malformed) {
      const start = startMpinHandshake(world.deps, caller, { deviceId: phone.id, clientEphemeral, purpose: 'session' });
      expect((await refusalOf(start)).code).toBe('invalid_request');
    }
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });

  it('refuses a proof of another form as malformed, takes nothing and counts nothing (P-18)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    const caller = await callerOf(world, phone);
    const { proof } = ready;
    for (const other of [`0000${proof}`, ` ${proof}`, proof.toUpperCase(), `${proof.slice(0, 63)} `, '']) {
      const finish = unlockByMpin(world.deps, caller, { ...ready, proof: other });
      if (other !== proof) expect((await refusalOf(finish)).code).toBe('invalid_request');
    }
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
    await unlockByMpin(world.deps, caller, ready);
  });

  it('keeps no verifier, salt, secret or ephemeral in clear in the short-lived store (C-13, C-20)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    const kept = (await world.deps.shortLived.get(`hs:{${ready.handshake}}`))?.value ?? '';
    expect(kept).toMatch(/^v1\.test\./);
    const secrets = await world.deps.records.devices.secrets(phone.id);
    for (const secret of [phone.id, phone.salt, secrets?.verifier ?? '', 'serverSecret'])
      expect(kept).not.toContain(secret);
  });
});

describe('a failure', () => {
  /** Everything that can be wrong, in the eyes of who holds no key of the device. */
  async function foreignRefusals(world: World, phone: Phone) {
    const blocked = await addPhone(world);
    for (let index = 0; index < 5; index += 1) await refusalOf(unlock(world, blocked, wrongMpin));
    const other = stranger();
    const causes: Record<string, Promise<unknown>> = {};
    const deviceIds = { unknown: randomId('dev'), blocked: blocked.id, foreign: phone.id };
    for (const [name, id] of Object.entries(deviceIds)) {
      const { handshake } = await startMpinHandshake(world.deps, other, {
        deviceId: id,
        clientEphemeral: clientEphemeral().public,
        purpose: 'session',
      });
      causes[name] = unlockByMpin(world.deps, other, { handshake, proof: 'ab'.repeat(32) });
    }
    causes['expired'] = unlockByMpin(world.deps, other, { handshake: randomId('hs'), proof: 'ab'.repeat(32) });
    const ready = await prepare(world, phone);
    causes['right mPIN, other key'] = unlockByMpin(world.deps, other, ready);
    return causes;
  }

  it('reads the same for unknown, blocked, foreign, expired and stolen handshakes (P-21, L-11, T16)', async () => {
    const { world, phone } = await phoneInWorld();
    const causes = await foreignRefusals(world, phone);
    for (const [name, call] of Object.entries(causes)) {
      expect({ name, ...(await refusalOf(call)) }).toEqual({ name, ...failed(null) });
    }
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });

  it('costs the same work whether there was a proof to evaluate or not (P-11, P-21, T16)', async () => {
    const { world, phone } = await phoneInWorld();
    const counted = { checkProof: 0, createEphemeral: 0, standing: 0, secrets: 0 };
    const count = <A extends unknown[], R>(name: keyof typeof counted, work: (...values: A) => R) => {
      return (...values: A): R => {
        counted[name] += 1;
        return work(...values);
      };
    };
    const { srp, records } = world.deps;
    const devices = {
      ...records.devices,
      standing: count('standing', records.devices.standing),
      secrets: count('secrets', records.devices.secrets),
    };
    const watchedSrp = {
      ...srp,
      checkProof: count('checkProof', srp.checkProof),
      createEphemeral: count('createEphemeral', srp.createEphemeral),
    };
    const deps = { ...world.deps, srp: watchedSrp, records: { ...records, devices } };
    const effort = async (call: Promise<unknown>) => {
      Object.assign(counted, { checkProof: 0, createEphemeral: 0, standing: 0, secrets: 0 });
      await call.catch(() => undefined);
      return { ...counted };
    };
    const startOf = (deviceId: string) =>
      ({ deviceId, clientEphemeral: clientEphemeral().public, purpose: 'session' }) as const;
    const caller = await callerOf(world, phone);
    const started = await effort(startMpinHandshake(deps, caller, startOf(phone.id)));
    expect(await effort(startMpinHandshake(deps, stranger(), startOf(phone.id)))).toEqual(started);
    expect(await effort(startMpinHandshake(deps, stranger(), startOf(randomId('dev'))))).toEqual(started);
    const proof = 'ab'.repeat(32);
    const wrong = await effort(unlockByMpin(deps, caller, { ...(await prepare(world, phone)), proof }));
    expect(wrong).toMatchObject({ checkProof: 1, standing: 1, secrets: 1 });
    for (const handshake of [randomId('hs'), (await prepare(world, phone, { caller: stranger() })).handshake]) {
      const refused = await effort(unlockByMpin(deps, stranger(), { handshake, proof }));
      expect(refused).toMatchObject({ checkProof: 1, standing: 1, secrets: 1 });
    }
  });

  it('never carries a server proof or a value derived from the key (P-14)', async () => {
    const { world, phone } = await phoneInWorld();
    const refusal = await refusalOf(unlock(world, phone, wrongMpin));
    expect(JSON.stringify(refusal)).not.toMatch(/[0-9a-f]{64}/);
  });

  it('without the device key moves no counter, 1,000 times over (L-09, T12)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 1);
    const outsider = stranger();
    const known = await callerOf(world, phone);
    for (let index = 0; index < 1000; index += 1) {
      const finish = { handshake: randomId('hs'), proof: 'cd'.repeat(32), purpose: 'session' } as const;
      if (index % 100 !== 0) {
        await refusalOf(finishMpinHandshake(world.deps, outsider, finish));
        continue;
      }
      // The handshake is the device's own, and everything but the key is right.
      const ready = await prepare(world, phone, { caller: known });
      await refusalOf(unlockByMpin(world.deps, outsider, ready));
    }
    expect(await deviceOf(world, phone)).toMatchObject({ pinAttempts: 1, status: 'active' });
  }, 60_000);

  it('of the device signature stops a request before any proof: counter untouched after 1,000 (L-09, P-21)', async () => {
    const { world, phone } = await phoneInWorld();
    const url = `${issuer}/app/v1/session/finish`;
    const body = new TextEncoder().encode('jwe');
    const claims = { htm: 'POST', htu: url, iat: Math.floor(world.clock.now() / 1000), bh: 'A'.repeat(43) };
    const mallory = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (let index = 0; index < 1000; index += 1) {
      const proof = signCompactJws({
        payload: { ...claims, jti: `jti-${String(index).padStart(20, '0')}` },
        typ: 'dpop+jwt',
        key: { key: mallory.privateKey, alg: 'ES256' },
        header: { jwk: phone.publicJwk },
      });
      const check = verifyDpop(world.deps, { proof, method: 'POST', url, body });
      await expect(check).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });

  it('because user or company may not act costs no attempt (T11, S-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    await world.deps.records.users.update({ ...world.user, status: 'suspended' });
    expect(await refusalOf(unlockByMpin(world.deps, await callerOf(world, phone), ready))).toEqual(failed(5));
    expect(await refusalOf(unlock(world, phone, wrongMpin))).toEqual(failed(5));
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });
});

describe('a biometric unlock', () => {
  it('opens a session with the factor of its key and another transcript', async () => {
    const { world, phone } = await phoneInWorld();
    const opened = await unlockWithFinger(world, phone);
    expect(opened.serverProof).toBeNull();
    const live = await loadSession(world.deps, opened.sessionId);
    expect(live?.session).toMatchObject({ method: 'biometric', factor: 'fpt' });
  });

  it('does not reset the count: four wrong mPINs, a finger, one wrong mPIN → blocked (L-05)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 4);
    await unlockWithFinger(world, phone);
    expect((await deviceOf(world, phone)).pinAttempts).toBe(4);
    expect(await refusalOf(unlock(world, phone, wrongMpin))).toEqual(failed(0));
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('is blocked with the mPIN (L-10)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 5);
    expect(await refusalOf(unlockWithFinger(world, phone))).toEqual(failed(0));
  });

  it('takes the biometric key and no other: not the device key, which works without a finger (P-24)', async () => {
    const { world, phone } = await phoneInWorld();
    expect(await refusalOf(unlockWithFinger(world, phone, { key: phone.key }))).toEqual(failed(5));
    const bare = await addPhone(world, { hasBiometrics: false });
    expect(await refusalOf(unlockWithFinger(world, bare, { key: bare.key }))).toEqual(failed(5));
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });

  it.each([
    ['another server', { iss: 'https://evil.test' }],
    ['another device', { deviceId: randomId('dev') }],
    ['another purpose', { purpose: 'order' }],
    ['another purpose (T21)', { purpose: 'registration' }],
    ['another handshake', { subject: randomId('hs') }],
    ['another nonce', { nonce: 'A'.repeat(43) }],
    ['another session secret', { boundHash: 'A'.repeat(43) }],
    ['no session secret', { boundHash: null }],
    ['another hour', { iat: 1 }],
    ['an extra member', { extra: true }],
  ])('refuses a signature for %s (P-20, P-24)', async (_, changes) => {
    const { world, phone } = await phoneInWorld();
    expect(await refusalOf(unlockWithFinger(world, phone, { changes }))).toEqual(failed(5));
  });

  it('starts alike for every device (L-11)', async () => {
    const { world, phone } = await phoneInWorld();
    for (const deviceId of [phone.id, randomId('dev')]) {
      const challenge = await startBiometric(world.deps, stranger(), deviceId);
      expect(challenge).toEqual({
        handshake: expect.stringMatching(/^hs_/) as string,
        nonce: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) as string,
        expiresInSeconds: 120,
      });
    }
  });
});

describe('a proof for one purpose', () => {
  it('is worth nothing for another, and costs nothing there (P-20, P-25, T21)', async () => {
    const { world, phone } = await phoneInWorld();
    const orders = [randomId('ord'), randomId('ord')];
    const purposes: HandshakePurpose[] = [
      'session',
      `order:${orders[0]}`,
      `order:${orders[1]}`,
      'mpin-change:ses_1',
      'mpin-change:ses_2',
    ];
    const caller = await callerOf(world, phone);
    for (const started of purposes) {
      for (const finished of purposes) {
        const ready = await prepare(world, phone, { purpose: started });
        const finish = finishMpinHandshake(world.deps, caller, { ...ready, purpose: finished });
        if (started === finished) expect((await finish).serverProof).toMatch(/^[0-9a-f]{64}$/);
        else expect(await refusalOf(finish)).toEqual(failed(5));
      }
    }
  });

  it('for an order passes the same gate: two wrong at login and three at signing block (L-04)', async () => {
    const { world, phone } = await phoneInWorld();
    const opened = await unlock(world, phone);
    await missTimes(world, phone, 2);
    const orderId = randomId('ord');
    for (let index = 0; index < 3; index += 1) {
      const call = await sessionCall(world, phone, { body: {}, sessionId: opened.sessionId });
      const ephemeral = clientEphemeral();
      const challenge = await startOrderProof(world.deps, call, { orderId, clientEphemeral: ephemeral.public });
      const { proof } = proofOf({ id: phone.id, mpin: wrongMpin }, challenge, ephemeral);
      const finish = proveForOrder(world.deps, call, { orderId, handshake: challenge.handshake, proof });
      expect(await refusalOf(finish)).toEqual(failed(2 - index));
    }
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    expect(await loadSession(world.deps, opened.sessionId)).toBeUndefined();
  });

  it('follows only from its own start, whatever the order of the calls (P-25)', async () => {
    const { world, phone } = await phoneInWorld();
    const caller = await callerOf(world, phone);
    const call = fc.constantFrom('start', 'finish', 'start order', 'finish order') as fc.Arbitrary<string>;
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 5 }), async (calls) => {
        let session = { handshake: randomId('hs'), proof: 'ab'.repeat(32) };
        let order = session;
        let mayOpen = false;
        let mayProve = false;
        for (const name of calls) {
          if (name === 'start') {
            session = await prepare(world, phone);
            mayOpen = true;
          } else if (name === 'start order') {
            order = await prepare(world, phone, { purpose: 'order:ord_1' });
            mayProve = true;
          } else {
            const purpose = name === 'finish' ? 'session' : 'order:ord_1';
            const isLegal = name === 'finish' ? mayOpen : mayProve;
            const finish = finishMpinHandshake(world.deps, caller, {
              ...(name === 'finish' ? session : order),
              purpose,
            });
            await (isLegal ? finish : expect(finish).rejects.toMatchObject({ code: 'authentication_failed' }));
            if (name === 'finish') mayOpen = false;
            else mayProve = false;
          }
        }
      }),
      { numRuns: 25 },
    );
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  }, 60_000);
});

describe('a change of mPIN', () => {
  const newMpin = '80316';

  async function prepareChange(
    world: World,
    phone: Phone,
    options: { sessionId: string; mpin?: string; changes?: Record<string, unknown>; key?: Phone['key'] },
  ) {
    const ephemeral = clientEphemeral();
    const { sessionId } = options;
    const startCall = await sessionCall(world, phone, { body: { clientEphemeral: ephemeral.public }, sessionId });
    const challenge = await startMpinChange(world.deps, startCall);
    const { proof } = proofOf({ id: phone.id, mpin: options.mpin ?? phone.mpin }, challenge, ephemeral);
    const secrets = secretsFor(phone.id, newMpin);
    const statement = { iss: issuer, deviceId: phone.id, handshake: challenge.handshake, ...secrets };
    const signature = signCompactJws({
      typ: 'mtoken-mpin-change+jws',
      key: { key: options.key ?? phone.key, alg: 'ES256' },
      payload: { ...statement, iat: Math.floor(world.clock.now() / 1000), ...options.changes },
    });
    const body = { handshake: challenge.handshake, proof, ...secrets, signature };
    return sessionCall(world, phone, { body, sessionId });
  }

  it('makes the new one valid and the old one dead (R-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const changed = await finishMpinChange(world.deps, await prepareChange(world, phone, { sessionId }));
    expect(changed.serverProof).toMatch(/^[0-9a-f]{64}$/);
    expect(await refusalOf(unlock(world, phone))).toEqual(failed(4));
    await unlock(world, phone, newMpin);
    expect((await eventsOf(world)).filter((event) => event === 'mpin.changed')).toHaveLength(1);
    expect(await noticesOf(world)).toEqual([{ event: 'mpin.changed', recipient: world.user.id }]);
  });

  it('ends the other sessions of the device and keeps its own (R-07, S-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const other = await unlock(world, phone);
    const { sessionId } = await unlock(world, phone);
    await finishMpinChange(world.deps, await prepareChange(world, phone, { sessionId }));
    expect(await loadSession(world.deps, other.sessionId)).toBeUndefined();
    expect(await loadSession(world.deps, sessionId)).toBeDefined();
  });

  it('kills handshakes that began with the old one (R-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const old = await prepare(world, phone);
    const rival = await prepareChange(world, phone, { sessionId });
    await finishMpinChange(world.deps, await prepareChange(world, phone, { sessionId }));
    const caller = await callerOf(world, phone);
    expect(await refusalOf(unlockByMpin(world.deps, caller, old))).toEqual(failed(5));
    expect(await refusalOf(finishMpinChange(world.deps, rival))).toEqual(failed(5));
    await unlock(world, phone, newMpin);
  });

  it('kills the old one even when it is proven at the very moment of the change (R-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const ready = await prepare(world, phone);
    const { records } = world.deps;
    const spend: typeof records.attempts.spend = async (...values) => {
      await records.devices.replaceSecrets(phone.id, 1, secretsFor(phone.id, newMpin));
      return records.attempts.spend(...values);
    };
    const deps = { ...world.deps, records: { ...records, attempts: { ...records.attempts, spend } } };
    expect(await refusalOf(unlockByMpin(deps, await callerOf(world, phone), ready))).toEqual(failed(5));
    expect(await eventsOf(world)).not.toContain('session.opened');
  });

  it('succeeds once of twenty at the same time, each with the right old mPIN (R-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const calls = [];
    for (let index = 0; index < 20; index += 1) calls.push(await prepareChange(world, phone, { sessionId }));
    const results = await Promise.allSettled(calls.map((call) => finishMpinChange(world.deps, call)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 0 });
    await unlock(world, phone, newMpin);
  });

  it('is not made by a wrong old one, which counts (R-07, L-10)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const call = await prepareChange(world, phone, { sessionId, mpin: wrongMpin });
    expect(await refusalOf(finishMpinChange(world.deps, call))).toEqual(failed(4));
    await unlock(world, phone);
  });

  it.each([
    ['another device', { deviceId: randomId('dev') }],
    ['another handshake', { handshake: randomId('hs') }],
    ['another salt', { salt: 'ab'.repeat(32) }],
    ['another verifier', { verifier: 'ab'.repeat(256) }],
    ['another server', { iss: 'https://evil.test' }],
  ])('is refused before the proof when the device signed for %s (P-20, L-09)', async (_, changes) => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    for (const mpin of [phone.mpin, wrongMpin]) {
      const call = await prepareChange(world, phone, { sessionId, changes, mpin });
      expect(await refusalOf(finishMpinChange(world.deps, call))).toEqual(failed(5));
    }
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
  });

  it('is refused before the proof when another key signed (P-20)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const call = await prepareChange(world, phone, { sessionId, key: phone.biometricKey });
    expect(await refusalOf(finishMpinChange(world.deps, call))).toEqual(failed(5));
  });

  it('that breaks in the middle leaves the old one valid and only that (R-07)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const call = await prepareChange(world, phone, { sessionId });
    const transaction: typeof world.deps.records.transaction = (work) =>
      world.deps.records.transaction(async (records) => {
        const audit = { ...records.audit, append: () => Promise.reject(new Error('power cut')) };
        return work({ ...records, audit });
      });
    const deps = { ...world.deps, records: { ...world.deps.records, transaction } };
    await expect(finishMpinChange(deps, call)).rejects.toThrow();
    expect(await refusalOf(unlock(world, phone, newMpin))).toMatchObject({ code: 'authentication_failed' });
    await unlock(world, phone);
  });

  it('refuses a verifier out of range before anything else (R-06)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const call = await prepareChange(world, phone, { sessionId });
    for (const value of [0n, 1n, modulus - 1n, modulus, modulus + 1n]) {
      const verifier = value.toString(16).padStart(512, '0');
      const bad = { ...call, body: { ...call.body, verifier } };
      expect((await refusalOf(finishMpinChange(world.deps, bad))).code).toBe('invalid_request');
    }
  });
});

describe('the endpoints', () => {
  it('are those of the protocol, each with its access', async () => {
    const { world } = await phoneInWorld();
    expect(mpinEndpoints(world.deps).map(({ name, access }) => `${access} ${name}`)).toEqual([
      'device-key session/start',
      'device-key session/finish',
      'session session/end',
      'session mpin/change/start',
      'session mpin/change/finish',
      'session biometrics/start',
      'session biometrics/enable',
      'session biometrics/disable',
    ]);
  });

  it('end a session at once (S-06)', async () => {
    const { world, phone } = await phoneInWorld();
    const { sessionId } = await unlock(world, phone);
    const end = mpinEndpoints(world.deps).find(({ name }) => name === 'session/end');
    const call = await sessionCall(world, phone, { body: {}, sessionId });
    if (end?.access !== 'session') throw new Error('no such endpoint');
    expect(await end.answer(call)).toEqual({});
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
    expect(await eventsOf(world)).toContain('session.ended');
  });
});

describe('several devices', () => {
  it('of one user have their own keys, counts and verifiers (R-09)', async () => {
    const { world, phone } = await phoneInWorld();
    const second = await addPhone(world);
    const colleague = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    await missTimes(world, phone, 5);
    await unlock(world, second);
    await unlock(world, colleague);
  });

  it('end alone: the key of a deactivated one opens nothing (R-10)', async () => {
    const { world, phone } = await phoneInWorld();
    const second = await addPhone(world);
    await deactivateDevice(world.deps, { deviceId: phone.id, actor: 'cli', reason: 'lost' });
    expect(await refusalOf(unlock(world, phone))).toEqual(failed(0));
    expect(await refusalOf(unlockWithFinger(world, phone))).toEqual(failed(0));
    await unlock(world, second);
    const returning = { ...(await deviceOf(world, phone)), id: randomId('dev'), status: 'active' } as const;
    const again = world.deps.records.devices.insert(returning, secretsFor(returning.id, '1'), new Uint8Array(32));
    await expect(again).rejects.toMatchObject({ code: 'already_exists' });
    expect(checkDeviceKey(phone.publicJwk).thumbprint).toBe(returning.thumbprint);
  });
});
