/** A portal's logo: a small PNG or WebP, kept in its client metadata and served by this server, so that no page loads it from elsewhere. */
import { AuthError } from '../errors.ts';
import { rasterOf } from '../raster.ts';

/** The member of the client metadata that holds it, as a `data:` URL. */
export const logoMember = 'mtoken_logo';

const maxBytes = 32 * 1024;
/** In pixels, either way: a small file can claim to be huge, and browsers would make room for all of it. */
const maxSide = 1024;
const dataUrl = /^data:(image\/(?:png|webp));base64,([A-Za-z0-9+/]+={0,2})$/;

export interface ClientLogo {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Judges a logo by its own bytes. An SVG is refused: it can hold more than a picture. Throws `invalid_request`. */
export function checkLogo(value: unknown, name: string): string {
  const [, type, base64 = ''] = typeof value === 'string' ? (dataUrl.exec(value) ?? []) : [];
  if (typeof value !== 'string' || type === undefined) {
    throw refusal(`${name} must be data:image/png;base64,… or data:image/webp;base64,…`);
  }
  const bytes = Buffer.from(base64, 'base64');
  // One spelling for one picture, so that what was judged is what is served.
  if (bytes.toString('base64') !== base64) throw refusal(`${name} is not valid base64`);
  if (bytes.length > maxBytes) throw refusal(`${name} must have at most ${maxBytes} bytes`);
  const raster = rasterOf(bytes);
  if (raster?.type !== type) throw refusal(`${name} is not a picture of type ${type}`);
  const isSized = [raster.width, raster.height].every((side) => side >= 1 && side <= maxSide);
  if (!isSized) throw refusal(`${name} must have 1 to ${maxSide} pixels either way`);
  return value;
}

/** The logo that the metadata holds. */
export function logoOf(metadata: Readonly<Record<string, unknown>>): ClientLogo | undefined {
  const value = metadata[logoMember];
  const [, type, base64] = typeof value === 'string' ? (dataUrl.exec(value) ?? []) : [];
  return type === undefined || base64 === undefined ? undefined : { type, bytes: Buffer.from(base64, 'base64') };
}

/** Where this server serves it; another version has another address. Undefined where there is none. */
export function logoUrl(client: {
  readonly id: string;
  readonly version: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}): string | undefined {
  return client.metadata[logoMember] === undefined ? undefined : `/client-logo/${client.id}?v=${client.version}`;
}

/** The metadata for lists, where two hundred pictures would weigh more than everything else. */
export function withoutLogo(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { [logoMember]: _logo, ...rest } = metadata;
  return rest;
}

function refusal(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
