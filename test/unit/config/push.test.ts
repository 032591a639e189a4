/** The settings of the bank's gateway: what is refused, and that a refusal shows no secret. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ConfigResult, readConfig } from '../../../src/config/config.ts';
import { explainProblems } from '../../../src/config/problem.ts';

const secret = (bytes: Buffer = randomBytes(32)) => `whsec_${bytes.toString('base64')}`;
const good = secret();
const files: Record<string, string> = {
  '/run/secrets/key': randomBytes(32).toString('base64'),
  '/run/secrets/push': `${good}\n`,
};
const production = {
  MTOKEN_MODE: 'production',
  MTOKEN_ISSUER: 'https://login.bank.example',
  MTOKEN_DATA_DIR: '/var/lib/mtoken',
  MTOKEN_DATA_KEY_FILES: '2026=/run/secrets/key',
  MTOKEN_SMTP_URL: 'smtps://mtoken:n0t-a-sample@mail.bank.example',
  MTOKEN_MAIL_FROM: 'Bank <login@bank.example>',
};
const url = 'https://push.bank.example/mtoken';

function read(env: Record<string, string>): ConfigResult {
  return readConfig({ env, readFile: (path) => files[path] ?? '', realPath: (path) => path });
}

function refusedFor(env: Record<string, string>): string[] {
  const result = read(env);
  return result.outcome === 'refused' ? result.problems.map(({ name }) => name) : [];
}

function pushOf(env: Record<string, string>) {
  const result = read({ ...production, ...env });
  if (result.outcome !== 'ready') throw new Error(explainProblems(result.problems));
  return result.config.push;
}

describe('the gateway', () => {
  it('is none unless set, and has one secret or, while one takes the other’s place, two', () => {
    const next = secret();
    expect(pushOf({})).toBeUndefined();
    expect(pushOf({ MTOKEN_PUSH_URL: url, MTOKEN_PUSH_SECRET: good })).toEqual({ url, secrets: [good] });
    expect(pushOf({ MTOKEN_PUSH_URL: url, MTOKEN_PUSH_SECRET_FILE: '/run/secrets/push' })?.secrets).toEqual([good]);
    expect(pushOf({ MTOKEN_PUSH_URL: url, MTOKEN_PUSH_SECRET: `${next},${good}` })?.secrets).toEqual([next, good]);
  });

  it.each([
    ['http', 'http://push.bank.example/mtoken', ''],
    ['http to a host of the own network', 'http://push.internal:8080/', 'push.internal:8080'],
    ['the address of cloud metadata', 'https://169.254.169.254/latest', ''],
    ['loopback', 'https://127.0.0.1/', ''],
    ['loopback in other digits', 'https://0x7f.1/', ''],
    ['a private address of IPv6', 'https://[fd00::1]/', ''],
    ['another port of a host that is named', 'https://10.0.0.7:9999/', '10.0.0.7:8443'],
    ['a password', 'https://user:password@push.bank.example/', ''],
    ['a fragment', 'https://push.bank.example/#x', ''],
    ['no host', 'https://:443', ''],
    ['another scheme', 'ftp://push.bank.example/', ''],
  ])('is refused in production with %s (X-08, T31)', (_what, address, internal) => {
    const hosts = internal === '' ? {} : { MTOKEN_INTERNAL_WEBHOOKS: internal };
    const env = { ...production, ...hosts, MTOKEN_PUSH_URL: address, MTOKEN_PUSH_SECRET: good };
    expect(refusedFor(env)).toEqual(['MTOKEN_PUSH_URL']);
  });

  it('may lie in a private network that is named, and in development be reached by http', () => {
    const address = 'https://10.0.0.7:8443/mtoken';
    const named = { MTOKEN_INTERNAL_WEBHOOKS: '10.0.0.7:8443', MTOKEN_PUSH_URL: address, MTOKEN_PUSH_SECRET: good };
    expect(pushOf(named)?.url).toBe(address);
    const plain = { MTOKEN_PUSH_URL: 'http://127.0.0.1:8080/', MTOKEN_PUSH_SECRET: good };
    expect(refusedFor({ ...plain, MTOKEN_INTERNAL_WEBHOOKS: '127.0.0.1:8080' })).toEqual([]);
    expect(refusedFor(plain)).toEqual(['MTOKEN_PUSH_URL']);
  });

  it.each([
    ['no prefix', randomBytes(32).toString('base64')],
    ['too few bytes', secret(randomBytes(31))],
    ['too many bytes', secret(randomBytes(65))],
    ['nothing but the prefix', 'whsec_'],
    ['a pass phrase', secret(Buffer.from('correct horse battery staple, and on'))],
    ['zeros', secret(Buffer.alloc(32))],
    ['bytes that count up', secret(Buffer.from(Array.from({ length: 32 }, (_, index) => index)))],
    ['another alphabet', `whsec_${Buffer.alloc(33, 0xfb).toString('base64url')}`],
    ['the same one twice', `${good},${good}`],
    ['three of them', [secret(), secret(), secret()].join(',')],
    ['a good one beside a weak one', `${good},whsec_AAAA`],
  ])('is refused with a secret of %s, which is not shown (X-08, C-13)', (_what, weak) => {
    const result = read({ ...production, MTOKEN_PUSH_URL: url, MTOKEN_PUSH_SECRET: weak });
    if (result.outcome !== 'refused') throw new Error('it was accepted');
    expect(result.problems.map(({ name }) => name)).toEqual(['MTOKEN_PUSH_SECRET']);
    const told = explainProblems(result.problems);
    for (const part of weak.split(',').map((one) => one.replace('whsec_', ''))) {
      if (part !== '') expect(told).not.toContain(part);
    }
  });

  it('is refused by halves: an address without a secret, a secret without an address', () => {
    expect(refusedFor({ ...production, MTOKEN_PUSH_URL: url })).toEqual(['MTOKEN_PUSH_SECRET']);
    expect(refusedFor({ ...production, MTOKEN_PUSH_SECRET: good })).toEqual(['MTOKEN_PUSH_URL']);
  });
});
