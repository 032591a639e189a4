/** Where the built files of the login page are, from the integrity manifest that the build writes. */
import { AuthError } from '../errors.ts';
import type { PageAsset, PageAssets } from './page.ts';

/**
 * Script and style of the login page. `manifest` is the parsed `dist/web/manifest.json`, `base` the path under which `dist/web` is
 * served, without a slash at its end. Throws `internal` where the build has not made them.
 */
export function loginAssets(manifest: Readonly<Record<string, string>>, base: string): PageAssets {
  const asset = (name: string): PageAsset => {
    const integrity = manifest[name];
    if (integrity === undefined)
      throw new AuthError('internal', { detail: `the build has no ${name}; run npm run build` });
    // The version lets browsers keep a file for ever and never use an old one with a new page.
    const version = integrity
      .replace(/^sha384-/, '')
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 12);
    return { url: `${base}/${name}?v=${version}`, integrity };
  };
  return { script: asset('login.js'), style: asset('login/page.css') };
}
