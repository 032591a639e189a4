/** The app as a page of this server: its document, its manifest, and the service worker with the list of files that it keeps. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { html } from '../html.ts';
import { pageAssets } from './page-assets.ts';

/** Like the login page's, and one Trusted Types policy: for the address of the service worker, a constant. */
const appSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types sw',
].join('; ');

/** The worker fetches the files of its release from this origin, and nothing else. */
const workerSecurityPolicy = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/** The camera, for this page alone: the rest of the server gives it to nobody. */
const permissionsPolicy = 'camera=(self), microphone=(), geolocation=(), payment=(), usb=()';

const manifestUrl = '/app/manifest.webmanifest';
const iconUrl = '/assets/app/icon.svg';

/** Serves `/app` and what belongs to it from the built files in `directory`. */
export async function registerAppPage(
  app: FastifyInstance,
  directory: string,
  manifest: Readonly<Record<string, string>>,
): Promise<void> {
  const page = appPage(manifest);
  const webManifest = await readFile(`${directory}app/manifest.webmanifest`, 'utf8');
  const worker = await readFile(`${directory}app-worker.js`, 'utf8');
  const kept = ['app.js', 'app.css', 'app/icon.svg', 'app/icon-192.png', 'app/icon-512.png'];
  const files = [
    { url: '/app', integrity: integrityOf(page) },
    { url: manifestUrl, integrity: integrityOf(webManifest) },
    ...kept.map((name) => ({ url: `/assets/${name}`, integrity: manifest[name] ?? '' })),
  ];
  // A new release changes the script by a byte at least, and so reaches every browser.
  const release = { version: integrityOf(JSON.stringify(files)).slice(-16), files };
  const workerScript = `const release=${JSON.stringify(release)};\n${worker}`;

  app.get('/app', (_request, reply) =>
    uncached(reply, appSecurityPolicy).header('x-frame-options', 'DENY').type('text/html; charset=utf-8').send(page),
  );
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
    .header('permissions-policy', permissionsPolicy)
    .header('cache-control', 'no-cache');
}

function integrityOf(text: string): string {
  return `sha384-${createHash('sha384').update(text).digest('base64')}`;
}

function appPage(manifest: Readonly<Record<string, string>>): string {
  const { script, style } = pageAssets(manifest, 'app');
  return html`<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" media="(prefers-color-scheme: light)" content="#ffffff">
<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#191e26">
<meta name="robots" content="noindex">
<title>mToken</title>
<link rel="manifest" href="${manifestUrl}">
<link rel="icon" href="${iconUrl}" type="image/svg+xml">
<link rel="apple-touch-icon" href="/assets/app/icon-192.png">
<link rel="stylesheet" href="${style.url}" integrity="${style.integrity}">
<script type="module" src="${script.url}" integrity="${script.integrity}"></script>
</head>
<body>
<header class="brand"><img src="${iconUrl}" alt="" width="32" height="32"><span>mToken</span></header>
<p id="offline" role="status"></p>
<main id="app" data-screen="starting" aria-busy="true"><h1>mToken</h1><noscript><p>This app needs JavaScript.</p></noscript></main>
</body>
</html>
`.markup;
}
