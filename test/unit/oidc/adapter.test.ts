/** The provider's storage at its seam: what is single-use, what ends together, what a thief of the rows finds. */
import { type Adapter, errors } from 'oidc-provider';
import { beforeEach, describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { oidcAdapter } from '../../../src/oidc/adapter.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const clock = fixedClock();
const exp = Math.floor(clock.now() / 1000) + 600;
let stores: TestStores;
let adapter: (model: string) => Adapter;
beforeEach(async () => {
  stores = await testStores(clock);
  const make = oidcAdapter({ ...stores, clock });
  adapter = (model) => make(model);
  await adapter('Grant').upsert('grant-1', { accountId: 'usr_1', clientId: 'portal', exp, jti: 'grant-1' });
  await adapter('RefreshToken').upsert('refresh-1', { grantId: 'grant-1', clientId: 'portal', exp, jti: 'refresh-1' });
});

const isGone = async (): Promise<boolean> =>
  (await adapter('Grant').find('grant-1')) === undefined &&
  (await adapter('RefreshToken').find('refresh-1')) === undefined;

describe('A code', () => {
  beforeEach(() => adapter('AuthorizationCode').upsert('code-1', { grantId: 'grant-1', exp, jti: 'code-1' }, 60));

  it('is consumed by one of many, and each further try ends grant and refresh tokens (P1, O-02)', async () => {
    const codes = adapter('AuthorizationCode');
    await codes.consume('code-1');
    expect(await isGone()).toBe(false);
    await expect(codes.consume('code-1')).rejects.toThrow(errors.InvalidGrant);
    expect(await isGone()).toBe(true);
    expect(await codes.find('code-1')).toMatchObject({ consumed: Math.floor(clock.now() / 1000), jti: 'code-1' });
  });

  it('stays consumed when it is written again', async () => {
    const codes = adapter('AuthorizationCode');
    await codes.consume('code-1');
    await codes.upsert('code-1', { grantId: 'grant-1', exp }, 60);
    expect(await codes.find('code-1')).toHaveProperty('consumed');
  });

  it('that does not exist cannot be consumed, nor found under another model', async () => {
    await expect(adapter('AuthorizationCode').consume('code-2')).rejects.toThrow(errors.InvalidGrant);
    expect(await adapter('AccessToken').find('code-1')).toBeUndefined();
    expect(await isGone()).toBe(false);
  });
});

describe('A refresh token', () => {
  it('is consumed once, and a second time ends its family (P1, O-10)', async () => {
    await adapter('RefreshToken').consume('refresh-1');
    expect(await adapter('RefreshToken').find('refresh-1')).toHaveProperty('consumed');
    await expect(adapter('RefreshToken').consume('refresh-1')).rejects.toThrow(errors.InvalidGrant);
    expect(await isGone()).toBe(true);
  });

  it('ends with its grant, and with any other of its family', async () => {
    await adapter('RefreshToken').upsert('refresh-2', { grantId: 'grant-1', clientId: 'portal', exp });
    await adapter('RefreshToken').destroy('refresh-2');
    expect(await adapter('RefreshToken').find('refresh-1')).toBeUndefined();
    await adapter('Grant').destroy('grant-1');
    expect(await isGone()).toBe(true);
  });
});

describe('A used jti', () => {
  it('can be written once: the provider looks first and writes later (P1)', async () => {
    const marks = adapter('ReplayDetection');
    const written = await Promise.allSettled(Array.from({ length: 20 }, () => marks.upsert('jti', {}, 60)));
    expect(written.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await marks.find('jti')).toBeDefined();
  });
});

describe('A pushed request', () => {
  it('is consumed once (O-06)', async () => {
    const pushed = adapter('PushedAuthorizationRequest');
    await pushed.upsert('par', { request: 'a.b.c', exp }, 60);
    await pushed.consume('par');
    await expect(pushed.consume('par')).rejects.toThrow(errors.InvalidRequestUri);
  });
});

describe('A client', () => {
  it('that is disabled, or that no id can name, does not exist', async () => {
    const client = {
      id: 'portal',
      kind: 'portal' as const,
      name: 'Portal',
      companyId: undefined,
      metadata: { redirect_uris: ['https://portal.example/callback'], scope: 'a', resource: 'https://api.example' },
      secret: 'secret',
      status: 'active' as const,
      createdAt: 0,
      version: 1,
    };
    await stores.records.clients.insert(client);
    expect(await adapter('Client').find('portal')).toMatchObject({
      client_id: 'portal',
      client_secret: 'secret',
      response_types: ['code'],
      mtoken_kind: 'portal',
      mtoken_scope: 'a',
      mtoken_resource: 'https://api.example',
    });
    await stores.records.clients.update({ ...client, status: 'disabled' });
    for (const id of ['portal', 'por\0tal', '', 'x'.repeat(10_000), '\ud800']) {
      expect(await adapter('Client').find(id)).toBeUndefined();
    }
  });
});

describe('A store that is down', () => {
  it('makes every call a 503, and a fault of ours stays a fault (X-03)', async () => {
    const failing = (code: 'unavailable' | 'internal') =>
      oidcAdapter({
        ...stores,
        clock,
        shortLived: { ...stores.shortLived, get: () => Promise.reject(new AuthError(code)) },
      })('AccessToken');
    await expect(failing('unavailable').find('x')).rejects.toMatchObject({ statusCode: 503, expose: true });
    await expect(failing('internal').find('x')).rejects.toMatchObject({ code: 'internal' });
  });
});
