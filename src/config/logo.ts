/** Judges a logo: PNG and WebP by their first bytes, SVG by a list of what drawings are made of, so that no picture brings a script. */
import { rasterOf } from '../raster.ts';

export const maxLogoBytes = 64 * 1024;
const maxUses = 16;

export interface Logo {
  readonly bytes: Uint8Array;
  readonly type: 'image/png' | 'image/webp' | 'image/svg+xml';
  readonly extension: 'png' | 'webp' | 'svg';
  /** In pixels, or in the units of an SVG. */
  readonly size: { readonly width: number; readonly height: number };
}

export type LogoResult =
  | { readonly outcome: 'logo'; readonly logo: Logo }
  /** `found` completes "found …". */
  | { readonly outcome: 'refused'; readonly found: string };

const refused = (found: string): LogoResult => ({ outcome: 'refused', found });

/** The logo in these bytes, or why there is none. */
export function judgeLogo(bytes: Uint8Array): LogoResult {
  if (bytes.length > maxLogoBytes) return refused(`${bytes.length} bytes`);
  const raster = rasterOf(bytes);
  if (raster !== undefined) {
    const { width, height, ...kind } = raster;
    if (width < 1 || height < 1) return refused('a picture without size');
    return { outcome: 'logo', logo: { bytes, ...kind, size: { width, height } } };
  }
  const text = utf8(bytes);
  if (text === undefined || !/<svg[\s>]/.test(text)) return refused('something else');
  return judgeSvg(text, bytes);
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What drawings are made of. Nothing that runs, moves, links, embeds a page or comes from another vocabulary. */
const drawing = new Set(
  [
    'svg g defs symbol use title desc style path rect circle ellipse line polyline polygon text tspan',
    'linearGradient radialGradient stop clipPath mask pattern marker',
    'filter feBlend feColorMatrix feComposite feFlood feGaussianBlur feMerge feMergeNode feOffset feDropShadow',
  ].flatMap((names) => names.split(' ')),
);

function judgeSvg(text: string, bytes: Uint8Array): LogoResult {
  const drawn = text.replace(/<!--[\s\S]*?-->/g, '');
  const found = foreignPart(drawn);
  if (found !== undefined) return refused(`an SVG with ${found}`);
  const size = svgSize(drawn);
  if (size === undefined) return refused('an SVG without viewBox');
  return { outcome: 'logo', logo: { bytes, type: 'image/svg+xml', extension: 'svg', size } };
}

/** The first part of a drawing that is none, in words; nothing of what it says is told. */
function foreignPart(text: string): string | undefined {
  const body = text.replace(
    /^\uFEFF?\s*<\?xml\s+version="1\.0"(\s+encoding="utf-8")?(\s+standalone="(yes|no)")?\s*\?>/i,
    '',
  );
  if (/<\?/.test(body)) return 'a processing instruction or another encoding than UTF-8';
  if (/<!/.test(body)) return 'a document type, entities or CDATA';
  if (!/^\uFEFF?\s*<svg[\s>]/.test(body)) return 'something else before it';
  // Escapes spell names and addresses in ways that a reader of bytes does not see.
  if (/\\|&#/.test(body)) return 'escaped characters';
  for (const [, name = ''] of body.matchAll(/<\/?([^\s/>]*)/g)) {
    if (!drawing.has(name)) return /^[A-Za-z][\w:-]{0,40}$/.test(name) ? `<${name}>` : 'broken markup';
  }
  if (/[\s"'/]on[a-z]*\s*=/i.test(body)) return 'an event attribute';
  for (const [name, value] of body.split('<').flatMap(attributes)) {
    if (/(^|:)(href|src|base)$/i.test(name) && !value.startsWith('#')) return `a reference elsewhere (${name})`;
  }
  // Each that holds two of the one before doubles the drawing: thirty of them are a thousand million shapes.
  if (body.split(/<use[\s/>]/).length > maxUses + 1) return `more than ${maxUses} <use>`;
  if (/@import|javascript:|expression\(|image-set\(|src\(/i.test(body)) return 'a reference elsewhere in a style';
  if (/url\(\s*(?!["']?#|&quot;#)/i.test(body)) return 'a reference elsewhere (url)';
  return undefined;
}

/** Of one tag: begun anew at each, so that no quotation mark in a text between tags hides what comes after it. */
function attributes(tag: string): [name: string, value: string][] {
  const pairs = tag.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
  return [...pairs].map(([, name = '', doubly, singly]) => [name, (doubly ?? singly ?? '').trim()]);
}

function svgSize(text: string): Logo['size'] | undefined {
  const [root = ''] = /<svg[^>]*>/.exec(text) ?? [];
  const [, numbers = ''] = /\sviewBox\s*=\s*["']([^"']*)["']/.exec(root) ?? [];
  const [, , width = 0, height = 0] = numbers
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  return width > 0 && height > 0 ? { width, height } : undefined;
}
