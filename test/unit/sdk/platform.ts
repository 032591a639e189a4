/** A browser's WebAuthn, as far as the SDK uses it: authenticators with and without PRF, and people who answer or do not. */
import { createHmac, randomBytes } from 'node:crypto';
import { vi } from 'vitest';
import { type AssertionOptions, assertionOf, type Credential, newCredential } from '../devices/authenticator.ts';

/** What was asked, as it was asked. */
export interface Asked {
  readonly act: 'create' | 'get';
  readonly publicKey: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal | undefined;
}

export interface FakePlatform {
  readonly asked: Asked[];
  /** When the PRF answers: already as the credential is made, only when it is used, or never. */
  prf: 'at once' | 'later' | 'never';
  /** Thrown in place of an answer. */
  fault: Error | undefined;
  /** What the authenticator derives PRF outputs from. */
  secret: Buffer;
  readonly unknown: unknown[];
  /** The public half of the credential that was made last. */
  credential: Credential;
  assertion: Partial<AssertionOptions>;
}

export const origin = 'https://login.example.test';

const decode = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64url'));

/** Puts it in the place of the browser's; `kind` is that of its credentials. */
export function stubPlatform(kind: 'ec' | 'rsa' = 'ec', isAvailable = true): FakePlatform {
  const fake: FakePlatform = {
    asked: [],
    prf: 'at once',
    fault: undefined,
    secret: randomBytes(32),
    unknown: [],
    credential: newCredential(kind),
    assertion: {},
  };
  const answer = async (act: Asked['act'], options: object) => {
    const { publicKey, signal } = options as Omit<Asked, 'act'>;
    fake.asked.push({ act, publicKey, signal });
    signal?.throwIfAborted();
    if (fake.fault !== undefined) throw fake.fault;
    if (act === 'create') fake.credential = newCredential(kind);
    return credentialOf(fake, act, publicKey);
  };
  vi.stubGlobal('location', { hostname: 'login.example.test' });
  vi.stubGlobal('navigator', {
    credentials: {
      create: async (options: object) => answer('create', options),
      get: async (options: object) => answer('get', options),
    },
  });
  vi.stubGlobal('PublicKeyCredential', {
    isUserVerifyingPlatformAuthenticatorAvailable: async () => isAvailable,
    signalUnknownCredential: async (told: unknown) => void fake.unknown.push(told),
  });
  return fake;
}

function credentialOf(fake: FakePlatform, act: Asked['act'], publicKey: Asked['publicKey']) {
  const { challenge, extensions } = publicKey as {
    challenge: Uint8Array;
    extensions?: { prf: { eval: { first: Uint8Array } } };
  };
  const salt = extensions?.prf.eval.first;
  const hasAnswer = salt !== undefined && (fake.prf === 'at once' || (fake.prf === 'later' && act === 'get'));
  const output = hasAnswer ? createHmac('sha256', fake.secret).update(salt).digest() : undefined;
  const results = output && { first: new Uint8Array(output).buffer };
  const made = assertionOf(fake.credential, '', {
    origin,
    challenge: Buffer.from(challenge).toString('base64url'),
    ...fake.assertion,
  });
  const spki = fake.credential.key.export({ type: 'spki', format: 'der' });
  return {
    rawId: new Uint8Array([1, 2, 3]).buffer,
    response: {
      clientDataJSON: decode(made.clientDataJSON).buffer,
      authenticatorData: decode(made.authenticatorData).buffer,
      signature: decode(made.signature).buffer,
      getPublicKey: () => new Uint8Array(spki).buffer,
    },
    getClientExtensionResults: () =>
      fake.prf === 'never' ? {} : { prf: { enabled: act === 'create', ...(results && { results }) } },
  };
}
