/** What may be registered as a client, and what is refused by name. */
import { generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { checkMetadata } from '../../../src/oidc/client-metadata.ts';
import { acr } from '../../../src/protocol/names.ts';

const redirect_uris = ['https://portal.example/callback'];
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicEc = ec.publicKey.export({ format: 'jwk' }) as JWK;
const jwks = { keys: [publicEc] };

describe('Portal metadata', () => {
  it('is completed: code, client_secret_basic, ES256', () => {
    expect(checkMetadata('portal', { redirect_uris })).toEqual({
      redirect_uris,
      grant_types: ['authorization_code'],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'client_secret_basic',
    });
  });

  it('may say everything that is offered', () => {
    const metadata = {
      redirect_uris: [
        ...redirect_uris,
        'http://localhost:3002/callback',
        'http://127.0.0.1/cb',
        'http://[::1]:8080/cb',
      ],
      post_logout_redirect_uris: ['https://portal.example/'],
      backchannel_logout_uri: 'https://portal.example/logout',
      backchannel_logout_session_required: true,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      jwks,
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
      id_token_signed_response_alg: 'RS256',
      grant_types: ['authorization_code', 'refresh_token'],
      default_max_age: 300,
      default_acr_values: [acr],
      resource: 'https://api.portal.example',
      scope: 'payments:read',
    };
    expect(checkMetadata('portal', metadata)).toMatchObject({
      ...metadata,
      jwks: { keys: [{ ...publicEc, alg: 'ES256', use: 'sig' }] },
    });
  });

  it.each([
    'http://portal.example/callback',
    'https://portal.example/callback#fragment',
    'https://portal.example/callback#',
    'https://*.portal.example/callback',
    'https://portal.example/*',
    'https://user:password@portal.example/callback',
    'https://PORTAL.example/callback',
    'https://portal.example/a/../callback',
    'https://portal.example:443/callback',
    ' https://portal.example/callback',
    'https://portal.example/callback\n',
    'https://portal.example\\callback',
    'http://localhost.evil.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'com.example.app:/callback',
    'javascript:alert(1)',
    'data:text/html,x',
    '/callback',
    '',
    `https://portal.example/${'a'.repeat(2000)}`,
    null,
    7,
    { href: 'https://portal.example' },
  ])('cannot have the redirect URI %j (O-01)', (uri) => {
    expect(() => checkMetadata('portal', { redirect_uris: [uri] })).toThrow(/redirect_uris/);
  });

  it.each([
    ['jwks_uri', 'https://portal.example/jwks'],
    ['response_types', ['token']],
    ['sector_identifier_uri', 'https://portal.example'],
    ['client_secret', 'chosen'],
    ['mtoken_kind', 'admin'],
    ['__proto__x', 1],
    ['constructor', {}],
    ['token_endpoint_auth_method', 'client_secret_post'],
    ['token_endpoint_auth_method', 'client_secret_jwt'],
    ['token_endpoint_auth_signing_alg', 'RS256'],
    ['token_endpoint_auth_signing_alg', 'none'],
    ['id_token_signed_response_alg', 'none'],
    ['id_token_signed_response_alg', 'HS256'],
    ['grant_types', ['implicit']],
    ['grant_types', ['client_credentials']],
    ['grant_types', 'authorization_code'],
    ['redirect_uris', []],
    ['redirect_uris', 'https://portal.example/callback'],
    ['backchannel_logout_session_required', false],
    ['backchannel_logout_uri', 'http://portal.example/logout'],
    ['default_max_age', -1],
    ['default_max_age', '5'],
    ['default_acr_values', ['urn:other']],
    ['require_pushed_authorization_requests', 'yes'],
    ['scope', 'a'],
    ['jwks', jwks],
  ])('cannot have %s = %j (O-05, T22)', (name, value) => {
    expect(() => checkMetadata('portal', { redirect_uris, [name]: value })).toThrow(new RegExp(name.replace('__', '')));
  });

  it('needs redirect URIs, and keys where it signs its assertions', () => {
    expect(() => checkMetadata('portal', {})).toThrow('redirect_uris is required');
    expect(() => checkMetadata('portal', { redirect_uris, token_endpoint_auth_method: 'private_key_jwt' })).toThrow(
      'needs jwks',
    );
  });
});

describe('Keys of a client', () => {
  const withKeys = (keys: unknown) =>
    checkMetadata('portal', { redirect_uris, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } });
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });

  it('are taken as P-256 and RSA of 2048 bits, for one algorithm each', () => {
    expect(
      withKeys([publicEc, { ...rsa, kid: 'r', alg: 'RS256', use: 'enc', x5u: 'https://evil.example' }]),
    ).toMatchObject({
      jwks: {
        keys: [
          { kty: 'EC', alg: 'ES256', use: 'sig' },
          { ...rsa, kid: 'r', alg: 'PS256', use: 'sig' },
        ],
      },
    });
    expect(JSON.stringify(withKeys([{ ...rsa, x5u: 'https://evil.example' }]))).not.toContain('evil');
  });

  it.each([
    ['a private key', ec.privateKey.export({ format: 'jwk' })],
    ['a shared secret', { kty: 'oct', k: 'AAAA' }],
    ['RSA of 1024 bits', weak],
    ['P-384', p384],
    ['a point off the curve', { ...publicEc, y: publicEc.x }],
    ['RSA with a small exponent', { ...rsa, e: 'Aw' }],
    ['no key', {}],
    ['null', null],
    ['text', 'key'],
    ['a kid that is no text', { ...publicEc, kid: 7 }],
  ])('are not %s (C-08)', (_name, key) => {
    expect(() => withKeys([key])).toThrow(/jwks\.keys\[0\]/);
  });

  it('are one to ten', () => {
    expect(() => withKeys([])).toThrow('1 to 10');
    expect(() => withKeys(Array.from({ length: 11 }, () => publicEc))).toThrow('1 to 10');
    expect(() => withKeys({ keys: [publicEc] })).toThrow('1 to 10');
  });
});

describe('Admin client metadata', () => {
  it('is private_key_jwt with scopes of the admin API', () => {
    expect(checkMetadata('admin', { jwks, scope: 'admin:read admin:read admin:audit' })).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      scope: 'admin:read admin:audit',
    });
  });

  it.each([
    [{ jwks }, 'scope is required'],
    [{ scope: 'admin:read' }, 'needs jwks'],
    [{ jwks, scope: 'admin:everything' }, 'scope may hold'],
    [
      { jwks, scope: 'admin:read', token_endpoint_auth_method: 'client_secret_basic' },
      'token_endpoint_auth_method must be',
    ],
    [{ jwks, scope: 'admin:read', redirect_uris }, 'redirect_uris cannot be set'],
    [{ jwks, scope: 'admin:read', grant_types: ['authorization_code'] }, 'grant_types cannot be set'],
  ])('is refused as %j', (metadata, message) => {
    expect(() => checkMetadata('admin', metadata)).toThrow(message);
  });
});
