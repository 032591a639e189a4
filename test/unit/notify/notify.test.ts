import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import type { User } from '../../../src/companies/store.ts';
import { type Email, emailDeliverer, oneLine } from '../../../src/notify/email.ts';
import { memoryMailbox } from '../../../src/notify/mailbox.ts';
import { asHtml, asText, messageFor } from '../../../src/notify/messages.ts';
import type { Notice } from '../../../src/notify/notices.ts';
import { type NoticePayload, notify, recipientsOf } from '../../../src/notify/notify.ts';
import { textsFor } from '../../../src/texts/files.ts';
import { languages } from '../../../src/texts/languages.ts';
import { takeMessages } from '../../outbox.ts';
import { addCompany, addUser, bank, openWorld, takeNotices, type World } from '../companies/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.stores.close());

/** One notice of every event; the compiler keeps the table whole. */
const everyNotice = (userId: string, text = 'Phone', companyId = 'co_x'): readonly Notice[] =>
  Object.values({
    'activation.created': {
      event: 'activation.created',
      userId,
      confirmationCode: '01234567',
      expiresAt: 1_795_000_000_000,
    },
    'activation.invited': {
      event: 'activation.invited',
      userId,
      activationText: 'mtoken1.aHR0cHM6Ly9hdXRoLmV4YW1wbGU.ABCD-EFGH-JKMN-PQRS-TVWX-YZ23.TTTT',
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
    'approval.wanted': { event: 'approval.wanted', userId, deviceName: text },
    'contact.changed': { event: 'contact.changed', userId, formerAddress: 'former@example.com' },
    'browser.new': { event: 'browser.new', userId, clientName: text, browserName: text },
    'administrator.added': { event: 'administrator.added', userId },
    'policy.changed': { event: 'policy.changed', companyId },
    'document.expires': { event: 'document.expires', userId, expiresAt: 1_795_000_000_000 },
  } satisfies { [Event in Notice['event']]: Extract<Notice, { event: Event }> });

/** Of these the administrators hear as well, of the last two they alone. */
const administratorEvents = [
  'device.registered',
  'device.deactivated',
  'mpin.blocked',
  'login.reported',
  'administrator.added',
  'document.expires',
  'approval.wanted',
  'policy.changed',
];
const forAdministrators = new Set<string>(administratorEvents.slice(-2));
/** Whose text names no phone, portal or browser. */
const withoutPhone = new Set([
  'activation.created',
  'activation.invited',
  'contact.changed',
  'administrator.added',
  'policy.changed',
  'document.expires',
]);

function readersOf<T>(event: string, user: T, administrators: readonly T[]): readonly T[] {
  if (!administratorEvents.includes(event)) return [user];
  return forAdministrators.has(event) ? administrators : [user, ...administrators];
}

/** What is sent of a notice, in the order of its readers. */
async function mailed(notice: Notice): Promise<Email[]> {
  await notify(world.records, notice, world.clock.now());
  const mailbox = memoryMailbox(world.clock);
  const deliver = emailDeliverer({ records: world.records, sender: mailbox });
  const messages = await takeMessages(world.records, world.clock.now());
  for (const message of messages) await deliver(message);
  const order = await recipientsOf(world.records, notice);
  const place = new Map(messages.map(({ id, recipient }) => [id, order.indexOf(recipient)]));
  return mailbox.messages().toSorted((one, other) => (place.get(one.id) ?? 0) - (place.get(other.id) ?? 0));
}

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
    for (const notice of everyNotice(user.id, 'Phone', company.id)) {
      const expected = readersOf(notice.event, user.id, [administrator.id]);
      expect(await recipientsOf(world.records, notice), notice.event).toEqual(expected);
    }
    const pending = { event: 'device.registered', userId: user.id, deviceName: 'Phone', isPending: true } as const;
    expect(await recipientsOf(world.records, pending)).toEqual([user.id]);
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
      fc.asyncProperty(fc.constantFrom(...users), fc.nat(everyNotice('').length - 1), async (user, kind) => {
        const notice = everyNotice(user.id, 'Phone', user.companyId)[kind];
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
  const written = (name: string, language = 'en') =>
    everyNotice('usr_x', name).flatMap((notice) =>
      (['user', 'administrator'] as const).map((reader) => ({
        event: notice.event,
        reader,
        label: `${language} ${notice.event} ${reader}`,
        message: messageFor(payloadOf(notice), {
          texts: textsFor('mail', [language]),
          subjectName: 'Anna',
          readerName: reader === 'user' ? 'Anna' : 'Berta',
          reader,
        }),
      })),
    );
  const codes = languages.map(({ code }) => code);
  const plain = (text: string) => text.replace(/[\u2068\u2069]/g, '');

  it.each(codes)(
    'asks in %s for a second person, naming who asked, what to read and until when (A-09, T-15)',
    (code) => {
      const notice = { event: 'approval.wanted', data: { userId: 'usr_x', expiresAt: 1_795_000_000_000 } } as const;
      const people = { subjectName: 'Anna', readerName: 'Berta', reader: 'administrator' } as const;
      const message = messageFor(notice, { texts: textsFor('mail', [code]), ...people });
      expect(plain(asText(message))).toMatch(/Anna/);
      expect(asText(message)).toContain('UTC');
      expect(asHtml(message)).not.toMatch(/https?:|href|usr_|undefined|[{}]/);
    },
  );

  it.each(codes)('is whole in %s for every event and reader, and holds no gap, link or id (A-09)', (code) => {
    for (const { event, reader, label, message } of written('Phone', code)) {
      const [text, html] = [asText(message), asHtml(message)];
      expect(message.subject.length, label).toBeGreaterThan(5);
      expect(message.paragraphs.length, label).toBeGreaterThan(0);
      for (const part of [message.subject, message.greeting, ...message.paragraphs]) {
        expect(part.trim(), label).toBe(part);
        expect(part, label).toMatch(/\p{L}{2}/u);
      }
      for (const body of [message.subject, text, html]) {
        expect(body, label).not.toMatch(/https?:|www\.|href|src=|<a |<img|usr_|undefined|\[object|[{}]/i);
      }
      expect(plain(text), label).toContain(reader === 'user' ? 'Anna' : 'Berta');
      expect(message.subject, label).not.toMatch(/[\u2066-\u2069]/);
      if (!withoutPhone.has(event)) expect(plain(text), label).toContain('Phone');
      if (reader === 'administrator' && administratorEvents.includes(event)) {
        expect(`${message.subject} ${text}`, label).toContain('Anna');
        expect(text, label).not.toContain(textsFor('mail', [code]).t('alarm'));
      }
      const { direction } = textsFor('mail', [code]).language;
      expect(html, label).toMatch(new RegExp(`^<!doctype html><html lang="${code}" dir="${direction}"><head>`));
    }
  });

  it.each(codes)('is the one of the file of %s, where that has it', (code) => {
    const own = JSON.parse(
      readFileSync(new URL(`../../../src/texts/languages/${code}.json`, import.meta.url), 'utf8'),
    ) as { mail: Record<string, string> };
    const message = written('Phone', code).find(({ event }) => event === 'mpin.last_attempt')?.message;
    const expected = own.mail['lastAttempt.subject'] ?? 'One attempt is left before your mPIN is blocked';
    expect(message?.subject).toBe(expected);
  });

  it('holds the confirmation code in the one message that carries it, in digits that every phone has, and in no other', () => {
    for (const code of codes) {
      for (const { event, label, message } of written('Phone', code)) {
        const body = asText(message) + asHtml(message) + message.subject;
        expect(body.includes('01234567'), label).toBe(event === 'activation.created');
      }
    }
  });

  it('says the reason in the reader’s language where it is ours, and as it was written where it is an operator’s', () => {
    const said = (language: string, reason: string) =>
      plain(
        asText(
          messageFor(
            { event: 'device.deactivated', data: { userId: 'usr_x', deviceName: 'Phone', reason } },
            { texts: textsFor('mail', [language]), subjectName: 'Anna', readerName: 'Anna', reader: 'user' },
          ),
        ),
      );
    for (const code of codes) {
      const { t } = textsFor('mail', [code]);
      for (const reason of ['user-request', 'lost', 'stolen', 'fraud', 'replaced', 'user-removed'] as const) {
        expect(said(code, reason), code).toContain(t(`reason.${reason}`));
        if (reason.includes('-')) expect(said(code, reason), code).not.toContain(reason);
      }
      for (const reason of ['left the company', 'constructor', 'mpin', '{device} {time}']) {
        expect(said(code, reason), code).toContain(reason);
      }
    }
  });

  it('writes the time as the language does, and says that it is UTC', () => {
    const until = (language: string) =>
      written('Phone', language).find(({ event }) => event === 'activation.created')?.message.paragraphs[1];
    expect(until('en')).toMatch(/November 18, 2026 at 11:06\sAM UTC/);
    for (const code of codes) expect(until(code), code).toMatch(/UTC/);
    expect(until('bg')).toContain('18 ноември 2026');
    expect(until('ar')).toContain('18 نوفمبر 2026');
  });

  it('keeps markup in a name from becoming markup, in every language', () => {
    for (const code of codes) {
      for (const { label, message } of written('<img src=x onerror="alert(1)">&\'', code)) {
        expect(asHtml({ ...message, greeting: '<b>Anna</b>' }), label).not.toMatch(/<img|<b>/);
      }
    }
  });

  it('keeps a name from turning the text around it about (bidirectional override)', () => {
    const hostile = '\u202eenohP\u2069\u2066';
    for (const code of ['ar', 'en']) {
      for (const { label, message } of written(`${hostile} \u0627\u0628`, code)) {
        const text = asText(message);
        expect(text, label).not.toMatch(/[\u202a-\u202e\u2066\u2067]/);
        expect(text.match(/\u2068/g)?.length ?? 0, label).toBe(text.match(/\u2069/g)?.length ?? 0);
      }
    }
    const [first] = written('Phone', 'ar').filter(({ event }) => event === 'mpin.changed');
    expect(asText(first?.message ?? expect.fail('no message'))).toContain('\u2068Phone\u2069');
    const [english] = written('Phone', 'en').filter(({ event }) => event === 'mpin.changed');
    expect(asText(english?.message ?? expect.fail('no message'))).toContain(
      'The mPIN of the phone “Phone” was changed.',
    );
    expect(asText(english?.message ?? expect.fail('no message'))).not.toMatch(/[\u2066-\u2069]/);
  });

  it('keeps line ends and invisible characters out of a header', () => {
    expect(oneLine('Anna\r\nBcc: eve@example.com\u0000\u202E')).toBe('Anna Bcc: eve@example.com');
  });
});

describe('the e-mails of a notice', () => {
  it('are each in their reader’s own language: chosen, else of the locale, else English', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active', language: 'pl', locale: 'nl-BE' });
    const others = [{ language: 'cs' }, { locale: 'fi-FI' }, { locale: 'ja' }];
    for (const given of others) {
      await addUser(world, company.id, { ...given, role: 'administrator', status: 'active' });
    }
    await takeNotices(world.records, world.clock.now());
    const mails = await mailed({ event: 'mpin.blocked', userId: user.id, deviceName: 'Phone' });
    const subjects = new Map(mails.map(({ html, subject }) => [/lang="(\w+)"/.exec(html)?.[1], subject]));
    const told = (code: string) => textsFor('mail', [code]).t('blocked.admin.subject', { user: user.name });
    expect(mails).toHaveLength(4);
    expect(subjects).toEqual(
      new Map([
        ['pl', textsFor('mail', ['pl']).t('blocked.subject')],
        ['cs', told('cs')],
        ['fi', told('fi')],
        ['en', told('en')],
      ]),
    );
  });

  it('hold nothing of another company, in any language, for any event and reader (T31, T32)', async () => {
    const company = await addCompany(world, { userLimit: 5 });
    const other = await createCompany(world, { name: 'Foreign Ltd', actor: bank });
    const stranger = { name: 'Stranger', email: 'stranger@foreign.example', status: 'active' } as const;
    const foreigner = await addUser(world, other.id, { ...stranger, role: 'administrator', language: 'de' });
    const user = await addUser(world, company.id, { status: 'active' });
    const administrator = await addUser(world, company.id, { role: 'administrator', status: 'active' });
    await takeNotices(world.records, world.clock.now());
    for (const { code } of languages) {
      for (const { id } of [user, administrator]) await world.records.users.setLanguage(id, code);
      for (const notice of everyNotice(user.id, 'Phone', company.id)) {
        const mails = await mailed(notice);
        const readers = readersOf(notice.event, user, [administrator]).map(({ email }) => email);
        const former = notice.event === 'contact.changed' ? [notice.formerAddress] : [];
        expect(new Set(mails.map(({ to }) => to.address)), code).toEqual(new Set([...readers, ...former]));
        expect(mails, code).toHaveLength(readers.length + former.length);
        for (const mail of mails) {
          expect(JSON.stringify(mail), code).not.toMatch(/Foreign|Stranger|foreign\.example|[{]\w+[}]/);
          expect(JSON.stringify(mail), code).not.toContain(foreigner.id);
          expect(mail.html, code).toContain(`<html lang="${code}"`);
        }
      }
    }
  });
});

describe('the e-mails about people and companies with hostile names', () => {
  it('have no markup of theirs, one line for a subject, and no address but the reader’s own (A-04, A-09)', async () => {
    const markup = '<img src=x onerror=alert(1)><b>&';
    const company = await createCompany(world, { name: `Bakery ${markup}`, userLimit: 10, actor: bank });
    const user = await addUser(world, company.id, { name: `Anna ${markup}`, status: 'active' });
    const administrator = await addUser(world, company.id, {
      name: `Berta ${markup}`,
      role: 'administrator',
      status: 'active',
    });
    // Past the rules, as a row of an older server or of a hand might be.
    await world.stores.durable.run('update users set name = $1 where id = $2', [
      `Anna ${markup}\r\nBcc: eve@evil.example`,
      user.id,
    ]);
    await world.stores.durable.run('update companies set name = $1 where id = $2', [
      `Bakery ${markup}\r\nBcc: eve@evil.example`,
      company.id,
    ]);
    await takeNotices(world.records, world.clock.now());
    for (const code of ['en', 'de', 'ar']) {
      for (const { id } of [user, administrator]) await world.records.users.setLanguage(id, code);
      for (const notice of everyNotice(user.id, `Phone ${markup}`, company.id)) {
        for (const { html, subject, text, to } of await mailed(notice)) {
          expect(html, notice.event).not.toMatch(/<img|<b>/);
          expect(`${subject}${to.name}`, notice.event).not.toMatch(/[\r\n]/);
          expect(text, notice.event).not.toMatch(/^Bcc:/m);
          expect([user.email, administrator.email, 'former@example.com']).toContain(to.address);
        }
      }
    }
  });

  it('take an address of the payload for the one event and the one person that it is for', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    const administrator = await addUser(world, company.id, { role: 'administrator', status: 'active' });
    const mailbox = memoryMailbox(world.clock);
    const deliver = emailDeliverer({ records: world.records, sender: mailbox });
    const send = (recipient: string, payload: object) =>
      deliver({ id: 'box_x', kind: 'email', recipient, payload: JSON.stringify(payload), attempts: 0, createdAt: 0 });
    const address = 'elsewhere@example.com';
    const data = { userId: user.id };
    await send(user.id, { event: 'contact.changed', data, address });
    await send(administrator.id, { event: 'contact.changed', data, address });
    await send(user.id, { event: 'mpin.changed', data: { ...data, deviceName: 'Phone' }, address });
    expect(
      mailbox
        .messages()
        .map(({ to }) => to.address)
        .reverse(),
    ).toEqual([address, administrator.email, user.email]);
    const other = await addCompany(world);
    await expect(send(user.id, { event: 'policy.changed', data: { companyId: other.id } })).rejects.toThrow(
      'the reader is of another company',
    );
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
