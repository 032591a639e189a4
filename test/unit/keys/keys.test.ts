import {
  calculateJwkThumbprint,
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  generalVerify,
  importJWK,
} from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyRing, type KeyRing } from '../../../src/keys/key-ring.ts';
import { defaultKeyPolicy, ensureKeys, type KeyPolicy, maintainKeys, rotateKeys } from '../../../src/keys/keys.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { soon } from '../../soon.ts';
import { type TestStores, testStores } from '../../stores.ts';

const issuer = 'https://auth.example';
const policy: KeyPolicy = { ...defaultKeyPolicy, rsaBits: 2048 };
const hour = 3_600_000;
const day = 24 * hour;

let clock: TestClock;
let stores: TestStores;
let ring: KeyRing | undefined;
beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
});
afterEach(async () => {
  ring?.close();
  ring = undefined;
  await stores.close();
});

const deps = () => ({ records: stores.records, shortLived: stores.shortLived, clock, issuer });
const openRing = async (): Promise<KeyRing> => {
  ring = await createKeyRing(deps());
  return ring;
};
const rotate = (options: Partial<Parameters<typeof rotateKeys>[1]> = {}) =>
  rotateKeys(deps(), { actor: 'cli', policy, ...options });
const statuses = async (alg: string) =>
  (await stores.records.keys.list())
    .filter((key) => key.alg === alg)
    .map(({ status }) => status)
    .sort();

describe('the server keys', () => {
  it('are made once, one set, by any number of processes that start at once (C-12)', async () => {
    const made = await Promise.all(
      Array.from({ length: 6 }, () => ensureKeys(deps(), { ...policy, rsaSigning: true })),
    );
    expect(made.flat()).toHaveLength(4);
    const keys = await stores.records.keys.list();
    expect(keys.map(({ alg, use, status }) => `${alg} ${use} ${status}`).sort()).toEqual([
      'ECDH-ES enc active',
      'ES256 sig active',
      'RS256 sig active',
      'RSA-OAEP-256 enc active',
    ]);
    for (const { kid, publicJwk } of keys) expect(await calculateJwkThumbprint(publicJwk)).toBe(kid);
    expect(await ensureKeys(deps(), { ...policy, rsaSigning: true })).toEqual([]);
    expect((await stores.records.audit.read(0, 10)).map(({ event }) => event)).toEqual(Array(4).fill('keys.created'));
  });

  it('have RSA moduli of the configured length, 3072 bits unless told (C-10)', async () => {
    expect(defaultKeyPolicy.rsaBits).toBe(3072);
    await ensureKeys(deps(), policy);
    const key = (await stores.records.keys.list()).find(({ alg }) => alg === 'RSA-OAEP-256');
    expect(Buffer.from(key?.publicJwk.n ?? '', 'base64url')).toHaveLength(256);
  });

  it('have private parts that no row shows (C-13)', async () => {
    await ensureKeys(deps(), policy);
    const rows = JSON.stringify(await stores.durable.query('select * from server_keys'));
    for (const { privateJwk } of await stores.records.keys.list()) {
      // An RSA private exponent is below lcm(p-1, q-1) and so now and then some bytes shorter than the modulus.
      expect(privateJwk?.d?.length).toBeGreaterThan(40);
      expect(rows).not.toContain(privateJwk?.d);
    }
  });

  it('are published before use, used, kept for an overlap and then erased (C-12)', async () => {
    await ensureKeys(deps(), policy);
    expect((await rotate()).map(({ from, to }) => `${from}>${to}`)).toEqual(Array(3).fill('none>next'));
    clock.advance(policy.publishMs - 1);
    expect(await rotate()).toEqual([]);
    clock.advance(1);
    await rotate();
    expect(await statuses('ES256')).toEqual(['active', 'retiring']);
    clock.advance(policy.envelopeOverlapMs - 1);
    await maintainKeys(deps(), policy);
    expect(await statuses('ECDH-ES')).toEqual(['active', 'retiring']);
    clock.advance(1);
    await maintainKeys(deps(), policy);
    expect(await statuses('ECDH-ES')).toEqual(['active', 'retired']);
    expect(await statuses('ES256')).toEqual(['active', 'retiring']);
    clock.advance(policy.signingOverlapMs - policy.envelopeOverlapMs);
    await maintainKeys(deps(), policy);
    const old = (await stores.records.keys.list()).filter(({ alg, status }) => alg === 'ES256' && status === 'retired');
    expect(old).toMatchObject([{ privateJwk: undefined }]);
    const rows = await stores.durable.query('select private_sealed from server_keys where status = $1', ['retired']);
    expect(rows.every((row) => row['private_sealed'] === null)).toBe(true);
  });

  it('rotate by themselves when they are old, so that the next one is used at the age of the policy', async () => {
    await ensureKeys(deps(), policy);
    clock.advance(policy.activeMs - policy.publishMs - 1);
    expect(await maintainKeys(deps(), policy)).toEqual([]);
    clock.advance(1);
    expect(await maintainKeys(deps(), policy)).toHaveLength(3);
    clock.advance(policy.publishMs);
    expect((await maintainKeys(deps(), policy)).map(({ to }) => to)).toContain('active');
    expect(await statuses('ES256')).toEqual(['active', 'retiring']);
  });

  it('are replaced and erased at once where a key is known to others', async () => {
    await ensureKeys(deps(), policy);
    const before = (await stores.records.keys.list()).map(({ kid }) => kid);
    await rotate({ immediately: true, withoutOverlap: true });
    const keys = await stores.records.keys.list();
    expect(keys.filter(({ kid }) => before.includes(kid)).every(({ privateJwk }) => privateJwk === undefined)).toBe(
      true,
    );
    expect(keys.filter(({ status }) => status === 'active')).toHaveLength(3);
  });

  it('take one step when several processes rotate at once', async () => {
    await ensureKeys(deps(), policy);
    await Promise.all(Array.from({ length: 5 }, () => rotate()));
    expect(await statuses('ES256')).toEqual(['active', 'next']);
    clock.advance(policy.publishMs);
    await Promise.all(Array.from({ length: 5 }, () => rotate()));
    for (const alg of ['ES256', 'ECDH-ES', 'RSA-OAEP-256']) {
      expect(
        (await statuses(alg)).filter((status) => status === 'active'),
        alg,
      ).toHaveLength(1);
    }
  });

  it('are not made, nor rotated, where the trail cannot be written (A-11)', async () => {
    await ensureKeys(deps(), policy);
    const before = await stores.records.keys.list();
    await stores.durable.run('delete from audit_head');
    await expect(rotate({ immediately: true })).rejects.toMatchObject({ code: 'internal' });
    expect(await stores.records.keys.list()).toEqual(before);
  });
});

