import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../src/companies/store.ts';
import { oneLine } from '../../../src/notify/email.ts';
import { memoryMailbox } from '../../../src/notify/mailbox.ts';
import { asHtml, asText, messageFor } from '../../../src/notify/messages.ts';
import type { Notice } from '../../../src/notify/notices.ts';
import { type NoticePayload, notify, recipientsOf } from '../../../src/notify/notify.ts';
import { addCompany, addUser, openWorld, takeNotices, type World } from '../companies/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

/** One notice of every event; the compiler keeps the table whole. */
const everyNotice = (userId: string, text = 'Phone'): readonly Notice[] =>
  Object.values({
    'activation.created': {
      event: 'activation.created',
      userId,
      confirmationCode: '01234567',
      expiresAt: 1_795_000_000_000,
    },
    'device.registered': { event: 'device.registered', userId, deviceName: text, isPending: false },
    'device.approved': { event: 'device.approved', userId, deviceName: text },
    'device.refused': { event: 'device.refused', userId, deviceName: text },
    'device.deactivated': { event: 'device.deactivated', userId, deviceName: text, reason: 'lost' },
    'mpin.last_attempt': { event: 'mpin.last_attempt', userId, deviceName: text },
    'mpin.blocked': { event: 'mpin.blocked', userId, deviceName: text },
    'mpin.changed': { event: 'mpin.changed', userId, deviceName: text },
    'biometrics.enabled': { event: 'biometrics.enabled', userId, deviceName: text },
    'login.after_failures': { event: 'login.after_failures', userId, deviceName: text, failures: 3 },
    'login.reported': { event: 'login.reported', userId, clientName: text, browserName: text },
  } satisfies { [Event in Notice['event']]: Extract<Notice, { event: Event }> });

const administratorEvents = ['device.registered', 'device.deactivated', 'mpin.blocked', 'login.reported'];

const payloadOf = ({ event, ...data }: Notice): NoticePayload => ({ event, data }) as NoticePayload;

describe('a notice', () => {
  it('goes to the user, and where it concerns the company to its active administrators; to nobody else (A-09, T32)', async () => {
    const company = await addCompany(world, { userLimit: 20 });
    const other = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    const administrator = await addUser(world, company.id, { role: 'administrator', status: 'active' });
    for (const status of ['invited', 'suspended', 'removed'] as const) {
      await addUser(world, company.id, { role: 'administrator', status });
    }
    await addUser(world, company.id, { status: 'active' });
    await addUser(world, other.id, { role: 'administrator', status: 'active' });
    for (const notice of everyNotice(user.id)) {
      const expected = administratorEvents.includes(notice.event) ? [user.id, administrator.id] : [user.id];
      expect(await recipientsOf(world.records, notice), notice.event).toEqual(expected);
    }
  });

  it('never leaves the company, whatever users there are (T31, T32)', async () => {
    const companies = [await addCompany(world, { userLimit: 100 }), await addCompany(world, { userLimit: 100 })];
    const users: User[] = [];
    for (let index = 0; index < 24; index += 1) {
      const company = companies[index % 2];
      if (company === undefined) continue;
      const role = index % 3 === 0 ? 'administrator' : 'user';
      const status = (['invited', 'active', 'suspended', 'removed'] as const)[Math.floor(index / 2) % 4] ?? 'active';
      users.push(await addUser(world, company.id, { role, status }));
    }
    const byId = new Map(users.map((user) => [user.id, user]));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...users), fc.nat(9), async (user, kind) => {
        const notice = everyNotice(user.id)[kind];
        if (notice === undefined) return;
        const recipients = await recipientsOf(world.records, notice);
        expect(new Set(recipients).size).toBe(recipients.length);
        for (const id of recipients) {
          const reader = byId.get(id);
          expect(reader?.companyId).toBe(user.companyId);
          if (id !== user.id) expect(reader).toMatchObject({ role: 'administrator', status: 'active' });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('goes once to an administrator whom it concerns, and to nobody when the user is unknown', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { role: 'administrator', status: 'active' });
    const notice = { event: 'mpin.blocked', userId: user.id, deviceName: 'Phone' } as const;
    expect(await recipientsOf(world.records, notice)).toEqual([user.id]);
    expect(await recipientsOf(world.records, { ...notice, userId: 'usr_unknown' })).toEqual([]);
  });

  it('is written with the act or not at all', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id);
    const notice = { event: 'mpin.changed', userId: user.id, deviceName: 'Phone' } as const;
    const failed = world.records.transaction(async (records) => {
      await notify(records, notice, world.clock.now());
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    expect(await takeNotices(world.records, world.clock.now())).toEqual([]);
    await notify(world.records, notice, world.clock.now());
    const { event, ...data } = notice;
    expect(await takeNotices(world.records, world.clock.now())).toEqual([{ recipient: user.id, event, data }]);
  });

  it('keeps the confirmation code sealed while it waits (C-13)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { email: 'secret.reader@example.com' });
    const [notice] = everyNotice(user.id);
    if (notice !== undefined) await notify(world.records, notice, world.clock.now());
    const rows = JSON.stringify(await world.stores.durable.query('select * from outbox'));
    expect(rows).not.toContain('01234567');
    expect(rows).not.toContain('secret.reader');
  });
});

describe('the text of a message', () => {
  const written = (userId: string, name: string) =>
    everyNotice(userId, name).flatMap((notice) =>
      (['user', 'administrator'] as const).map((reader) => ({
        event: notice.event,
        reader,
        message: messageFor(payloadOf(notice), { userName: 'Anna', reader }),
      })),
    );

  it('is there for every event and reader, names the user to an administrator, and holds no link (A-09)', () => {
    for (const { event, reader, message } of written('usr_x', 'Phone')) {
      const text = asText(message, 'Dear Anna,');
      const html = asHtml(message, 'Dear Anna,');
      expect(message.subject.length, event).toBeGreaterThan(5);
      for (const body of [text, html]) {
        expect(body, event).not.toMatch(/https?:|www\.|href|src=|<a |<img|usr_|undefined|\[object/i);
      }
      if (reader === 'administrator' && administratorEvents.includes(event)) {
        expect(`${message.subject} ${text}`).toContain('Anna');
      }
    }
  });

  it('holds the confirmation code in the one message that carries it, and no secret in any other', () => {
    for (const { event, message } of written('usr_x', 'Phone')) {
      const body = asText(message, '') + asHtml(message, '') + message.subject;
      expect(body.includes('01234567'), event).toBe(event === 'activation.created');
    }
  });

  it('keeps markup in a name from becoming markup', () => {
    for (const { event, message } of written('usr_x', '<img src=x onerror="alert(1)">&\'')) {
      expect(asHtml(message, '<b>Anna</b>'), event).not.toMatch(/<img|<b>/);
    }
  });

  it('keeps line ends and invisible characters out of a header', () => {
    expect(oneLine('Anna\r\nBcc: eve@example.com\u0000\u202E')).toBe('Anna Bcc: eve@example.com');
  });
});

describe('the demo mailbox', () => {
  it('keeps the last hundred e-mails, newest first', async () => {
    const mailbox = memoryMailbox(world.clock);
    for (let index = 0; index < 120; index += 1) {
      await mailbox.send({
        id: `${index}`,
        to: { name: 'A', address: 'a@example.com' },
        subject: 's',
        text: 't',
        html: 'h',
      });
    }
    expect(mailbox.messages()).toHaveLength(100);
    expect(mailbox.messages()[0]).toMatchObject({ id: '119', receivedAt: world.clock.now() });
  });
});
