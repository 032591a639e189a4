/** After a run of everything: no secret stands in clear in any table, any key of Redis or any line of the log. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBrowser } from '../../../src/demo/browser.ts';
import { createLog } from '../../../src/http/logging.ts';
import {
  createPhone,
  type KeyStore,
  memoryKeyStore,
  type OpenSession,
  type SessionHolder,
} from '../../../src/sdk/index.ts';
import { frameOf, openRequest } from '../../../src/signing/requests.ts';
import type { DurableStore } from '../../../src/store/ports.ts';
import { everySystemEngine, type SystemStores } from './engines.ts';
import { logIn, openLoginPage, scan } from './login.ts';
import { activate, addAdminClient, adminToken, eventually, type System, startSystem } from './rig.ts';

const mpin = '83920714';
const newMpin = '60417835';
const wrongMpin = '71359264';

describe.each(everySystemEngine().filter(({ name }) => name !== 'postgres and redis cluster'))(
  'what $name and the log hold',
  (engine) => {
    let stores: SystemStores;
    let system: System;
    const lines: string[] = [];
    const { fetch: realFetch } = globalThis;
    /** Each secret by what it is. */
    const secrets = new Map<string, string>();

    const keep = (name: string, value: string | Uint8Array | undefined): void => {
      if (value === undefined || value.length < 5) throw new Error(`${name} is missing`);
      if (typeof value === 'string') secrets.set(name, value);
      else {
        secrets.set(`${name} (hex)`, Buffer.from(value).toString('hex'));
        secrets.set(`${name} (base64url)`, Buffer.from(value).toString('base64url'));
        secrets.set(`${name} (base64)`, Buffer.from(value).toString('base64').replaceAll('=', ''));
      }
    };

    beforeAll(async () => {
      stores = await engine.open();
      system = await startSystem(stores, {
        log: createLog('debug', { write: (line: string) => void lines.push(line) }),
      });
      await runEverything(system, keep);
      keep('e-mail', system.user.email);
      keep('e-mail of the administrator', system.administrator.email);
      keep('client secret', system.portal.secret);
    });

    afterAll(async () => {
      globalThis.fetch = realFetch;
      await system.close();
      await stores.close();
    });

    async function everything(): Promise<{ readonly durable: string; readonly redis: string; readonly log: string }> {
      return {
        durable: await dumpTables(system.server.stores.durable),
        redis: stores.redis === undefined ? '' : await dumpRedis(stores.redis.url),
        log: lines.join(''),
      };
    }

    it('is nothing secret in clear: mPIN, device secret, salt, verifier, keys, tokens, codes, cookies, addresses (C-13, C-20, A-03, P-19, P-22, S-04, R-02, T33)', async () => {
      const dumps = await everything();
      expect(secrets.size).toBeGreaterThanOrEqual(30);
      const found = [...secrets].flatMap(([name, value]) =>
        Object.entries(dumps)
          .filter(([, dump]) => dump.toLowerCase().includes(value.toLowerCase()))
          .map(([place]) => `${name} in ${place}`),
      );
      expect(found).toEqual([]);
    });

    it('would have been found: what is planted is, and what is public is there (the scan works)', async () => {
      const { durable, redis, log } = await everything();
      expect(durable).toContain(system.user.id);
      expect(durable).toContain('Ada Example');
      expect(durable.length).toBeGreaterThan(10_000);
      expect(log).toContain('/app/v1/session/start');
      const planted = Buffer.from('planted secret').toString('base64url');
      await system.server.stores.shortLived.create('planted:{x}', planted, 60_000);
      await system.server.stores.durable.run('update users set name = $1 where id = $2', [
        planted,
        system.administrator.id,
      ]);
      const after = await everything();
      expect(after.durable).toContain(planted);
      if (stores.redis === undefined) return;
      expect(redis).toContain('mtoken:');
      expect(after.redis).toContain(planted);
    });

    it('is a log in which every line is one JSON object (A-04)', () => {
      expect(lines.length).toBeGreaterThan(30);
      for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
    });
  },
);

type Keep = (name: string, value: string | Uint8Array | undefined) => void;

/** A key store that tells what an attacker would like to have. */
function tellingKeyStore(keep: Keep): KeyStore {
  const inner = memoryKeyStore();
  return {
    ...inner,
    mac: async (data) => {
      const mac = await inner.mac(data);
      keep(`password of ${Buffer.from(data).toString('latin1')}`, mac);
      return mac;
    },
  };
}

function tellingSessions(keep: Keep): SessionHolder {
  let held: OpenSession | undefined;
  let count = 0;
  return {
    get: async () => held,
    set: async (session) => {
      if (session !== undefined && session.id !== held?.id) {
        count += 1;
        keep(`app access token ${count}`, session.accessToken);
        keep(`app-to-server key ${count}`, session.appToServer);
        keep(`server-to-app key ${count}`, session.serverToApp);
        keep(`vault key ${count}`, session.vaultKey);
      }
      held = session;
    },
  };
}