describe('the key ring', () => {
  it('refuses to open without keys', async () => {
    await expect(createKeyRing(deps())).rejects.toMatchObject({ code: 'internal' });
  });

  it('signs compactly under the active key, with type and kid in the header', async () => {
    await ensureKeys(deps(), policy);
    const { signCompact, publicJwks, trustThumbprint } = await openRing();
    const token = await signCompact('mtoken-order+jws', { a: 1 });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'mtoken-order+jws', kid: trustThumbprint() });
    const { payload } = await compactVerify(token, createLocalJWKSet({ keys: [...publicJwks().keys] }));
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({ a: 1 });
  });

  it('shows no private member in what it publishes, and says what each key is for (C-11)', async () => {
    await ensureKeys(deps(), { ...policy, rsaSigning: true });
    const { publicJwks } = await openRing();
    for (const jwk of publicJwks().keys) {
      expect(Object.keys(jwk).filter((member) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(member))).toEqual([]);
      expect(jwk.use).toBe(['ES256', 'RS256'].includes(jwk.alg ?? '') ? 'sig' : 'enc');
    }
  });

  it('opens envelopes with envelope keys only, never with a signing key, and signs with signing keys only (C-11)', async () => {
    await ensureKeys(deps(), { ...policy, rsaSigning: true });
    const { envelopeKey, signingJwks, publicJwks } = await openRing();
    for (const { kid = '', use } of publicJwks().keys) {
      expect((await envelopeKey(kid)) !== undefined).toBe(use === 'enc');
    }
    expect(signingJwks().keys.map(({ use }) => use)).toEqual(['sig', 'sig']);
  });

  it('hears of a rotation at once, and refuses a retired envelope key (C-12)', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    const old = opened.publicJwks().keys.find(({ alg }) => alg === 'ECDH-ES')?.kid ?? '';
    let changes = 0;
    opened.onChange(() => {
      changes += 1;
    });
    await rotate({ immediately: true });
    await soon(() => expect(changes).toBeGreaterThan(0));
    expect(await opened.envelopeKey(old)).toMatchObject({ kid: old });
    await rotate({ withoutOverlap: true });
    await soon(async () => expect(await opened.envelopeKey(old)).toBeUndefined());
    expect(opened.publicJwks().keys.map(({ kid }) => kid)).not.toContain(old);
  });

  it('looks into the store for a key that it has not heard of', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    opened.close();
    await rotate();
    const next = (await stores.records.keys.list()).find(({ alg, status }) => alg === 'ECDH-ES' && status === 'next');
    expect(await opened.envelopeKey(next?.kid ?? '')).toBeUndefined();
    clock.advance(1_000);
    expect(await opened.envelopeKey(next?.kid ?? '')).toMatchObject({ alg: 'ECDH-ES' });
  });

  it('does not bring back a key that was erased, when an older read of the store comes in late (C-12)', async () => {
    await ensureKeys(deps(), policy);
    let late: Promise<void> | undefined;
    const list = async () => {
      const keys = await stores.records.keys.list();
      await late;
      return keys;
    };
    const records = { ...stores.records, keys: { ...stores.records.keys, list } };
    ring = await createKeyRing({
      ...deps(),
      records,
      shortLived: { ...stores.shortLived, subscribe: async () => () => undefined },
    });
    const [stolen] = (await stores.records.keys.list()).filter(({ alg }) => alg === 'ECDH-ES');
    let release: (() => void) | undefined;
    late = new Promise((resolve) => {
      release = resolve;
    });
    const slow = ring.reload();
    await new Promise((resolve) => setImmediate(resolve));
    late = undefined;
    await rotate({ immediately: true });
    await rotate({ immediately: true, withoutOverlap: true });
    await ring.reload();
    expect(await ring.envelopeKey(stolen?.kid ?? '')).toBeUndefined();
    release?.();
    await slow;
    expect(await ring.envelopeKey(stolen?.kid ?? '')).toBeUndefined();
  });

  it('asks the store once for a thousand made-up key ids', async () => {
    await ensureKeys(deps(), policy);
    let reads = 0;
    const keys = {
      ...stores.records.keys,
      list: () => {
        reads += 1;
        return stores.records.keys.list();
      },
    };
    ring = await createKeyRing({ ...deps(), records: { ...stores.records, keys } });
    const { envelopeKey } = ring;
    clock.advance(1_000);
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => envelopeKey(`unknown${index}`)));
    expect(reads).toBe(2);
  });

  it('signs without a failure during a rotation, and caches a day old verify what the new key signs (C-12)', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    await rotate();
    await opened.reload();
    const cached = createLocalJWKSet({ keys: [...opened.publicJwks().keys] });
    clock.advance(policy.publishMs);
    const tokens: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        tokens.push(await opened.signCompact('t', {}));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const before = opened.trustThumbprint();
    await rotate();
    await soon(() => expect(opened.trustThumbprint()).not.toBe(before));
    tokens.push(await opened.signCompact('t', {}));
    isOver = true;
    await load;
    const kids = new Set<string | undefined>();
    for (const token of tokens) kids.add((await compactVerify(token, cached)).protectedHeader.kid);
    expect([...kids]).toEqual([before, opened.trustThumbprint()]);
  });

  it('goes on with the keys that it has while the store is down (X-03)', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    await stores.durable.run('alter table server_keys rename to gone');
    await expect(opened.reload()).rejects.toThrow();
    expect(await opened.signCompact('t', {})).toContain('.');
    await stores.durable.run('alter table gone rename to server_keys');
    await opened.reload();
  });
});

