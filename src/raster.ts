/** What kind of picture some bytes are, and how large it says that it is: PNG and WebP by their first bytes. */

export interface Raster {
  readonly type: 'image/png' | 'image/webp';
  readonly extension: 'png' | 'webp';
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/** Undefined for anything else. */
export function rasterOf(bytes: Uint8Array): Raster | undefined {
  const head = Buffer.from(bytes.subarray(0, 32));
  return pngSize(head) ?? webpSize(head);
}

function pngSize(head: Buffer): Raster | undefined {
  if (head.length < 24 || head.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') return undefined;
  return { type: 'image/png', extension: 'png', width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

/** The three forms that a WebP file begins with: extended, lossless, lossy. */
function webpSize(head: Buffer): Raster | undefined {
  if (head.length < 30 || head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WEBP')
    return undefined;
  const kind = { type: 'image/webp', extension: 'webp' } as const;
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { ...kind, width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    case 'VP8L': {
      const bits = head.readUInt32LE(21);
      return { ...kind, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return { ...kind, width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    default:
      return undefined;
  }
}
