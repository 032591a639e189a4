/** Access tokens of the admin API: each claim in turn missing or wrong, and every other thing that the same keys sign (T23, O-15). */
import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import { closeCompany, suspendCompany } from '../../../src/companies/company-status.ts';
import { createKeyRing, type KeyRing } from '../../../src/keys/key-ring.ts';
import { ensureKeys } from '../../../src/keys/keys.ts';
import { verifyAdminToken } from '../../../src/oidc/access-token.ts';
import { createClient } from '../../../src/oidc/clients.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const issuer = 'https://login.bank.example';
const adminAudience = 'https://admin.bank.example';
const clock = fixedClock();
const now = Math.floor(clock.now() / 1000);
let stores: TestStores;
let keys: KeyRing;
let deps: Parameters<typeof verifyAdminToken>[0];
let adminMetadata: Record<string, unknown>;
const bank = { name: 'cli' };

beforeAll(async () => {
  stores = await testStores(clock);
  const keyDeps = { records: stores.records, shortLived: stores.shortLived, clock };
  await ensureKeys(keyDeps);
  keys = await createKeyRing({ ...keyDeps, issuer });
  keys.close();
  deps = { records: stores.records, keys, clock, issuer, adminAudience };
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [publicKey.export({ format: 'jwk' })] };
  adminMetadata = { jwks, scope: 'admin:read admin:keys' };
  await createClient(deps, { id: 'operator', kind: 'admin', name: 'Operator', metadata: adminMetadata }, bank);
  const redirect_uris = ['https://portal.example/callback'];
  await createClient(deps, { id: 'portal', kind: 'portal', name: 'Portal', metadata: { redirect_uris } }, bank);
});

const right: JWTPayload = {
  iss: issuer,
  aud: adminAudience,
  sub: 'operator',
  client_id: 'operator',
  scope: 'admin:read admin:write',
  iat: now,
  exp: now + 300,
  jti: 'j-1',
};

type Change = { readonly [Name in keyof JWTPayload]: JWTPayload[Name] | undefined };

async function token(change: Change = {}, header: Record<string, unknown> = {}): Promise<string> {
  const { kid, privateKey } = keys.activeSigner('ES256');
  const claims = Object.fromEntries(Object.entries({ ...right, ...change }).filter(([, value]) => value !== undefined));
  const signed = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...header });
  return `Bearer ${await signed.sign(privateKey)}`;
}

describe('An admin token', () => {
  it('is accepted, with those of its scopes that the client still has', async () => {
    const caller = await verifyAdminToken(deps, await token());
    expect(caller).toEqual({
      clientId: 'operator',
      name: 'Operator',
      companyId: undefined,
      scopes: new Set(['admin:read']),
    });
  });

  it.each<[string, Change]>([
    ['no issuer', { iss: undefined }],
    ['another issuer', { iss: 'https://other.example' }],
    ['no audience', { aud: undefined }],
    ['the portal’s audience', { aud: 'portal' }],
    ['the issuer as audience', { aud: issuer }],
    ['no expiry', { exp: undefined }],
    ['an expiry that has passed', { exp: now - 11 }],
    ['a beginning in the future', { nbf: now + 60 }],
    ['no time of issue', { iat: undefined }],
    ['no subject', { sub: undefined }],
    ['a user as subject', { sub: 'usr_AAAAAAAAAAAAAAAAAAAAAA' }],
    ['no client', { client_id: undefined }],
    ['an unknown client', { client_id: 'nobody', sub: 'nobody' }],
    ['a portal as client', { client_id: 'portal', sub: 'portal' }],
    ['a key that it is bound to', { cnf: { jkt: 'x' } }],
    ['no jti', { jti: undefined }],
  ])('with %s is refused (T23, O-15)', async (_name, change) => {
    await expect(verifyAdminToken(deps, await token(change))).rejects.toMatchObject({ code: 'authentication_failed' });
  });

  it.each(['suspended', 'closed'] as const)(
    'of a company’s own client is refused at once where the bank has made the company %s (T8, T31)',
    async (status) => {
      const companyDeps = { ...deps, ...stores, endLogins: async () => undefined };
      const company = await createCompany(companyDeps, { name: 'Northwind', actor: bank });
      const id = `admin-${status}`;
      await createClient(
        deps,
        { id, kind: 'admin', name: 'Own', companyId: company.id, metadata: adminMetadata },
        bank,
      );
      const authorization = await token({ sub: id, client_id: id });
      await expect(verifyAdminToken(deps, authorization)).resolves.toMatchObject({ companyId: company.id });
      const act = { companyId: company.id, reason: 'left the bank', actor: bank };
      await (status === 'closed' ? closeCompany : suspendCompany)(companyDeps, act);
      await expect(verifyAdminToken(deps, authorization)).rejects.toMatchObject({ code: 'authentication_failed' });
    },
  );

  it.each([{ typ: 'JWT' }, { typ: undefined }, { typ: 'logout+jwt' }, { typ: 'mtoken-order+jws' }, { kid: 'other' }])(
    'with the header %j is refused (O-15)',
    async (header) => {
      await expect(verifyAdminToken(deps, await token({}, header))).rejects.toMatchObject({
        code: 'authentication_failed',
      });
    },
  );

  it('of a stranger’s key, with an embedded key or unsigned is refused (C-07)', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const { kid } = keys.activeSigner('ES256');
    for (const header of [{ kid }, { kid, jwk: await exportJWK(publicKey) }, { jku: 'https://evil.example' }]) {
      const forged = await new SignJWT(right)
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header })
        .sign(privateKey);
      await expect(verifyAdminToken(deps, `Bearer ${forged}`)).rejects.toMatchObject({ code: 'authentication_failed' });
    }
    const [, body] = (await token()).split('.');
    const header = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    for (const text of [`${header}.${body}.`, `${header}.${body}.AA`]) {
      await expect(verifyAdminToken(deps, `Bearer ${text}`)).rejects.toMatchObject({ code: 'authentication_failed' });
    }
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer a.b',
    'Basic YTpi',
    'DPoP a.b.c',
    `Bearer ${'a'.repeat(9000)}.b.c`,
    'Bearer a.b.c, Bearer d.e.f',
  ])('is not found in the header %j', async (header) => {
    await expect(verifyAdminToken(deps, header)).rejects.toMatchObject({ code: 'authentication_failed' });
  });
});
