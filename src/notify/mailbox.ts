/** The demo's mail server: keeps the last e-mails in memory for its mailbox page. Never used in production. */
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
