/** The running server over real sockets: headers, methods, limits, hostile bytes, health, and an orderly end. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/http/app.ts';
import { createLog } from '../../../src/http/logging.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { strict } from '../../../src/protocol/common.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
let publicUrl: string;
let adminUrl: string;
const seen: unknown[] = [];

beforeAll(async () => {
  rig = await startRig({ MTOKEN_LIMIT_PER_ADDRESS: '100000' });
  // A public JSON route of our own, behind the application's parser and validator.
  rig.server.publicApp.post(
    '/test/json',
    { schema: { body: strict({ name: Type.String({ maxLength: 50 }), count: Type.Integer() }) } },
    async (request) => {
      seen.push(request.body);
      return { ok: true };
    },
  );
  ({ publicUrl, adminUrl } = await rig.server.start());
});
afterAll(() => rig.close());

/** Writes raw bytes and answers all that comes back until the server closes, or until it has been quiet for a while. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(publicUrl).port), '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await Promise.race([once(socket, 'close'), wait(3000, undefined, { ref: false })]);
  socket.destroy();
  return text;
}

const post = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
  fetch(`${publicUrl}/test/json`, { method: 'POST', headers: { 'content-type': type }, body });

describe('headers of every answer (S-11)', () => {
  it.each([
    ['/health/live'],
    ['/health/ready'],
    ['/.well-known/mtoken-configuration'],
    ['/.well-known/mtoken-keys'],
    ['/.well-known/openid-configuration'],
    ['/oauth2/jwks'],
    ['/oauth2/authorize'],
    ['/oauth2/nothing'],
    ['/interaction/unknown'],
    ['/q/x.1.y'],
    ['/nothing'],
  ])('%s carries them', async (path) => {
    const { headers } = await fetch(`${publicUrl}${path}`, { redirect: 'manual' });
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).toMatch(/default-src 'none'|object-src 'none'/);
    expect(headers.get('x-request-id')).toMatch(/^req_[A-Za-z0-9_-]{22}$/);
    for (const banner of ['server', 'x-powered-by', 'via']) expect(headers.get(banner)).toBeNull();
  });

  it('takes no request id from the client', async () => {
    const { headers } = await fetch(`${publicUrl}/health/live`, {
      headers: { 'x-request-id': 'mine', 'request-id': 'mine' },
    });
    expect(headers.get('x-request-id')).not.toBe('mine');
  });

  it('says https for two years where the issuer is https, but not in development, whose host has other ports, and never on http', async () => {
    const of = async (issuer: string, mode?: 'development' | 'production') => {
      const app = createApp({ log: createLog('silent'), metrics: createMetrics(), issuer, trustedProxies: [], mode });
      const { headers } = await app.inject('/nothing');
      await app.close();
      return headers['strict-transport-security'];
    };
    expect(await of('https://login.bank.example', 'production')).toBe('max-age=63072000; includeSubDomains');
    expect(await of('https://login.bank.example')).toBe('max-age=63072000; includeSubDomains');
    expect(await of('https://localhost:3000', 'development')).toBeUndefined();
    expect(await of('http://localhost:3000', 'production')).toBeUndefined();
    const plain = await fetch(`${publicUrl}/health/live`);
    expect(plain.headers.get('strict-transport-security')).toBeNull();
    const secure = await startRig({ MTOKEN_ISSUER: 'https://login.bank.example' });
    for (const app of [secure.server.publicApp, secure.server.adminApp])
      expect((await app.inject('/health/live')).headers['strict-transport-security']).toBeUndefined();
    await secure.close();
  });
});

describe('errors (X-01)', () => {
  it.each([
    ['GET', '/nothing', 404, 'not_found'],
    ['GET', '/%', 400, 'invalid_request'],
    ['GET', '/%ff', 400, 'invalid_request'],
    ['GET', `/interaction/${'x'.repeat(257)}`, 404, 'not_found'],
    ['GET', '/../../etc/passwd', 404, 'not_found'],
    ['GET', '/assets/..%2f..%2fpackage.json', 404, 'not_found'],
    ['DELETE', '/health/live', 405, 'method_not_allowed'],
    ['PUT', '/interaction/abc', 405, 'method_not_allowed'],
    ['POST', '/app/v1/session/start', 415, 'unsupported_media_type'],
    ['GET', '/app/v1/session/start', 405, 'method_not_allowed'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const text = await raw(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head.toLowerCase()).toContain('content-type: application/problem+json');
    expect(JSON.parse(body)).toMatchObject({
      type: `urn:mtoken:error:${code}`,
      status,
      instance: expect.stringMatching(/^req_/),
    });
    if (status === 405) expect(head.toLowerCase()).toMatch(/\r\nallow: [A-Z, ]+/i);
  });

  it('tell a person with a browser in words, with nothing of the address', async () => {
    const accept = 'text/html,application/xhtml+xml';
    const answer = await fetch(`${publicUrl}/<script>alert(1)</script>`, { headers: { accept } });
    const text = await answer.text();
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'/);
    expect(text).toContain('begin at your portal');
    expect(text).toContain(answer.headers.get('x-request-id'));
    expect(text).not.toContain('script');
  });

  it.each([
    ['de-CH, en', 'lang="de" dir="ltr"', 'beginnen Sie bei Ihrem Portal'],
    ['ar', 'lang="ar" dir="rtl"', 'بوابتك'],
  ])('tell them in their language: %s', async (language, attributes, words) => {
    const headers = { accept: 'text/html', 'accept-language': language };
    const text = await (await fetch(`${publicUrl}/nothing`, { headers })).text();
    expect(text).toContain(attributes);
    expect(text).toContain(words);
  });

  it.each(['TRACE', 'TRACK', 'DEBUG', 'PROPFIND', 'CONNECT'])('%s reflects nothing (X-09)', async (method) => {
    const text = await raw(
      `${method} /health/live HTTP/1.1\r\nhost: localhost\r\ncookie: secret=1\r\nconnection: close\r\n\r\n`,
    );
    expect(text).not.toContain('secret');
    expect(text).not.toContain(' 200 ');
  });
});

describe('JSON bodies (P-28, X-10)', () => {
  it('accepts what fits', async () => {
    expect((await post('{"name":"a","count":1}')).status).toBe(200);
  });

  it.each([
    ['a duplicate member', '{"name":"a","count":1,"count":2}'],
    ['a duplicate member, escaped', '{"name":"a","count":1,"c\\u006funt":2}'],
    ['__proto__', '{"name":"a","count":1,"__proto__":{"x":1}}'],
    ['an unknown member', '{"name":"a","count":1,"admin":true}'],
    ['a missing member', '{"name":"a"}'],
    ['a number as text', '{"name":"a","count":"1"}'],
    ['text as a number', '{"name":1,"count":1}'],
    ['a list', '[{"name":"a","count":1}]'],
    ['null', 'null'],
    ['nothing', ''],
    ['text after it', '{"name":"a","count":1} x'],
    ['a byte order mark', '\ufeff{"name":"a","count":1}'],
    ['too long a text', `{"name":"${'x'.repeat(51)}","count":1}`],
    ['a depth of ten thousand', '['.repeat(7000) + ']'.repeat(7000)],
    ['a fraction', '{"name":"a","count":1.5}'],
    ['a number that is no double', '{"name":"a","count":1e999}'],
  ])('refuses %s with 400', async (_what, body) => {
    const before = seen.length;
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: 'urn:mtoken:error:invalid_request' });
    expect(seen).toHaveLength(before);
  });

  it('refuses invalid UTF-8', async () => {
    expect((await post(new Uint8Array([0x22, 0xff, 0x22]))).status).toBe(400);
  });

  it.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/json5'],
  ])('refuses the content type %s with 415, so that no form of another site is read (S-10)', async (type) => {
    expect((await post('{"name":"a","count":1}', type)).status).toBe(415);
  });

  it('refuses ten megabytes with 413 without reading them', async () => {
    const head =
      'POST /test/json HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10485760\r\n\r\n';
    expect(await raw(`${head}{"name":`)).toContain(' 413 ');
  });

  it('answers every fuzzed body with 2xx or 4xx and a problem document, never 5xx (X-02)', async () => {
    const pieces = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom('{"name":', '"__proto__"', '\u0000', '1e400', '[[', '}', '"\\ud800"'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 5 }), async (parts) => {
        const response = await rig.server.publicApp.inject({
          method: 'POST',
          url: '/test/json',
          headers: { 'content-type': 'application/json' },
          payload: parts.join(''),
        });
        return (
          response.statusCode < 500 && (response.statusCode === 200 || response.body.includes('urn:mtoken:error:'))
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile bytes (X-10, X-11)', () => {
  const long = 'y'.repeat(20_000);
  const cases: Record<string, { readonly bytes: string; readonly status: number }> = {
    'no HTTP': { status: 400, bytes: 'hello\r\n\r\n' },
    'headers of 20 KiB': { status: 413, bytes: `GET /health/live HTTP/1.1\r\nhost: a\r\nx: ${long}\r\n\r\n` },
    'a length and chunks': {
      status: 400,
      bytes: 'POST /test/json HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    },
    'two lengths': {
      status: 400,
      bytes: 'POST /test/json HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
    },
    'a bare line feed in a header': {
      status: 400,
      bytes: 'GET /health/live HTTP/1.1\r\nhost: a\r\nx: 1\ny: 2\r\n\r\n',
    },
  };

  it.each(Object.keys(cases))('answers %s with a problem document and closes', async (name) => {
    const text = await raw(cases[name]?.bytes ?? '');
    expect(text).toContain(`HTTP/1.1 ${cases[name]?.status} `);
    expect(text).toContain('urn:mtoken:error:');
    expect(text.toLowerCase()).toContain('connection: close');
  });

  it('has time limits against slow senders', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout, maxHeadersCount } = rig.server.publicApp.server;
    expect(headersTimeout).toBeLessThanOrEqual(10_000);
    expect(requestTimeout).toBeLessThanOrEqual(20_000);
    expect(headersTimeout).toBeGreaterThan(0);
    expect(keepAliveTimeout).toBeGreaterThan(60_000);
    expect(maxHeadersCount === null || maxHeadersCount > 0).toBe(true);
  });
});

describe('health and metrics (X-14)', () => {
  it('tells the public a bare status, and nobody but the admin listener the rest', async () => {
    expect(await (await fetch(`${publicUrl}/health/live`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${publicUrl}/health/ready`)).json()).toEqual({ status: 'ok' });
    for (const path of ['/health', '/metrics', '/admin/v1/companies', '/documentation', '/swagger']) {
      expect((await fetch(`${publicUrl}${path}`)).status, path).toBe(404);
    }
    expect(await (await fetch(`${adminUrl}/health`)).json()).toMatchObject({ isReady: true });
    expect(await (await fetch(`${adminUrl}/metrics`)).text()).toContain('mtoken_http_request_seconds_bucket');
  });

  it('serves nothing of the public side on the admin listener (X-07)', async () => {
    for (const path of [
      '/oauth2/authorize',
      '/interaction/x',
      '/.well-known/openid-configuration',
      '/app/v1/session/start',
    ]) {
      expect((await fetch(`${adminUrl}${path}`)).status, path).toBe(404);
    }
  });

  it('asks for a token at every admin endpoint', async () => {
    const response = await fetch(`${adminUrl}/admin/v1/companies`);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ type: 'urn:mtoken:error:authentication_failed' });
  });
});

describe('rate limits (L-12)', () => {
  it('refuses with 429 and Retry-After whatever X-Forwarded-For claims, where no proxy is trusted', async () => {
    const limited = await startRig({ MTOKEN_LIMIT_PER_ADDRESS: '5' });
    try {
      const statuses: number[] = [];
      let last: { headers: Record<string, unknown> } = { headers: {} };
      for (let index = 0; index < 8; index += 1) {
        const forged = {
          'x-forwarded-for': `198.51.100.${index}`,
          'x-real-ip': `198.51.100.${index}`,
          forwarded: `for=198.51.100.${index}`,
        };
        const response = await limited.server.publicApp.inject({
          url: '/.well-known/mtoken-configuration',
          headers: forged,
        });
        statuses.push(response.statusCode);
        last = response;
      }
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
      expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
      // Another group of routes is not affected.
      expect((await limited.server.publicApp.inject({ url: '/oauth2/jwks' })).statusCode).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('counts by what the trusted proxy says last, never by what the client prepended', async () => {
    const behind = await startRig({ MTOKEN_LIMIT_PER_ADDRESS: '3', MTOKEN_TRUSTED_PROXIES: '127.0.0.1' });
    const ask = (forwarded: string) =>
      behind.server.publicApp
        .inject({ url: '/.well-known/mtoken-configuration', headers: { 'x-forwarded-for': forwarded } })
        .then(({ statusCode }) => statusCode);
    try {
      const statuses: number[] = [];
      for (let index = 0; index < 5; index += 1) statuses.push(await ask(`10.9.9.${index}, 198.51.100.7`));
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      expect(await ask('198.51.100.8')).toBe(200);
      // Garbage is no fresh counter and no way in: it counts for the proxy's own address.
      const garbage: number[] = [];
      for (let index = 0; index < 5; index += 1) garbage.push(await ask(`a${index}`));
      expect(garbage).toEqual([200, 200, 200, 429, 429]);
    } finally {
      await behind.close();
    }
  });

  it('counts an IPv6 /64 as one caller', async () => {
    const behind = await startRig({ MTOKEN_LIMIT_PER_ADDRESS: '3', MTOKEN_TRUSTED_PROXIES: '127.0.0.1' });
    try {
      const statuses: number[] = [];
      for (let index = 1; index <= 5; index += 1) {
        const headers = { 'x-forwarded-for': `2001:db8:1:2::${index}` };
        statuses.push((await behind.server.publicApp.inject({ url: '/oauth2/jwks', headers })).statusCode);
      }
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
    } finally {
      await behind.close();
    }
  });
});

describe('the end', () => {
  it('finishes requests under way, takes no new ones, and doing it twice is harmless', async () => {
    const ending = await startRig();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let enter: () => void = () => undefined;
    const entered = new Promise<void>((resolve) => {
      enter = resolve;
    });
    ending.server.publicApp.get('/test/slow', async () => {
      enter();
      await held;
      return { done: true };
    });
    const { publicUrl: url } = await ending.server.start();
    const slow = fetch(`${url}/test/slow`);
    await entered;
    const closed = Promise.all([ending.server.close(), ending.server.close()]);
    expect((await ending.server.publicApp.inject({ url: '/health/ready' })).statusCode).toBe(503);
    release();
    expect(await (await slow).json()).toEqual({ done: true });
    await closed;
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    await ending.close();
  });
});

describe('secrets in logs (A-05, X-08)', () => {
  it('logs neither query, cookies, tokens nor bodies of a request', async () => {
    rig.lines.length = 0;
    const marker = 'S3cretMarkerValue';
    await new Promise<void>((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${marker}`,
        cookie: `a=${marker}`,
        dpop: marker,
        'content-type': 'application/json',
      };
      const request = httpRequest(`${publicUrl}/test/json?code=${marker}`, { method: 'POST', headers }, (response) => {
        response.resume().on('end', resolve);
      });
      request.on('error', reject);
      request.end(`{"name":"${marker}"}`);
    });
    expect(rig.lines.length).toBeGreaterThan(0);
    expect(rig.lines.join('')).not.toContain(marker);
  });
});
