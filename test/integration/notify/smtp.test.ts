import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { escapeHtml } from '../../../src/html.ts';
import { createSmtpSender, type EmailSender, emailDeliverer } from '../../../src/notify/email.ts';
import { notify } from '../../../src/notify/notify.ts';
import { type OutboxWorker, startOutboxWorker, wakeOutbox } from '../../../src/notify/outbox.ts';
import { textsFor } from '../../../src/texts/files.ts';
import { soon } from '../../soon.ts';
import { addCompany, addUser, openWorld, type World } from '../../unit/companies/world.ts';

/** A mail as the server got it. */
interface Received {
  readonly to: readonly string[];
  readonly headers: string;
  readonly body: string;
  readonly raw: string;
}

const never = async (): Promise<never> => {
  throw new Error('not for this test');
};

let world: World;
let received: Received[];
let server: SMTPServer | undefined;
let sender: EmailSender;
let worker: OutboxWorker;
let port: number;
/** Answers that the server gives instead of taking a mail, in order. */
let refusals: string[];
let refusalCode: number;

beforeEach(async () => {
  world = await openWorld();
  received = [];
  refusals = [];
  refusalCode = 450;
  port = await freePort();
  sender = createSmtpSender(`smtp://127.0.0.1:${port}`, 'mtoken <no-reply@bank.example>');
  worker = startOutboxWorker(
    {
      records: world.records,
      shortLived: world.shortLived,
      clock: world.clock,
      deliverers: {
        email: emailDeliverer({ records: world.records, sender }),
        backchannel_logout: never,
        backchannel_request: never,
        backchannel_ping: never,
        portal_webhook: never,
        webhook: never,
        push: never,
      },
      log: { warn: () => undefined, error: () => undefined },
    },
    { pollMs: 10 },
  );
});

afterEach(async () => {
  await worker.stop();
  sender.close();
  await stopServer();
  await world.stores.close();
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port: free } = probe.address() as AddressInfo;
  await new Promise<unknown>((resolve) => probe.close(resolve));
  return free;
}

async function startServer(): Promise<void> {
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const refusal = refusals.shift();
        if (refusal !== undefined) return callback(Object.assign(new Error(refusal), { responseCode: refusalCode }));
        const raw = Buffer.concat(chunks).toString('utf8');
        const end = raw.indexOf('\r\n\r\n');
        const to = session.envelope.rcptTo.map(({ address }) => address);
        received.push({ to, headers: raw.slice(0, end), body: decodeQuotedPrintable(raw.slice(end)), raw });
        return callback();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(port, '127.0.0.1', resolve));
  server = smtp;
}

async function stopServer(): Promise<void> {
  const smtp = server;
  server = undefined;
  if (smtp !== undefined) await new Promise<void>((resolve) => smtp.close(resolve));
}

function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A header as a mail program shows it: unfolded, and its encoded words (RFC 2047) decoded. */
function headerOf(raw: string, name: string): string {
  const headers = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  const value = new RegExp(`^${name}: (.*)$`, 'mi').exec(headers)?.[1] ?? '';
  const joined = value.replace(/\?= =\?/g, '?==?');
  return joined
    .replace(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(text, 'base64').toString('utf8')
        : Buffer.from(decodeQuotedPrintable(text.replace(/_/g, ' ')), 'latin1').toString('utf8'),
    )
    .trimEnd();
}

/** The plain text and the HTML of a mail, in this order, decoded (RFC 2045). */
function partsOf(raw: string): string[] {
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? '';
  const parts = raw.split(`--${boundary}`).slice(1, -1);
  return parts.map((part) => {
    const end = part.indexOf('\r\n\r\n');
    const body = part.slice(end + 4);
    return /^content-transfer-encoding: base64/im.test(part.slice(0, end))
      ? Buffer.from(body, 'base64').toString('utf8')
      : Buffer.from(decodeQuotedPrintable(body), 'latin1').toString('utf8');
  });
}

