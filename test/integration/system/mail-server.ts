/** A mail server of the tests: keeps what server processes send, so that a test can read a user's mail. */
import { SMTPServer } from 'smtp-server';
import { freePort, type Mails } from './rig.ts';

export interface MailServer extends Mails {
  readonly url: string;
  close(): Promise<void>;
}

/** A mail server that keeps what it gets. */
export async function startMailServer(): Promise<MailServer> {
  const mails: { to: string; text: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address).join(' ');
        mails.push({ to, text: Buffer.concat(chunks).toString() });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `smtp://127.0.0.1:${port}`,
    to: (address) =>
      mails
        .filter((mail) => mail.to === address)
        .map(({ text }) =>
          text
            .split(/\r?\n\r?\n/)
            .slice(1)
            .join('\n\n'),
        ),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
