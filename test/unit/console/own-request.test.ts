/** Which requests with the console's cookie are the console's own. */
import { describe, expect, it } from 'vitest';
import { assertNotFromElsewhere, assertOwnRequest } from '../../../src/console/own-request.ts';

const origin = 'https://console.bank.example';
const json = { 'content-type': 'application/json' };

function codeOf(method: string, headers: Record<string, string>): string {
  try {
    assertOwnRequest({ method, headers }, origin);
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a request with the cookie of the console', () => {
  it.each([
    ['POST', { origin, 'sec-fetch-site': 'same-origin', ...json }, 'taken'],
    ['POST', { origin, ...json }, 'taken'],
    ['PATCH', { origin, 'content-type': 'application/json; charset=utf-8' }, 'taken'],
    ['POST', { ...json }, 'forbidden_origin'],
    ['POST', { 'sec-fetch-site': 'same-origin', ...json }, 'forbidden_origin'],
    ['POST', { origin: 'null', ...json }, 'forbidden_origin'],
    ['POST', { origin: 'https://evil.example', ...json }, 'forbidden_origin'],
    ['POST', { origin: `${origin}.evil.example`, ...json }, 'forbidden_origin'],
    ['POST', { origin: 'http://console.bank.example', ...json }, 'forbidden_origin'],
    ['POST', { origin: `${origin}:8443`, ...json }, 'forbidden_origin'],
    ['POST', { origin, 'sec-fetch-site': 'same-site', ...json }, 'forbidden_origin'],
    ['POST', { origin, 'sec-fetch-site': 'cross-site', ...json }, 'forbidden_origin'],
    ['POST', { origin, 'sec-fetch-site': 'none', ...json }, 'forbidden_origin'],
    ['DELETE', { ...json }, 'forbidden_origin'],
    ['POST', { origin }, 'unsupported_media_type'],
    ['POST', { origin, 'content-type': 'text/plain' }, 'unsupported_media_type'],
    ['POST', { origin, 'content-type': 'application/x-www-form-urlencoded' }, 'unsupported_media_type'],
    ['POST', { origin, 'content-type': 'application/jsonx' }, 'unsupported_media_type'],
    ['GET', {}, 'taken'],
    ['GET', { 'sec-fetch-site': 'same-origin' }, 'taken'],
    ['GET', { 'sec-fetch-site': 'none' }, 'taken'],
    ['GET', { 'sec-fetch-site': 'cross-site' }, 'forbidden_origin'],
    ['GET', { 'sec-fetch-site': 'same-site' }, 'forbidden_origin'],
    ['GET', { origin: 'https://evil.example' }, 'forbidden_origin'],
    ['HEAD', { 'sec-fetch-site': 'cross-site' }, 'forbidden_origin'],
  ])('%s with %j is %s (S-10)', (method, headers, expected) => {
    expect(codeOf(method, headers)).toBe(expected);
  });

  it('begins a step-up only from the console or by hand (S-10)', () => {
    for (const site of ['same-origin', 'none']) {
      expect(() => assertNotFromElsewhere({ headers: { 'sec-fetch-site': site } })).not.toThrow();
    }
    expect(() => assertNotFromElsewhere({ headers: {} })).not.toThrow();
    for (const site of ['cross-site', 'same-site', 'odd']) {
      expect(() => assertNotFromElsewhere({ headers: { 'sec-fetch-site': site } })).toThrow(/sec-fetch-site/);
    }
  });
});
