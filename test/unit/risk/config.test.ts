/** The settings of the bank's risk engine: address and secret together, judged as the other systems of the bank are. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
const url = 'https://risk.bank.example/mtoken';

function read(env: Record<string, string>) {
  const files: Record<string, string> = { '/run/secrets/risk': `${secret}\n` };
  const result = readConfig({ env, readFile: (path) => files[path] ?? '', realPath: (path) => path });
  return result.outcome === 'ready' ? result.config.risk : result.problems;
}
const refusedFor = (env: Record<string, string>) =>
  [read(env)].flat().map((problem) => (problem as { name?: string })?.name);

describe('the risk engine in the configuration', () => {
  it('is none unless set, and what holds without an answer is left to the template unless set', () => {
    expect(read({})).toBeUndefined();
    const set = { MTOKEN_RISK_URL: url, MTOKEN_RISK_SECRET_FILE: '/run/secrets/risk' };
    expect(read(set)).toEqual({ url, secrets: [secret], failure: undefined });
    expect(read({ ...set, MTOKEN_RISK_FAILURE: 'step-up' })).toMatchObject({ failure: 'step-up' });
  });

  it.each<[string, Record<string, string>, string]>([
    ['a secret without an address', { MTOKEN_RISK_SECRET: secret }, 'MTOKEN_RISK_URL'],
    ['an address without a secret', { MTOKEN_RISK_URL: url }, 'MTOKEN_RISK_SECRET'],
    [
      'a private address that nobody named',
      { MTOKEN_RISK_URL: 'https://10.0.0.7/', MTOKEN_RISK_SECRET: secret },
      'MTOKEN_RISK_URL',
    ],
    ['no TLS', { MTOKEN_RISK_URL: 'http://risk.bank.example/', MTOKEN_RISK_SECRET: secret }, 'MTOKEN_RISK_URL'],
    ['a failure mode of its own', { MTOKEN_RISK_FAILURE: 'warn' }, 'MTOKEN_RISK_FAILURE'],
  ])('is refused with %s (X-08, A-08)', (_what, env, name) => {
    expect(refusedFor(env)).toEqual([name]);
    expect(JSON.stringify(read(env))).not.toContain(secret);
  });
});
