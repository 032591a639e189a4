import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { checkMetadata, toProviderMetadata } from '../../../src/oidc/client-metadata.ts';
import { logoOf, logoUrl } from '../../../src/oidc/logo.ts';
import type { Client } from '../../../src/oidc/store.ts';

const redirect_uris = ['https://portal.example/callback'];

function png(width: number, height: number): Buffer {
  return PNG.sync.write(new PNG({ width, height }));
}

const asUrl = (bytes: Uint8Array, type = 'image/png'): string =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;

/** The beginning of a lossless WebP of 16 × 16 pixels. */
const webp = Buffer.from(
  '524946461e00000057454250565038 4c110000002f0fc00300'.replaceAll(' ', '').padEnd(80, '0'),
  'hex',
);

const register = (mtoken_logo: unknown) => checkMetadata('portal', { redirect_uris, mtoken_logo });

describe('a portal’s logo', () => {
  it('is a small PNG or WebP', () => {
    for (const logo of [asUrl(png(64, 64)), asUrl(webp, 'image/webp')]) {
      expect(register(logo)).toMatchObject({ mtoken_logo: logo });
    }
    expect(logoOf({ mtoken_logo: asUrl(png(2, 2)) })).toEqual({ type: 'image/png', bytes: png(2, 2) });
    expect(logoOf({})).toBeUndefined();
  });

  const script = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
  it.each<[string, unknown]>([
    ['an address elsewhere, which would tell it who logs in', 'https://portal.example/logo.png'],
    ['an SVG', asUrl(Buffer.from(script), 'image/svg+xml')],
    ['an SVG that calls itself PNG', asUrl(Buffer.from(script))],
    ['a page that calls itself PNG', asUrl(Buffer.from('<!doctype html><script>alert(1)</script>'))],
    ['a PNG that calls itself WebP', asUrl(png(4, 4), 'image/webp')],
    ['more than 32 KiB', asUrl(Buffer.concat([png(4, 4), Buffer.alloc(32 * 1024)]))],
    ['more pixels than a browser should make room for', asUrl(png(1025, 1))],
    ['a picture without size', asUrl(Buffer.concat([png(1, 1).subarray(0, 16), Buffer.alloc(20)]))],
    ['nothing', 'data:image/png;base64,'],
    ['parameters', asUrl(png(4, 4)).replace(';base64', ';charset=utf-8;base64')],
    ['another spelling of base64', `${asUrl(png(4, 4))}=`],
    ['line feeds', `${asUrl(png(4, 4))}\n`],
    ['an object', { toString: 'data:' }],
    ['a number', 7],
    ['null', null],
  ])('is refused where it is %s (T26)', (_what, logo) => {
    expect(() => register(logo)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('belongs to portals: a machine has none', () => {
    const metadata = { scope: 'admin:read', mtoken_logo: asUrl(png(4, 4)) };
    expect(() => checkMetadata('admin', metadata)).toThrow(/mtoken_logo cannot be set/);
  });

  it('stays out of the provider, and has an address that changes with it', () => {
    const metadata = checkMetadata('portal', { redirect_uris, mtoken_logo: asUrl(png(4, 4)) });
    const client = { id: 'portal', kind: 'portal', name: 'Portal', metadata, status: 'active', version: 3 } as Client;
    expect(JSON.stringify(toProviderMetadata(client))).not.toContain('data:image');
    expect(logoUrl(client)).toBe('/client-logo/portal?v=3');
    expect(logoUrl({ ...client, metadata: {} })).toBeUndefined();
  });
});
