/** E-mail: turns a notice into a message in its reader's language and hands it to an SMTP server, or to the demo's mailbox. */
import { createTransport } from 'nodemailer';
import type { User } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import type { RecordStore } from '../store/records.ts';
import { textsFor } from '../texts/files.ts';
import { asHtml, asText, messageFor } from './messages.ts';
import type { NoticePayload } from './notify.ts';
import { type Deliver, UndeliverableError } from './outbox.ts';
import type { OutboxMessage } from './store.ts';

/** A message that is ready to be sent. */
export interface Email {
  /** The outbox id: the same for every try, so that a mail server can drop a second copy. */
  readonly id: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Sends one e-mail or throws. */
export interface EmailSender {
  send(email: Email): Promise<void>;
  close(): void;
}

/** The outbox's deliverer of notices: finds the reader's address at the last moment and writes the text. */
export function emailDeliverer(deps: {
  readonly records: RecordStore;
  readonly sender: Pick<EmailSender, 'send'>;
}): Deliver {
  return async (message) => deps.sender.send(await writeEmail(deps.records, message));
}

async function writeEmail(records: RecordStore, message: OutboxMessage): Promise<Email> {
  const notice = JSON.parse(message.payload) as NoticePayload;
  const reader = await records.users.find(message.recipient);
  const about = await subjectOf(records, notice);
  if (reader === undefined || about === undefined) throw new UndeliverableError('the user is not known');
  // Judged once more, at the moment of sending: nothing about a company or its users goes to another one.
  if (reader.companyId !== about.companyId) throw new UndeliverableError('the reader is of another company');
  const text = messageFor(notice, {
    texts: textsFor('mail', [...(reader.language === undefined ? [] : [reader.language]), reader.locale]),
    subjectName: oneLine(about.name),
    readerName: oneLine(reader.name),
    reader: reader.id === about.userId ? 'user' : 'administrator',
  });
  return {
    id: message.id,
    to: { name: oneLine(reader.name), address: addressOf(notice, reader) },
    subject: oneLine(text.subject),
    text: asText(text),
    html: asHtml(text),
  };
}

/** What a notice is about: a user, or a company. */
interface Subject {
  readonly companyId: string;
  readonly name: string;
  readonly userId: string | undefined;
}

async function subjectOf(records: RecordStore, { data }: NoticePayload): Promise<Subject | undefined> {
  if ('companyId' in data) {
    const company = await records.companies.find(data.companyId);
    return company === undefined ? undefined : { companyId: company.id, name: company.name, userId: undefined };
  }
  const user = await records.users.find(data.userId);
  return user === undefined ? undefined : { companyId: user.companyId, name: user.name, userId: user.id };
}

/** One event alone goes to an address that is the reader's no more, and to nobody but the person whose address it was. */
function addressOf(notice: NoticePayload, reader: User): string {
  const isOwn = notice.event === 'contact.changed' && notice.data.userId === reader.id;
  return isOwn && notice.address !== undefined ? notice.address : reader.email;
}

/** A name cannot begin a header of its own: control characters, CR and LF first, become blanks. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
}

/**
 * Sends over SMTP. `url` as in `smtps://user:password@mail.example:465` or `smtp://mail.example:587`, which demands STARTTLS unless the
 * host is this machine; `from` as in `mtoken <no-reply@example.com>`. Throws `internal` on an unusable URL.
 */
export function createSmtpSender(url: string, from: string): EmailSender {
  const transport = createTransport({
    ...smtpConnection(url),
    pool: true,
    maxConnections: 5,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    // A message is data: it may neither read files nor fetch addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async ({ id, to, subject, text, html }) => {
      const mail = {
        from,
        to: { name: to.name, address: to.address },
        subject,
        text,
        html,
        messageId: `<${id}@${domainOf(from)}>`,
        headers: { 'auto-submitted': 'auto-generated' },
      };
      await transport.sendMail(mail).catch((error: unknown) => {
        throw isRefusedForGood(error) ? new UndeliverableError(error.message) : error;
      });
    },
    close: () => transport.close(),
  };
}

/**
 * A reader or a message that the server refuses for good (RFC 5321 §4.2.1): a dead letter at once, which holds back nothing else for that
 * reader. A login at the mail server that is refused is no such thing: somebody mends it.
 */
function isRefusedForGood(error: unknown): error is Error {
  if (!(error instanceof Error) || !('code' in error) || !('responseCode' in error)) return false;
  const isAboutMail = error.code === 'EENVELOPE' || error.code === 'EMESSAGE';
  return isAboutMail && Number(error.responseCode) >= 500;
}

/** How every connection to the mail server is made. Throws `internal` on an unusable URL. */
export function smtpConnection(url: string): { readonly url: string; readonly requireTLS: boolean } {
  const { hostname, protocol } = parseSmtpUrl(url);
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  // A password and a confirmation code must not cross a network in clear because somebody removed STARTTLS from an answer.
  return { url, requireTLS: protocol === 'smtp:' && !isLocal };
}

function parseSmtpUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['smtp:', 'smtps:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw new AuthError('internal', { detail: 'the SMTP address must be smtp://host:port or smtps://host:port' });
  }
  return parsed;
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
}
