/** The example of docs/portal-account.md, as it stands there, against a server. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accountPortal } from '../account/rig.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import { mpin, registerPhone, type System, startSystem } from '../system/rig.ts';

const page = new URL('../../../docs/portal-account.md', import.meta.url);
// Inside of the project, so that what the example imports is found.
const directory = new URL('../../../node_modules/.cache/mtoken-docs/', import.meta.url).pathname;
const [engine] = systemEngines();
let stores: SystemStores;
let system: System;

interface Example {
  atLogin(issuer: string): Record<string, string>;
  account(config: oidc.Configuration, token: string, method: string, path: string): Promise<{ sessions: unknown[] }>;
  phoneIsLost(config: oidc.Configuration, token: string): Promise<{ lost: string[]; isLoggedOut: boolean }>;
}

beforeAll(async () => {
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
});

afterAll(async () => {
  await system.close();
  await stores.close();
});

it('The example for portals ends a lost phone as it says (R-11)', async () => {
  const [, code] = /^```js\n([\s\S]*?)^```$/m.exec(await readFile(page, 'utf8')) ?? [];
  if (code === undefined) throw new Error('there is no example');
  await mkdir(directory, { recursive: true });
  const file = join(directory, `portal-account-${process.pid}.mjs`);
  await writeFile(file, code);
  const { atLogin, account, phoneIsLost } = (await import(file)) as Example;
  await rm(file);

  const portal = await accountPortal(system);
  const phone = await registerPhone(system);
  const { tokens } = await logIn(portal, phone, { extra: atLogin(system.issuer) });
  const config = await oidc.discovery(new URL(system.issuer), portal.id, {}, oidc.ClientSecretBasic(portal.secret), {
    execute: [oidc.allowInsecureRequests],
  });
  const refreshToken = tokens.refresh_token ?? '';
  expect((await account(config, refreshToken, 'GET', '/sessions')).sessions).toHaveLength(1);
  expect(await phoneIsLost(config, refreshToken)).toEqual({ lost: ['Test phone'], isLoggedOut: true });
  await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
  await portal.close();
});
