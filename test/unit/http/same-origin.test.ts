/** Requests that another site made the browser send. */
import { describe, expect, it } from 'vitest';
import { assertSameOrigin } from '../../../src/http/same-origin.ts';

const origin = 'https://login.bank.example';

describe('same origin (S-10)', () => {
  it.each([[{ origin }], [{ origin, 'sec-fetch-site': 'same-origin' }], [{ 'sec-fetch-site': 'same-origin' }]])(
    'accepts %j',
    (headers) => {
      expect(() => assertSameOrigin({ headers }, origin)).not.toThrow();
    },
  );

  it.each([
    [{}],
    [{ origin: 'null' }],
    [{ origin: 'https://evil.example' }],
    [{ origin: `${origin}.evil.example` }],
    [{ origin: 'https://evil-login.bank.example' }],
    [{ origin: 'http://login.bank.example' }],
    [{ origin: `${origin}:8443` }],
    [{ origin, 'sec-fetch-site': 'cross-site' }],
    [{ origin, 'sec-fetch-site': 'same-site' }],
    [{ 'sec-fetch-site': 'none' }],
    [{ 'sec-fetch-site': 'same-site' }],
  ])('refuses %j', (headers) => {
    expect(() => assertSameOrigin({ headers }, origin)).toThrow(expect.objectContaining({ code: 'forbidden_origin' }));
  });
});
