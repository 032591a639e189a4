/** What takes the place of a mail server: the demo's mailbox in memory, and development's on the terminal. Never used in production. */
import type { Email, EmailSender } from './email.ts';

const kept = 100;

export interface Mailbox extends EmailSender {
  /** Newest first, at most a hundred. */
  messages(): readonly (Email & { readonly receivedAt: number })[];
}

/** A sender that keeps what it is given. */
export function memoryMailbox(clock: { now(): number }): Mailbox {
  const mails: (Email & { readonly receivedAt: number })[] = [];
  return {
    send: async (email) => {
      mails.unshift({ ...email, receivedAt: clock.now() });
      mails.length = Math.min(mails.length, kept);
    },
    messages: () => [...mails],
    close: () => undefined,
  };
}

/** A sender that prints what it is given: development without a mail server. `print` takes whole lines. */
export function printingSender(print: (text: string) => void): EmailSender {
  return {
    send: async ({ to, subject, text }) => print(asBlock(`mail to ${to.address}: ${subject}`, text)),
    close: () => undefined,
  };
}

/** Names come from outside: a control character would rewrite the terminal. */
function asBlock(heading: string, text: string): string {
  const lines = [
    heading,
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => `  | ${line}`),
  ];
  return lines.map((line) => line.replace(/[\p{Cc}\p{Cf}]/gu, '')).join('\n');
}