describe('the signed key set', () => {
  const verifiedBy = async (document: Awaited<ReturnType<KeyRing['keySetDocument']>>, trusted: object) => {
    const key = await importJWK(trusted, 'ES256');
    const { payload } = await generalVerify(document, key);
    return JSON.parse(new TextDecoder().decode(payload)) as { iss: string; iat: number; keys: { kid: string }[] };
  };

  it('is signed by every signing key that is held, so that an app follows rotations from any of them (C-12)', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    const first = opened.publicJwks().keys.find(({ alg }) => alg === 'ES256');
    await rotate();
    clock.advance(day);
    await rotate();
    await opened.reload();
    await rotate();
    await opened.reload();
    const document = await opened.keySetDocument();
    expect(document.signatures).toHaveLength(3);
    for (const signature of document.signatures) {
      expect(decodeProtectedHeader(signature)).toMatchObject({ typ: 'mtoken-keys+jws', alg: 'ES256' });
    }
    const { iss, iat, keys } = await verifiedBy(document, first ?? {});
    expect({ iss, iat }).toEqual({ iss: issuer, iat: clock.now() / 1000 });
    expect(keys).toEqual(opened.publicJwks().keys);
  });

  it('verifies under no key that the server does not hold', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    const old = opened.publicJwks().keys.find(({ alg }) => alg === 'ES256');
    await rotate({ immediately: true, withoutOverlap: true });
    await opened.reload();
    await expect(verifiedBy(await opened.keySetDocument(), old ?? {})).rejects.toThrow();
  });

  it('is signed once for many readers', async () => {
    await ensureKeys(deps(), policy);
    const opened = await openRing();
    const first = await opened.keySetDocument();
    expect(await opened.keySetDocument()).toBe(first);
    clock.advance(30_000);
    expect(await opened.keySetDocument()).not.toBe(first);
  });
});
