/** The look of the pages as files that this server makes when it starts: colours as a style sheet, the logo, icons and names. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Brand } from '../config/brand.ts';
import { pageGrounds } from '../config/colours.ts';
import type { Logo } from '../config/logo.ts';
import type { Look } from '../http/document.ts';
import { refuseOtherReleases, releaseUrl } from './page-assets.ts';

interface BrandFile {
  readonly url: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly integrity: string;
}

interface Icon {
  readonly src: string;
  readonly sizes: string;
  readonly type: string;
  readonly purpose: string;
}

/** Everything in which the pages of one bank differ from those of another. */
export interface PageBrand {
  readonly look: Look;
  /** Served, and kept by the app with its release. */
  readonly files: readonly BrandFile[];
  /** Of the installed app and of the tab. */
  readonly icons: readonly Icon[];
  /** Around the page, by theme. */
  readonly themeColours: { readonly light: string; readonly dark: string };
  readonly backgroundColour: string;
}

const ownIcon = { src: '/assets/app/icon.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' } as const;
const ownIcons: readonly Icon[] = [
  ownIcon,
  ...[192, 512].map((size) => ({
    src: `/assets/app/icon-${size}.png`,
    sizes: `${size}x${size}`,
    type: 'image/png',
    purpose: 'any maskable',
  })),
];

/** A picture of our own or a bank's, opened by itself: it may show itself and nothing else. */
const pictureSecurityPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox";
/** A logo that is so much wider than high holds the name already. */
const wideRatio = 1.6;
/** Browsers take no smaller picture for the icon of an installed app. */
const leastIconPixels = 192;

/** Makes the files and what the documents say of them. */
export function makePageBrand({ name, logo, colours }: Brand): PageBrand {
  const style =
    colours === undefined ? undefined : fileOf('/assets/brand.css', 'text/css; charset=utf-8', css(colours));
  const picture =
    logo === undefined ? undefined : fileOf(`/assets/brand-logo.${logo.extension}`, logo.type, logo.bytes);
  return {
    look: {
      name,
      logo:
        logo === undefined || picture === undefined
          ? { url: ownIcon.src, isAlone: false }
          : { url: picture.url, isAlone: logo.size.width > logo.size.height * wideRatio },
      style: style && { url: releaseUrl(style.url, style.integrity), integrity: style.integrity },
    },
    files: [style, picture].filter((file) => file !== undefined),
    icons: (logo !== undefined && picture !== undefined && iconsOf(logo, picture.url)) || ownIcons,
    // In the dark a bank's colour is a light tint: the page's own ground is calmer there.
    themeColours: { light: colours?.light.accent ?? pageGrounds.light.card, dark: pageGrounds.dark.card },
    backgroundColour: pageGrounds.light.card,
  };
}

/** Only the design's own two values; each was read as six hexadecimal digits. */
function css({ light, dark }: NonNullable<Brand['colours']>): Uint8Array {
  const rule = ({ accent, onAccent }: typeof light) => `:root{--accent:${accent};--on-accent:${onAccent}}`;
  return Buffer.from(`${rule(light)}\n@media (prefers-color-scheme:dark){${rule(dark)}}\n`);
}

function iconsOf({ size, extension, type }: Logo, src: string): readonly Icon[] | undefined {
  const { width, height } = size;
  if (width !== height) return undefined;
  if (extension === 'svg') return [{ src, type, sizes: 'any', purpose: 'any' }];
  if (width < leastIconPixels) return undefined;
  return [{ src, type, sizes: `${width}x${height}`, purpose: 'any' }];
}

function fileOf(url: string, type: string, bytes: Uint8Array): BrandFile {
  return { url, type, bytes, integrity: `sha384-${createHash('sha384').update(bytes).digest('base64')}` };
}

/** Serves the files of the brand; pictures with a policy of their own, should somebody open one by its address. */
export function registerBrand(app: FastifyInstance, { files }: PageBrand): void {
  refuseOtherReleases(app, Object.fromEntries(files.map(({ url, integrity }) => [url, integrity])));
  for (const { url, type, bytes } of files) {
    app.get(url, (_request, reply) => {
      if (type.startsWith('image/')) reply.header('content-security-policy', pictureSecurityPolicy);
      return reply.header('cache-control', 'public, max-age=300').type(type).send(Buffer.from(bytes));
    });
  }
}
