/** Every way in which a proof can fail looks the same over the wire, and costs the server the same work. */
import { DiffieHellman } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { beginExchange } from '../../../src/sdk/srp-client.ts';
import { type SystemStores, systemEngines } from './engines.ts';
import { createHand, type Hand, type HandAnswer } from './hand.ts';
import { activate, addUser, deviceIdOf, mpin, type System, startSystem } from './rig.ts';

const unknownDevice = `dev_${'A'.repeat(22)}`;
const wrongProof = 'ab'.repeat(32);

interface Challenge {
  readonly handshake: string;
  readonly salt: string;
  readonly serverEphemeral: string;
}

let stores: SystemStores;
let system: System;
let offset = 0;
let powers = 0;
const { computeSecret } = DiffieHellman.prototype;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores, { clock: { now: () => systemClock.now() + offset } });
});

afterAll(async () => {
  await system.close();
  await stores.close();
});

/** Counts every exponentiation of the server: all go through this one function of OpenSSL. */
beforeEach(() => {
  DiffieHellman.prototype.computeSecret = function counted(this: DiffieHellman, ...values: unknown[]) {
    powers += 1;
    return Reflect.apply(computeSecret, this, values) as Buffer;
  } as typeof computeSecret;
});

afterEach(() => {
  DiffieHellman.prototype.computeSecret = computeSecret;
});

async function registeredHand(): Promise<Hand> {
  const user = await addUser(system.server, system.company.id, { name: 'Uma Uniform' });
  const hand = createHand(() => systemClock.now() + offset);
  const { activationText, confirmationCode } = await activate(system, user);
  const device = { name: 'Hand', platform: 'Test', appVersion: '1.0' };
  await hand.phone.beginRegistration(activationText, { device });
  await hand.phone.finishRegistration({ confirmationCode, mpin });
  return hand;
}

/** The work of one call, with what the pool makes up for afterwards. */
async function counted(call: () => Promise<HandAnswer>): Promise<{ answer: HandAnswer; work: number }> {
  await settled();
  const before = powers;
  const answer = await call();
  await settled();
  return { answer, work: powers - before };
}

/** The pool of ephemerals refills in idle turns: waits until it is full. */
async function settled(): Promise<void> {
  for (let before = -1; before !== powers; ) {
    before = powers;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function start(hand: Hand, deviceId: string): Promise<Challenge> {
  const { clientEphemeral } = beginExchange();
  const { status, body } = await hand.call(
    'session/start',
    { deviceId, method: 'mpin', clientEphemeral },
    'device-key',
  );
  expect(status).toBe(200);
  return body as Challenge;
}

function finish(hand: Hand, handshake: string): Promise<HandAnswer> {
  return hand.call('session/finish', { handshake, proof: wrongProof }, 'device-key');
}

/** Each cause of failure: who asks, and for which handshake. */
const causes: Readonly<Record<string, () => Promise<{ hand: Hand; handshake: string }>>> = {
  'a wrong mPIN': async () => {
    const hand = await registeredHand();
    return { hand, handshake: (await start(hand, await deviceIdOf(hand.phone))).handshake };
  },
  'an unknown device': async () => {
    const hand = await registeredHand();
    return { hand, handshake: (await start(hand, unknownDevice)).handshake };
  },
  "another device's id with this phone's key": async () => {
    const victim = await registeredHand();
    const hand = await registeredHand();
    return { hand, handshake: (await start(hand, await deviceIdOf(victim.phone))).handshake };
  },
  "another phone's handshake": async () => {
    const victim = await registeredHand();
    const hand = await registeredHand();
    return { hand, handshake: (await start(victim, await deviceIdOf(victim.phone))).handshake };
  },
  'a blocked device': async () => {
    const hand = await registeredHand();
    const deviceId = await deviceIdOf(hand.phone);
    for (let count = 0; count < 5; count += 1) await finish(hand, (await start(hand, deviceId)).handshake);
    return { hand, handshake: (await start(hand, deviceId)).handshake };
  },
  'a deactivated device': async () => {
    const hand = await registeredHand();
    const deviceId = await deviceIdOf(hand.phone);
    await deactivateDevice(system.server.capabilities.devices, { deviceId, reason: 'lost', actor: 'cli' });
    return { hand, handshake: (await start(hand, deviceId)).handshake };
  },
  'a handshake that has expired': async () => {
    const hand = await registeredHand();
    const { handshake } = await start(hand, await deviceIdOf(hand.phone));
    offset += 121_000;
    return { hand, handshake };
  },
  'a handshake that was used': async () => {
    const hand = await registeredHand();
    const { handshake } = await start(hand, await deviceIdOf(hand.phone));
    await finish(hand, handshake);
    return { hand, handshake };
  },
  'a handshake that never was': async () => ({ hand: await registeredHand(), handshake: `hs_${'A'.repeat(22)}` }),
};

/** What is the same for all: everything but ids, times and ciphertext. */
function shapeOf({ raw, code }: HandAnswer) {
  const { 'x-request-id': _id, date: _date, ratelimit: _left, ...headers } = raw.headers;
  return { status: raw.status, code, headers, length: raw.text.length };
}

describe('a failed proof', () => {
  it('has the same status, headers, code and length whatever failed (P-21, L-11, P-14)', async () => {
    const shapes = new Map<string, ReturnType<typeof shapeOf>>();
    for (const [cause, prepare] of Object.entries(causes)) {
      const { hand, handshake } = await prepare();
      shapes.set(cause, shapeOf(await finish(hand, handshake)));
    }
    const [first] = shapes.values();
    expect(first).toMatchObject({ status: 401, code: 'authentication_failed' });
    for (const [cause, shape] of shapes) expect(shape, cause).toEqual(first);
  });

  it('costs the same number of exponentiations whatever failed, two (P-21, T16)', async () => {
    const work: Record<string, number> = {};
    for (const [cause, prepare] of Object.entries(causes)) {
      const { hand, handshake } = await prepare();
      work[cause] = (await counted(() => finish(hand, handshake))).work;
    }
    expect(work).toEqual(Object.fromEntries(Object.keys(causes).map((cause) => [cause, 2])));
  });
});

describe('the beginning of a proof', () => {
  it('is answered alike for devices that are known, unknown, blocked and of another key, with a stable salt (P-11, L-11)', async () => {
    const hand = await registeredHand();
    const own = await deviceIdOf(hand.phone);
    const other = await deviceIdOf((await registeredHand()).phone);
    const shapes: unknown[] = [];
    const work: number[] = [];
    for (const deviceId of [own, other, unknownDevice]) {
      // The phone's own exponentiation is not what is counted.
      const { clientEphemeral } = beginExchange();
      const begin = () => hand.call('session/start', { deviceId, method: 'mpin', clientEphemeral }, 'device-key');
      const first = await counted(begin);
      const second = await counted(begin);
      work.push(first.work, second.work);
      shapes.push(shapeOf(first.answer));
      const [one, two] = [first.answer.body, second.answer.body] as Challenge[];
      expect(one?.salt).toBe(two?.salt);
      expect(one?.serverEphemeral).not.toBe(two?.serverEphemeral);
      expect(one?.serverEphemeral).toMatch(/^[0-9a-f]{512}$/);
    }
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
    expect(new Set(work)).toEqual(new Set([1]));
  });
});
