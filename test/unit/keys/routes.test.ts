import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyRing, type KeyRing } from '../../../src/keys/key-ring.ts';
import { defaultKeyPolicy, ensureKeys } from '../../../src/keys/keys.ts';
import { wellKnownPlugin } from '../../../src/keys/routes.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const issuer = 'https://auth.example';
const clock = fixedClock();
let stores: TestStores;
let keys: KeyRing;
beforeEach(async () => {
  stores = await testStores(clock);
  const deps = { records: stores.records, shortLived: stores.shortLived, clock, issuer };
  await ensureKeys(deps, { ...defaultKeyPolicy, rsaBits: 2048 });
  keys = await createKeyRing(deps);
});
afterEach(async () => {
  keys.close();
  await stores.close();
});

describe('what the server tells about itself', () => {
  it('is the signed key set, which may be cached for a minute', async () => {
    const app = Fastify();
    await app.register(wellKnownPlugin({ issuer, clock, keys }));
    const response = await app.inject('/.well-known/mtoken-keys');
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'application/jose+json',
      'cache-control': 'public, max-age=60',
    });
    expect(response.json()).toEqual(await keys.keySetDocument());
    await app.close();
  });

  it('is its configuration with the time of now, which nobody may cache (X-13)', async () => {
    const app = Fastify();
    await app.register(wellKnownPlugin({ issuer, clock, keys }));
    const response = await app.inject('/.well-known/mtoken-configuration');
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.json()).toEqual({
      issuer,
      versions: [1],
      app_base: 'https://auth.example/app/v1',
      keys_uri: 'https://auth.example/.well-known/mtoken-keys',
      time: clock.now() / 1000,
      envelope: { alg: ['ECDH-ES', 'RSA-OAEP-256'], enc: ['A256CBC-HS512'] },
      profiles: ['srp6a-2048-sha256', 'rfc5054-2048-sha256'],
    });
    await app.close();
  });
});