async function tell(userId: string, deviceName = 'Phone'): Promise<void> {
  await notify(world.records, { event: 'mpin.blocked', userId, deviceName }, world.clock.now());
  await wakeOutbox(world.shortLived);
}

describe('e-mail over SMTP', () => {
  it('brings the confirmation code to the user’s own address and to no other (R-03, A-09)', async () => {
    await startServer();
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { name: 'Anna', email: 'anna@example.com' });
    await addUser(world, company.id, { role: 'administrator', status: 'active' });
    const notice = { event: 'activation.created', userId: user.id, confirmationCode: '01234567' } as const;
    await notify(world.records, { ...notice, expiresAt: world.clock.now() + 600_000 }, world.clock.now());
    await soon(() => expect(received).toHaveLength(1));
    expect(received[0]?.to).toEqual(['anna@example.com']);
    expect(received[0]?.headers).toMatch(/^To: Anna <anna@example\.com>\r$/m);
    expect(received[0]?.headers).toMatch(/^From: mtoken <no-reply@bank\.example>\r$/m);
    expect(received[0]?.body).toContain('01234567');
    await soon(async () => expect(await world.records.outbox.count('sent')).toBe(1));
    expect(JSON.stringify(await world.stores.durable.query('select * from outbox'))).not.toContain('01234567');
  });

  it('tells user and administrator of a block, each in their own words (L-07)', async () => {
    await startServer();
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { name: 'Anna', email: 'anna@example.com', status: 'active' });
    await addUser(world, company.id, { email: 'boss@example.com', role: 'administrator', status: 'active' });
    await tell(user.id);
    await soon(() => expect(received).toHaveLength(2));
    const of = (address: string) => received.find(({ to }) => to.includes(address));
    expect(of('anna@example.com')?.headers).toContain('Subject: Your mPIN is blocked');
    expect(of('boss@example.com')?.headers).toContain('Subject: The mPIN of Anna is blocked');
  });

  it.each([
    ['el', 'Ελένη Παπαδοπούλου', 'ltr'],
    ['bg', 'Цветелина Щърбева', 'ltr'],
    ['ar', 'ليلى العبد الله', 'rtl'],
  ] as const)(
    'writes subject, name and text in %s so that a mail program reads them',
    async (code, name, direction) => {
      await startServer();
      const company = await addCompany(world);
      const user = await addUser(world, company.id, { name, language: code, status: 'active' });
      const boss = {
        name,
        email: 'boss@example.com',
        role: 'administrator',
        language: code,
        status: 'active',
      } as const;
      await addUser(world, company.id, boss);
      await tell(user.id, `${name} 📱`);
      await soon(() => expect(received).toHaveLength(2));
      const { t } = textsFor('mail', [code]);
      const mail = received.find(({ to }) => to.includes('boss@example.com'));
      expect(mail?.raw, 'bytes beyond ASCII').toMatch(/^[\t\r\n\x20-\x7e]*$/);
      expect(headerOf(mail?.raw ?? '', 'Subject')).toBe(t('blocked.admin.subject', { user: name }));
      expect(headerOf(mail?.raw ?? '', 'To')).toBe(`${name} <boss@example.com>`);
      const [text = '', html = ''] = partsOf(mail?.raw ?? '').map((part) => part.replace(/[\u2068\u2069]/g, ''));
      expect(text).toContain(t('greeting', { name }));
      expect(text).toContain(t('blocked.admin.text', { user: name, device: `${name} 📱` }));
      expect(html).toContain(`<html lang="${code}" dir="${direction}">`);
      expect(html).toContain(escapeHtml(t('blocked.admin.again')));
      expect(`${text}${html}`).not.toMatch(/https?:|[{}]|�/);
    },
  );

  it('loses nothing while the mail server is down, and delivers once and in order when it is up again (X-03)', async () => {
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    for (let index = 0; index < 5; index += 1) await tell(user.id, `Phone ${index}`);
    await soon(async () => {
      // The first of them alone is tried: what comes after it to the same reader waits for it.
      const rows = await world.stores.durable.query('select attempts from outbox order by position');
      expect(rows.map((row) => row['attempts'])).toEqual([1, 0, 0, 0, 0]);
    });
    expect(await world.records.outbox.count('pending')).toBe(5);
    await startServer();
    world.clock.advance(2_000);
    await soon(async () => expect(await world.records.outbox.count('sent')).toBe(5));
    expect(received).toHaveLength(5);
    const bodies = received.map(({ body }) => /Phone \d/.exec(body)?.[0]);
    expect(bodies).toEqual(['Phone 0', 'Phone 1', 'Phone 2', 'Phone 3', 'Phone 4']);
  });

  it('tries again when the server refuses for now, under the same Message-ID', async () => {
    await startServer();
    refusals = ['mailbox busy'];
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { status: 'active' });
    await tell(user.id);
    await soon(async () => {
      const [row] = await world.stores.durable.query('select attempts, id from outbox');
      expect(row?.['attempts']).toBe(1);
    });
    world.clock.advance(2_000);
    await soon(() => expect(received).toHaveLength(1));
    const [row] = await world.stores.durable.query('select id from outbox');
    expect(received[0]?.headers).toContain(`Message-ID: <${String(row?.['id'])}@bank.example>`);
  });

  it('gives up at once what the server refuses for good, and goes on with the next to the same reader', async () => {
    await startServer();
    refusals = ['5.7.1 <anna@example.com> message looks like spam'];
    refusalCode = 554;
    const user = await addUser(world, (await addCompany(world)).id, { email: 'anna@example.com', status: 'active' });
    await tell(user.id, 'First phone');
    await tell(user.id, 'Second phone');
    await soon(() => expect(received).toHaveLength(1));
    expect(received[0]?.body).toContain('Second phone');
    const [letter] = await world.records.outbox.deadLetters({ limit: 10 });
    expect(letter).toMatchObject({ kind: 'email', recipient: user.id, about: 'mpin.blocked', attempts: 1 });
    expect(letter?.lastError).toMatch(/looks like spam/);
    expect(letter?.lastError).not.toContain('anna@');
  });

  it('lets no line end in a name begin a header or reach another reader (A-04)', async () => {
    await startServer();
    const company = await addCompany(world);
    const user = await addUser(world, company.id, { email: 'anna@example.com', status: 'active' });
    // Written past the rules, which refuse such a name.
    const name = 'Anna\r\nBcc: eve@example.com\r\n\r\nX';
    await world.records.users.update({ ...user, name });
    await tell(user.id, 'Phone\r\nBcc: eve@example.com');
    await soon(() => expect(received).toHaveLength(1));
    expect(received[0]?.to).toEqual(['anna@example.com']);
    expect(received[0]?.headers).not.toMatch(/^Bcc:/im);
  });

  it('gives up a message whose reader is not known, and one about another company (T32)', async () => {
    await startServer();
    const own = await addUser(world, (await addCompany(world)).id);
    const stranger = await addUser(world, (await addCompany(world)).id);
    const payload = JSON.stringify({ event: 'mpin.changed', data: { userId: own.id, deviceName: 'Phone' } });
    for (const recipient of ['usr_unknown', stranger.id]) {
      await world.records.outbox.enqueue({ kind: 'email', recipient, payload }, world.clock.now());
    }
    await soon(async () => expect(await world.records.outbox.count('dead')).toBe(2));
    expect(received).toEqual([]);
  });
});

describe('the SMTP sender', () => {
  it('refuses an address that is none of smtp or smtps', () => {
    for (const url of ['http://mail.example', 'mail.example', '', 'smtp://']) {
      expect(() => createSmtpSender(url, 'a@example.com'), url).toThrow('SMTP');
    }
  });
});
