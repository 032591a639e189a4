/** A bank's own look: colours that can be read, pictures that are nothing but pictures. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contrast,
  leastContrast,
  pageContrast,
  pageGrounds,
  readable,
  textOn,
  tintContrast,
} from '../../../src/config/colours.ts';
import { readConfig } from '../../../src/config/config.ts';
import { judgeLogo, maxLogoBytes } from '../../../src/config/logo.ts';

const root = new URL('../../..', import.meta.url).pathname;
const anyColour = fc.integer({ min: 0, max: 0xffffff }).map((number) => `#${number.toString(16).padStart(6, '0')}`);

describe('colours', () => {
  it.each([
    ['#000000', '#ffffff', 21],
    ['#ffffff', '#ffffff', 1],
    ['#777777', '#ffffff', 4.48],
    ['#767676', '#ffffff', 4.54],
    ['#0b57d0', '#ffffff', 6.38],
    ['#ff0000', '#ffffff', 4.0],
  ])('%s on %s has a contrast of %f:1, as WCAG computes it', (one, other, expected) => {
    expect(contrast(one, other)).toBeCloseTo(expected, 1);
    expect(contrast(other, one)).toBe(contrast(one, other));
  });

  it('text on any colour, and the colour that is suggested for any other, can be read', () => {
    fc.assert(
      fc.property(anyColour, fc.constantFrom('light' as const, 'dark' as const), (colour, theme) => {
        expect(contrast(colour, textOn(colour))).toBeGreaterThanOrEqual(leastContrast);
        expect(pageContrast(readable(colour, theme), theme)).toBeGreaterThanOrEqual(leastContrast);
        if (pageContrast(colour, theme) >= leastContrast) expect(readable(colour, theme)).toBe(colour);
      }),
    );
  });

  it('are compared with the grounds that the design has', () => {
    const [light = '', dark = ''] = readFileSync(`${root}src/web/design/tokens.css`, 'utf8').split('@media');
    const value = (css: string, name: string) => new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(css)?.[1];
    for (const [css, theme] of [
      [light, 'light'],
      [dark, 'dark'],
    ] as const) {
      for (const [name, colour] of Object.entries(pageGrounds[theme])) expect(value(css, name)).toBe(colour);
      for (const name of ['text', 'soft', 'accent', 'alarm'])
        expect(pageContrast(value(css, name) ?? '', theme), `${name}, ${theme}`).toBeGreaterThanOrEqual(leastContrast);
      // What shows where a field or a button ends (1.4.11).
      for (const ground of Object.values(pageGrounds[theme]))
        expect(contrast(value(css, 'edge') ?? '', ground)).toBeGreaterThanOrEqual(3);
    }
  });
});

const svg = (inside: string, attributes = 'viewBox="0 0 120 40"') =>
  new TextEncoder().encode(`<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inside}</svg>`);

describe('logos', () => {
  it('takes a drawing, and knows its size', () => {
    const drawing = svg(
      '<!-- Generator --><title>Bank</title><defs><linearGradient id="a"><stop offset="0"/></linearGradient></defs>' +
        '<style>.a{fill:url(#a)}</style><g class="a"><path d="M0 0h9v9z"/></g><use href="#a"/><text>Bank &amp; Co</text>',
    );
    expect(judgeLogo(drawing)).toMatchObject({
      outcome: 'logo',
      logo: { type: 'image/svg+xml', size: { width: 120, height: 40 } },
    });
    const declared = new TextEncoder().encode(
      `<?xml version="1.0" encoding="UTF-8"?>\n${new TextDecoder().decode(drawing)}`,
    );
    expect(judgeLogo(declared).outcome).toBe('logo');
    expect(judgeLogo(readFileSync(`${root}src/web/app/icon.svg`)).outcome).toBe('logo');
  });

  it.each([
    ['<script>alert(1)</script>'],
    ['<script href="https://evil.example/x.js"/>'],
    ['<SCRIPT>alert(1)</SCRIPT>'],
    ['<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>'],
    ['<foreignObject><p>text</p></foreignObject>'],
    ['<path d="" onload="alert(1)"/>'],
    ['<path d=""\nonclick = "alert(1)"/>'],
    ['<path d=""/onmouseover="alert(1)"/>'],
    ['<image href="https://evil.example/track.png"/>'],
    ['<use href="https://evil.example/x.svg#a"/>'],
    ["<use xlink:href='//evil.example/x.svg#a'/>"],
    ['<use href="data:image/svg+xml;base64,AAAA"/>'],
    // A drawing that doubles itself until the browser stands still (billion laughs).
    [`<g id="b"><use href="#a"/><use href="#a"/></g>`.repeat(9)],
    // Quotation marks that would hide the address from whoever pairs them wrongly.
    ['<text>x="</text><use href="https://evil.example/x.svg#a"/>'],
    [`<use é='x=' href="https://evil.example/x.svg#a" b=''/>`],
    ['<a href="https://evil.example"><path d=""/></a>'],
    ['<g xml:base="https://evil.example/"/>'],
    ['<style>@import "https://evil.example/x.css";</style>'],
    ['<style>.a{fill:url(https://evil.example/x)}</style>'],
    ['<style>.a{fill:u\\72l(https://evil.example/x)}</style>'],
    ['<path style="fill:url( \'//evil.example/x\')"/>'],
    ['<path fill="url(&#104;ttps://evil.example)"/>'],
    ['<animate attributeName="href" to="javascript:alert(1)"/>'],
    ['<set attributeName="onload" to="alert(1)"/>'],
    ['<iframe src="https://evil.example"/>'],
    ['<![CDATA[<script>alert(1)</script>]]>'],
    ['<?xml-stylesheet href="https://evil.example/x.css"?>'],
  ])('refuses an SVG that is more than a drawing: %s (T26)', (inside) => {
    expect(judgeLogo(svg(inside))).toMatchObject({ outcome: 'refused', found: expect.stringContaining('an SVG with') });
  });

  it('refuses what has entities, another encoding, no measure, too many bytes, or is no picture', () => {
    const entity = '<!DOCTYPE svg [<!ENTITY x "y">]><svg viewBox="0 0 1 1"/>';
    for (const bytes of [
      new TextEncoder().encode(entity),
      Buffer.from('\ufeff<svg viewBox="0 0 1 1"/>', 'utf16le'),
      new TextEncoder().encode('<?xml version="1.0" encoding="utf-16"?><svg viewBox="0 0 1 1"/>'),
      // Line ends of XML 1.1 part attributes, and are no white space to whoever reads by 1.0.
      new TextEncoder().encode('<?xml version="1.1"?><svg viewBox="0 0 1 1"><path d=""\u0085onload="x"/></svg>'),
      new TextEncoder().encode('alert(1)/* <svg viewBox="0 0 1 1"></svg>'),
      new TextEncoder().encode('<!-- <svg viewBox="0 0 1 1"> --><svg xmlns="http://www.w3.org/2000/svg"></svg>'),
      svg('', ''),
      svg('', 'viewBox="0 0 0 1"'),
      svg(' '.repeat(maxLogoBytes)),
      new TextEncoder().encode('<!doctype html><p>page</p>'),
      Buffer.from('GIF89a'),
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      new Uint8Array(),
    ])
      expect(judgeLogo(bytes).outcome).toBe('refused');
  });

  it('reads the size of PNG and of the three forms of WebP', () => {
    const icon = judgeLogo(readFileSync(`${root}src/web/app/icon-192.png`));
    expect(icon).toMatchObject({ logo: { extension: 'png', size: { width: 192, height: 192 } } });
    const webp = (form: string, put: (head: Buffer) => void): Buffer => {
      const head = Buffer.alloc(40);
      head.write(`RIFF....WEBP${form}`, 'latin1');
      put(head);
      return head;
    };
    const extended = webp('VP8X', (head) => {
      head.writeUIntLE(299, 24, 3);
      head.writeUIntLE(99, 27, 3);
    });
    const lossless = webp('VP8L', (head) => head.writeUInt32LE(299 | (99 << 14), 21));
    const lossy = webp('VP8 ', (head) => {
      head.writeUInt16LE(300, 26);
      head.writeUInt16LE(100, 28);
    });
    for (const bytes of [extended, lossless, lossy])
      expect(judgeLogo(bytes)).toMatchObject({ logo: { extension: 'webp', size: { width: 300, height: 100 } } });
  });
});

describe('settings of the brand', () => {
  const files: Record<string, string> = {
    '/logo.svg': Buffer.from(svg('<path d=""/>')).toString('latin1'),
    '/bad.svg': Buffer.from(svg('<script/>')).toString('latin1'),
  };
  const read = (env: Record<string, string>) =>
    readConfig({
      env,
      readFile: (path, encoding) => {
        const text = files[path];
        if (text === undefined || encoding !== 'latin1') throw new Error('missing');
        return text;
      },
      realPath: (path) => path,
    });
  const brand = (env: Record<string, string>) => {
    const result = read(env);
    return result.outcome === 'ready' ? result.config.brand : undefined;
  };
  const problems = (env: Record<string, string>) => {
    const result = read(env);
    return result.outcome === 'refused' ? result.problems : [];
  };

  it('are mToken’s own unless set', () => {
    expect(brand({})).toEqual({ name: 'mToken', logo: undefined, colours: undefined });
  });

  it('give a name, a logo and colours, with text that can be read on them and a tint for dark mode', () => {
    const made = brand({
      MTOKEN_BRAND_NAME: 'Northbank Ægir',
      MTOKEN_BRAND_LOGO: '/logo.svg',
      MTOKEN_BRAND_COLOR: '#7A0019',
    });
    expect(made).toMatchObject({
      name: 'Northbank Ægir',
      logo: { extension: 'svg' },
      colours: { light: { accent: '#7a0019', onAccent: '#ffffff' } },
    });
    const dark = made?.colours?.dark ?? { accent: '', onAccent: '' };
    expect(pageContrast(dark.accent, 'dark')).toBeGreaterThanOrEqual(tintContrast);
    expect(contrast(dark.accent, dark.onAccent)).toBeGreaterThanOrEqual(leastContrast);
  });

  it('are refused at the start where a colour cannot be read, with one that can', () => {
    const [light] = problems({ MTOKEN_BRAND_COLOR: '#ffcc00' });
    expect(light).toMatchObject({
      name: 'MTOKEN_BRAND_COLOR',
      found: expect.stringMatching(/^#ffcc00 \(1\.\d\d:1\)$/),
    });
    const [, suggestion = ''] = /such as (#[0-9a-f]{6})$/.exec(light?.expected ?? '') ?? [];
    expect(problems({ MTOKEN_BRAND_COLOR: suggestion })).toEqual([]);
    const dark = problems({ MTOKEN_BRAND_COLOR: '#004488', MTOKEN_BRAND_COLOR_DARK: '#004488' });
    expect(dark).toMatchObject([{ name: 'MTOKEN_BRAND_COLOR_DARK', expected: expect.stringContaining('dark page') }]);
    expect(problems({ MTOKEN_BRAND_COLOR_DARK: '#8ab4f8' })).toMatchObject([{ found: 'it alone' }]);
  });

  it.each([
    ['MTOKEN_BRAND_COLOR', 'red'],
    ['MTOKEN_BRAND_COLOR', '#fff'],
    ['MTOKEN_BRAND_COLOR', '#000000;}body{display:none'],
    ['MTOKEN_BRAND_NAME', 'x'.repeat(41)],
    ['MTOKEN_BRAND_NAME', ' '],
    ['MTOKEN_BRAND_NAME', 'Bank\nTwo'],
    ['MTOKEN_BRAND_NAME', 'Bank \u202Eknab'],
    ['MTOKEN_BRAND_NAME', '<b>Bank</b>'],
    ['MTOKEN_BRAND_LOGO', '/nowhere.svg'],
    ['MTOKEN_BRAND_LOGO', '/bad.svg'],
  ])('%s=%j is refused by name', (name, value) => {
    expect(problems({ [name]: value })).toMatchObject([{ name }]);
  });
});
