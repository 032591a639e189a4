/** What the doctor sends to a mail server that somebody in between has made look as if it knew no TLS. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandProgram } from '../../bundled-programs.ts';

/** Reached over loopback, and not one of this machine's own names. */
const host = '127.0.0.2';

let server: SMTPServer;
let dataDir: string;
const logins: (string | undefined)[] = [];
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mtoken-doctor-'));
  server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) => {
      logins.push(password ?? undefined);
      done(null, { user: 'mtoken' });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
});
afterAll(async () => {
  await new Promise<void>((resolve) => server.close(resolve));
  await rm(dataDir, { recursive: true });
});

async function examine(smtpUrl: string): Promise<string> {
  const program = await commandProgram();
  const settings = { MTOKEN_SMTP_URL: smtpUrl, MTOKEN_MAIL_FROM: 'login@bank.example', MTOKEN_DATA_DIR: dataDir };
  const options = { env: { PATH: process.env['PATH'], HOME: dataDir, ...settings } };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'doctor', '--json'], options, (_error, stdout) => resolve(stdout));
  });
}

it('tells no password to a mail server whose STARTTLS was stripped on the way (X-08)', async () => {
  const { port } = server.server.address() as AddressInfo;
  const findings = JSON.parse(await examine(`smtp://mtoken:n0t-a-sample@${host}:${port}`)) as {
    part: string;
    outcome: string;
  }[];
  expect(logins).toEqual([]);
  expect(findings.find(({ part }) => part === 'mail')?.outcome).toBe('failed');
}, 30_000);
