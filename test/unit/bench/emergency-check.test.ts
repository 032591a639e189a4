/** The judge of the emergency benchmark sees what is half done. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { judgeAll } from '../../bench/emergency-check.ts';
import { addSubjects, type Subject } from '../../bench/emergency-world.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

let stores: TestStores;
let alive: Subject;
let dead: Subject;

beforeAll(async () => {
  stores = await testStores();
  const subjects = await addSubjects(stores.records, 'http://localhost:9/logout', 2);
  [alive, dead] = subjects as [Subject, Subject];
  const deps = { ...stores, clock: fixedClock(), endLogins, log: { error: () => undefined } };
  await deactivateDevice(deps, { deviceId: dead.deviceId, actor: 'test', reason: 'lost' });
});

afterAll(() => stores.close());

const judge = async (subject: Subject) => (await judgeAll(stores, [subject], new Set())).get(subject);

it('tells the dead from the living', async () => {
  expect(await judge(alive)).toEqual({ isDead: false, missing: [] });
  expect(await judge(dead)).toEqual({ isDead: true, missing: [] });
});

it.each([
  [
    'grant ended',
    ({ deviceId, userId, grantLookup: idLookup, sessionUid }: Subject) =>
      stores.records.oidc.saveGrant({
        idLookup,
        userId,
        clientId: 'p',
        deviceId,
        sessionUid,
        payload: '{}',
        expiresAt: 9e15,
      }),
  ],
  [
    'place freed',
    ({ userId }: Subject) => stores.durable.run('update users set device_count = 1 where id = $1', [userId]),
  ],
  ['user told', () => stores.durable.run("delete from outbox where kind = 'email'")],
  ['portal told', () => stores.durable.run("delete from outbox where kind = 'backchannel_logout'")],
  ['recorded', () => stores.durable.run("delete from audit_events where event = 'device.deactivated'")],
] as const)('sees that it is half done: not %s', async (name, change) => {
  await change(dead);
  expect(await judge(dead)).toMatchObject({ isDead: false, missing: expect.arrayContaining([name]) });
});

it('sees an ending that only its record tells of', async () => {
  await stores.records.audit.append({ event: 'device.deactivated', actor: 'test', deviceId: alive.deviceId }, 1);
  expect((await judge(alive))?.missing).not.toEqual([]);
});
