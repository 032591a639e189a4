/** What a phone reads from screens: activation texts, frames and short codes. Nothing here speaks to a network (P-26). */
import type { FrameClaim, OrderClaim } from '../protocol/orders.ts';
import { fromBase64url, fromUtf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';

/** An activation text, taken apart (protocol §5). */
export interface ActivationText {
  readonly issuer: string;
  readonly code: string;
  /** Thumbprint of a server signing key: the root of this phone's trust. */
  readonly keyThumbprint: string;
}

/** Which servers a text may name. */
export interface IssuerPolicy {
  /** The only issuer that is accepted; any issuer where it is undefined. */
  readonly issuer: string | undefined;
  /** Whether `http` is accepted for localhost, 127.0.0.1 and [::1]: for development. */
  readonly allowLoopbackHttp: boolean;
}

/**
 * Takes an activation text apart: that of a QR code, or the same without a link as it comes by e-mail. Blanks around it and inside the
 * code do not matter. Throws `invalid_activation`, or `wrong_origin` where it names `http` or another issuer than the configured one.
 */
export function parseActivation(text: string, policy: IssuerPolicy): ActivationText {
  const [issuer, typedCode, keyThumbprint] = activationParts(text);
  if (issuer === undefined || typedCode === undefined || keyThumbprint === undefined) {
    throw new PhoneError('invalid_activation');
  }
  assertIssuer(issuer, policy);
  const code = typedCode.replace(/(?:\s|-|%20|\+)/gi, '').toUpperCase();
  if (!/^[0-9A-Z]{24}$/.test(code) || fromBase64url(keyThumbprint) === undefined) {
    throw new PhoneError('invalid_activation');
  }
  return { issuer, code: (code.match(/.{4}/g) ?? []).join('-'), keyThumbprint };
}

function activationParts(text: string): readonly (string | undefined)[] {
  // Mail programs break long lines.
  const plain = /^mtoken1\.([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9-]{24,64})\.([A-Za-z0-9_-]{43})$/.exec(
    text.replace(/\s/g, ''),
  );
  if (plain !== null) {
    const issuer = fromBase64url(plain[1] ?? '');
    return [issuer && fromUtf8(issuer), plain[2], plain[3]];
  }
  const link = /^([a-z]+:\/\/[^/?#\s\\@]+)\/activate#c=([^&#]{24,64})&k=([A-Za-z0-9_-]{43})$/.exec(text.trim());
  return link?.slice(1) ?? [];
}

/** Throws `wrong_origin` unless this is the spelling of an origin that a phone may speak to. */
function assertIssuer(issuer: string, policy: IssuerPolicy): void {
  const url = parseUrl(issuer);
  // Only the one canonical spelling: the comparison with frames is by text, and no two spellings may name one server.
  if (url === undefined || url.origin !== issuer)
    throw new PhoneError('invalid_activation', { detail: 'not an origin' });
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(policy.allowLoopbackHttp && url.protocol === 'http:' && isLoopback)) {
    throw new PhoneError('wrong_origin', { detail: 'only https servers are accepted' });
  }
  if (policy.issuer !== undefined && policy.issuer !== issuer) {
    throw new PhoneError('wrong_origin', { detail: `the activation is for ${issuer}, this app for ${policy.issuer}` });
  }
}

const viaOf = { q: 'qr', s: 'steady', l: 'link' } as const;
const tail = /^\/([qsl])\/([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,9})\.([A-Za-z0-9_-]{16})$/;

/**
 * Takes a frame apart (protocol §7) and refuses every one that is not of exactly this issuer, before anything is sent or
 * shown. The URL is never fetched. Throws `wrong_origin` for a URL of another origin, `not_a_frame` for anything else.
 */
export function parseFrame(text: string, issuer: string): FrameClaim {
  const trimmed = text.trim();
  // Compared as text, not as parsed URL: user info, other ports, backslashes or look-alike hosts cannot slip through a parser.
  if (!trimmed.startsWith(`${issuer}/`)) {
    const url = parseUrl(trimmed);
    const isElsewhere = url !== undefined && /^https?:$/.test(url.protocol) && url.origin !== issuer;
    throw isElsewhere
      ? new PhoneError('wrong_origin', { detail: `${url.origin} instead of ${issuer}` })
      : new PhoneError('not_a_frame');
  }
  const [, kind, token, step, tag] = tail.exec(trimmed.slice(issuer.length)) ?? [];
  if (kind === undefined || token === undefined || step === undefined || tag === undefined) {
    throw new PhoneError('not_a_frame');
  }
  const stepNumber = Number(step);
  if (fromBase64url(token) === undefined || stepNumber > 4_294_967_295) throw new PhoneError('not_a_frame');
  return { via: viaOf[kind as keyof typeof viaOf], token, step: stepNumber, tag };
}

/** Longer than twelve digits with any sensible blanks between. */
const maxTypedLength = 60;

/**
 * What a person typed or pasted: a short code of twelve digits, whatever blanks and dashes stand between them, or else a frame
 * ({@link parseFrame}, and what that throws). Not for what a camera saw: no page of ours shows a short code as a picture.
 */
export function parseTyped(text: string, issuer: string): OrderClaim {
  return parseTypedCode(text) ?? parseFrame(text, issuer);
}

function parseTypedCode(text: string): OrderClaim | undefined {
  if (text.length > maxTypedLength) return undefined;
  // Arabic and Persian keyboards have digits of their own.
  const digits = text
    .replace(/[\s\p{Pd}]/gu, '')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));
  return /^[0-9]{12}$/.test(digits) ? { via: 'code', code: digits } : undefined;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
