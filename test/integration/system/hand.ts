/** A registered phone in the hands of an attacker: right keys and session, and any body at any endpoint. */
import { Type } from 'typebox';
import { systemClock } from '../../../src/clock.ts';
import { callInSession, callWithDeviceKey } from '../../../src/sdk/calls.ts';
import { createServerTime, type OpenSession, type PhoneContext, type SessionHolder } from '../../../src/sdk/context.ts';
import { createHttp } from '../../../src/sdk/http.ts';
import { createPhone, type KeyStore, memoryKeyStore, type Phone, PhoneError } from '../../../src/sdk/index.ts';
import { readPhone } from '../../../src/sdk/state.ts';
import type { RawAnswer } from './wire.ts';

export interface Hand {
  readonly phone: Phone;
  readonly keyStore: KeyStore;
  /** Calls an endpoint of the app protocol with any body; answers its result, or the code of the problem. */
  call(name: string, body: unknown, access: 'device-key' | 'session'): Promise<HandAnswer>;
}

export interface HandAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: unknown;
  /** As it went over the wire. */
  readonly raw: RawAnswer;
}

/** A phone's context and the phone over it; register `phone` as usual. */
export function createHand(now: () => number = systemClock.now): Hand {
  const keyStore = memoryKeyStore();
  let held: OpenSession | undefined;
  // Unlike an app's it overwrites nothing: the attacker goes on with a session that the phone would forget.
  const sessionHolder: SessionHolder = {
    get: async () => held,
    set: async (session) => {
      held = session;
    },
  };
  let last: RawAnswer | undefined;
  const fetchAndKeep = async (url: string, init: Parameters<typeof fetch>[1]) => {
    const response = await fetch(url, init);
    if (init?.method !== 'POST') return response;
    const text = await response.clone().text();
    last = { status: response.status, headers: Object.fromEntries(response.headers), text };
    return response;
  };
  const phone = createPhone({
    keyStore,
    sessionHolder,
    clock: { now },
    allowLoopbackHttp: true,
    fetch: (url, init) => fetchAndKeep(url, init),
  });
  const context: PhoneContext = {
    keys: keyStore,
    http: createHttp((url, init) => fetchAndKeep(url, init), 15_000),
    time: createServerTime({ now }),
    sessions: sessionHolder,
    issuers: { issuer: undefined, allowLoopbackHttp: true },
    envelopeAlg: 'ECDH-ES',
    pause: async () => undefined,
  };
  return {
    phone,
    keyStore,
    call: async (name, body, access) => {
      const server = await readPhone(keyStore);
      if (server === undefined) throw new Error('the phone knows no server yet');
      const options = { name, body, reply: Type.Any() };
      const session = held;
      const answer = (status: number, code: string | undefined, result: unknown): HandAnswer => {
        if (last === undefined) throw new Error('nothing was answered');
        return { status, code, body: result, raw: last };
      };
      try {
        const call = access === 'session' ? callInSession : callWithDeviceKey;
        const result: unknown = await call(context, server, options);
        return answer(200, undefined, result);
      } catch (error) {
        if (!(error instanceof PhoneError)) throw error;
        held = session;
        return answer(last?.status ?? 0, error.serverCode, undefined);
      }
    },
  };
}
