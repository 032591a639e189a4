/** One portal’s share of the signing API. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomId } from '../../../src/crypto/random.ts';
import { limitPortal, limitRead, limitStranger, portalLimits } from '../../../src/signing/limits.ts';
import { cancelPortalOrder } from '../../../src/signing/portal-orders.ts';
import { insertUser, refusalOf } from '../mpin/world.ts';
import { samples } from './samples.ts';
import { ask, createSigningWorld, otherPortal, portal, type SigningWorld } from './signed.ts';

let world: SigningWorld;
beforeEach(async () => {
  world = await createSigningWorld();
});
afterEach(async () => world.close());

const by = { address: '192.0.2.1', requestId: 'req_2' };
const refused = (seconds: number) => ({ code: 'too_many_requests', members: { retryAfterSeconds: seconds } });

/** As many as the portal may have open, but `spare`. */
async function fill(spare = 0): Promise<string> {
  const { signingId } = await ask(world, { template: 'document', expiresInSeconds: 86_400 });
  const request = await world.deps.records.signings.find(signingId);
  if (request === undefined) throw new Error('no request');
  // Of others, for whom there is a limit of its own.
  const { id: userId } = await insertUser(world.deps, world.company.id);
  await world.deps.records.transaction(async ({ signings }) => {
    for (let count = 1; count < portalLimits.open - spare; count += 1)
      await signings.insert({ ...request, id: randomId('sig'), userId });
  });
  return signingId;
}

describe('the open requests of a portal', () => {
  it('are a thousand at most: one that begins without end fills no store, and keeps nobody else from it (X-10)', async () => {
    const signingId = await fill();
    expect(await refusalOf(ask(world))).toMatchObject(refused(5));
    await ask(world, { client: otherPortal });
    await cancelPortalOrder(world.signing, portal, { signingId, ...by });
    await ask(world);
    expect((await refusalOf(ask(world))).code).toBe('too_many_requests');
    // What ends by itself counts no more, seen or not.
    world.clock.advance(300_001);
    await ask(world);
    expect((await refusalOf(ask(world))).code).toBe('too_many_requests');
  });

  it('are not counted where they were refused', async () => {
    await fill(1);
    const fields = { ...samples.payment, amount: 0 };
    expect((await refusalOf(ask(world, { fields }))).code).toBe('invalid_request');
    await ask(world);
  });

  it('keep so many bytes of lists at most, though they are cancelled at once (X-10)', async () => {
    const list = 'x'.repeat(4 * 1024 * 1024);
    const { signingId } = await ask(world);
    const request = await world.deps.records.signings.find(signingId);
    if (request === undefined) throw new Error('no request');
    for (let sum = 0; sum < portalLimits.bytes; sum += list.length) {
      const id = randomId('sig');
      await world.deps.records.signings.insert({ ...request, id }, { list });
      await cancelPortalOrder(world.signing, portal, { signingId: id, ...by });
    }
    const batch = { template: 'payment-batch' } as const;
    expect(await refusalOf(ask(world, batch))).toMatchObject(refused(60));
    await ask(world);
    await ask(world, { ...batch, client: otherPortal });
    world.clock.advance(960_001);
    await ask(world, batch);
  });
});

describe('the requests of one address', () => {
  it('are counted by portal where the token was good, and by address where it was not: neither takes from the other (X-10)', async () => {
    const limits = { perAddress: 3, perDevice: 1, perUser: 1, global: 1_000 };
    const deps = { shortLived: world.deps.shortLived, limits };
    for (let count = 0; count < 600; count += 1) await limitPortal(deps, portal.id);
    for (let count = 0; count < 3; count += 1) await limitStranger(deps, by.address);
    expect((await refusalOf(limitStranger(deps, by.address))).code).toBe('too_many_requests');
    await limitPortal(deps, portal.id);
    await limitStranger(deps, '198.51.100.1');
  });
});

describe('the questions about a request', () => {
  it('are counted by portal and request: one portal cannot use up another’s (X-10)', async () => {
    const limits = { perAddress: 1, perDevice: 1, perUser: 1, global: 1 };
    const deps = { shortLived: world.deps.shortLived, limits };
    for (let count = 0; count < portalLimits.readsPerRequest; count += 1)
      await limitRead(deps, otherPortal.id, 'sig_1');
    expect((await refusalOf(limitRead(deps, otherPortal.id, 'sig_1'))).code).toBe('too_many_requests');
    await limitRead(deps, portal.id, 'sig_1');
  });
});
