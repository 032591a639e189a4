/** Logins under way: for one browser, once, and unreadable where they are kept. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  browserOf,
  keepPending,
  newBrowserToken,
  type PendingLogin,
  takePending,
} from '../../../src/console/pending.ts';
import { fixedClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

const clock = fixedClock();
let stores: TestStores;
let login: PendingLogin;
const token = newBrowserToken();

beforeEach(async () => {
  stores = await testStores(clock);
  login = {
    state: newBrowserToken(),
    nonce: 'nonce',
    codeVerifier: 'verifier',
    proof: 'session',
    returnTo: '/console/',
    startedAt: clock.now(),
    browser: browserOf(token) ?? '',
    userId: undefined,
  };
  await keepPending(stores, login);
});

describe('a login under way', () => {
  it('is taken by the browser that began it, once, however many try at once (O-21)', async () => {
    const taken = await Promise.all(
      Array.from({ length: 8 }, () => takePending(stores, login.state, browserOf(token))),
    );
    expect(taken.filter((one) => one !== undefined)).toEqual([login]);
    expect(await takePending(stores, login.state, browserOf(token))).toBeUndefined();
  });

  it('is neither taken nor used up by another browser that has its address (S-10, P-04)', async () => {
    for (const browser of [undefined, browserOf(newBrowserToken()), browserOf('x'), '', token]) {
      expect(await takePending(stores, login.state, browser)).toBeUndefined();
    }
    expect(await takePending(stores, login.state, browserOf(token))).toEqual(login);
  });

  it('is not found by what no state is', async () => {
    for (const state of ['', 'x', login.state.slice(1), `${login.state} `, 'A'.repeat(5_000)]) {
      expect(await takePending(stores, state, browserOf(token))).toBeUndefined();
    }
  });
});
