/** The inner encryption (protocol §3): requests to the server's key or under the session's, replies that must fit their request. */
import { CompactEncrypt, compactDecrypt, importJWK, type JWK } from 'jose';
import { ReplyEnvelope, type RequestEnvelope } from '../protocol/envelope.ts';
import { typ } from '../protocol/names.ts';
import { type Bytes, fromBase64url, fromUtf8, utf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';
import { matches, parseJson } from './matches.ts';
import type { TrustedKeys } from './trust.ts';

const enc = 'A256CBC-HS512';

/** Encrypts a request to a server envelope key. jose draws a fresh ephemeral or content key and IV for each (C-04). */
export async function sealToServer(request: RequestEnvelope, to: TrustedKeys['envelope'][number]): Promise<string> {
  const { alg, kid, jwk } = to;
  return new CompactEncrypt(utf8(JSON.stringify(request)))
    .setProtectedHeader({ alg, enc, kid, typ: typ.requestEnvelope })
    .encrypt(await importJWK({ ...jwk } as JWK, alg));
}

/** Encrypts a request under the app-to-server key of a session. */
export async function sealInSession(
  request: RequestEnvelope,
  session: { readonly id: string; readonly key: Bytes },
): Promise<string> {
  return new CompactEncrypt(utf8(JSON.stringify(request)))
    .setProtectedHeader({ alg: 'dir', enc, kid: session.id, typ: typ.requestEnvelope })
    .encrypt(session.key);
}

/** What a reply must fit. */
export interface ExpectedReply {
  readonly key: Bytes;
  /** The session id within a session. */
  readonly kid: string | undefined;
  /** The request's `jti`. */
  readonly re: string;
  readonly htu: string;
  /** The HTTP status that it came with. */
  readonly status: number;
}

/**
 * Opens a reply. Throws `server_not_authentic` unless it was made with this request's key, for this request, endpoint and status:
 * a reflected request, the reply to another request or a changed status is refused (C-05).
 */
export async function openReply(compact: string, expected: ExpectedReply): Promise<ReplyEnvelope> {
  const reply = parseJson(await decrypt(compact, expected));
  if (!matches(ReplyEnvelope, reply)) throw notAuthentic('a reply is malformed');
  if (reply.re !== expected.re || reply.htu !== expected.htu) throw notAuthentic('a reply belongs to another request');
  if (reply.status !== expected.status) throw notAuthentic('the status of a reply was changed on the way');
  return reply;
}

async function decrypt(compact: string, { key, kid }: ExpectedReply): Promise<string> {
  const parts = compact.split('.');
  if (parts.length !== 5 || !parts.every((part) => fromBase64url(part) !== undefined))
    throw notAuthentic('not an envelope');
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(compact, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: [enc],
    });
    const { alg: _alg, enc: _enc, typ: replyTyp, kid: replyKid, ...others } = protectedHeader;
    // The type tells directions apart; an unknown member, such as `zip`, would change what the plaintext is.
    if (replyTyp !== typ.replyEnvelope || replyKid !== kid || Object.keys(others).length > 0) {
      throw notAuthentic('an envelope of another kind');
    }
    return fromUtf8(plaintext);
  } catch (cause) {
    if (cause instanceof PhoneError) throw cause;
    throw notAuthentic('a reply cannot be opened', cause);
  }
}

function notAuthentic(detail: string, cause?: unknown): PhoneError {
  return new PhoneError('server_not_authentic', { detail, cause });
}
