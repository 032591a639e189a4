/** The app as a page of this server: its document, its manifest, and the service worker with the list of files that it keeps. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { html } from '../html.ts';
import { htmlDocument, scriptTag } from '../http/document.ts';
import { documentSecurityPolicy, permissionsPolicy } from '../http/headers.ts';
import type { PageBrand } from './brand.ts';
import { pageAssets } from './page-assets.ts';

/** Like the login page's, and one Trusted Types policy: for the address of the service worker, a constant. */
const appSecurityPolicy = documentSecurityPolicy({
  'script-src': "'self'",
  'connect-src': "'self'",
  'manifest-src': "'self'",
  'worker-src': "'self'",
  'trusted-types': 'sw',
});

/** The worker fetches the files of its release from this origin, and nothing else. */
const workerSecurityPolicy = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/** The camera, fingerprint and face, for this page alone: the rest of the server gives them to nobody. */
const appPermissions = permissionsPolicy(['camera', 'publickey-credentials-get', 'publickey-credentials-create']);

const manifestUrl = '/app/manifest.webmanifest';
/** For browsers that take no icon from the manifest: they need pixels. */
const touchIconUrl = '/assets/app/icon-192.png';
const textsDirectory = 'app/texts/';

export interface AppPageOptions {
  /** Of the built files. */
  readonly directory: string;
  /** Integrity by file name. */
  readonly manifest: Readonly<Record<string, string>>;
  readonly brand: PageBrand;
}

/** Serves `/app` and what belongs to it. */
export async function registerAppPage(
  app: FastifyInstance,
  { directory, manifest, brand }: AppPageOptions,
): Promise<void> {
  const page = appPage(manifest, brand);
  const webManifest = branded(await readFile(`${directory}app/manifest.webmanifest`, 'utf8'), brand);
  const worker = await readFile(`${directory}app-worker.js`, 'utf8');
  const kept = ['app.js', 'app.css', 'app/icon.svg', 'app/icon-192.png', 'app/icon-512.png'];
  const files = [
    { url: '/app', integrity: integrityOf(page) },
    { url: manifestUrl, integrity: integrityOf(webManifest) },
    ...kept.map((name) => ({ url: `/assets/${name}`, integrity: manifest[name] ?? '' })),
    ...brand.files.map(({ url, integrity }) => ({ url, integrity })),
  ];
  // A new release changes the script by a byte at least, and so reaches every browser.
  const release = { version: integrityOf(JSON.stringify(files)).slice(-16), files, texts: textsOf(manifest) };
  const workerScript = `const release=${JSON.stringify(release)};\n${worker}`;

  app.get('/app', (_request, reply) => uncached(reply, appSecurityPolicy).type('text/html; charset=utf-8').send(page));
  app.get('/app/', (_request, reply) => reply.redirect('/app', 308));
  // What the ordinary camera of a phone opens of an activation: the browser carries the code over, in the part that no server sees.
  app.get('/activate', (_request, reply) => reply.redirect('/app', 302));
  app.get('/app/sw.js', (_request, reply) =>
    uncached(reply, workerSecurityPolicy)
      .header('service-worker-allowed', '/app')
      .type('text/javascript; charset=utf-8')
      .send(workerScript),
  );
  app.get(manifestUrl, (_request, reply) =>
    uncached(reply, workerSecurityPolicy).type('application/manifest+json').send(webManifest),
  );
}

function uncached(reply: FastifyReply, policy: string): FastifyReply {
  return reply
    .header('content-security-policy', policy)
    .header('permissions-policy', appPermissions)
    .header('cache-control', 'no-cache');
}

function integrityOf(text: string): string {
  return `sha384-${createHash('sha384').update(text).digest('base64')}`;
}

/** One file a language; the app fetches the one that it speaks. */
function textsOf(manifest: Readonly<Record<string, string>>) {
  return Object.entries(manifest)
    .filter(([name]) => name.startsWith(textsDirectory))
    .map(([name, integrity]) => ({ url: `/assets/${name}`, integrity }));
}

/** For the page, which takes no other bytes: `de:sha384-… fr:sha384-…`. */
function textIntegrity(manifest: Readonly<Record<string, string>>): string {
  return textsOf(manifest)
    .map(({ url, integrity }) => `${basename(url, '.json')}:${integrity}`)
    .join(' ');
}

/** The manifest with the bank's name, colour and icons. */
function branded(webManifest: string, { look, icons, themeColours, backgroundColour }: PageBrand): string {
  return JSON.stringify({
    ...(JSON.parse(webManifest) as object),
    name: look.name,
    short_name: look.name,
    theme_color: themeColours.light,
    background_color: backgroundColour,
    icons,
  });
}

function appPage(manifest: Readonly<Record<string, string>>, { look, icons, themeColours }: PageBrand): string {
  const { script, style } = pageAssets(manifest, 'app');
  const [icon] = icons;
  const touchIcon = icon?.type === 'image/png' ? icon.src : touchIconUrl;
  const head = html`<meta name="theme-color" media="(prefers-color-scheme: light)" content="${themeColours.light}">
<meta name="theme-color" media="(prefers-color-scheme: dark)" content="${themeColours.dark}">
<link rel="manifest" href="${manifestUrl}">
<link rel="icon" href="${icon?.src ?? touchIconUrl}" type="${icon?.type ?? 'image/png'}">
<link rel="apple-touch-icon" href="${touchIcon}">
${scriptTag(script)}`;
  const body = html`<p id="offline" role="status"></p>
<main id="app" data-screen="starting" data-texts="${textIntegrity(manifest)}" aria-busy="true"><h1>${look.name}</h1><noscript><p>This app needs JavaScript.</p></noscript></main>`;
  return htmlDocument({ language: 'en', direction: 'ltr', title: look.name, look, style, head, body });
}
