/** A store that is down refuses; it never permits, and never describes itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { createApp } from '../../../src/http/app.ts';
import { useAddressLimit } from '../../../src/http/limits.ts';
import { createLog } from '../../../src/http/logging.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { fixedClock } from '../../clock.ts';

const store = memoryStore(fixedClock());
let isDown = false;
const app = createApp({
  log: createLog('silent'),
  metrics: createMetrics(),
  issuer: 'http://localhost:3000',
  trustedProxies: [],
});
const rates = { perAddress: 1000, perDevice: 1000, perUser: 1000, global: 1000 };
/** The real store, but for the moments in which it cannot be reached. */
const shortLived = {
  ...store,
  hit: (key: string, windowMs: number) =>
    isDown
      ? Promise.reject(new AuthError('unavailable', { detail: 'connect ECONNREFUSED redis:6379' }))
      : store.hit(key, windowMs),
};

beforeAll(async () => {
  useAddressLimit(app, { shortLived, limits: rates }, 'test');
  app.get('/thing', async () => ({ secret: 'given' }));
  await app.ready();
});
afterAll(() => app.close());

describe('the limit’s store', () => {
  it('being down is 503 with Retry-After, and service returns by itself', async () => {
    expect((await app.inject({ url: '/thing' })).statusCode).toBe(200);
    isDown = true;
    const refused = await app.inject({ url: '/thing' });
    expect(refused.statusCode).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Object.keys(refused.json()).sort()).toEqual(['instance', 'status', 'title', 'type']);
    isDown = false;
    expect((await app.inject({ url: '/thing' })).statusCode).toBe(200);
  });
});
