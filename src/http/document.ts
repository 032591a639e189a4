/** What every document of this server has: its language, styles with their integrity, and whose it is. */
import { html, type Markup } from '../html.ts';

/** A built file of the pages: where it is served and what its bytes must hash to. */
export interface PageAsset {
  readonly url: string;
  /** Subresource integrity, `sha384-…`. */
  readonly integrity: string;
}

/** Whose the pages are. */
export interface Look {
  readonly name: string;
  readonly logo: { readonly url: string; readonly isAlone: boolean } | undefined;
  /** Takes the place of some of the design's values. */
  readonly style: PageAsset | undefined;
}

/** Where no bank has put its own. */
export const ownLook: Look = { name: 'mToken', logo: undefined, style: undefined };

/** What a page without scripts is shown with; there is none where nothing is built. */
export interface PlainLook {
  readonly look: Look;
  readonly style: PageAsset;
}

export interface DocumentParts {
  /** BCP 47. */
  readonly language: string;
  readonly direction: 'ltr' | 'rtl';
  readonly title: string;
  readonly look: Look;
  readonly style: PageAsset | undefined;
  /** More of the head: scripts, icons. */
  readonly head?: Markup;
  readonly body: Markup;
}

/** The whole document. Nothing in it is inline, so that its policy can refuse whatever is (S-11). */
export function htmlDocument({ language, direction, title, look, style, head, body }: DocumentParts): string {
  const styles = [style, look.style].filter((one) => one !== undefined);
  return html`<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
${styles.map(({ url, integrity }) => html`<link rel="stylesheet" href="${url}" integrity="${integrity}">`)}
${head ?? html``}
</head>
<body>
${brandHeader(look)}
${body}
</body>
</html>
`.markup;
}

/** A script of the page, as a module. */
export const scriptTag = ({ url, integrity }: PageAsset): Markup =>
  html`<script type="module" src="${url}" integrity="${integrity}"></script>`;

function brandHeader({ name, logo }: Look): Markup {
  if (logo === undefined) return html`<header class="brand"><span dir="auto">${name}</span></header>`;
  return logo.isAlone
    ? html`<header class="brand"><img src="${logo.url}" alt="${name}"></header>`
    : html`<header class="brand"><img src="${logo.url}" alt=""><span dir="auto">${name}</span></header>`;
}
