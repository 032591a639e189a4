/** Many requests at one instant, on every engine there is: what is single-use is used once, and no portal is lost. */
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { openRecords } from '../../../src/store/open.ts';
import { durableEngines, shortLivedEngines } from '../../engines.ts';
import type { TestStores } from '../../stores.ts';
import { addPortal, authorization, codeForm, logIn, obtainCode, type Portal, post } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

const parallel = 50;

/** Each engine once, together with one of the other kind. */
const durable = durableEngines();
const shortLived = shortLivedEngines();
const pairs = Array.from({ length: Math.max(durable.length, shortLived.length) }, (_, index) => ({
  durable: durable[Math.min(index, durable.length - 1)],
  shortLived: shortLived[Math.min(index, shortLived.length - 1)],
}));

async function openPair({ durable: rows, shortLived: keys }: (typeof pairs)[number]): Promise<TestStores> {
  if (rows === undefined || keys === undefined) throw new Error('there is no engine');
  const [opened, live] = await Promise.all([rows.fresh(), keys.fresh()]);
  const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
  return {
    records: openRecords(opened.store, sealing),
    // In process the engine's clock stands still; the provider's does not.
    shortLived: keys.name === 'memory' ? memoryStore(systemClock) : live.store,
    durable: opened.store,
    sealing,
    close: async () => {
      await live.close();
      await opened.close();
    },
  };
}

describe.each(pairs)('On $durable.name and $shortLived.name', (pair) => {
  let server: OidcServer;
  let portal: Portal;
  beforeAll(async () => {
    server = await startOidcServer({ stores: await openPair(pair), isSlow: true });
    portal = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
  });
  afterAll(() => server.close());

  const times = <T>(work: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: parallel }, work));
  const refresh = (of: Portal, token: string) =>
    post(server, '/oauth2/token', {
      portal: of,
      form: { grant_type: 'refresh_token', refresh_token: token, ...(of.secret === '' ? { client_id: of.id } : {}) },
    });

  it(`a code is redeemed by exactly one of ${parallel} requests, and the race ends the family (P1, O-02, T19)`, async () => {
    const { callback, request } = await obtainCode(server, portal);
    const form = codeForm(callback, request, portal);
    const answers = await times(() => post(server, '/oauth2/token', { portal, form }));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(parallel - 1);
    const won = answers.find(({ status }) => status === 200)?.body ?? {};
    expect((await refresh(portal, String(won['refresh_token']))).body['error']).toBe('invalid_grant');
    const { body } = await post(server, '/oauth2/introspect', { portal, form: { token: String(won['access_token']) } });
    expect(body).toEqual({ active: false });
  });

  it(`a refresh token is rotated by exactly one of ${parallel} requests, and the race ends the family (P1, T19)`, async () => {
    const spa = await addPortal(server, {
      metadata: { token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'] },
    });
    const { tokens } = await logIn(server, spa);
    const answers = await times(() => refresh(spa, tokens.refresh_token ?? ''));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect((await refresh(spa, String(won[0]?.body['refresh_token']))).body['error']).toBe('invalid_grant');
  });

  it(`a DPoP proof is accepted in one of ${parallel} requests (O-09)`, async () => {
    const bound = await addPortal(server, { metadata: { dpop_bound_access_tokens: true } });
    const { callback, request } = await obtainCode(server, bound);
    const without = await post(server, '/oauth2/token', { portal: bound, form: codeForm(callback, request, bound) });
    expect(without.status).toBe(400);
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jti = randomBytes(16).toString('base64url');
    const proof = await new SignJWT({ jti, htm: 'POST', htu: `${server.issuer}/oauth2/par` })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey);
    const form = Object.fromEntries((await authorization(bound)).url.searchParams);
    const answers = await times(() => post(server, '/oauth2/par', { portal: bound, form, headers: { dpop: proof } }));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toHaveLength(0);
  });

  it('four portals that sign on at once in one browser are all in the session, each with its sid (P2)', async () => {
    for (let round = 0; round < 3; round += 1) {
      const portals = await Promise.all([1, 2, 3, 4].map(() => addPortal(server)));
      const { browser } = await logIn(server, portal);
      const logins = await Promise.all(portals.map((one) => logIn(server, one, { browser })));
      const sids = new Set(logins.map(({ tokens }) => tokens.claims()?.['sid']));
      expect(sids.size).toBe(4);
      const sessions = await server.stores.records.oidc.sessionsOf({ userId: server.user.userId });
      const rows = await Promise.all(sessions.map(({ uid }) => server.stores.records.oidc.sessionClients(uid)));
      const mine = rows.flat().filter(({ payload }) => sids.has((JSON.parse(payload) as { sid: string }).sid));
      expect(mine.map(({ clientId }) => clientId).sort()).toEqual(portals.map(({ id }) => id).sort());
    }
  });

  it('one portal that signs on several times at first sight gets one sid, and every code works (P2)', async () => {
    const other = await addPortal(server);
    const { browser } = await logIn(server, portal);
    const logins = await Promise.all([1, 2, 3].map(() => logIn(server, other, { browser })));
    expect(new Set(logins.map(({ tokens }) => tokens.claims()?.['sid'])).size).toBe(1);
  });
});
