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

/** The text behind `source`: a URL as it is, `-` for standard input, otherwise a file; both may be a PNG image or text. */
export async function readCode(source: string): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return source;
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
  const { width, height, data } = readPng(content);
  try {
    return decodeQR({ width, height, data }, { timeLimit: 5_000 });
  } catch (cause) {
    throw new CommandError('no QR code was found in the image', {
      hint: 'take a screenshot of the whole code, with its white border, at its full size',
      cause,
    });
  }
}

function readPng(content: Buffer): { width: number; height: number; data: Uint8Array } {
  try {
    return PNG.sync.read(content);
  } catch (cause) {
    throw usage('the PNG image is damaged', undefined, cause);
  }
}

function usage(message: string, hint?: string, cause?: unknown): CommandError {
  return new CommandError(message, { exit: exitCode.usage, cause, ...(hint === undefined ? {} : { hint }) });
}
