/** The log tells what is listed, on one line, and no secret. */
import { describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { createLog } from '../../../src/http/logging.ts';

function capture(write: (log: ReturnType<typeof createLog>) => void) {
  const written: string[] = [];
  write(createLog('debug', { write: (text: string) => void written.push(text) }));
  return written.join('');
}

describe('the log', () => {
  it('writes one JSON object a line, whatever a caller puts into it (A-04)', () => {
    const nasty = 'a\r\nb\u001b[31mc\u0085d\u2028e\u009bf\u202eg\u0000h"\\';
    const text = capture((log) => log.info({ userAgent: nasty, detail: nasty, reason: nasty }, nasty));
    expect(text.endsWith('\n')).toBe(true);
    expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(JSON.parse(text)).toMatchObject({ level: 'info', userAgent: expect.stringContaining('a<d><a>b<1b>[31mc') });
  });

  it('drops every field that is not listed (X-08)', () => {
    const text = capture((log) =>
      log.info({ event: 'session.opened', verifier: 'v', password: 'p', body: { a: 1 } }, 'm'),
    );
    expect(Object.keys(JSON.parse(text)).sort()).toEqual(['event', 'level', 'message', 'time']);
  });

  it('drops unlisted fields of child loggers too', () => {
    const text = capture((log) => log.child({ requestId: 'req_1', accessToken: 'secret' }).info('m'));
    expect(JSON.parse(text)).toMatchObject({ requestId: 'req_1' });
    expect(text).not.toContain('secret');
  });

  it.each([
    ['a JWT', 'token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl here'],
    ['an access token', `bearer ${'Ab1_'.repeat(11)}`],
    ['a verifier', `v=${'0f'.repeat(256)}`],
    ['a password in a URL', 'cannot reach postgres://mtoken:Sup3r.Secret@db/x'],
    ['a password in a query', 'password=Sup3r.Secret&x=1'],
    ['a code', 'code: 12345678'],
  ])('hides %s in a text (second net)', (_what, secret) => {
    const text = capture((log) => log.error({ detail: secret, err: new Error(secret) }, secret));
    for (const part of ['c2lnbmF0dXJl', 'Ab1_Ab1_', '0f0f0f', 'Sup3r', '12345678']) expect(text).not.toContain(part);
    expect(text).toContain('[redacted]');
  });

  it('keeps ids readable', () => {
    const text = capture((log) => log.info({ deviceId: 'dev_AAAAAAAAAAAAAAAAAAAAAA' }, 'm'));
    expect(JSON.parse(text)).toMatchObject({ deviceId: 'dev_AAAAAAAAAAAAAAAAAAAAAA' });
  });

  it('leaves out the row that a database quotes in an error, names and all (A-03)', () => {
    const detail = 'Failing row contains (usr_1, co_1, Anna Peeters, v1.key.sealed).';
    const cause = Object.assign(new Error('violates check constraint "users_check"'), { code: '23514', detail });
    const text = capture((log) => log.error({ err: new AuthError('internal', { detail: 'insert', cause }) }, 'failed'));
    expect(JSON.parse(text)).toMatchObject({ err: { detail: 'insert', cause: { code: '23514' } } });
    expect(text).not.toContain('Peeters');
  });

  it('tells an error with its causes and places', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const text = capture((log) =>
      log.error({ err: new AuthError('unavailable', { detail: 'redis', cause }) }, 'failed'),
    );
    expect(JSON.parse(text)).toMatchObject({
      err: { name: 'AuthError', message: 'redis', code: 'unavailable', cause: { code: 'ECONNREFUSED' } },
    });
  });

  it('cuts what is too long', () => {
    expect(capture((log) => log.info({ detail: 'a b '.repeat(10_000) }, 'm')).length).toBeLessThan(3000);
  });
});
