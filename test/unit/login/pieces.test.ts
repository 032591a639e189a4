import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html } from '../../../src/html.ts';
import { browserName, networkPrefix } from '../../../src/login/browser.ts';
import { plainName } from '../../../src/orders/text.ts';

describe('what the phone is told about the browser', () => {
  it('is a name from a fixed set, whatever the header says (A-04)', () => {
    const chrome =
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
    expect(browserName(chrome)).toBe('Chrome on Windows');
    expect(browserName(`${chrome} Edg/140.0.0.0`)).toBe('Edge on Windows');
    expect(browserName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(
      'Firefox on Linux',
    );
    expect(
      browserName(
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1',
      ),
    ).toBe('Safari on iPhone');
    expect(browserName(undefined)).toBe('Unknown browser');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(browserName(text)).toMatch(/^[A-Z][A-Za-z ]{0,40}$/);
      }),
    );
  });

  it('is a network, never a whole address', () => {
    expect(networkPrefix('192.0.2.77')).toBe('192.0.2.0/24');
    expect(networkPrefix('2001:db8:1:2345:6:7:8:9')).toBe('2001:db8:1:2300::/56');
    expect(networkPrefix('2001:db8::1')).toBe('2001:db8:0:0::/56');
    expect(networkPrefix('::1')).toBe('0:0:0:0::/56');
    expect(networkPrefix('unknown')).toBe('unknown');
    expect(networkPrefix('fe80::1%eth0')).toBe('fe80:0:0:0::/56');
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(networkPrefix(address)).toMatch(/^([0-9a-f]{1,4}:){4}:\/56$/);
      }),
    );
  });
});

describe('markup', () => {
  it('inserts every string as text, in elements and in attributes (T26)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { markup } = html`<p title="${text}">${text}</p>`;
        const inner = markup.slice('<p title="'.length, -'</p>'.length);
        expect(inner.replaceAll('">', '')).not.toMatch(/[<>"']/);
      }),
    );
    expect(html`<b>${'<i>'}</b>`.markup).toBe('<b>&lt;i&gt;</b>');
    expect(html`<ul>${[html`<li>${'&'}</li>`]}</ul>`.markup).toBe('<ul><li>&amp;</li></ul>');
  });
});

describe('names that others chose', () => {
  it('lose what cannot be seen or turns the text around, and excess (T-08)', () => {
    expect(plainName('Bank\u202e\u200bing', 'x')).toBe('Banking');
    expect(plainName('  Bank \n of\tBelgium ', 'x')).toBe('Bank of Belgium');
    expect(plainName('\u200b\u2066\ufeff', 'portal.example')).toBe('portal.example');
    expect(plainName('\u3164', 'portal.example')).toBe('portal.example');
    expect(plainName('Bank \u0000 of', 'x')).toBe('Bank of');
    expect(plainName('Cafe\u200b\u0301', 'x')).toBe('Caf\u00e9');
    expect(plainName(`${'a'.repeat(79)} of Belgium`, 'x')).toBe('a'.repeat(79));
    expect([...plainName('𝔘'.repeat(500), 'x')]).toHaveLength(80);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(plainName(name, 'x')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(plainName(plainName(name, 'x'), 'x')).toBe(plainName(name, 'x'));
      }),
    );
  });
});
