import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, hmacSha512Text } from '../../../src/crypto/bytes.ts';
import {
  frameAt,
  frameCode,
  frameSeries,
  frameText,
  isFresh,
  isGenuine,
  newFrameBytes,
} from '../../../src/orders/frames.ts';
import { issuer } from '../mpin/world.ts';
import { scanned } from './order-world.ts';

const now = Date.UTC(2026, 10, 20, 12);
const terms = { id: 'ord_1', purpose: 'login', display: { text: 'Log in', locale: 'en' } } as const;
const code = frameCode(newFrameBytes(), issuer, terms);

describe('frames', () => {
  it('have the form of the protocol: issuer, token of 128 bits, step, tag of 96 bits (P-01, P-26)', () => {
    expect(frameText(code, 'qr', { issuer, now })).toMatch(
      /^https:\/\/login\.example\.test\/q\/[A-Za-z0-9_-]{22}\.\d+\.[A-Za-z0-9_-]{16}$/,
    );
    expect(scanned(frameText(code, 'qr', { issuer, now })).step).toBe(now / 2000);
  });

  it('never repeat a token, and use every byte value (P-01)', () => {
    const tokens = new Set<string>();
    const counts = new Array<number>(256).fill(0);
    for (let index = 0; index < 10_000; index += 1) {
      const bytes = newFrameBytes();
      tokens.add(frameCode(bytes, issuer, terms).token);
      for (const byte of bytes.subarray(0, 16)) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    expect(tokens.size).toBe(10_000);
    const expected = 160_000 / 256;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: beyond 400 once in 10^8 runs.
    expect(chiSquare).toBeLessThan(400);
  });

  it('are accepted until six seconds after their step began, steady ones sixteen, links for a minute, and never before (P-02)', () => {
    const step = now / 2000;
    expect(isFresh({ via: 'qr', step }, now)).toBe(true);
    expect(isFresh({ via: 'qr', step }, now + 5_999)).toBe(true);
    expect(isFresh({ via: 'qr', step }, now + 6_000)).toBe(false);
    expect(isFresh({ via: 'link', step }, now + 59_999)).toBe(true);
    expect(isFresh({ via: 'link', step }, now + 60_000)).toBe(false);
    expect(isFresh({ via: 'qr', step: step + 1 }, now)).toBe(false);
    expect(isFresh({ via: 'steady', step }, now + 15_999)).toBe(true);
    expect(isFresh({ via: 'steady', step }, now + 16_000)).toBe(false);
    expect(isFresh({ via: 'steady', step: step + 5 }, now)).toBe(false);
    expect(isFresh({ via: 'link', step: step + 100 }, now)).toBe(false);
  });

  it('stand still for ten seconds where less movement is asked for, on every server alike, and never lead the time', () => {
    const texts = Array.from({ length: 40 }, (_, at) => frameText(code, 'steady', { issuer, now: now + at * 1000 }));
    expect(new Set(texts).size).toBe(4);
    expect(texts[0]).toMatch(/^https:\/\/login\.example\.test\/s\//);
    for (const [at, text] of texts.entries()) {
      // Whoever scans at the last moment that it is shown still has the six seconds that anybody has.
      expect(isFresh(scanned(text), now + at * 1000)).toBe(true);
      expect(isFresh(scanned(text), now + at * 1000 + 5_999)).toBe(true);
      expect(isFresh(scanned(text), now + at * 1000 + 16_000)).toBe(false);
    }
  });

  it('are refused with any member altered, so that nobody prolongs or makes one', () => {
    const genuine = scanned(frameText(code, 'qr', { issuer, now }));
    expect(isGenuine(code, genuine)).toBe(true);
    expect(isGenuine(code, { ...genuine, step: genuine.step + 1 })).toBe(false);
    const kinds = ['qr', 'steady', 'link'] as const;
    for (const made of kinds) {
      const shown = scanned(frameText(code, made, { issuer, now }));
      for (const claimed of kinds) expect(isGenuine(code, { ...shown, via: claimed })).toBe(made === claimed);
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 95 }), (bit) => {
        const tag = Buffer.from(genuine.tag, 'base64url');
        tag.writeUInt8(tag.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(isGenuine(code, { ...genuine, tag: tag.toString('base64url') })).toBe(false);
      }),
    );
    expect(isGenuine(code, { ...genuine, tag: '' })).toBe(false);
    expect(isGenuine(code, { ...genuine, tag: `${genuine.tag}AAAA` })).toBe(false);
  });

  it('have a tag over purpose of the tag, way, token, time and scope, each after its length, so that no border can be moved', () => {
    for (const via of ['qr', 'steady', 'link'] as const) {
      const { token, step, tag } = scanned(frameText(code, via, { issuer, now }));
      const framed = frame(['mtoken/v1/frames', via, token, String(Math.floor(step / 5)), code.scope]);
      const from = (step % 5) * 16;
      expect(tag).toBe(hmacSha512Text(code.secret, framed).slice(from, from + 16));
    }
  });

  it('have a tag of their own in every step, and one page gets the same as any other, whatever it got before', () => {
    const series = frameSeries(code, 'qr', issuer);
    const tags = new Set<string>();
    // There and back: what was made for one step is no answer for another.
    for (const at of [...Array(23).keys(), 3, 17, 4]) {
      const shown = frameAt(series, now + at * 2_000);
      expect(shown).toBe(frameText(code, 'qr', { issuer, now: now + at * 2_000 }));
      expect(isGenuine(code, scanned(shown))).toBe(true);
      tags.add(scanned(shown).tag);
    }
    expect(tags.size).toBe(23);
  });

  it('of one order, issuer or text do not fit another', () => {
    const bytes = newFrameBytes();
    const shown = scanned(frameText(frameCode(bytes, issuer, terms), 'qr', { issuer, now }));
    expect(isGenuine(frameCode(bytes, 'https://other.example', terms), shown)).toBe(false);
    expect(isGenuine(frameCode(bytes, issuer, { ...terms, id: 'ord_2' }), shown)).toBe(false);
    expect(isGenuine(frameCode(bytes, issuer, { ...terms, purpose: 'signing' }), shown)).toBe(false);
    expect(isGenuine(frameCode(bytes, issuer, { ...terms, display: { text: 'x', locale: 'en' } }), shown)).toBe(false);
  });
});
