/** Signed statements about the audit chain: what its head was, and up to where it was cut off; made and read here. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { jwkThumbprint } from '../crypto/jwk.ts';
import { verifyCompactJws } from '../crypto/jws.ts';
import { AuthError } from '../errors.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { ServerKey } from '../keys/store.ts';
import type { AuditHead, StatementKind } from './store.ts';

/** JOSE `typ` of each kind: neither can pass for the other, nor for anything else that the server signs (RFC 8725 §3.11). */
export const statementTyp = {
  head: 'mtoken-audit-checkpoint+jws',
  cut: 'mtoken-audit-cut+jws',
} as const satisfies Record<StatementKind, string>;

/** What a statement says. */
export interface Statement extends AuditHead {
  readonly issuer: string;
  /** Epoch-seconds. */
  readonly issuedAt: number;
  /** Of a checkpoint: the record of the one before it, 0 where there is none. Of a cut: 0. */
  readonly previous: number;
}

/** The statement as compact JWS. */
export function signStatement(
  keys: Pick<KeyRing, 'signCompact'>,
  kind: StatementKind,
  statement: Statement,
): Promise<string> {
  const { issuer, issuedAt, seq, hash, previous } = statement;
  return keys.signCompact(statementTyp[kind], { iss: issuer, iat: issuedAt, seq, hash, previous });
}

/** Reads statements by the keys that the server has or had; answers undefined for any other text. */
export function statementReader(
  keys: readonly ServerKey[],
): (kind: StatementKind, token: string) => Statement | undefined {
  const byKid = new Map(keys.flatMap((key) => signingKey(key)));
  return (kind, token) => {
    try {
      const { payload } = verifyCompactJws({
        token,
        typ: statementTyp[kind],
        key: (kid) => {
          const key = byKid.get(kid ?? '');
          return key === undefined ? undefined : { key, alg: 'ES256' };
        },
      });
      return statementOf(payload);
    } catch (error) {
      if (error instanceof AuthError) return undefined;
      throw error;
    }
  };
}

/** A key's name is the hash of the key: a row whose public part was exchanged is no key of that name. */
function signingKey({ alg, kid, publicJwk }: ServerKey): [string, KeyObject][] {
  if (alg !== 'ES256' || jwkThumbprint(publicJwk) !== kid) return [];
  return [[kid, createPublicKey({ key: publicJwk, format: 'jwk' })]];
}

function statementOf({ iss, iat, seq, hash, previous }: Readonly<Record<string, unknown>>): Statement | undefined {
  if (typeof iss !== 'string' || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
  if (!isCount(iat) || !isCount(seq) || !isCount(previous) || seq === 0) return undefined;
  return { issuer: iss, issuedAt: iat, seq, hash, previous };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
