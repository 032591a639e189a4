/** The built files of the pages and their integrity values, as `dist/web/manifest.json` lists them. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { AuthError } from '../errors.ts';
import type { PageAsset, PlainLook } from '../http/document.ts';
import type { PageBrand } from './brand.ts';

/** Where the build puts them: the same place for `src` and `dist`. */
export const builtWebDirectory = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const urlPrefix = '/assets/';

/** Integrity by file name; empty where nothing is built, which only development can be. */
export async function readManifest(directory: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(`${directory}manifest.json`, 'utf8').catch(() => '{}');
  return JSON.parse(text) as Record<string, string>;
}

/** Script and style of a page. */
export function pageAssets(
  manifest: Readonly<Record<string, string>>,
  page: string,
): { readonly script: PageAsset; readonly style: PageAsset } {
  return { script: asset(manifest, `${page}.js`), style: asset(manifest, `${page}.css`) };
}

/** The script of the page that a link for this device opens in a browser; `undefined` where it is not built. */
export function landingScript(manifest: Readonly<Record<string, string>>): PageAsset | undefined {
  return manifest['landing.js'] === undefined ? undefined : asset(manifest, 'landing.js');
}

/** What pages without scripts are shown with; `undefined` where nothing is built. */
export function plainLook(manifest: Readonly<Record<string, string>>, { look }: PageBrand): PlainLook | undefined {
  return manifest['design.css'] === undefined ? undefined : { look, style: asset(manifest, 'design.css') };
}

function asset(manifest: Readonly<Record<string, string>>, name: string): PageAsset {
  const integrity = manifest[name] ?? '';
  return { url: releaseUrl(`${urlPrefix}${name}`, integrity), integrity };
}

/**
 * Where a document names a file: another release's file has another address. Otherwise a browser that keeps the old bytes for some
 * minutes would hold them against the new document's integrity, and show a page without script or style.
 */
export function releaseUrl(url: string, integrity: string): string {
  return `${url}?v=${versionOf(integrity)}`;
}

/** The first characters of the hash, as an address can have them. */
const versionOf = (integrity: string): string =>
  integrity
    .replace(/^sha384-/, '')
    .slice(0, 12)
    .replaceAll('+', '-')
    .replaceAll('/', '_');

/** While two releases run side by side, none gives out its bytes under the other's address: they would be kept there. */
export function refuseOtherReleases(app: FastifyInstance, integrities: Readonly<Record<string, string>>): void {
  app.addHook('onRequest', async (request) => {
    const { v } = request.query as { v?: string };
    const [path = ''] = request.url.split('?', 1);
    // As the router reads it: a cache in front may write %61 as a, and keep what it is given under the plain address.
    const integrity = integrities[decodeURIComponent(path)];
    if (v === undefined || integrity === undefined || v === versionOf(integrity)) return;
    throw new AuthError('not_found', { detail: 'a file of another release' });
  });
}

/** Serves exactly the files of the manifest, each known when the server starts. */
export async function registerAssets(
  app: FastifyInstance,
  directory: string,
  manifest: Readonly<Record<string, string>>,
): Promise<void> {
  const names = new Set(Object.keys(manifest));
  const served = Object.entries(manifest).map(([name, integrity]) => [`${urlPrefix}${name}`, integrity]);
  refuseOtherReleases(app, Object.fromEntries(served) as Record<string, string>);
  // Browsers ask for it unbidden; a refusal would stand in every console.
  app.get('/favicon.ico', (_request, reply) => reply.code(204).header('cache-control', 'public, max-age=86400').send());
  await app.register(staticFiles, {
    root: directory,
    prefix: urlPrefix,
    index: false,
    dotfiles: 'deny',
    cacheControl: false,
    // The build lays a compressed form beside each text.
    preCompressed: true,
    allowedPath: (path) => names.has(path.replace(/^\//, '')),
    setHeaders: (response) => {
      response.header('cache-control', 'public, max-age=300');
    },
  });
}
