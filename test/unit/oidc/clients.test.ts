/** Registering, changing and switching off clients. */
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ClientDeps, createClient, disableClient, updateClient } from '../../../src/oidc/clients.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const clock = fixedClock();
const actor = { name: 'cli' };
const metadata = { redirect_uris: ['https://portal.example/callback'] };
let stores: TestStores;
let deps: ClientDeps;
beforeEach(async () => {
  stores = await testStores(clock);
  deps = { records: stores.records, clock };
});

const trail = async () =>
  (await stores.records.audit.read(0, 50)).map(({ event, clientId, data }) => ({ event, clientId, data }));
const portal = (change = {}) => ({ id: 'portal', kind: 'portal' as const, name: 'Portal', metadata, ...change });

describe('A new client', () => {
  it('gets a secret that is shown once and stored sealed, and leaves a trail', async () => {
    const { client, secret } = await createClient(deps, portal(), actor);
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(client).not.toHaveProperty('secret');
    expect((await stores.records.clients.find('portal'))?.secret).toBe(secret);
    const rows = JSON.stringify(await stores.durable.query('select * from clients'));
    expect(rows).not.toContain(secret);
    expect(await trail()).toEqual([
      { event: 'client.created', clientId: 'portal', data: { kind: 'portal', name: 'Portal', status: 'active' } },
    ]);
  });

  it('gets an id where it brings none', async () => {
    const { client } = await createClient(deps, portal({ id: undefined }), actor);
    expect(client.id).toMatch(/^cli_[A-Za-z0-9_-]{22}$/);
  });

  it.each([
    [{ id: 'a' }, 'id must'],
    [{ id: 'a b c' }, 'id must'],
    [{ id: `a'; drop table clients` }, 'id must'],
    [{ name: '' }, 'name must'],
    [{ name: ' Portal' }, 'name must'],
    [{ name: 'Por\ntal' }, 'name must'],
    [{ name: 'Por\u202etal' }, 'name must'],
    [{ name: 'P\u200bortal' }, 'name must'],
    [{ name: 'x'.repeat(81) }, 'name must'],
    [{ companyId: 'co_x' }, 'companyId is for admin clients'],
    [{ metadata: {} }, 'redirect_uris is required'],
  ])('is refused with %j', async (change, message) => {
    await expect(createClient(deps, portal(change), actor)).rejects.toMatchObject({
      code: 'invalid_request',
      publicMessage: expect.stringContaining(message) as string,
    });
    expect(await trail()).toEqual([]);
  });

  it('cannot take another one’s id, and leaves no trail then', async () => {
    await createClient(deps, portal(), actor);
    await expect(createClient(deps, portal(), actor)).rejects.toMatchObject({ code: 'already_exists' });
    expect(await trail()).toHaveLength(1);
  });

  it('is the bank’s to make: a company’s actor is refused (T31)', async () => {
    const confined = { name: 'client:x', companyId: 'co_x' };
    await expect(createClient(deps, portal(), confined)).rejects.toMatchObject({ code: 'access_denied' });
    await createClient(deps, portal(), actor);
    await expect(disableClient(deps, 'portal', confined)).rejects.toMatchObject({ code: 'access_denied' });
    await expect(
      updateClient(deps, 'portal', { change: { version: 1, name: 'Mine' }, actor: confined }),
    ).rejects.toMatchObject({ code: 'access_denied' });
  });

  it('of the admin API is confined to a company that exists', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const admin = {
      kind: 'admin' as const,
      name: 'Acme administration',
      companyId: 'co_nobody',
      metadata: { jwks: { keys: [publicKey.export({ format: 'jwk' })] }, scope: 'admin:read' },
    };
    await expect(createClient(deps, admin, actor)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('A client', () => {
  it('is changed by whoever saw its last version, and by nobody else', async () => {
    const { client } = await createClient(deps, portal(), actor);
    const change = { version: client.version, name: 'New name' };
    const changes = await Promise.allSettled([1, 2, 3].map(() => updateClient(deps, 'portal', { change, actor })));
    expect(changes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await stores.records.clients.find('portal')).toMatchObject({ name: 'New name', version: 2 });
    await expect(updateClient(deps, 'nobody', { change, actor })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('loses its secret with private_key_jwt, and gets a new one when it comes back', async () => {
    const first = await createClient(deps, portal(), actor);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyed = {
      ...metadata,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicKey.export({ format: 'jwk' })] },
    };
    const second = await updateClient(deps, 'portal', { change: { version: 1, metadata: keyed }, actor });
    expect(second.secret).toBeUndefined();
    expect((await stores.records.clients.find('portal'))?.secret).toBeUndefined();
    const third = await updateClient(deps, 'portal', { change: { version: 2, metadata }, actor });
    expect(third.secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(third.secret).not.toBe(first.secret);
  });

  it('is switched off once, however often that is said', async () => {
    await createClient(deps, portal(), actor);
    expect((await disableClient(deps, 'portal', actor)).status).toBe('disabled');
    expect((await disableClient(deps, 'portal', actor)).status).toBe('disabled');
    expect((await trail()).map(({ event }) => event)).toEqual(['client.created', 'client.updated']);
    await expect(disableClient(deps, 'nobody', actor)).rejects.toMatchObject({ code: 'not_found' });
  });
});
