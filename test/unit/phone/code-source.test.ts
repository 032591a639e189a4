/** What `mtoken phone scan` reads: PNG images of codes and texts, and clear words about everything else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { decodeQR } from 'qr/decode.js';
import QRCode from 'qrcode';
import { afterAll, describe, expect, it } from 'vitest';
import { readCode } from '../../../src/cli/phone/code-source.ts';
import { frameText } from '../sdk/protocol-server.ts';

const root = mkdtempSync(join(tmpdir(), 'mtoken-codes-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = (name: string, content: Uint8Array | string) => {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
};
const frame = frameText('https://id.bank.example');

/** A code somewhere on a page, as on a screenshot. */
async function screenshot(text: string): Promise<Buffer> {
  const code = PNG.sync.read(await QRCode.toBuffer(text, { scale: 6, margin: 4, errorCorrectionLevel: 'M' }));
  const page = new PNG({ width: 1280, height: 720 });
  page.data.fill(0xf4);
  PNG.bitblt(code, page, 0, 0, code.width, code.height, 500, 180);
  return PNG.sync.write(page);
}

describe('a scanned code', () => {
  it('is read from a PNG screenshot with the code somewhere on it', async () => {
    expect(await readCode(file('page.png', await screenshot(frame)))).toBe(frame);
  });

  it('is read from a picture full of specks, which the decoder alone cannot read', async () => {
    const text = 'https://id.bank.example/q/abcdefghijklmnopqrstuv.980000000.abcdefghijklmnop';
    const picture = PNG.sync.read(await QRCode.toBuffer(text, { scale: 10, margin: 4, errorCorrectionLevel: 'M' }));
    let state = 1;
    for (let at = 0; at < picture.data.length; at += 4) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      if ((state >>> 16) % 100 < 12) picture.data.fill(255 - (picture.data[at] ?? 0), at, at + 3);
    }
    expect(() => decodeQR(picture, { timeLimit: 2_000 })).toThrow();
    expect(await readCode(file('specks.png', PNG.sync.write(picture)))).toBe(text);
  });

  it('is refused where a picture holds a short code, which lives for minutes: only who types it has one (P-01)', async () => {
    for (const code of ['123456789012', '1234 5678 9012', '\u0661\u0662\u0663\u0664\u20135678\u20139012']) {
      await expect(readCode(file('short.png', await screenshot(code)))).rejects.toThrow(/to be typed/);
    }
  });

  it('is taken as it is when it is a URL, and from a text file', async () => {
    expect(await readCode(frame)).toBe(frame);
    for (const code of ['123456789012', '1234-5678-9012', '1234 5678 9012']) expect(await readCode(code)).toBe(code);
    await expect(readCode('12345678901')).rejects.toThrow(/no readable file/);
    expect(await readCode(file('code.txt', `${frame}\n`))).toBe(frame);
  });

  it.each([
    ['a JPEG', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), /JPEG.*only PNG/],
    ['a GIF', Buffer.from('GIF89a......'), /GIF.*only PNG/],
    ['a WebP', Buffer.from('RIFF....WEBPVP8 '), /WebP.*only PNG/],
    ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG.*only PNG/],
    ['a PDF', '%PDF-1.7', /PDF.*only PNG/],
    [
      'a damaged PNG',
      Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40)]),
      /damaged|too large/,
    ],
    ['something binary', Buffer.from([0, 1, 2, 3, 255]), /neither/],
    ['an empty file', '', /neither/],
  ])('%s is refused with a word about what is wrong', async (name, content, message) => {
    await expect(readCode(file(name.replaceAll(' ', '-'), content))).rejects.toMatchObject({
      exit: 2,
      message: expect.stringMatching(message),
    });
  });

  it('that claims to be an enormous image is refused before it is unpacked', async () => {
    const png = Buffer.from(await screenshot('x'));
    png.writeUInt32BE(1_000_000, 16);
    png.writeUInt32BE(1_000_000, 20);
    await expect(readCode(file('bomb.png', png))).rejects.toMatchObject({
      exit: 2,
      message: expect.stringMatching(/too large/),
    });
  });

  it('that is not in the image, or a file that does not exist, is said to be missing', async () => {
    const blank = new PNG({ width: 200, height: 200 });
    blank.data.fill(255);
    await expect(readCode(file('blank.png', PNG.sync.write(blank)))).rejects.toMatchObject({
      exit: 1,
      hint: expect.stringMatching(/screenshot/),
    });
    await expect(readCode(join(root, 'none.png'))).rejects.toMatchObject({
      exit: 2,
      message: expect.stringMatching(/no readable file/),
    });
  });
});
