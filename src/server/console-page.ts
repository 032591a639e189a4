/** The console as a page of the admin listener: one document for all its addresses, in the language of whoever asks. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { html } from '../html.ts';
import { htmlDocument, scriptTag } from '../http/document.ts';
import { documentSecurityPolicy } from '../http/headers.ts';
import { chosenLanguage, languageCookie, wantedLanguages } from '../http/language.ts';
import { chooseLanguage, type Language } from '../texts/languages.ts';
import { type PageBrand, registerBrand } from './brand.ts';
import { pageAssets, registerAssets, releaseUrl } from './page-assets.ts';

/** Nothing inline, nothing from elsewhere, no frame, no form that leaves the page; scripts may not turn text into markup. */
const consoleSecurityPolicy = documentSecurityPolicy({ 'script-src': "'self'", 'connect-src': "'self'" });

const home = '/console/';

export interface ConsolePageOptions {
  /** Of the built files. */
  readonly directory: string;
  /** Integrity by file name. */
  readonly manifest: Readonly<Record<string, string>>;
  readonly brand: PageBrand;
  /** Under which browsers reach this listener. */
  readonly origin: string;
}

/** Serves `/console/` and everything below it that is no address of its own, and the files of the page. */
export async function registerConsolePage(app: FastifyInstance, options: ConsolePageOptions): Promise<void> {
  const { directory, manifest, brand } = options;
  await registerAssets(app, directory, ownFiles(manifest));
  registerBrand(app, brand);
  const send = (request: FastifyRequest, reply: FastifyReply) => sendPage(options, request, reply);
  app.get('/console', (_request, reply) => reply.redirect(home, 308));
  app.get(home, send);
  app.get('/console/*', send);
}

/** The listener of the administration gives out no script of the app or of the login page. */
function ownFiles(manifest: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const isOwn = (name: string): boolean => /^(console[./]|design\.css$|app\/icon\.svg$)/.test(name);
  return Object.fromEntries(Object.entries(manifest).filter(([name]) => isOwn(name)));
}

function sendPage({ manifest, brand, origin }: ConsolePageOptions, request: FastifyRequest, reply: FastifyReply) {
  const chosen = chosenLanguage(request);
  // A link of another site chooses for the page that it opens alone.
  if (chosen !== undefined && isOwnPage(request)) reply.header('set-cookie', languageCookie(chosen, origin));
  return reply
    .header('content-security-policy', consoleSecurityPolicy)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(consolePage(manifest, brand, chooseLanguage(wantedLanguages(request))));
}

/** Browsers say when another site asks. */
function isOwnPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin';
}

function consolePage(
  manifest: Readonly<Record<string, string>>,
  { look }: PageBrand,
  { code, direction }: Language,
): string {
  const { script, style } = pageAssets(manifest, 'console');
  const integrity = manifest[`console/texts/${code}.json`] ?? '';
  const texts = releaseUrl(`/assets/console/texts/${code}.json`, integrity);
  const body = html`<div id="console" data-texts="${texts}" data-integrity="${integrity}"><noscript><main><p>The console needs JavaScript.</p></main></noscript></div>`;
  return htmlDocument({ language: code, direction, title: look.name, look, style, head: scriptTag(script), body });
}
