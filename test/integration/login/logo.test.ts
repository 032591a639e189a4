import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, disableClient, updateClient } from '../../../src/oidc/clients.ts';
import { Browser, type PageServer, startPage } from './page-server.ts';

const actor = { name: 'cli' };
const picture = PNG.sync.write(new PNG({ width: 8, height: 8 }));
const metadata = {
  redirect_uris: ['https://portal.example/callback'],
  mtoken_logo: `data:image/png;base64,${picture.toString('base64')}`,
};

let server: PageServer;
let browser: Browser;
beforeEach(async () => {
  server = await startPage();
  browser = new Browser(server, 'uid1');
});
afterEach(async () => server.close());

const get = (path: string) => browser.send('GET', path);

describe('the logo of a portal', () => {
  it('stands beside its name and comes from this server, as a picture and nothing else (T26, S-11)', async () => {
    await createClient(server.world.orders, { id: 'portal', kind: 'portal', name: 'Bank', metadata }, actor);
    server.begin('uid1', { logo: '/client-logo/portal?v=1' });
    const page = await (await get('/interaction/uid1')).text();
    expect(page).toContain('<img class="portal-logo" src="/client-logo/portal?v=1" alt="">');
    const response = await get('/client-logo/portal?v=1');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(picture);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('is not kept under the address of another version', async () => {
    const { world } = server;
    await createClient(world.orders, { id: 'portal', kind: 'portal', name: 'Bank', metadata }, actor);
    for (const path of ['/client-logo/portal', '/client-logo/portal?v=2', '/client-logo/portal?v=1&v=1']) {
      expect((await get(path)).headers.get('cache-control'), path).toBe('no-store');
    }
    await updateClient(world.orders, 'portal', { change: { version: 1, name: 'New name' }, actor });
    expect((await get('/client-logo/portal?v=1')).headers.get('cache-control')).toBe('no-store');
    expect((await get('/client-logo/portal?v=2')).headers.get('cache-control')).toContain('immutable');
  });

  it('is not there for a portal without one, one that is disabled, and none at all', async () => {
    const { orders } = server.world;
    const { redirect_uris } = metadata;
    await createClient(orders, { id: 'plain', kind: 'portal', name: 'Plain', metadata: { redirect_uris } }, actor);
    await createClient(orders, { id: 'off', kind: 'portal', name: 'Off', metadata }, actor);
    await disableClient(orders, 'off', actor);
    for (const id of ['plain', 'off', 'nobody']) expect((await get(`/client-logo/${id}`)).status, id).toBe(404);
    for (const id of ['x', '%2e%2e%2fetc', `${'a'.repeat(500)}`]) {
      expect((await get(`/client-logo/${id}`)).status, id).toBeLessThan(500);
    }
  });

  it('is not there where the page has none', async () => {
    server.begin('uid1');
    expect(await (await get('/interaction/uid1')).text()).not.toContain('<img');
  });
});
