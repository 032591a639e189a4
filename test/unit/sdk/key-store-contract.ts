/** What every key store must do; each store runs it. */
import { webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KeyStore } from '../../../src/sdk/index.ts';

/** `open` gives the store as after a restart of the app: the same keys where they last. */
export function describeKeyStore(
  name: string,
  make: () => Promise<{ store: KeyStore; reopen?: () => KeyStore }>,
): void {
  const data = new TextEncoder().encode('signed');
  const verify = async (jwk: object | undefined, signature: Uint8Array<ArrayBuffer>) => {
    const key = await webcrypto.subtle.importKey('jwk', { ...jwk }, { name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'verify',
    ]);
    return webcrypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, data);
  };

  describe(`the ${name} key store`, () => {
    it('is empty at first, and says so instead of signing', async () => {
      const { store } = await make();
      expect(await store.publicKey('device')).toBeUndefined();
      expect(await store.readState()).toBeUndefined();
      await expect(store.sign('device', data)).rejects.toMatchObject({ code: 'key_store' });
      await expect(store.mac(data)).rejects.toMatchObject({ code: 'key_store' });
    });

    it('signs with the key that it showed, in 64 bytes (M-01)', async () => {
      const { store } = await make();
      const jwk = await store.createKey('device');
      expect(Object.keys(jwk).sort()).toEqual(['crv', 'kty', 'x', 'y']);
      expect(await store.publicKey('device')).toEqual(jwk);
      const signature = await store.sign('device', data);
      expect(signature.length).toBe(64);
      expect(await verify(jwk, signature)).toBe(true);
    });

    it('keeps the device key and the biometric key apart (P-24)', async () => {
      const { store } = await make();
      const device = await store.createKey('device');
      const biometric = await store.createKey('biometric');
      expect(biometric).not.toEqual(device);
      expect(await verify(biometric, await store.sign('biometric', data))).toBe(true);
      expect(await verify(device, await store.sign('biometric', data))).toBe(false);
    });

    it('removes one key and leaves the other; removing what is not there changes nothing', async () => {
      const { store, reopen } = await make();
      const device = await store.createKey('device');
      await store.createKey('biometric');
      await store.removeKey('biometric');
      await store.removeKey('biometric');
      for (const one of [store, reopen?.() ?? store]) {
        expect(await one.publicKey('biometric')).toBeUndefined();
        await expect(one.sign('biometric', data)).rejects.toMatchObject({ code: 'key_store' });
        expect(await verify(device, await one.sign('device', data))).toBe(true);
      }
      expect(await store.createKey('biometric')).not.toEqual(device);
    });

    it('remembers the biometric key over a restart, where it lasts, and signs with it each time', async () => {
      const { store, reopen } = await make();
      const jwk = await store.createKey('biometric');
      expect(await verify(jwk, await store.sign('biometric', data))).toBe(true);
      const again = reopen?.() ?? store;
      expect(await again.publicKey('biometric')).toEqual(jwk);
      for (let times = 0; times < 2; times += 1) {
        expect(await verify(jwk, await again.sign('biometric', data))).toBe(true);
      }
    });

    it('replaces a key when it is made again', async () => {
      const { store } = await make();
      const first = await store.createKey('device');
      const second = await store.createKey('device');
      expect(second).not.toEqual(first);
      expect(await verify(second, await store.sign('device', data))).toBe(true);
    });

    it('has a secret of its own: 64 bytes, stable, another one when made anew', async () => {
      const { store } = await make();
      await store.createSecret();
      const mac = await store.mac(data);
      expect(mac.length).toBe(64);
      expect(await store.mac(data)).toEqual(mac);
      await store.createSecret();
      expect(await store.mac(data)).not.toEqual(mac);
    });

    it('remembers keys, secret and text over a restart, where it lasts', async () => {
      const { store, reopen } = await make();
      const jwk = await store.createKey('device');
      await store.createSecret();
      await store.writeState('{"a":"ü"}');
      const again = reopen?.() ?? store;
      expect(await again.readState()).toBe('{"a":"ü"}');
      expect(await verify(jwk, await again.sign('device', data))).toBe(true);
      expect(await again.mac(data)).toEqual(await store.mac(data));
    });

    it('is empty after it was erased, also after a restart (M-04)', async () => {
      const { store, reopen } = await make();
      await store.createKey('device');
      await store.createKey('biometric');
      await store.createSecret();
      await store.writeState('x');
      await store.erase();
      for (const one of [store, reopen?.() ?? store]) {
        expect(await one.readState()).toBeUndefined();
        expect(await one.publicKey('device')).toBeUndefined();
        await expect(one.sign('biometric', data)).rejects.toMatchObject({ code: 'key_store' });
        await expect(one.mac(data)).rejects.toMatchObject({ code: 'key_store' });
      }
    });
  });
}
