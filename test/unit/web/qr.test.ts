import decode from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { qrPath } from '../../../src/web/design/qr.ts';

const frame = 'https://login.example.test/q/AAAAAAAAAAAAAAAAAAAAAA.890000000.BBBBBBBBBBBBBBBB';

/** The path as pixels, `scale` to a module, black on white. */
function pixels({ path, width }: { path: string; width: number }, scale: number) {
  const side = width * scale;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (const [, x = '', y = '', run = ''] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1) {
      for (let column = Number(x) * scale; column < (Number(x) + Number(run)) * scale; column += 1) {
        data.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3);
      }
    }
  }
  return { width: side, height: side, data };
}

describe('QR code of a frame', () => {
  it('is read back by another library', () => {
    expect(decode(pixels(qrPath(frame), 6))).toBe(frame);
  });

  it('is small enough for a camera and has a quiet zone of four modules', () => {
    const { path, width } = qrPath(frame);
    // Version 5: 37 modules and the quiet zone on both sides, 6 CSS pixels to a module in 280.
    expect(width).toBe(37 + 8);
    for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(4);
      expect(Number(y)).toBeGreaterThanOrEqual(4);
      expect(Number(y)).toBeLessThan(width - 4);
    }
  });
});
