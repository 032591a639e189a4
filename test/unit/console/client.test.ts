/** The client that the server makes of itself. */
import { beforeEach, describe, expect, it } from 'vitest';
import { consoleSecret, ensureConsoleClient } from '../../../src/console/client.ts';
import { consoleClientId, createClient, disableClient, updateClient } from '../../../src/oidc/clients.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const clock = fixedClock();
const actor = { name: 'cli' };
const wanted = { origin: 'https://console.bank.example', name: 'Bank console' };
let stores: TestStores;
let deps: Parameters<typeof ensureConsoleClient>[0];

beforeEach(async () => {
  stores = await testStores(clock);
  deps = { ...stores, clock };
});

const trail = async () => (await stores.records.audit.read(0, 50)).map(({ event, actor: by }) => `${event} by ${by}`);

describe('the client of the console', () => {
  it('is made once by servers that start at the same time, with a secret that only holders of the data key know', async () => {
    await Promise.all(Array.from({ length: 6 }, () => ensureConsoleClient(deps, wanted)));
    const client = await stores.records.clients.find(consoleClientId);
    expect(client).toMatchObject({
      kind: 'portal',
      name: 'Bank console',
      status: 'active',
      secret: consoleSecret(stores.sealing),
      version: 1,
      metadata: {
        redirect_uris: ['https://console.bank.example/console/callback'],
        require_pushed_authorization_requests: true,
        token_endpoint_auth_method: 'client_secret_basic',
      },
    });
    expect(await trail()).toEqual(['client.created by server']);
    expect(consoleSecret((await testStores(clock)).sealing)).not.toBe(consoleSecret(stores.sealing));
  });

  it('follows the configuration, and is written only where something changed', async () => {
    await ensureConsoleClient(deps, wanted);
    await ensureConsoleClient(deps, wanted);
    await ensureConsoleClient(deps, { ...wanted, origin: 'https://admin.bank.example' });
    const client = await stores.records.clients.find(consoleClientId);
    expect(client?.metadata['redirect_uris']).toEqual(['https://admin.bank.example/console/callback']);
    expect(await trail()).toEqual(['client.created by server', 'client.updated by server']);
  });

  it('is taken back from whoever changed its row', async () => {
    await ensureConsoleClient(deps, wanted);
    const client = await stores.records.clients.find(consoleClientId);
    if (client === undefined) throw new Error('no client');
    const metadata = { ...client.metadata, redirect_uris: ['https://evil.example/callback'] };
    await stores.records.clients.update({ ...client, metadata, status: 'disabled', secret: 'known' });
    await ensureConsoleClient(deps, wanted);
    expect(await stores.records.clients.find(consoleClientId)).toEqual({ ...client, version: 3 });
  });

  it('can be registered, changed or switched off by nobody (T6, X-07)', async () => {
    const metadata = { redirect_uris: ['https://evil.example/callback'] };
    const stolen = { id: consoleClientId, kind: 'portal', name: 'Console', metadata } as const;
    await expect(createClient(deps, stolen, actor)).rejects.toMatchObject({ code: 'conflict' });
    await ensureConsoleClient(deps, wanted);
    const before = await stores.records.clients.find(consoleClientId);
    await expect(
      updateClient(deps, consoleClientId, { change: { version: 1, metadata }, actor }),
    ).rejects.toMatchObject({ code: 'conflict' });
    await expect(disableClient(deps, consoleClientId, actor)).rejects.toMatchObject({ code: 'conflict' });
    expect(await stores.records.clients.find(consoleClientId)).toEqual(before);
  });
});
