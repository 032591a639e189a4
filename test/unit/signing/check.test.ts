/** Long lists are judged piece by piece. */
import { describe, expect, it } from 'vitest';
import { checkFields, checkInSlices } from '../../../src/signing/check.ts';
import { refusalOf } from '../mpin/world.ts';
import { samples } from './samples.ts';

const one = { creditorName: 'Zoë Peeters', creditorIban: 'BE71096123456769', reference: 'November' };
const payments = Array.from({ length: 10_000 }, (_, index) => ({ ...one, amount: index + 1 }));
const fields = { ...samples['payment-batch'], payments, count: 10_000, total: 50_005_000 };
const asked = { template: 'payment-batch', version: 1, fields };

describe('a batch of ten thousand payments', () => {
  it('holds nobody up while it is judged: others get their turn again and again (X-10)', async () => {
    let turns = 0;
    let isOver = false;
    const other = (): void => {
      turns += 1;
      if (!isOver) setImmediate(other);
    };
    setImmediate(other);
    const checked = await checkInSlices(asked);
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(39);
    expect(checked).toEqual(checkFields(asked));
  });

  it('is refused for its last payment as for its first (T-08)', async () => {
    for (const wrong of [0, 9_999]) {
      const changed = payments.map((payment, index) =>
        index === wrong ? { ...payment, creditorIban: 'BE71096123456760' } : payment,
      );
      const refusal = await refusalOf(checkInSlices({ ...asked, fields: { ...fields, payments: changed } }));
      expect(refusal).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining(`fields/payments/${wrong}/creditorIban must be an IBAN`),
      });
    }
  });
});
