/** What the e-mails say, one entry an event, in the reader's language; no secret but one code, and never a link. */

import { escapeHtml } from '../html.ts';
import type { LocalTexts, TextName } from '../texts/files.ts';
import type { Language } from '../texts/languages.ts';
import { setApart, withoutIsolates } from '../texts/set-apart.ts';
import type { Values } from '../texts/texts.ts';
import type { NoticeEvent } from './notices.ts';
import type { NoticePayload } from './notify.ts';

/** Plain text, for the subject line and the paragraphs of a message. */
export interface MessageText {
  readonly language: Language;
  readonly subject: string;
  readonly greeting: string;
  readonly paragraphs: readonly string[];
  /** On a line of its own, large where it is short: the one code that the message brings. */
  readonly code?: string;
}

/** For whom a message is written, and in what. */
export interface MessageContext {
  readonly texts: LocalTexts<'mail'>;
  /** The user, or the company, whom the event concerns. */
  readonly subjectName: string;
  /** Whom the message greets. */
  readonly readerName: string;
  /** Who reads it: that user, or an administrator of the same company. */
  readonly reader: 'user' | 'administrator';
}

/** A text of the message's language, what is inserted kept apart from it. */
type Say = (name: TextName<'mail'>, values?: Values) => string;
type Written = Pick<MessageText, 'subject' | 'paragraphs' | 'code'>;

interface Scene {
  readonly say: Say;
  /** Undefined where the user reads: then it is about the reader. */
  readonly user: string | undefined;
  /** The user, or the company, whom it concerns. */
  readonly subjectName: string;
  readonly language: Language;
}

type DataOf<Event extends NoticeEvent> = Extract<NoticePayload, { readonly event: Event }>['data'];
type Writers = { readonly [Event in NoticeEvent]: (data: DataOf<Event>, scene: Scene) => Written };

const writers: Writers = {
  'activation.created': ({ confirmationCode, expiresAt }, { say, language }) => ({
    subject: say('confirmation.subject'),
    paragraphs: [
      say('confirmation.text'),
      say('confirmation.until', { time: utcTime(language, expiresAt) }),
      say('alarm'),
    ],
    code: confirmationCode,
  }),
  'activation.invited': ({ activationText, expiresAt }, { say, language }) => ({
    subject: say('invited.subject'),
    paragraphs: [
      say('invited.text'),
      say('invited.other'),
      say('confirmation.until', { time: utcTime(language, expiresAt) }),
    ],
    code: activationText,
  }),
  'device.registered': ({ deviceName: device, isPending }, { say, user }) => {
    const stage = isPending ? 'pending' : 'active';
    return user === undefined
      ? {
          subject: say('registered.subject'),
          paragraphs: [say('registered.text', { device }), say(`registered.${stage}`), say('alarm')],
        }
      : {
          subject: say('registered.admin.subject', { user }),
          paragraphs: [say('registered.admin.text', { user, device }), say(`registered.admin.${stage}`)],
        };
  },
  'approval.wanted': (data, { say, subjectName: user, language }) =>
    'deviceName' in data
      ? {
          subject: say('registered.admin.wanted', { user }),
          paragraphs: [
            say('registered.admin.text', { user, device: data.deviceName }),
            say('registered.admin.pending'),
          ],
        }
      : {
          subject: say('approvalWanted.subject'),
          paragraphs: [
            say('approvalWanted.text', { user }),
            say('approvalWanted.until', { time: utcTime(language, data.expiresAt) }),
          ],
        },
  'device.approved': ({ deviceName: device }, { say }) => ({
    subject: say('approved.subject'),
    paragraphs: [say('approved.text', { device }), say('alarm')],
  }),
  'device.refused': ({ deviceName: device }, { say }) => ({
    subject: say('refused.subject'),
    paragraphs: [say('refused.text', { device })],
  }),
  'device.deactivated': ({ deviceName: device, reason }, { say, user }) => {
    const why = say('deactivated.reason', { reason: isKnownReason(reason) ? say(`reason.${reason}`) : reason });
    return user === undefined
      ? {
          subject: say('deactivated.subject'),
          paragraphs: [`${say('deactivated.text', { device })} ${why}`, say('alarm')],
        }
      : {
          subject: say('deactivated.admin.subject', { user }),
          paragraphs: [`${say('deactivated.admin.text', { user, device })} ${why}`],
        };
  },
  'mpin.last_attempt': ({ deviceName: device }, { say }) => ({
    subject: say('lastAttempt.subject'),
    paragraphs: [say('lastAttempt.text', { device }), say('alarm')],
  }),
  'mpin.blocked': ({ deviceName: device }, { say, user }) =>
    user === undefined
      ? {
          subject: say('blocked.subject'),
          paragraphs: [say('blocked.text', { device }), say('blocked.again'), say('alarm')],
        }
      : {
          subject: say('blocked.admin.subject', { user }),
          paragraphs: [say('blocked.admin.text', { user, device }), say('blocked.admin.again')],
        },
  'mpin.changed': ({ deviceName: device }, { say }) => ({
    subject: say('changed.subject'),
    paragraphs: [say('changed.text', { device }), say('alarm')],
  }),
  'biometrics.enabled': ({ deviceName: device }, { say }) => ({
    subject: say('biometrics.subject'),
    paragraphs: [say('biometrics.text', { device }), say('alarm')],
  }),
  'login.after_failures': ({ deviceName: device, failures: count }, { say }) => ({
    subject: say('afterFailures.subject'),
    paragraphs: [say('afterFailures.text', { device, count }), say('alarm')],
  }),
  'contact.changed': (_, { say }) => ({
    subject: say('contact.subject'),
    paragraphs: [say('contact.text'), say('alarm')],
  }),
  'browser.new': ({ clientName: portal, browserName: browser }, { say }) => ({
    subject: say('browser.subject'),
    paragraphs: [say('browser.text', { portal, browser }), say('alarm')],
  }),
  'administrator.added': (_, { say, user }) =>
    user === undefined
      ? { subject: say('administrator.subject'), paragraphs: [say('administrator.text'), say('alarm')] }
      : {
          subject: say('administrator.admin.subject', { user }),
          paragraphs: [say('administrator.admin.text', { user })],
        },
  'policy.changed': (_, { say, subjectName: company }) => ({
    subject: say('policy.subject'),
    paragraphs: [say('policy.text', { company })],
  }),
  'document.expires': ({ expiresAt }, { say, user, language }) => {
    const date = utcDate(language, expiresAt);
    return user === undefined
      ? { subject: say('document.subject'), paragraphs: [say('document.text', { date })] }
      : {
          subject: say('document.admin.subject', { user }),
          paragraphs: [say('document.admin.text', { user, date })],
        };
  },
  'login.reported': ({ clientName: portal, browserName: browser }, { say, user }) => ({
    subject: user === undefined ? say('reported.subject') : say('reported.admin.subject', { user }),
    paragraphs: [
      say('reported.text', { portal, browser }),
      say(user === undefined ? 'reported.user' : 'reported.admin.user'),
    ],
  }),
};

