import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redo } from '../../../src/restore/replay.ts';
import { captureReservation } from '../../../src/signing/capture.ts';
import { refusalOf } from '../mpin/world.ts';
import { samples } from './samples.ts';
import { approve, ask, createSigningWorld, portal, type SigningWorld } from './signed.ts';

let world: SigningWorld;
beforeAll(async () => {
  world = await createSigningWorld();
});
afterAll(() => world.close());

/** Of 400.00 EUR. */
async function approved(until: string): Promise<string> {
  const { signingId } = await ask(world, { template: 'reservation', fields: { ...samples.reservation, until } });
  await approve(world, signingId);
  return signingId;
}

const capture = (id: string, amount: number) =>
  captureReservation(world.signing, portal, { id, body: { amount }, address: '192.0.2.1', requestId: 'req_1' });
const dayOf = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10);

describe('a reservation', () => {
  it('can be captured until the end of the day that it names, and not a moment longer (T-07)', async () => {
    const { clock } = world.signing;
    const today = dayOf(clock.now());
    const id = await approved(today);
    const end = Date.parse(`${today}T00:00:00Z`) + 86_400_000;
    world.clock.advance(end - 1 - clock.now());
    expect((await capture(id, 1)).captured).toBe(1);
    world.clock.advance(1);
    const late = await refusalOf(capture(id, 1));
    expect(late).toMatchObject({ code: 'conflict', message: `it could be captured until ${today}` });
    const gone = await refusalOf(
      ask(world, { template: 'reservation', fields: { ...samples.reservation, until: today } }),
    );
    expect(gone).toMatchObject({ code: 'invalid_request' });
  });

  it('gives no money twice because a backup was restored: what the trail says was captured is (T-07)', async () => {
    const id = await approved(dayOf(world.signing.clock.now() + 86_400_000));
    await capture(id, 10_000);
    const entry = {
      event: 'signing.captured',
      actor: `client:${portal.id}`,
      data: { signingId: id, amount: 30_000 },
      seq: 1,
      at: 0,
      previousHash: '',
      hash: '',
    } as const;
    const { records } = world.signing;
    expect(await redo(records, { entry, isProved: false })).toBe('changed');
    expect(await refusalOf(capture(id, 1))).toMatchObject({ code: 'conflict' });
    expect(await redo(records, { entry, isProved: false })).toBeUndefined();
  });
});
