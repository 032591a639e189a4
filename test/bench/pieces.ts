/** The CPU of single pieces of a login, each with the very function that the server uses. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { systemClock } from '../../src/clock.ts';
import { openRequest, sealReply } from '../../src/crypto/envelope.ts';
import { checkDeviceKey, createKeyCache } from '../../src/crypto/jwk.ts';
import { signCompactJws, verifyCompactJws } from '../../src/crypto/jws.ts';
import { verifyDpop } from '../../src/devices/proof.ts';
import { typ } from '../../src/protocol/names.ts';
import { modularPowerOf } from '../../src/srp/formulas.ts';
import { srpProfiles } from '../../src/srp/profile.ts';
import { createSrpServer } from '../../src/srp/server.ts';
import type { DurableStore, ShortLivedStore } from '../../src/store/ports.ts';
import type { TracedRead } from './counting.ts';
import { newPhoneIdentity, sealCall } from './fast-phone.ts';
import { answerChallenge, beginExchange } from './fast-srp.ts';
import { type CpuOptions, cpuPerCall } from './measure.ts';
import type { Pieces } from './parts-process.ts';

export interface PiecesOptions {
  readonly durable: DurableStore;
  readonly shortLived: ShortLivedStore;
  /** Reads of a login, made again here. */
  readonly reads: readonly TracedRead[];
  /** A device whose row may be written. */
  readonly deviceId: string;
  readonly roundMs: number;
}

/** About as long as the server's own values: a sealed session, an order. */
const valueLength = 1200;

/** Measures everything; names are those of the counts where there are such. */
export async function measurePieces(options: PiecesOptions): Promise<Pieces> {
  const one: CpuOptions = { roundMs: options.roundMs };
  // Stores are asked by many requests at once in a busy server, which shares the cost of a turn of the event loop.
  const many: CpuOptions = { ...one, concurrency: 16 };
  return {
    ...(await measureCryptography(one)),
    ...(await measureShortLived(options.shortLived, many)),
    ...(await measureDurable(options, many)),
  };
}

async function measureCryptography(options: CpuOptions): Promise<Pieces> {
  const profile = 'srp6a-2048-sha256';
  const power = modularPowerOf(srpProfiles[profile]);
  const srp = createSrpServer({ poolSize: 0, modularPower: power });
  const phone = newPhoneIdentity(power);
  const exchange = beginExchange(power);
  const { salt, verifier, deviceId: identity } = phone;
  const ephemeral = srp.createEphemeral({ profile, verifier });
  const { proof } = answerChallenge(power, exchange, { ...phone, identity, ...ephemeral });
  const check = { profile, identity, salt, verifier, ...exchange, ...ephemeral, proof } as const;

  const envelopeKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = { issuer: 'http://localhost:3000', envelopeKid: 'kid', envelopeKey: envelopeKeys.publicKey };
  const sessionKey = new Uint8Array(randomBytes(64));
  const session = { id: 'ses_x', accessToken: 'token', appToServerKey: sessionKey, serverToAppKey: sessionKey };
  const startBody = { deviceId: identity, method: 'mpin', clientEphemeral: exchange.clientEphemeral };
  const started = sealCall({ identity: phone, server }, 'session/start', startBody);
  const decideBody = { orderId: 'ord_x', approval: 'x'.repeat(900), proof: null };
  const decided = sealCall({ identity: phone, server, session }, 'orders/decide', decideBody);
  const open = (sealed: typeof started, key: Parameters<typeof openRequest>[0]['keyFor']) =>
    openRequest({
      token: sealed.body,
      expected: { htu: sealed.htu, jti: sealed.jti, jkt: phone.key.thumbprint },
      nowMs: Date.now(),
      keyFor: key,
    });
  const reply = { re: started.jti, htu: started.htu, iat: 0, status: 200, body: { serverEphemeral: verifier, salt } };
  const dpopDeps = {
    // The replay memory is counted with the short-lived store.
    shortLived: { create: async () => true } as unknown as ShortLivedStore,
    clock: systemClock,
    keyCache: createKeyCache(),
  };
  const body = Buffer.from(started.body);
  const signer = { alg: 'ES256', key: phone.privateKeyObject } as const;
  const descriptor = { text: 'x'.repeat(700) };
  const signed = signCompactJws({ payload: descriptor, typ: typ.approval, key: signer });
  const jwk = { ...phone.key.publicJwk };
  return {
    srp: await cpuPerCall(() => {
      srp.createEphemeral({ profile, verifier });
      if (!srp.checkProof(check).ok) throw new Error('a right proof was refused');
    }, options),
    'envelope.ecdh': await cpuPerCall(async () => {
      await open(started, () => ({ alg: 'ECDH-ES', key: envelopeKeys.privateKey }));
      sealReply({ key: sessionKey, reply });
    }, options),
    'envelope.session': await cpuPerCall(async () => {
      await open(decided, () => ({ alg: 'dir', key: sessionKey }));
      sealReply({ key: sessionKey, kid: session.id, reply });
    }, options),
    dpop: await cpuPerCall(
      () => verifyDpop(dpopDeps, { proof: started.dpop, method: 'POST', url: started.htu, body }),
      options,
    ),
    sign: await cpuPerCall(() => signCompactJws({ payload: descriptor, typ: typ.order, key: signer }), options),
    verify: await cpuPerCall(
      () => verifyCompactJws({ token: signed, typ: typ.approval, key: checkDeviceKey(jwk) }),
      options,
    ),
  };
}

