/** What the records of clients, server keys and OpenID Connect must do on every durable engine. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerKey } from '../../src/keys/store.ts';
import type { Client, GrantRow, RefreshTokenRow, SessionRow } from '../../src/oidc/store.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, insertedUser, noon, parallel } from './samples.ts';

const unique = (prefix: string): string => `${prefix}_${randomBytes(8).toString('hex')}`;

const sampleSession = (changes: Partial<SessionRow> = {}): SessionRow => ({
  uid: unique('uid'),
  idLookup: unique('cookie'),
  userId: unique('usr'),
  deviceId: undefined,
  payload: '{"accountId":"secret"}',
  createdAt: noon,
  expiresAt: noon + 1000,
  ...changes,
});

const sampleGrant = (changes: Partial<GrantRow> = {}): GrantRow => ({
  idLookup: unique('grant'),
  userId: unique('usr'),
  clientId: 'portal',
  deviceId: undefined,
  sessionUid: undefined,
  payload: '{"openid":"secret"}',
  expiresAt: noon + 1000,
  ...changes,
});

const sampleToken = (grantLookup: string, changes: Partial<RefreshTokenRow> = {}): RefreshTokenRow => ({
  idLookup: unique('token'),
  grantLookup,
  clientId: 'portal',
  deviceId: undefined,
  payload: '{"jti":"secret"}',
  consumedAt: undefined,
  expiresAt: noon + 1000,
  ...changes,
});

export function oidcRecordsContract(engine: DurableEngine): void {
  describe(`records of OpenID Connect: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    describe('clients', () => {
      const sampleClient = (changes: Partial<Client> = {}): Client => ({
        id: unique('portal'),
        kind: 'portal',
        name: 'Portal',
        companyId: undefined,
        metadata: { redirect_uris: ['https://portal.example/cb'], nested: { a: [1, null] } },
        secret: 'client-secret-in-clear',
        status: 'active',
        createdAt: noon,
        version: 1,
        ...changes,
      });

      it('returns what was written and keeps the secret sealed (C-13)', async () => {
        const client = sampleClient();
        await open.records.clients.insert(client);
        expect(await open.other.clients.find(client.id)).toEqual(client);
        const rows = await open.fresh.store.query('select * from clients where id = $1', [client.id]);
        expect(JSON.stringify(rows)).not.toContain('in-clear');
        await expect(open.records.clients.insert(client)).rejects.toMatchObject({ code: 'already_exists' });
      });

      it('refuses a change of a stale version, and can drop the secret', async () => {
        const client = sampleClient();
        await open.records.clients.insert(client);
        const changed = { ...client, secret: undefined, status: 'disabled' as const };
        const written = await parallel(10, open, (records) => records.clients.update(changed));
        expect(written.filter(Boolean)).toHaveLength(1);
        expect(await open.records.clients.find(client.id)).toEqual({ ...changed, version: 2 });
      });

      it('lists in pages', async () => {
        const first = await open.records.clients.list(undefined, 1);
        const second = await open.records.clients.list(first[0]?.id, 1);
        expect(second).toHaveLength(1);
        expect(second[0]?.id).not.toBe(first[0]?.id);
      });
    });

    describe('server keys', () => {
      const sampleKey = (changes: Partial<ServerKey> = {}): ServerKey => ({
        kid: unique('kid'),
        use: 'sig',
        alg: 'ES256',
        status: 'next',
        publicJwk: { kty: 'EC', x: 'public' },
        privateJwk: { kty: 'EC', d: 'private-part' },
        createdAt: noon,
        activatedAt: undefined,
        ...changes,
      });

      it('moves a key on once, and erases the private part of a retired one', async () => {
        const key = sampleKey();
        const find = async (): Promise<ServerKey | undefined> =>
          (await open.other.keys.list()).find(({ kid }) => kid === key.kid);
        await open.records.keys.insert(key);
        expect(await find()).toEqual(key);
        const rows = await open.fresh.store.query('select * from server_keys where kid = $1', [key.kid]);
        expect(JSON.stringify(rows)).not.toContain('private-part');
        const moved = await parallel(10, open, (records) => records.keys.move(key.kid, 'next', 'active', noon + 1));
        expect(moved.filter(Boolean)).toHaveLength(1);
        expect(await find()).toMatchObject({ status: 'active', activatedAt: noon + 1 });
        expect(await open.records.keys.move(key.kid, 'active', 'retiring', noon + 2)).toBe(true);
        expect(await open.records.keys.move(key.kid, 'retiring', 'retired', noon + 3)).toBe(true);
        expect(await find()).toMatchObject({ status: 'retired', privateJwk: undefined, publicJwk: key.publicJwk });
      });
    });

    describe('sessions', () => {
      it('returns what was saved, by id and by cookie, and keeps it sealed (C-13)', async () => {
        const session = sampleSession();
        await open.records.oidc.saveSession(session, []);
        expect(await open.other.oidc.findSession(session.uid)).toEqual(session);
        expect(await open.other.oidc.findSessionByLookup(session.idLookup)).toEqual(session);
        const rows = await open.fresh.store.query('select * from oidc_sessions where uid = $1', [session.uid]);
        expect(JSON.stringify(rows)).not.toContain('secret');
      });

      it('loses no portal when 20 sign on in parallel', async () => {
        const session = sampleSession();
        await parallel(20, open, (records, index) =>
          records.oidc.saveSession(session, [
            { sessionUid: session.uid, clientId: `client-${index}`, payload: `{"sid":${index}}` },
          ]),
        );
        const clients = await open.records.oidc.sessionClients(session.uid);
        expect(new Set(clients.map(({ payload }) => payload)).size).toBe(20);
      });

      it('keeps the device it was bound to over later saves of the same user, and drops it for another user', async () => {
        const session = sampleSession({ userId: undefined });
        await open.records.oidc.saveSession(session, []);
        await open.records.oidc.bindSession(session.uid, 'usr_first', 'dev_first');
        await open.records.oidc.saveSession({ ...session, userId: 'usr_first', payload: '{"n":2}' }, []);
        expect(await open.records.oidc.findSession(session.uid)).toMatchObject({
          userId: 'usr_first',
          deviceId: 'dev_first',
          payload: '{"n":2}',
        });
        await open.records.oidc.saveSession({ ...session, userId: 'usr_second' }, []);
        const after = await open.records.oidc.findSession(session.uid);
        expect(after).toMatchObject({ userId: 'usr_second', deviceId: undefined });
      });

      it('keeps the end that a rule gave it against a request that read it before (S-02, lost update)', async () => {
        const { id: userId, companyId } = await insertedUser(open.records);
        const end = (minutes: number) => noon + minutes * 60_000;
        const session = sampleSession({ userId, expiresAt: end(60) });
        await open.records.oidc.saveSession(session, []);
        await open.other.oidc.shortenSessions(companyId, 5 * 60_000);
        const written = async (read: number, expiresAt: number) => {
          const changed = { ...session, expiresAt: end(expiresAt), payload: `{"n":${expiresAt}}` };
          const found = { idLookup: session.idLookup, expiresAt: end(read) };
          expect(await open.records.oidc.updateSession(changed, [], found)).toBe(true);
          const after = await open.other.oidc.findSession(session.uid);
          expect(after?.payload).toBe(changed.payload);
          return ((after?.expiresAt ?? 0) - noon) / 60_000;
        };
        expect(await written(60, 90)).toBe(5);
        // Who has read the shorter end knows the rule, and may lengthen: it is a login anew.
        expect(await written(5, 8)).toBe(8);
        expect(await written(8, 3)).toBe(3);
        expect(await written(60, 2)).toBe(2);
      });

      it('moves to a new cookie, after which the old one finds nothing (S-03)', async () => {
        const session = sampleSession();
        await open.records.oidc.saveSession(session, []);
        await open.records.oidc.saveSession({ ...session, idLookup: unique('cookie') }, []);
        expect(await open.records.oidc.findSessionByLookup(session.idLookup)).toBeUndefined();
        expect((await open.records.oidc.findSession(session.uid))?.uid).toBe(session.uid);
      });

      it('is found by its owner and gone with its portals once deleted (S-06)', async () => {
        const session = sampleSession({ deviceId: unique('dev') });
        await open.records.oidc.saveSession(session, [{ sessionUid: session.uid, clientId: 'a', payload: '{}' }]);
        const { userId = '', deviceId = '' } = session;
        expect(await open.records.oidc.sessionsOf({ userId })).toEqual([session]);
        expect(await open.records.oidc.sessionsOf({ deviceId })).toEqual([session]);
        await open.records.oidc.deleteSession(session.uid);
        expect(await open.records.oidc.sessionsOf({ userId })).toEqual([]);
        expect(await open.records.oidc.sessionClients(session.uid)).toEqual([]);
      });
    });

    describe('grants and refresh tokens', () => {
      it('consumes a refresh token for exactly one of 50 parallel callers (T19, O-10)', async () => {
        const token = sampleToken(unique('grant'));
        await open.records.oidc.saveRefreshToken(token);
        const consumed = await parallel(50, open, (records) =>
          records.oidc.consumeRefreshToken(token.idLookup, noon + 1),
        );
        expect(consumed.filter(Boolean)).toHaveLength(1);
        expect((await open.records.oidc.findRefreshToken(token.idLookup))?.consumedAt).toBe(noon + 1);
      });

      it('keeps a token consumed when it is saved once more (T19)', async () => {
        const token = sampleToken(unique('grant'));
        await open.records.oidc.saveRefreshToken(token);
        await open.records.oidc.consumeRefreshToken(token.idLookup, noon + 1);
        await open.records.oidc.saveRefreshToken({ ...token, payload: '{"n":2}' });
        expect(await open.records.oidc.findRefreshToken(token.idLookup)).toEqual({
          ...token,
          payload: '{"n":2}',
          consumedAt: noon + 1,
        });
        expect(await open.records.oidc.consumeRefreshToken(token.idLookup, noon + 2)).toBe(false);
      });

      it('consumes no unknown token', async () => {
        expect(await open.records.oidc.consumeRefreshToken('unknown', noon)).toBe(false);
      });

      it.each(['userId', 'deviceId', 'sessionUid'] as const)(
        'ends the grants of a %s with their refresh tokens and no others (S-07)',
        async (owner) => {
          const value = unique(owner);
          const mine = sampleGrant({ [owner]: value });
          const foreign = sampleGrant();
          const tokens = [sampleToken(mine.idLookup), sampleToken(foreign.idLookup)] as const;
          for (const grant of [mine, foreign]) await open.records.oidc.saveGrant(grant);
          for (const token of tokens) await open.records.oidc.saveRefreshToken(token);
          expect(await open.other.oidc.findGrant(mine.idLookup)).toEqual(mine);
          const owners = {
            userId: { userId: value },
            deviceId: { deviceId: value },
            sessionUid: { sessionUid: value },
          };
          await open.records.oidc.deleteGrantsOf(owners[owner]);
          expect(await open.records.oidc.findGrant(mine.idLookup)).toBeUndefined();
          expect(await open.records.oidc.findRefreshToken(tokens[0].idLookup)).toBeUndefined();
          expect(await open.records.oidc.findGrant(foreign.idLookup)).toEqual(foreign);
          expect(await open.records.oidc.findRefreshToken(tokens[1].idLookup)).toEqual(tokens[1]);
        },
      );

      it('deletes one grant, and the tokens of one grant', async () => {
        const grant = sampleGrant();
        const token = sampleToken(grant.idLookup);
        await open.records.oidc.saveGrant(grant);
        await open.records.oidc.saveRefreshToken(token);
        await open.records.oidc.deleteRefreshTokens(grant.idLookup);
        expect(await open.records.oidc.findRefreshToken(token.idLookup)).toBeUndefined();
        await open.records.oidc.deleteGrant(grant.idLookup);
        expect(await open.records.oidc.findGrant(grant.idLookup)).toBeUndefined();
      });

      it('purges what has expired and nothing else (A-13)', async () => {
        const [old, live] = [noon - 10, noon + 10_000];
        const sessions = [sampleSession({ expiresAt: old }), sampleSession({ expiresAt: live })] as const;
        const grants = [sampleGrant({ expiresAt: old }), sampleGrant({ expiresAt: live })] as const;
        for (const session of sessions) await open.records.oidc.saveSession(session, []);
        for (const grant of grants) await open.records.oidc.saveGrant(grant);
        expect(await open.records.oidc.purge(noon)).toBe(2);
        expect(await open.records.oidc.findSession(sessions[0].uid)).toBeUndefined();
        expect(await open.records.oidc.findGrant(grants[0].idLookup)).toBeUndefined();
        expect(await open.records.oidc.findSession(sessions[1].uid)).toEqual(sessions[1]);
        expect(await open.records.oidc.findGrant(grants[1].idLookup)).toEqual(grants[1]);
        expect(await open.records.oidc.purge(noon)).toBe(0);
      });
    });
  });
}
