/** Where a scanned text comes from: an image file, a text, or standard input. */
import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { decodeQR } from 'qr/decode.js';
import { CommandError, exitCode } from '../output.ts';

/** Far more than any screenshot has; a small file can claim to be huge. */
const maxPixels = 64 * 1024 * 1024;
const maxTextBytes = 4096;

const otherFormats: readonly [string, RegExp][] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['GIF', /^GIF8/],
  ['WebP', /^RIFF....WEBP/s],
  ['BMP', /^BM/],
  ['PDF', /^%PDF/],
  ['SVG', /^\s*(?:<\?xml[^>]*>\s*)?<svg/],
  ['TIFF', /^(?:II\*\0|MM\0\*)/],
  ['HEIC or AVIF', /^....ftyp/s],
];

/** The text behind `source`: a URL or a short code of twelve digits as it is, `-` for standard input, otherwise a file; both may be a PNG image or text. */
export async function readCode(source: string): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source) || /^(?:[\s-]*[0-9]){12}[\s-]*$/.test(source)) return source;
  const content = source === '-' ? await readStandardInput() : await readCodeFile(source);
  const start = content.subarray(0, 256).toString('latin1');
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return decodeImage(content);
  const other = otherFormats.find(([, pattern]) => pattern.test(start));
  if (other !== undefined) {
    throw usage(
      `${source === '-' ? 'standard input' : source} is ${other[0]}, and only PNG images can be read`,
      'save or convert it as PNG',
    );
  }
  const text = content.toString('utf8').trim();
  if (content.length > maxTextBytes || text === '' || /[^\x20-\x7e]/.test(text)) {
    throw usage(`${source === '-' ? 'standard input' : source} is neither a PNG image nor the text of a code`);
  }
  return text;
}

/** Everything on standard input. */
export async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

async function readCodeFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw usage(
      `there is no readable file ${path}`,
      'give a PNG image, the text of the code, or - for standard input',
      cause,
    );
  }
}

function decodeImage(content: Buffer): string {
  if (content.length < 24 || content.readUInt32BE(16) * content.readUInt32BE(20) > maxPixels) {
    throw usage('the image is too large');
  }
  const picture = readPng(content);
  // Some codes cannot be read at one size and are plain at another.
  for (const look of [picture, softened(picture), halved(picture)]) {
    const text = tryDecode(look);
    // No page shows one as a picture: it would live for minutes, and nobody would have typed it.
    if (text !== undefined && /^[\s\p{Pd}\p{Nd}]*$/u.test(text))
      throw usage('the picture holds a short code, which is to be typed');
    if (text !== undefined) return text;
  }
  throw new CommandError('no QR code was found in the image', {
    hint: 'take a screenshot of the whole code, with its white border, at its full size',
  });
}

interface Picture {
  readonly width: number;
  readonly height: number;
  /** Four bytes a pixel: red, green, blue, opacity. */
  readonly data: Uint8Array;
}

function tryDecode(picture: Picture): string | undefined {
  try {
    return decodeQR(picture, { timeLimit: 2_000 });
  } catch {
    return undefined;
  }
}

/** Each pixel as the mean of itself and its three neighbours to the right and below. */
function softened(picture: Picture): Picture {
  return meanOfFour(picture, 1);
}

/** Half as wide and half as high. */
function halved(picture: Picture): Picture {
  return meanOfFour(picture, 2);
}

function meanOfFour({ width, height, data }: Picture, step: 1 | 2): Picture {
  const [across, down] = [Math.floor((width - 1) / step), Math.floor((height - 1) / step)];
  const made = new Uint8Array(across * down * 4);
  for (let y = 0; y < down; y += 1) {
    for (let x = 0; x < across; x += 1) {
      const at = (y * step * width + x * step) * 4;
      for (let channel = 0; channel < 4; channel += 1) {
        const top = (data[at + channel] ?? 0) + (data[at + 4 + channel] ?? 0);
        const bottom = (data[at + width * 4 + channel] ?? 0) + (data[at + width * 4 + 4 + channel] ?? 0);
        made[(y * across + x) * 4 + channel] = (top + bottom) >> 2;
      }
    }
  }
  return { width: across, height: down, data: made };
}

function readPng(content: Buffer): Picture {
  try {
    return PNG.sync.read(content);
  } catch (cause) {
    throw usage('the PNG image is damaged', undefined, cause);
  }
}

function usage(message: string, hint?: string, cause?: unknown): CommandError {
  return new CommandError(message, { exit: exitCode.usage, cause, ...(hint === undefined ? {} : { hint }) });
}
