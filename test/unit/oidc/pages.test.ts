/** The pages that the provider shows itself, in every language: whole, of the right direction, and without a script of anybody's. */
import { describe, expect, it } from 'vitest';
import { errorPage, loggedOutPage, logoutPage } from '../../../src/oidc/pages.ts';
import { textsFor } from '../../../src/texts/files.ts';
import { languages } from '../../../src/texts/languages.ts';

const form = '<form id="op.logoutForm" method="post" action="/oauth2/logout/confirm"></form>';
const frame = (code: string) => ({ look: undefined, texts: textsFor('portal', [code]) });
const hostile = '<script>alert(1)</script><img src=x onerror=alert(1)>"\'&\u202egnihsihp\u2069';

const pages = (code: string, name: string): readonly string[] => [
  logoutPage(frame(code), form, name),
  logoutPage(frame(code), form, undefined),
  loggedOutPage(frame(code)),
  errorPage(frame(code), 'invalid_redirect_uri', name),
  errorPage(frame(code), name, undefined),
];

describe.each(languages.map(({ code, direction }) => [code, direction] as const))(
  'the pages in %s',
  (code, direction) => {
    const { t } = textsFor('portal', [code]);

    it('have no script and nothing inline, so that the policy refuses nothing of theirs', () => {
      for (const page of pages(code, 'Portal')) expect(page).not.toMatch(/<script|<style|style=|javascript:/i);
    });

    it('say their language and direction, and have no gap', () => {
      for (const page of pages(code, 'Business portal')) {
        expect(page).toMatch(new RegExp(`<html lang="${code}" dir="${direction}"`));
        expect(page.slice(page.indexOf('<body'))).not.toMatch(/\{\w+\}|undefined|\[object/);
        expect(page.match(/<h1>/g)).toHaveLength(1);
      }
    });

    it('ask, confirm and explain in that language', () => {
      const [asked = '', unasked = '', done = '', refused = '', other = ''] = pages(code, 'PORTAL').map((page) =>
        page.replace(/[\u2068\u2069]/g, '').replaceAll('&#39;', "'"),
      );
      expect(asked).toContain(`<h1>${t('logout.heading')}</h1>`);
      expect(asked).toContain(t('logout.asked', { portal: 'PORTAL' }));
      expect(asked).toContain(`${form}<button`);
      expect(unasked).toContain(t('logout.unasked'));
      expect(done).toContain(`<h1>${t('loggedOut.heading')}</h1>`);
      expect(refused).toContain(t('error.invalid_redirect_uri'));
      expect(refused).toContain(t('error.detail', { detail: 'invalid_redirect_uri: PORTAL' }));
      expect(other).toContain(t('error.other'));
    });

    it('keep a hostile name of a portal, or description of an error, what it is: text (T26, XSS)', () => {
      for (const page of pages(code, hostile)) {
        expect(page).not.toMatch(/<script|<img|<[^>]*\son\w+=/i);
        expect(page).not.toContain(hostile);
        expect(page, 'turns the line about').not.toMatch(/[\u202a-\u202e\u2066\u2067]/);
        expect(page.match(/\u2068/g)?.length).toBe(page.match(/\u2069/g)?.length);
      }
    });
  },
);

it('an error code of an object’s own members is no explanation (constructor, __proto__)', () => {
  for (const code of ['constructor', '__proto__', 'title', 'detail', 'other']) {
    expect(errorPage(frame('en'), code, undefined)).toContain(textsFor('portal', ['en']).t('error.other'));
  }
});
