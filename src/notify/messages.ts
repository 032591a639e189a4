/** What the e-mails say, in English, one entry an event; no secret but the confirmation code, and never a link. */

import { escapeHtml } from '../html.ts';
import type { NoticeEvent } from './notices.ts';
import type { NoticePayload } from './notify.ts';

/** Plain text, for the subject line and the paragraphs of a message. */
export interface MessageText {
  readonly subject: string;
  readonly paragraphs: readonly string[];
  /** Shown large, on a line of its own: the confirmation code. */
  readonly code?: string;
}

/** For whom a message is written. */
export interface MessageContext {
  /** The user whom the event concerns. */
  readonly userName: string;
  /** Who reads it: that user, or an administrator of the same company. */
  readonly reader: 'user' | 'administrator';
}

type DataOf<Event extends NoticeEvent> = Extract<NoticePayload, { readonly event: Event }>['data'];
type Writers = { readonly [Event in NoticeEvent]: (data: DataOf<Event>, context: MessageContext) => MessageText };

const alarm = 'If this was not you, tell your administrator or your bank at once.';

/** Of another language there would be another table of this type. */
const english: Writers = {
  'activation.created': ({ confirmationCode, expiresAt }) => ({
    subject: 'Your confirmation code',
    paragraphs: [
      'Enter this code in the app to finish your registration. You also need the activation code, which comes another way.',
      `It is valid until ${utcTime(expiresAt)}. Nobody will ever ask you for it by telephone or e-mail.`,
      alarm,
    ],
    code: confirmationCode,
  }),
  'device.registered': (data, { reader, userName }) =>
    reader === 'administrator'
      ? {
          subject: data.isPending
            ? `Approval wanted: a phone of ${userName}`
            : `A phone was registered for ${userName}`,
          paragraphs: [
            `${userName} registered the phone "${data.deviceName}".`,
            data.isPending
              ? 'It cannot be used before an administrator has approved it.'
              : 'It can be used from now on. If you did not expect this, deactivate it.',
          ],
        }
      : {
          subject: 'A phone was registered for you',
          paragraphs: [
            `The phone "${data.deviceName}" was registered.`,
            data.isPending
              ? 'You can use it as soon as an administrator has approved it.'
              : 'You can use it from now on.',
            alarm,
          ],
        },
  'device.approved': ({ deviceName }) => ({
    subject: 'Your phone was approved',
    paragraphs: [`An administrator approved the phone "${deviceName}". You can use it from now on.`, alarm],
  }),
  'device.refused': ({ deviceName }) => ({
    subject: 'Your phone was refused',
    paragraphs: [`An administrator refused the phone "${deviceName}". It cannot be used.`],
  }),
  'device.deactivated': ({ deviceName, reason }, context) => ({
    subject: `${owner(context)} phone was deactivated`,
    paragraphs: [
      `The phone "${deviceName}"${of(context)} was deactivated and cannot be used any more. Reason: ${reason}.`,
      ...(context.reader === 'user' ? [alarm] : []),
    ],
  }),
  'mpin.last_attempt': ({ deviceName }) => ({
    subject: 'One attempt is left before your mPIN is blocked',
    paragraphs: [
      `Four wrong mPINs were entered on the phone "${deviceName}". After one more it is blocked for good and you must register again.`,
      alarm,
    ],
  }),
  'mpin.blocked': ({ deviceName }, context) => ({
    subject: `${owner(context)} mPIN is blocked`,
    paragraphs: [
      `Five wrong mPINs were entered on the phone "${deviceName}"${of(context)}. It is blocked and cannot be unblocked.`,
      context.reader === 'user' ? `To go on, register again. ${alarm}` : 'A new registration is needed.',
    ],
  }),
  'mpin.changed': ({ deviceName }) => ({
    subject: 'Your mPIN was changed',
    paragraphs: [`The mPIN of the phone "${deviceName}" was changed.`, alarm],
  }),
  'biometrics.enabled': ({ deviceName }) => ({
    subject: 'Fingerprint or face was switched on',
    paragraphs: [`The phone "${deviceName}" can now be unlocked with a fingerprint or a face.`, alarm],
  }),
  'login.after_failures': ({ deviceName, failures }) => ({
    subject: 'A login after wrong mPINs',
    paragraphs: [`After ${failures} wrong mPINs the right one was entered on the phone "${deviceName}".`, alarm],
  }),
  'login.reported': ({ clientName, browserName }, context) => ({
    subject: context.reader === 'user' ? 'You reported a login' : `${context.userName} reported a login`,
    paragraphs: [
      `A login at ${clientName} in ${browserName} was answered with "that is not me". It did not take place.`,
      context.reader === 'user'
        ? 'Somebody may be trying to log in as you. Approve only what you began yourself.'
        : 'Somebody may be trying to log in as this user.',
    ],
  }),
};

/** The text of a notice for its reader. */
export function messageFor(notice: NoticePayload, context: MessageContext): MessageText {
  const write = english[notice.event] as (data: NoticePayload['data'], context: MessageContext) => MessageText;
  return write(notice.data, context);
}

/** The message as plain text. */
export function asText({ paragraphs, code }: MessageText, greeting: string): string {
  const body = code === undefined ? paragraphs : [`    ${code}`, ...paragraphs];
  return `${[greeting, ...body].join('\n\n')}\n`;
}

/** The message as simple HTML: no picture, no link, no script, everything escaped, since a phone or a user may be called anything. */
export function asHtml({ paragraphs, code, subject }: MessageText, greeting: string): string {
  const lines = [greeting, ...paragraphs].map((line) => `<p>${escapeHtml(line)}</p>`);
  if (code !== undefined) {
    lines.splice(1, 0, `<p style="font:bold 28px monospace;letter-spacing:4px">${escapeHtml(code)}</p>`);
  }
  const head = `<meta charset="utf-8"><title>${escapeHtml(subject)}</title>`;
  return `<!doctype html><html lang="en"><head>${head}</head><body>${lines.join('\n')}</body></html>\n`;
}

function owner({ reader, userName }: MessageContext): string {
  return reader === 'user' ? 'Your' : `${userName}'s`;
}

function of({ reader, userName }: MessageContext): string {
  return reader === 'user' ? '' : ` of ${userName}`;
}

function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
