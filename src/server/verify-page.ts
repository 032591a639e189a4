/** The page that checks receipts: one document; what a person gives it, it reads in the browser and sends nowhere. */
import type { FastifyInstance } from 'fastify';
import { html } from '../html.ts';
import { htmlDocument, scriptTag } from '../http/document.ts';
import { documentSecurityPolicy } from '../http/headers.ts';
import { wantedLanguages } from '../http/language.ts';
import { chooseLanguage, type Language } from '../texts/languages.ts';
import type { PageBrand } from './brand.ts';
import { pageAssets, releaseUrl } from './page-assets.ts';

/** It fetches its texts and the key history of this server; there is no address that a receipt could be sent to. */
const verifySecurityPolicy = documentSecurityPolicy({ 'script-src': "'self'", 'connect-src': "'self'" });

export interface VerifyPageOptions {
  /** Integrity by file name. */
  readonly manifest: Readonly<Record<string, string>>;
  readonly brand: PageBrand;
}

/** Serves `/verify`. */
export function registerVerifyPage(app: FastifyInstance, { manifest, brand }: VerifyPageOptions): void {
  app.get('/verify', (request, reply) =>
    reply
      .header('content-security-policy', verifySecurityPolicy)
      .header('cache-control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(verifyPage(manifest, brand, chooseLanguage(wantedLanguages(request)))),
  );
}

function verifyPage(
  manifest: Readonly<Record<string, string>>,
  { look }: PageBrand,
  { code, direction }: Language,
): string {
  const { script, style } = pageAssets(manifest, 'verify');
  const integrity = manifest[`verify/texts/${code}.json`] ?? '';
  const texts = releaseUrl(`/assets/verify/texts/${code}.json`, integrity);
  const body = html`<main id="verify" data-texts="${texts}" data-integrity="${integrity}"><noscript><p>This page needs JavaScript.</p></noscript></main>`;
  return htmlDocument({ language: code, direction, title: look.name, look, style, head: scriptTag(script), body });
}
