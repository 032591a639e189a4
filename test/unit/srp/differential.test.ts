/** The server against two other implementations: the npm package that the SDK uses, and a reference of our own in `BigInt`. */
import { createHash, randomBytes } from 'node:crypto';
import { deriveSession, generateEphemeral, verifySession } from 'secure-remote-password/client.js';
import { describe, expect, it } from 'vitest';
import type { SrpProfileName } from '../../../src/srp/profile.ts';
import { createSrpServer } from '../../../src/srp/server.ts';
import { big, clientLogin, pad, power, referenceGroup, referencePrivateKey } from './reference.ts';

const server = createSrpServer({ poolSize: 0 });
const random = () => randomBytes(32).toString('hex');
const raise = (exponent: string) =>
  Buffer.from(server.modularPower(Uint8Array.of(2), Buffer.from(exponent, 'hex'))).toString('hex');
const sha256 = (...parts: string[]) =>
  createHash('sha256')
    .update(Buffer.from(parts.join(''), 'hex'))
    .digest('hex');

interface Account {
  readonly profile: SrpProfileName;
  readonly identity: string;
  readonly salt: string;
  /** x */
  readonly privateKey: string;
  readonly verifier: string;
}

function register(profile: SrpProfileName): Account {
  const identity = `dev_${randomBytes(16).toString('base64url')}`;
  const salt = random();
  const password = randomBytes(64).toString('base64url');
  const privateKey = referencePrivateKey(referenceGroup(profile), salt, identity, password);
  return { profile, identity, salt, privateKey, verifier: raise(privateKey) };
}

/** A login with the reference as client; `a` and the server's half may be given. */
function referenceLogin(account: Account, a = random(), ephemeral = server.createEphemeral(account)) {
  const { identity, salt, privateKey: x, profile } = account;
  const client = clientLogin(referenceGroup(profile), { identity, salt, x, a, B: ephemeral.serverEphemeral });
  const result = server.checkProof({ ...account, ...ephemeral, clientEphemeral: client.A, proof: client.M1 });
  return { client, result };
}

/** A login with the package as client; all its steps, its check of M2 included. */
function packageLogin(
  account: Account,
  ephemeral: { secret: string; public: string },
  own = server.createEphemeral(account),
) {
  const { identity, salt, privateKey } = account;
  const session = deriveSession(ephemeral.secret, own.serverEphemeral, salt, identity, privateKey);
  const result = server.checkProof({ ...account, ...own, clientEphemeral: ephemeral.public, proof: session.proof });
  if (result.ok) verifySession(ephemeral.public, session, result.serverProof);
  return { session, result };
}

describe('1,000 random logins', () => {
  it.each<SrpProfileName>(['srp6a-2048-sha256', 'rfc5054-2048-sha256'])(
    'agree with the reference: 500 in %s (P-17)',
    (profile) => {
      for (let accounts = 0; accounts < 50; accounts += 1) {
        const account = register(profile);
        for (let logins = 0; logins < 10; logins += 1) {
          const { client, result } = referenceLogin(account);
          expect(result).toEqual({
            ok: true,
            serverProof: client.M2,
            sessionKey: new Uint8Array(Buffer.from(client.K, 'hex')),
          });
        }
      }
    },
    120_000,
  );

  it('agree with the npm package as client: 100 of them (P-17)', () => {
    for (let logins = 0; logins < 100; logins += 1) {
      const { session, result } = packageLogin(register('srp6a-2048-sha256'), generateEphemeral());
      expect(result.ok && Buffer.from(result.sessionKey).toString('hex')).toBe(session.key);
    }
  }, 120_000);
});

/** Tries until `found` answers; one in 256 tries has a leading zero byte. */
function search<T>(found: () => T | undefined): T {
  for (let tries = 0; tries < 20_000; tries += 1) {
    const value = found();
    if (value !== undefined) return value;
  }
  throw new Error('no such value in 20,000 tries');
}

/** Random logins until the named quantity begins with a zero byte; each is computed on the server's side alone, natively. */
function withLeadingZero(quantity: string, profile: SrpProfileName) {
  const account = quantity === 'x' || quantity === 'v' ? accountWithLeadingZero(quantity, profile) : register(profile);
  return search(() => {
    const secret = random();
    const A = raise(secret);
    const own = server.createEphemeral(account);
    const B = own.serverEphemeral;
    const u = sha256(A, B);
    if (quantity === 'x' || quantity === 'v' || { A, B, u }[quantity]?.startsWith('00'))
      return { account, secret, A, own };
    if (quantity !== 'S' && quantity !== 'M1') return undefined;
    // Native exponentiations, so that searching for S takes a second and not a minute.
    const vu = server.modularPower(Buffer.from(account.verifier, 'hex'), Buffer.from(u, 'hex'));
    const { prime } = referenceGroup(profile);
    const base = pad((big(A) * big(Buffer.from(vu).toString('hex'))) % prime);
    const S = Buffer.from(server.modularPower(Buffer.from(base, 'hex'), Buffer.from(own.serverSecret, 'hex'))).toString(
      'hex',
    );
    if (quantity === 'S') return S.startsWith('00') ? { account, secret, A, own } : undefined;
    const { identity, salt } = account;
    const mixed = pad(big(sha256(pad(prime))) ^ big(sha256('02')), 32);
    const M1 = sha256(mixed, sha256(Buffer.from(identity).toString('hex')), salt, A, B, sha256(S));
    return M1.startsWith('00') ? { account, secret, A, own } : undefined;
  });
}

function accountWithLeadingZero(quantity: 'x' | 'v', profile: SrpProfileName): Account {
  return search(() => {
    const account = register(profile);
    return (quantity === 'x' ? account.privateKey : account.verifier).startsWith('00') ? account : undefined;
  });
}

describe('a forced leading zero byte', () => {
  it.each(['A', 'B', 'S', 'v', 'x', 'u', 'M1'])(
    'in %s: the npm package logs in (P-17)',
    (quantity) => {
      const { account, secret, A, own } = withLeadingZero(quantity, 'srp6a-2048-sha256');
      const { result, session } = packageLogin(account, { secret, public: A }, own);
      expect(result.ok && Buffer.from(result.sessionKey).toString('hex')).toBe(session.key);
    },
    60_000,
  );

  it.each(['A', 'B', 'S', 'v', 'x', 'u', 'M1'])(
    'in %s: the reference logs in with the RFC profile (P-17)',
    (quantity) => {
      const { account, secret, own } = withLeadingZero(quantity, 'rfc5054-2048-sha256');
      const { client, result } = referenceLogin(account, secret, own);
      const quantities: Record<string, string> = {
        ...client,
        B: own.serverEphemeral,
        v: account.verifier,
        x: account.privateKey,
      };
      expect(quantities[quantity]).toMatch(/^00/);
      expect(result).toMatchObject({ ok: true, serverProof: client.M2 });
    },
    60_000,
  );
});

it('the reference is independent: its power equals multiplication repeated', () => {
  const { prime } = referenceGroup('srp6a-2048-sha256');
  expect(power(3n, 5n, prime)).toBe(243n);
  expect(power(prime - 1n, 3n, prime)).toBe(prime - 1n);
});
