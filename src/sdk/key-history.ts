/** The server's key history, which receipts are judged under: every key that it ever signed with, and when it did (docs/signing.md). */
import { generalVerify } from 'jose';
import { Type } from 'typebox';
import { typ } from '../protocol/names.ts';
import { KeyHistory } from '../protocol/receipt.ts';
import { fromBase64url, fromUtf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';
import { importedKey } from './imported-keys.ts';
import { thumbprintOf } from './jws.ts';
import { keep } from './kept.ts';
import { matches, parseJson } from './matches.ts';

const SignedDocument = Type.Object({
  payload: Type.String(),
  signatures: Type.Array(Type.Object({ protected: Type.String(), signature: Type.String() }), {
    minItems: 1,
    maxItems: 64,
  }),
});

/** Histories that were found to be signed, each by the whole text that was verified: what differs in one character is verified anew. */
const kept = keep<KeyHistory>(8);
/** Hundreds of keys; a longer one is read and not kept. */
const maxKeptLength = 65_536;

/** The history, each key under its own thumbprint, the whole signed by one of its keys. Throws `server_not_authentic`. */
export async function readHistory(document: unknown): Promise<KeyHistory> {
  const text = textOf(document);
  const known = kept.get(text);
  if (known !== undefined) return known;
  // What is verified is what it is kept by, whatever an object answers when it is asked again.
  const history = await verifiedHistory(parseJson(text));
  if (text.length <= maxKeptLength) kept.set(text, history);
  return history;
}

function textOf(document: unknown): string {
  try {
    return JSON.stringify(document) ?? '';
  } catch {
    return '';
  }
}

async function verifiedHistory(document: unknown): Promise<KeyHistory> {
  const payload = matches(SignedDocument, document) ? parseJson(textOfPart(document.payload)) : undefined;
  if (!matches(SignedDocument, document) || !matches(KeyHistory, payload)) throw noHistory('it has another form');
  // An address with a name or a path before what it leads to would read as another server's.
  if (!isOrigin(payload.iss)) throw noHistory('its issuer is no origin');
  for (const { kid, kty, crv, x, y } of payload.keys) {
    if ((await thumbprintOf({ kty, crv, x, y })) !== kid) throw noHistory('a key has another name');
  }
  for (const { kty, crv, x, y } of payload.keys) {
    try {
      const key = await importedKey({ kty, crv, x, y }, 'ES256');
      const { protectedHeader } = await generalVerify(document, key, { algorithms: ['ES256'] });
      if (protectedHeader?.typ === typ.keyHistory) return payload;
    } catch {
      // Not signed by this key; another may have.
    }
  }
  throw noHistory('none of its keys has signed it');
}

/** Whether it is the origin of a server and no other spelling of it: whoever reads it knows which server that is. */
export function isOrigin(issuer: string): boolean {
  return URL.canParse(issuer) && new URL(issuer).origin === issuer;
}

/** The text of a part of a JWS; empty where it is none, which no schema takes. */
export function textOfPart(part: string): string {
  try {
    return fromUtf8(fromBase64url(part) ?? new Uint8Array());
  } catch {
    return '';
  }
}

function noHistory(why: string): PhoneError {
  return new PhoneError('server_not_authentic', { detail: `the key history: ${why}` });
}
