/** Statements that a phone's keys sign: one type, one key, one minute; judged with a yes or no, so that no caller tells why not. */
import type { JWK } from 'jose';
import type { Clock } from '../clock.ts';
import { checkDeviceKey, type KeyCache } from '../crypto/jwk.ts';
import { verifyCompactJws } from '../crypto/jws.ts';
import { proofWindowSeconds } from '../protocol/names.ts';

export interface StatementDeps {
  readonly clock: Clock;
  /** The server's origin, which every statement names. */
  readonly issuer: string;
  readonly keyCache?: KeyCache | undefined;
}

/** What a statement must be about. */
export interface Expectation<T> {
  /** Compiled from the wire schema. */
  readonly schema: { Check(payload: unknown): payload is T };
  /** Members by the server's own knowledge; each must be exactly this. */
  readonly members: Partial<NoInfer<T>>;
}

/**
 * The payload of a statement that `publicJwk` signed under `typ` and that says what is expected, or undefined, whatever is wrong with
 * it. Its `iat` must be within a minute of the clock. One kind of object and one key: nothing in the header chooses what is accepted
 * (RFC 8725 §3.1, §3.11).
 */
export function readStatement<T extends { readonly iat: number }>(
  deps: StatementDeps,
  signed: { readonly token: string; readonly typ: string; readonly publicJwk: JWK },
  expected: Expectation<T>,
): T | undefined {
  try {
    const key = checkDeviceKey(signed.publicJwk, deps.keyCache);
    const { payload } = verifyCompactJws({ token: signed.token, typ: signed.typ, key });
    return judgeStatement(deps, payload, expected);
  } catch {
    return undefined;
  }
}

/** Like {@link readStatement}, for a payload whose signature was verified in another way. */
export function judgeStatement<T extends { readonly iat: number }>(
  { clock }: Pick<StatementDeps, 'clock'>,
  payload: unknown,
  { schema, members }: Expectation<T>,
): T | undefined {
  if (!schema.Check(payload)) return undefined;
  if (Math.abs(clock.now() - payload.iat * 1000) > proofWindowSeconds * 1000) return undefined;
  const isSame = (name: string): boolean => payload[name as keyof T] === members[name as keyof T];
  return Object.keys(members).every(isSame) ? payload : undefined;
}
