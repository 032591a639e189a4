/** The short form of `npm run bench -- emergency`: two hundred deactivations while processes are killed in the middle of them. */
import { describe, expect, it } from 'vitest';
import { runEmergency } from '../../bench/emergency.ts';
import { systemEngines } from './engines.ts';
import { serverEnv } from './rig.ts';

const engines = systemEngines().filter(({ name }) => name === 'postgres and redis');

describe.skipIf(engines.length > 0)('Deactivations while processes are killed', () => {
  it.skip('needs PostgreSQL and Redis: .ci/run brings both', () => {});
});

describe.each(engines)('Deactivations on three processes on $name', (engine) => {
  it('are never lost and never half done, whichever is killed in the middle of them (R-10, S-07, T8, X-06, L-03)', async () => {
    const stores = await engine.open();
    const issuer = 'http://localhost:4180';
    const environment = { ...serverEnv(issuer, stores), MTOKEN_ISSUER: issuer };
    const result = await runEmergency({ environment, rounds: 200, kills: 6, tell: () => undefined });
    await stores.close();
    expect(result.lost).toEqual([]);
    expect(result.half).toEqual([]);
    expect(result.isTrailIntact).toBe(true);
    // It must have been in the middle: somebody got no answer.
    expect(result.struck).toBeGreaterThan(0);
    expect(result.acknowledged).toBeGreaterThanOrEqual(result.rounds - result.struck);
  }, 240_000);
});