/** Every act that has a secret in it; the secrets are kept. */
async function runEverything(system: System, keep: Keep): Promise<void> {
  const { activationText, code, confirmationCode } = await activate(system, system.user);
  keep('activation code', code);
  keep('activation code without dashes', code.replaceAll('-', ''));
  keep('confirmation code', confirmationCode);
  keep('mPIN', mpin);
  keep('new mPIN', newMpin);
  keep('wrong mPIN', wrongMpin);
  const phone = createPhone({
    keyStore: tellingKeyStore(keep),
    sessionHolder: tellingSessions(keep),
    allowLoopbackHttp: true,
  });
  const device = { name: 'Telling phone', platform: 'Test', appVersion: '1.0' };
  await phone.beginRegistration(activationText, { device, biometric: 'fpt' });
  await phone.finishRegistration({ confirmationCode, mpin });
  await keepStoredSecrets(system, keep);
  await phone.unlockWithMpin(wrongMpin).catch(() => undefined);
  await phone.unlockWithMpin(mpin);
  await phone.changeMpin({ oldMpin: mpin, newMpin });
  await keepStoredSecrets(system, keep);
  const browser = watchedBrowser(keep);
  const { tokens, callbackUrl, login } = await logIn(system.portal, phone, { unlock: false, browser });
  keep('authorization code', new URL(callbackUrl).searchParams.get('code') ?? undefined);
  keep('PKCE verifier', login.begun.codeVerifier);
  keep('portal access token', tokens.access_token);
  keep('refresh token', tokens.refresh_token);
  keep('ID token', tokens.id_token);
  const refreshed = await system.portal.refresh(tokens.refresh_token ?? '');
  keep('refreshed access token', refreshed.access_token);
  await system.portal.userinfo(refreshed.access_token);
  await phone.unlockWithBiometrics();
  const declined = await openLoginPage(system.portal);
  const frame = await declined.frame();
  keep('frame token', /\/q\/([^.]+)\./.exec(frame)?.[1]);
  await phone.decline(await scan(declined, phone));
  await signSomething(system, phone);
  keep('admin token', await adminToken(system, await addAdminClient(system.server)));
  // One order and one page that are still open: what is short-lived must be sealed too.
  const open = await openLoginPage(system.portal, { browser, extra: { prompt: 'login' } });
  await scan(open, phone);
  await eventually('the outbox being empty', async () =>
    (await system.server.stores.records.outbox.count('pending')) === 0 ? true : undefined,
  );
}

async function signSomething(system: System, phone: ReturnType<typeof createPhone>): Promise<void> {
  const { signing } = system.server.capabilities;
  const { id, userId, ...request } = await openRequest(signing, {
    client: { id: system.portal.id, name: 'Business portal', domain: 'portal.example' },
    origin: 'https://portal.example',
    userId: system.user.id,
    template: 'text',
    version: 1,
    fields: { words: 'Pay EUR 12.50 to Acme' },
    locale: 'en',
    reference: 'r',
    door: 'api',
  });
  const order = await phone.claim((await frameOf(signing, { id, userId, ...request }, userId)).qr);
  await phone.approve(order, { method: 'mpin', mpin: newMpin });
}

/** Salt, verifier and vault key as the server opens them. */
async function keepStoredSecrets(system: System, keep: Keep): Promise<void> {
  const { devices } = system.server.stores.records;
  const [device] = await devices.listByUser(system.user.id);
  const stored = await devices.secrets(device?.id ?? '');
  keep(`salt ${stored?.generation}`, stored?.salt);
  keep(`verifier ${stored?.generation}`, stored?.verifier);
}

/** A browser whose cookies are secrets. */
function watchedBrowser(keep: Keep): ReturnType<typeof createBrowser> {
  const original = globalThis.fetch;
  let count = 0;
  globalThis.fetch = async (...parameters: Parameters<typeof fetch>) => {
    const response = await original(...parameters);
    for (const line of response.headers.getSetCookie()) {
      const value = line.split(';', 1)[0]?.split('=').slice(1).join('=') ?? '';
      const name = line.split('=', 1)[0] ?? '';
      count += 1;
      // The id of an interaction stands in the page's address; that the browser may act on it is in the signature beside it.
      if (value.length >= 20 && !/^op_(interaction|resume)$/.test(name)) keep(`cookie ${name} ${count}`, value);
    }
    return response;
  };
  return createBrowser();
}

/** Every value of every table, as text. */
async function dumpTables(durable: DurableStore): Promise<string> {
  const tables = await durable.query<{ name: string }>(
    durable.dialect === 'sqlite'
      ? "select name from sqlite_master where type = 'table'"
      : "select table_name as name from information_schema.tables where table_schema = 'public'",
  );
  expect(tables.length).toBeGreaterThanOrEqual(10);
  let dump = '';
  for (const { name } of tables) {
    for (const row of await durable.query(`select * from "${name}"`)) {
      dump += `${name}: ${Object.values(row).map(textOf).join(' | ')}\n`;
    }
  }
  return dump;
}

function textOf(value: unknown): string {
  if (!(value instanceof Uint8Array)) return String(value);
  const bytes = Buffer.from(value);
  return [bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64url')].join(' ');
}

/** Every key with its value, whatever its type. */
async function dumpRedis(url: string): Promise<string> {
  const client = new Redis(url);
  try {
    const parts: string[] = [];
    for (const key of await client.keys('*')) {
      const type = await client.type(key);
      if (type === 'hash') parts.push(key, JSON.stringify(await client.hgetall(key)));
      else if (type === 'string') parts.push(key, (await client.get(key)) ?? '');
      else throw new Error(`a key of type ${type}`);
    }
    return parts.join('\n');
  } finally {
    client.disconnect();
  }
}
