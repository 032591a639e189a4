/** The biometric key of a browser: what it keeps, when it asks, and what is of no use without the authenticator. */
import { webcrypto } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { frame } from '../../../src/crypto/bytes.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { verifyAssertion } from '../../../src/devices/webauthn.ts';
import { sha256, toBase64url, utf8 } from '../../../src/sdk/bytes.ts';
import { canUseBiometrics } from '../../../src/sdk/index.ts';
import { webBiometrics } from '../../../src/sdk/web-biometrics.ts';
import { origin, stubPlatform } from './platform.ts';

afterEach(() => void vi.unstubAllGlobals());

const data = utf8('signed');

/** A shelf as IndexedDB is one: what is taken from it is a copy. */
function openShelf(kept?: unknown) {
  const shelf = { kept };
  return {
    shelf,
    keys: webBiometrics({
      read: async () => shelf.kept,
      write: async (next) => {
        shelf.kept = structuredClone(next);
      },
    }),
  };
}

async function isSigned(jwk: object, signature: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const key = await webcrypto.subtle.importKey('jwk', { ...jwk }, { name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'verify',
  ]);
  return webcrypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, data);
}

describe('a biometric key wrapped under the PRF', () => {
  it('asks for a checked user of this very phone, and keeps nothing that signs by itself (P-24, M-01)', async () => {
    const platform = stubPlatform();
    const { shelf, keys } = openShelf();
    const jwk = await keys.create();
    expect(platform.asked[0]?.publicKey).toMatchObject({
      authenticatorSelection: {
        authenticatorAttachment: 'platform',
        residentKey: 'required',
        userVerification: 'required',
      },
    });
    const { key, handle } = shelf.kept as { key: Record<string, unknown>; handle: Uint8Array };
    expect(handle.length).toBe(32);
    expect(Object.keys(key).sort()).toEqual(['id', 'publicJwk', 'wrapped']);
    const { data: wrapped } = key['wrapped'] as { data: ArrayBuffer };
    await expect(
      webcrypto.subtle.importKey('pkcs8', wrapped, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
    ).rejects.toThrow();
    expect(await keys.publicKey()).toEqual(jwk);
    expect(jwk).not.toEqual(platform.credential.publicJwk);
  });

  it('asks for a finger for each signature but the first, which follows the one that made the key', async () => {
    const platform = stubPlatform();
    const { keys } = openShelf();
    const jwk = await keys.create();
    for (const questions of [1, 2, 3]) {
      expect(await isSigned(jwk, await keys.sign(data))).toBe(true);
      expect(platform.asked.length).toBe(questions);
    }
    expect(platform.asked.at(-1)).toMatchObject({
      act: 'get',
      publicKey: { userVerification: 'required', allowCredentials: [{ id: new Uint8Array([1, 2, 3]) }] },
    });
    expect(await keys.assert(data)).toBeUndefined();
  });

  it('that was made half a minute ago signs nothing without a finger, not even once', async () => {
    const platform = stubPlatform();
    const { keys } = openShelf();
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      await keys.create();
      vi.advanceTimersByTime(30_000);
      await keys.sign(data);
      expect(platform.asked.map(({ act }) => act)).toEqual(['create', 'get']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('asks once more where the authenticator gives its PRF only in use', async () => {
    const platform = stubPlatform();
    platform.prf = 'later';
    const { keys } = openShelf();
    const jwk = await keys.create();
    expect(platform.asked.map(({ act }) => act)).toEqual(['create', 'get']);
    expect(await isSigned(jwk, await keys.sign(data))).toBe(true);
  });

  it('is lost where the authenticator gives another output, or none any more', async () => {
    const platform = stubPlatform();
    const { shelf, keys } = openShelf();
    await keys.create();
    const again = openShelf(shelf.kept).keys;
    platform.prf = 'never';
    await expect(again.sign(data)).rejects.toMatchObject({ code: 'biometric_lost' });
    platform.prf = 'at once';
    platform.secret = Buffer.alloc(32);
    await expect(again.sign(data)).rejects.toMatchObject({ code: 'biometric_lost' });
    expect(await keys.sign(data)).toHaveLength(64);
  });

  it('copied to another browser is of no use there, and does not pass for another key (M-01)', async () => {
    stubPlatform();
    const { shelf } = await (async () => {
      const opened = openShelf();
      await opened.keys.create();
      return opened;
    })();
    const stolen = structuredClone(shelf.kept) as { key: { publicJwk: object } };
    const thief = stubPlatform();
    await expect(openShelf(stolen).keys.sign(data)).rejects.toMatchObject({ code: 'biometric_lost' });
    // With the victim’s own authenticator, but under the name of another key.
    const own = openShelf();
    await own.keys.create();
    const kept = structuredClone(own.shelf.kept) as { key: { publicJwk: object } };
    kept.key.publicJwk = stolen.key.publicJwk;
    await expect(openShelf(kept).keys.sign(data)).rejects.toMatchObject({ code: 'biometric_lost' });
    expect(thief.asked.length).toBeGreaterThan(0);
  });

  it('that is made again takes the place of the old one at the authenticator, and is told of when it is removed', async () => {
    const platform = stubPlatform();
    const { keys } = openShelf();
    await keys.create();
    await keys.remove();
    await keys.remove();
    expect(platform.unknown).toEqual([{ rpId: 'login.example.test', credentialId: 'AQID' }]);
    expect(await keys.publicKey()).toBeUndefined();
    await expect(keys.sign(data)).rejects.toMatchObject({ code: 'key_store' });
    await keys.create();
    const [first, second] = platform.asked.map(({ publicKey }) => publicKey['user']);
    expect(second).toEqual(first);
  });
});

describe('a WebAuthn credential as the biometric key', () => {
  it.each(['ec', 'rsa'] as const)(
    'gives assertions that the server takes (%s), and signs nothing else (R-17)',
    async (kind) => {
      const platform = stubPlatform(kind);
      platform.prf = 'never';
      const { shelf, keys } = openShelf();
      const jwk = await keys.create();
      expect(jwk).toEqual(platform.credential.publicJwk);
      expect(shelf.kept).toMatchObject({ key: { publicJwk: jwk } });
      const challenge = await sha256(new Uint8Array(frame(['mtoken/v1/webauthn', data])));
      const assertion = await keys.assert(challenge);
      if (assertion === undefined) throw new Error('no assertion');
      const { statement } = verifyAssertion(
        { statement: toBase64url(data), ...assertion },
        { key: checkDeviceKey(jwk), origin },
      );
      expect(statement).toEqual(data);
      expect(platform.asked.at(-1)?.publicKey).toMatchObject({ challenge, userVerification: 'required' });
      expect(platform.asked.at(-1)?.publicKey).not.toHaveProperty('extensions');
      await expect(keys.sign(data)).rejects.toMatchObject({ code: 'key_store' });
    },
  );
});

describe('a question for finger or face', () => {
  it.each([
    ['NotAllowedError', 'biometric_failed'],
    ['AbortError', 'biometric_failed'],
    ['SecurityError', 'biometric_unavailable'],
    ['NotSupportedError', 'biometric_unavailable'],
    ['InvalidStateError', 'biometric_unavailable'],
  ])('that ends in %s is %s', async (name, code) => {
    const platform = stubPlatform();
    const { keys } = openShelf();
    platform.fault = Object.assign(new Error('x'), { name });
    await expect(keys.create()).rejects.toMatchObject({ code });
    expect(await keys.publicKey()).toBeUndefined();
    platform.fault = undefined;
    await keys.create();
    await keys.sign(data);
    platform.fault = Object.assign(new Error('x'), { name });
    await expect(keys.sign(data)).rejects.toMatchObject({ code });
  });

  it('can be taken back, and is not asked where it was taken back before', async () => {
    const platform = stubPlatform();
    const { keys } = openShelf();
    await keys.create();
    await keys.sign(data);
    const controller = new AbortController();
    await keys.sign(data, { signal: controller.signal });
    expect(platform.asked.at(-1)?.signal).toBe(controller.signal);
    controller.abort();
    await expect(keys.sign(data, { signal: controller.signal })).rejects.toMatchObject({ code: 'biometric_failed' });
  });

  it('cannot be asked without WebAuthn', async () => {
    await expect(openShelf().keys.create()).rejects.toMatchObject({ code: 'biometric_unavailable' });
    expect(await canUseBiometrics()).toBe(false);
  });

  it.each([
    ['login.example.test', true],
    ['localhost', true],
    ['127.0.0.1', false],
    ['[::1]', false],
    ['', false],
  ])('is offered at %s: %s', async (hostname, isOffered) => {
    stubPlatform();
    vi.stubGlobal('location', { hostname });
    expect(await canUseBiometrics()).toBe(isOffered);
    stubPlatform('ec', false);
    vi.stubGlobal('location', { hostname });
    expect(await canUseBiometrics()).toBe(false);
  });
});