/** The text of a notice for its reader. */
export function messageFor(notice: NoticePayload, context: MessageContext): MessageText {
  const { texts, subjectName, readerName, reader } = context;
  const { language } = texts;
  const say: Say = (name, values = {}) => texts.t(name, setApart(values, language));
  const write = writers[notice.event] as (data: NoticePayload['data'], scene: Scene) => Written;
  const written = write(notice.data, { say, user: reader === 'user' ? undefined : subjectName, subjectName, language });
  // A subject line is a text of its own, and no place for characters that nobody sees.
  const subject = withoutIsolates(written.subject);
  return { ...written, subject, language, greeting: say('greeting', { name: readerName }) };
}

/** The message as plain text. */
export function asText({ greeting, paragraphs, code }: MessageText): string {
  const body = code === undefined ? paragraphs : [`    ${code}`, ...paragraphs];
  return `${[greeting, ...body].join('\n\n')}\n`;
}

/** The message as simple HTML: no picture, no link, no script, everything escaped, since a phone or a user may be called anything. */
export function asHtml({ language, subject, greeting, paragraphs, code }: MessageText): string {
  const lines = [greeting, ...paragraphs].map((line) => `<p>${escapeHtml(line)}</p>`);
  if (code !== undefined) {
    lines.splice(1, 0, `<p style="${codeStyle(code)}"><span dir="ltr">${escapeHtml(code)}</span></p>`);
  }
  const head = `<meta charset="utf-8"><title>${escapeHtml(subject)}</title>`;
  const root = `<html lang="${language.code}" dir="${language.direction}">`;
  return `<!doctype html>${root}<head>${head}</head><body>${lines.join('\n')}</body></html>\n`;
}

/** Digits that are typed are large; what is too long to be typed is copied, and may break anywhere. */
function codeStyle(code: string): string {
  return code.length > 12
    ? 'font:16px monospace;overflow-wrap:anywhere;word-break:break-all'
    : 'font:bold 28px monospace;letter-spacing:4px';
}

/** The reasons that are ours; any other is what an operator wrote, and stays as it is. */
const reasons = ['user-request', 'lost', 'stolen', 'fraud', 'replaced', 'user-removed'] as const;

function isKnownReason(reason: string): reason is (typeof reasons)[number] {
  return (reasons as readonly string[]).includes(reason);
}

function utcDate({ code }: Language, at: number): string {
  return new Intl.DateTimeFormat(code, { timeZone: 'UTC', year: 'numeric', month: 'long', day: 'numeric' }).format(at);
}

/** Where the reader is nobody knows, so the time is UTC and says so; written as the language writes times. */
function utcTime({ code }: Language, at: number): string {
  return new Intl.DateTimeFormat(code, {
    timeZone: 'UTC',
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  }).format(at);
}