async function measureShortLived(store: ShortLivedStore, options: CpuOptions): Promise<Pieces> {
  const run = randomBytes(6).toString('hex');
  const value = 'x'.repeat(valueLength);
  const key = (call: number): string => `bench:{${run}.${call}}`;
  const live = `bench:{${run}}`;
  await store.create(live, value, 600_000);
  await store.seed(`${live}:count`, 0, 600_000);
  const create = await cpuPerCall((call) => store.create(key(call), value, 60_000), options);
  // Made and taken, so that there is something to take.
  const pair = await cpuPerCall(async (call) => {
    await store.create(key(-call), value, 60_000);
    await store.take(key(-call));
  }, options);
  return {
    'kv.get': await cpuPerCall(() => store.get(live), options),
    'kv.create': create,
    'kv.take': Math.max(pair - create, 0),
    'kv.remove': await cpuPerCall((call) => store.remove(key(call)), options),
    'kv.compareAndSet': await cpuPerCall((call) => store.compareAndSet(live, call, value, 600_000), options),
    'kv.touch': await cpuPerCall(() => store.touch(live, 600_000), options),
    'kv.hit': await cpuPerCall((call) => store.hit(`limit:{${run}.${call % 100}}`, 60_000), options),
    'kv.reserve': await cpuPerCall(() => store.reserve(`${live}:count`, 1e9, 600_000), options),
    'kv.seed': await cpuPerCall(() => store.seed(`${live}:count`, 1, 600_000), options),
    'kv.release': await cpuPerCall(() => store.release(`${live}:count`), options),
    'kv.publish': await cpuPerCall(() => store.publish('bench', run), options),
  };
}

/** Reads are a login's own, made again; a write is that of the commonest size, so a transaction is a commit and its statements. */
async function measureDurable({ durable, reads, deviceId }: PiecesOptions, options: CpuOptions): Promise<Pieces> {
  const update = 'update devices set last_used_at = $2 where id = $1';
  const read = await cpuPerCall((call) => {
    const { text, values } = reads[call % reads.length] ?? { text: 'select 1', values: [] };
    return durable.query(text, values);
  }, options);
  const ofTransaction = (writes: number) =>
    cpuPerCall(
      (call) =>
        durable.transaction(async (sql) => {
          for (let write = 0; write < writes; write += 1) await sql.run(update, [deviceId, call]);
        }),
      options,
    );
  const withOne = await ofTransaction(1);
  const withFour = await ofTransaction(4);
  const within = Math.max((withFour - withOne) / 3, 0);
  return {
    'sql.read': read,
    'sql.read.within': read,
    'sql.write': await cpuPerCall((call) => durable.run(update, [deviceId, call]), options),
    'sql.write.within': within,
    'sql.transaction': Math.max(withOne - within, 0),
  };
}
