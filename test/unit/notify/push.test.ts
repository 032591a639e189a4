/** Nudges to phones: whose, of what, and what they say; written with the notice or not at all. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Company, User } from '../../../src/companies/store.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import type { NoticeFrom } from '../../../src/notify/notices.ts';
import { notify } from '../../../src/notify/notify.ts';
import { pushingRecords } from '../../../src/notify/push.ts';
import type { OutboxMessage } from '../../../src/notify/store.ts';
import type { Records } from '../../../src/store/records.ts';
import { takeMessages } from '../../outbox.ts';
import { addCompany, addDevice, addUser, openWorld, type World } from '../companies/world.ts';

let world: World;
let company: Company;
let user: User;
let administrator: User;

beforeEach(async () => {
  const plain = await openWorld();
  world = { ...plain, records: pushingRecords(plain.records) };
  company = await addCompany(world, { userLimit: 20 });
  user = await addUser(world, company.id, { name: 'Anna Secretary', email: 'anna@bakery.example', status: 'active' });
  administrator = await addUser(world, company.id, { role: 'administrator', status: 'active' });
  await takeMessages(world.records, world.clock.now());
});
afterEach(() => world.stores.close());

/** The nudges that one notice made. */
async function nudged(notice: NoticeFrom, records: Records = world.records): Promise<OutboxMessage[]> {
  await notify(records, notice, world.clock.now());
  const messages = await takeMessages(world.records, world.clock.now());
  return messages.filter(({ kind }) => kind === 'push');
}

const phonesOf = (messages: readonly OutboxMessage[]) => messages.map(({ recipient }) => recipient).toSorted();
const blocked = () => ({ event: 'mpin.blocked', userId: user.id, deviceName: 'Phone of Anna' }) as const;

describe('a notice', () => {
  it('nudges every active phone of each of its readers, and nobody outside of the company (A-09, T31, T32)', async () => {
    const own = [await addDevice(world, user), await addDevice(world, user)];
    const admins = await addDevice(world, administrator);
    const ended = await addDevice(world, user);
    await world.records.devices.end(ended.id, 'deactivated', world.clock.now(), 'lost');
    await addDevice(world, user, { status: 'pending' });
    await addDevice(world, await addUser(world, company.id, { status: 'active' }));
    const suspended = await addUser(world, company.id, { role: 'administrator', status: 'suspended' });
    await addDevice(world, suspended);
    const other = await addCompany(world);
    await addDevice(world, await addUser(world, other.id, { role: 'administrator', status: 'active' }));
    await takeMessages(world.records, world.clock.now());
    expect(phonesOf(await nudged(blocked()))).toEqual([...own, admins].map(({ id }) => id).toSorted());
    const changed = { event: 'mpin.changed', userId: user.id, deviceName: 'x' } as const;
    expect(phonesOf(await nudged(changed))).toEqual(own.map(({ id }) => id).toSorted());
    const wanted = { event: 'approval.wanted', userId: user.id, deviceName: 'x' } as const;
    expect(phonesOf(await nudged(wanted))).toEqual([admins.id]);
    expect(phonesOf(await nudged({ event: 'policy.changed', companyId: company.id }))).toEqual([admins.id]);
  });

  it('nudges no phone of a stranger whom a faulty store calls the reader’s (T32)', async () => {
    const other = await addCompany(world);
    const stranger = await addDevice(world, await addUser(world, other.id, { status: 'active' }));
    const own = await addDevice(world, user);
    const devices = { ...world.records.devices, listByUser: async () => [stranger, own] };
    const notice = { event: 'mpin.changed', userId: user.id, deviceName: 'x' } as const;
    expect(phonesOf(await nudged(notice, { ...world.records, devices }))).toEqual([own.id]);
  });

  it('does not nudge the phone that it came from, and its e-mail does not tell of that', async () => {
    const [from, other] = [await addDevice(world, user), await addDevice(world, user)];
    const notice = { event: 'mpin.changed', userId: user.id, deviceName: 'x', fromDeviceId: from.id } as const;
    await notify(world.records, notice, world.clock.now());
    const messages = await takeMessages(world.records, world.clock.now());
    expect(messages.map(({ kind, recipient }) => [kind, recipient]).toSorted()).toEqual([
      ['email', user.id],
      ['push', other.id],
    ]);
    expect(JSON.parse(messages.find(({ kind }) => kind === 'email')?.payload ?? '')).toEqual({
      event: 'mpin.changed',
      data: { userId: user.id, deviceName: 'x' },
    });
  });

  it('says which phone and which event, and has no member besides: no name, no address, no code, no text (M-08)', async () => {
    const { id } = await addDevice(world, user, { name: 'Phone of Anna' });
    const notices = [
      blocked(),
      { event: 'contact.changed', userId: user.id, formerAddress: 'anna@former.example' },
      { event: 'login.reported', userId: user.id, clientName: 'Payments', browserName: 'Firefox' },
      { event: 'device.deactivated', userId: user.id, deviceName: 'Old phone', reason: 'lost on Friday' },
    ] as const;
    for (const notice of notices) {
      const [message] = await nudged(notice);
      expect(message?.payload).toBe(
        JSON.stringify({
          type: 'push',
          timestamp: new Date(world.clock.now()).toISOString(),
          data: { deviceId: id, event: notice.event },
        }),
      );
    }
  });

  it('that brings a code nudges nobody (M-08, T26)', async () => {
    await addDevice(world, user);
    const expiresAt = world.clock.now() + 1;
    const code = { event: 'activation.created', userId: user.id, confirmationCode: '01234567', expiresAt } as const;
    expect(await nudged(code)).toEqual([]);
    const invited = { event: 'activation.invited', userId: user.id, activationText: 'mtoken1.x', expiresAt } as const;
    expect(await nudged(invited)).toEqual([]);
  });

  it('of one phone’s end nudges the others, in the transaction of the end', async () => {
    const [lost, kept] = [await addDevice(world, user), await addDevice(world, user)];
    const deps = { ...world, log: { warn: () => undefined } } as never;
    await deactivateDevice(deps, { deviceId: lost.id, actor: 'cli', reason: 'lost' });
    const messages = await takeMessages(world.records, world.clock.now());
    expect(phonesOf(messages.filter(({ kind }) => kind === 'push'))).toEqual([kept.id]);
  });

  it('that is rolled back nudges nobody (X-03)', async () => {
    await addDevice(world, user);
    const failing = world.records.transaction(async (records) => {
      await notify(records, blocked(), world.clock.now());
      expect((await records.outbox.summary()).map(({ kind }) => kind)).toEqual(['email', 'push']);
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await world.records.outbox.summary()).toEqual([]);
  });

  it('nudges nobody where the bank has no gateway', async () => {
    await addDevice(world, user);
    const plain = world.stores.records;
    await plain.transaction((records) => notify(records, blocked(), world.clock.now()));
    expect(await nudged(blocked(), plain)).toEqual([]);
    expect(await nudged(blocked())).toHaveLength(1);
  });
});
