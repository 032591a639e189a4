/** Rows of sessions under parallel requests, at the seam between the provider's models and the store. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type SessionPayload, type SessionRecords, sessionRecords } from '../../../src/oidc/sessions.ts';
import { fixedClock } from '../../clock.ts';
import { insertedUser } from '../../contracts/samples.ts';
import { type TestStores, testStores } from '../../stores.ts';

const clock = fixedClock();
const seconds = Math.floor(clock.now() / 1000);
let stores: TestStores;
let sessions: SessionRecords;
beforeEach(async () => {
  stores = await testStores(clock);
  sessions = sessionRecords({ ...stores, clock });
});

const payload = (change: Partial<SessionPayload> = {}): SessionPayload => ({
  uid: 'uid-1',
  jti: 'cookie-1',
  iat: seconds,
  exp: seconds + 600,
  accountId: 'usr_1',
  deviceId: 'dev_1',
  authorizations: { a: { sid: 'sid-a', grantId: 'grant-a' } },
  ...change,
});

describe('A session', () => {
  it('is found by its cookie and by its uid, with its portals and its device', async () => {
    await sessions.save(payload(), { id: 'cookie-1', readAs: undefined });
    expect(await sessions.find('cookie-1')).toEqual(payload());
    const { jti: _cookie, ...withoutCookie } = payload();
    expect(await sessions.findByUid('uid-1')).toEqual(withoutCookie);
    expect(await sessions.find('cookie-2')).toBeUndefined();
  });

  it('that has ended is not brought back by a request that read it before', async () => {
    await sessions.save(payload(), { id: 'cookie-1', readAs: undefined });
    await sessions.end('cookie-1');
    await sessions.save(payload({ authorizations: { b: { sid: 'sid-b' } } }), { id: 'cookie-1', readAs: 'cookie-1' });
    expect(await sessions.find('cookie-1')).toBeUndefined();
    expect(await stores.records.oidc.sessionClients('uid-1')).toEqual([]);
  });

  it('that a rule has shortened is not lengthened by a request that read it before, but by a login after (S-02, lost update)', async () => {
    const { id: accountId, companyId } = await insertedUser(stores.records);
    await sessions.save(payload({ accountId, exp: seconds + 3600 }), { id: 'cookie-1', readAs: undefined });
    const { exp: readExp } = (await sessions.find('cookie-1')) ?? {};
    await stores.records.oidc.shortenSessions(companyId, 300_000);
    const later = payload({ accountId, exp: seconds + 4000 });
    await sessions.save(later, { id: 'cookie-1', readAs: 'cookie-1', readExp });
    const shortened = await sessions.find('cookie-1');
    expect(shortened?.exp).toBe(seconds + 300);
    const renewed = payload({ accountId, exp: seconds + 500 });
    await sessions.save(renewed, { id: 'cookie-1', readAs: 'cookie-1', readExp: shortened?.exp });
    expect((await sessions.find('cookie-1'))?.exp).toBe(seconds + 500);
  });

  it('keeps its new cookie against a slower request with the old one, which still adds its portal (P2, S-03)', async () => {
    await sessions.save(payload(), { id: 'cookie-1', readAs: undefined });
    await sessions.save(payload({ jti: 'cookie-2', accountId: 'usr_2' }), { id: 'cookie-2', readAs: 'cookie-1' });
    await sessions.save(payload({ authorizations: { b: { sid: 'sid-b' } } }), { id: 'cookie-1', readAs: 'cookie-1' });
    expect(await sessions.find('cookie-1')).toBeUndefined();
    const found = await sessions.find('cookie-2');
    expect(found?.accountId).toBe('usr_2');
    expect(Object.keys(found?.authorizations ?? {})).toEqual(['a', 'b']);
  });

  it('merges portals of parallel requests that read the same document (P2)', async () => {
    await sessions.save(payload(), { id: 'cookie-1', readAs: undefined });
    const portals = Array.from({ length: 20 }, (_, index) => `portal-${index}`);
    await Promise.all(
      portals.map((id) =>
        sessions.save(payload({ authorizations: { [id]: { sid: id } } }), { id: 'cookie-1', readAs: 'cookie-1' }),
      ),
    );
    const found = await sessions.find('cookie-1');
    expect(Object.keys(found?.authorizations ?? {}).sort()).toEqual(['a', ...portals].sort());
  });

  it('ends in one step with logout messages, grants and trail, or not at all', async () => {
    await stores.records.clients.insert({
      id: 'a',
      kind: 'portal',
      name: 'A',
      companyId: undefined,
      metadata: { backchannel_logout_uri: 'https://a.example/logout' },
      secret: undefined,
      status: 'active',
      createdAt: clock.now(),
      version: 1,
    });
    await sessions.save(payload(), { id: 'cookie-1', readAs: undefined });
    const failing = sessionRecords({
      ...stores,
      clock,
      records: {
        ...stores.records,
        transaction: (work) =>
          stores.records.transaction((within) =>
            work({ ...within, audit: { ...within.audit, append: () => Promise.reject(new Error('full')) } }),
          ),
      },
    });
    await expect(failing.end('cookie-1')).rejects.toThrow('full');
    expect(await sessions.find('cookie-1')).toBeDefined();
    expect(await stores.records.outbox.count('pending')).toBe(0);
    await sessions.end('cookie-1');
    expect(await sessions.find('cookie-1')).toBeUndefined();
    const [message] = await stores.records.outbox.claim({ worker: 'w', at: clock.now(), leaseMs: 1000, limit: 5 });
    expect(JSON.parse(message?.payload ?? '')).toEqual({ clientId: 'a', sub: 'usr_1', sid: 'sid-a' });
  });
});
