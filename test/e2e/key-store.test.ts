/** The browser's key store keeps the contract of key stores, in a browser: its keys are in IndexedDB and cannot be read out. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KeyStore, PhoneError, type PhoneErrorCode } from '../../src/sdk/index.ts';
import { describeKeyStore } from '../unit/sdk/key-store-contract.ts';
import { type Authenticator, addAuthenticator } from './authenticator.ts';
import { hasChromium, launchShell } from './chromium.ts';

const root = new URL('../..', import.meta.url).pathname;

type Result = { readonly value: unknown } | { readonly bytes: number[] } | { readonly code: PhoneErrorCode };

/** Calls one function of the store in the page; bytes travel as lists of numbers. */
const callInPage = `async ({ store, name, args }) => {
  window.opened ??= {};
  const opened = (window.opened[store] ??= stores.indexedDbKeyStore(store));
  try {
    const value = await opened[name](...args.map((one) => (Array.isArray(one) ? new Uint8Array(one) : one)));
    return value instanceof Uint8Array ? { bytes: [...value] } : { value };
  } catch (error) {
    return { code: error.code ?? String(error) };
  }
}`;

describe.skipIf(!hasChromium)('keys in a browser', () => {
  let browser: Browser;
  let page: Page;
  let authenticator: Authenticator;
  let server: Server;
  let script: string;
  let made = 0;
  let loading: Promise<void>;

  const load = async (): Promise<void> => {
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://localhost:${port}/`);
    await page.evaluate(script);
  };

  const openStore = (name: string): KeyStore => {
    const call = async (method: keyof KeyStore, ...args: unknown[]): Promise<unknown> => {
      await loading;
      const plain = args.map((one) => (one instanceof Uint8Array ? [...one] : one));
      const result = await page.evaluate<Result>(
        `(${callInPage})(${JSON.stringify({ store: name, name: method, args: plain })})`,
      );
      if ('code' in result) throw new PhoneError(result.code);
      return 'bytes' in result ? new Uint8Array(result.bytes) : result.value;
    };
    return {
      createKey: (key) => call('createKey', key) as ReturnType<KeyStore['createKey']>,
      publicKey: (key) => call('publicKey', key) as ReturnType<KeyStore['publicKey']>,
      sign: (key, data) => call('sign', key, data) as ReturnType<KeyStore['sign']>,
      removeKey: (key) => call('removeKey', key) as Promise<void>,
      createSecret: () => call('createSecret') as Promise<void>,
      mac: (data) => call('mac', data) as ReturnType<KeyStore['mac']>,
      readState: () => call('readState') as ReturnType<KeyStore['readState']>,
      writeState: (text) => call('writeState', text) as Promise<void>,
      erase: () => call('erase') as Promise<void>,
    };
  };

  beforeAll(async () => {
    const built = await build({
      entryPoints: [`${root}src/sdk/indexeddb-key-store.ts`],
      bundle: true,
      format: 'iife',
      globalName: 'stores',
      write: false,
    });
    script = built.outputFiles[0]?.text.replace(/^"use strict";\s*var stores/m, 'window.stores') ?? '';
    server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>keys</title>');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, 'localhost', resolve);
    });
    browser = await launchShell();
    page = await browser.newPage();
    authenticator = await addAuthenticator(page);
    loading = load();
    await loading;
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  describeKeyStore('IndexedDB', async () => {
    made += 1;
    // The platform has room for few phones, and these tests make many.
    await authenticator.forget();
    const name = `phone-${made}`;
    // A page loaded anew is an app started again: nothing in memory is left.
    const reopen = (): KeyStore => {
      loading = load();
      return openStore(name);
    };
    return { store: openStore(name), reopen };
  });

  it('gives no private key and no secret to a script of the page itself (M-01)', async () => {
    const store = openStore('phone-read');
    await store.createKey('device');
    await store.createSecret();
    const refused = await page.evaluate(`new Promise((resolve) => {
      const opening = indexedDB.open('phone-read');
      opening.onsuccess = () => {
        const all = opening.result.transaction('phone').objectStore('phone').getAll();
        all.onsuccess = async () => {
          const keys = all.result.map((one) => one.privateKey ?? one);
          resolve(await Promise.all(keys.map((key) =>
            crypto.subtle.exportKey(key.type === 'private' ? 'pkcs8' : 'raw', key).then(() => 'read', ({ name }) => name))));
        };
      };
    })`);
    expect(refused).toEqual(['InvalidAccessError', 'InvalidAccessError']);
  });
});
