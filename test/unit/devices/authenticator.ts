/** An authenticator as these tests need it: one credential, its assertions, and every way in which one can be wrong. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { frame } from '../../../src/crypto/bytes.ts';
import { checkDeviceKey, type DeviceKey } from '../../../src/crypto/jwk.ts';
import type { WebauthnAssertion } from '../../../src/protocol/biometrics.ts';

export interface Credential extends DeviceKey {
  readonly privateKey: KeyObject;
}

export function newCredential(kind: 'ec' | 'rsa' = 'ec'): Credential {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...checkDeviceKey(publicKey.export({ format: 'jwk' })), privateKey };
}

const b64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64url');
const hash = (bytes: string | Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** UP and UV, as an authenticator that asked for a finger sets them. */
export const checkedUser = 0x05;

export interface AssertionOptions {
  readonly origin: string;
  readonly rpId?: string;
  readonly flags?: number;
  readonly signCount?: number;
  /** Put behind the 37 bytes. */
  readonly trailing?: Uint8Array;
  /** Over other bytes than the statement's. */
  readonly challenge?: string;
  readonly clientData?: Readonly<Record<string, unknown>>;
  /** The text itself, in place of JSON made of the above. */
  readonly clientDataText?: string;
  readonly signature?: Uint8Array;
}

/** What `navigator.credentials.get` gives for a statement, in the form in which the SDK sends it. */
export function assertionOf(
  { privateKey }: Pick<Credential, 'privateKey'>,
  statement: object | string,
  options: AssertionOptions,
): WebauthnAssertion {
  const { origin, flags = checkedUser, signCount = 0, rpId = new URL(origin).hostname } = options;
  const json = typeof statement === 'string' ? statement : JSON.stringify(statement);
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(signCount);
  const trailing = options.trailing ?? new Uint8Array();
  const authenticatorData = Buffer.concat([hash(rpId), Buffer.of(flags), counter, trailing]);
  const challenge = options.challenge ?? b64(hash(frame(['mtoken/v1/webauthn', json])));
  const clientDataText =
    options.clientDataText ?? JSON.stringify({ type: 'webauthn.get', challenge, origin, ...options.clientData });
  const signature =
    options.signature ?? sign('sha256', Buffer.concat([authenticatorData, hash(clientDataText)]), privateKey);
  return {
    statement: b64(json),
    authenticatorData: b64(authenticatorData),
    clientDataJSON: b64(clientDataText),
    signature: b64(signature),
  };
}
