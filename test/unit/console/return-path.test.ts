/** Where a login may lead: pages of the console, and nothing that a browser could read as something else. */
import { describe, expect, it } from 'vitest';
import { returnPath } from '../../../src/console/return-path.ts';

describe('the way back after a login', () => {
  it.each([
    '/console/',
    '/console/users',
    '/console/users?company=co_x&after=usr_y',
    '/console/companies/co_AAAA-_a/devices?x=%20y&z=a/b',
  ])('may be %s', (path) => {
    expect(returnPath(path)).toBe(path);
  });

  it.each([
    '',
    '/',
    '/console',
    '/consolex/',
    '/admin/v1/users',
    'https://evil.example/console/',
    '//evil.example/console/',
    '/console//evil.example',
    '/console/\\evil.example',
    '/\\evil.example/console/',
    '/console/../admin/v1/me',
    '/console/..%2fadmin',
    '/console/%2e%2e/admin/v1/me',
    '/console/./users',
    '/console/users#x',
    '/console/us ers',
    '/console/us\ters',
    '/console/\r\nset-cookie:x=y',
    '/console/ü',
    '/console/%',
    '/console/%zz',
    '/console/login',
    '/console/login?proof=fresh',
    '/console/callback?code=x',
    '/console/logout',
    'javascript:alert(1)',
    '/console/@evil.example:80//x',
    `/console/${'a'.repeat(600)}`,
  ])('is refused: %j (an open redirect, O-01)', (path) => {
    expect(returnPath(path)).toBeUndefined();
  });
});
