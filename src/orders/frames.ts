/** Frames: the changing texts that a QR code or a same-device link shows, which the server alone can make and which die within seconds. */
import { randomBytes } from 'node:crypto';
import { encodeBase64url, equalBytes, frame, hmacSha512Text, sha256 } from '../crypto/bytes.ts';
import type { FrameClaim } from '../protocol/orders.ts';
import type { OrderTerms } from './order.ts';

/** Steps are counted in two seconds. */
export const stepMs = 2_000;
/** For how long a frame is accepted, from the begin of its step. */
export const frameLifetimeMs = { qr: 6_000, steady: 16_000, link: 60_000 } as const;
/** How many steps pass from one frame to the next: for whom movement is too much, a code stands still for ten seconds. */
const stepsPerFrame = { qr: 1, steady: 5, link: 1 } as const;

const pathOf = { qr: 'q', steady: 's', link: 'l' } as const;
/** Base64url characters, 12 bytes: no more than a code can show, far more than can be guessed in its seconds. */
const tagLength = 16;
/** Steps whose tags are cut from one HMAC: its 64 bytes hold five, and none tells anything of another. Beside the write, it is what a frame costs. */
const stepsPerHmac = 5;
const tokenBytes = 16;
const secretBytes = 32;

/** What frames are made of. The token names the order and allows nothing else; the secret never leaves the server. */
export interface FrameCode {
  readonly token: string;
  readonly secret: Uint8Array;
  /** What every frame of the order is tied to. */
  readonly scope: Uint8Array;
}

/** Token and secret as 48 bytes, the form that is sealed into the order. */
export function newFrameBytes(): Uint8Array {
  return new Uint8Array(randomBytes(tokenBytes + secretBytes));
}

/** Takes {@link newFrameBytes} apart and ties the frames to issuer, purpose and shown text, so that they can stand for nothing else. */
export function frameCode(
  bytes: Uint8Array,
  issuer: string,
  terms: Pick<OrderTerms, 'id' | 'purpose' | 'display'>,
): FrameCode {
  return {
    token: encodeBase64url(bytes.subarray(0, tokenBytes)),
    secret: bytes.subarray(tokenBytes),
    scope: sha256(frame([issuer, terms.id, terms.purpose, terms.display.text])),
  };
}

/** How a frame is shown: a code that changes every two seconds or every ten, or a link. */
export type FrameKind = FrameClaim['via'];

/** The text to show at `now`, `<issuer>/q/<token>.<step>.<tag>`, `<issuer>/s/…` or `<issuer>/l/…` (docs/protocol.md §7). Never one of a later step. */
export function frameText(
  code: FrameCode,
  via: FrameKind,
  at: { readonly issuer: string; readonly now: number },
): string {
  return frameAt(frameSeries(code, via, at.issuer), at.now);
}

/** The frames of one order and one kind, with everything made that is the same in several of them: a waiting page is sent hundreds. */
export interface FrameSeries {
  readonly via: FrameKind;
  /** The frames' text up to the step. */
  readonly address: string;
  readonly secret: Uint8Array;
  /** What is under the tags, before and after the number of the HMAC; each byte is a character. */
  readonly before: string;
  readonly after: string;
  /** The HMAC that was made last: its number and its text. Tags of steps to come are in it, and leave the server in their time. */
  number: number;
  tags: string;
}

/** The frames of this code that are shown in this way, for {@link frameAt}. */
export function frameSeries(code: FrameCode, via: FrameKind, issuer: string): FrameSeries {
  return { via, address: `${issuer}/${pathOf[via]}/${code.token}.`, secret: code.secret, ...emptyTags(code, via) };
}

/** As {@link frameText}, for the series' code. */
export function frameAt(series: FrameSeries, now: number): string {
  const apart = stepsPerFrame[series.via];
  // Counted from the epoch, so that every process and every request of a page gives the same frame for as long.
  const step = Math.floor(now / (stepMs * apart)) * apart;
  return `${series.address}${step}.${tagAt(series, step)}`;
}

/** Whether the server made this frame for this order and this way of showing it, whatever its age. */
export function isGenuine(code: FrameCode, claim: FrameClaim): boolean {
  const tag = tagOf(code, claim.via, claim.step);
  // In constant time: a tag guessed character by character would let anybody make frames.
  return equalBytes(Buffer.from(claim.tag), Buffer.from(tag));
}

/** Whether the frame may still be accepted, by the server's clock alone: neither old nor of a time to come. */
export function isFresh(claim: Pick<FrameClaim, 'via' | 'step'>, now: number): boolean {
  const age = now - claim.step * stepMs;
  return age >= 0 && age < frameLifetimeMs[claim.via];
}

function tagOf(code: FrameCode, via: FrameKind, step: number): string {
  return tagAt({ secret: code.secret, ...emptyTags(code, via) }, step);
}

type Tags = Pick<FrameSeries, 'secret' | 'before' | 'after' | 'number' | 'tags'>;

function emptyTags(code: FrameCode, via: FrameKind): Omit<Tags, 'secret'> {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  // The way is under the tag: a QR frame, good for seconds, cannot be passed off as a link, good for a minute.
  const before = text(frame(['mtoken/v1/frames', via, code.token]));
  return { before, after: text(frame([code.scope])), number: -1, tags: '' };
}

/** Characters of HMAC-SHA-512 over `frame(['mtoken/v1/frames', via, token, step div 5, scope])`: 16 for each of five steps. */
function tagAt(made: Tags, step: number): string {
  const number = Math.floor(step / stepsPerHmac);
  if (made.number !== number) {
    const digits = String(number);
    // What `frame` makes of the number: its length in four bytes, and itself.
    const framed = `${made.before}\0\0\0${String.fromCharCode(digits.length)}${digits}${made.after}`;
    made.tags = hmacSha512Text(made.secret, Buffer.from(framed, 'latin1'));
    made.number = number;
  }
  const from = (step % stepsPerHmac) * tagLength;
  return made.tags.slice(from, from + tagLength);
}
