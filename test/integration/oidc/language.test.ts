/** In which language the provider shows its own pages, and that what machines read has none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textsFor } from '../../../src/texts/files.ts';
import { openBrowser, type Page } from './browser.ts';
import { addPortal, logIn, type Portal } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
beforeAll(async () => {
  server = await startOidcServer();
  portal = await addPortal(server);
});
afterAll(() => server.close());

const asText = (page: Page) => page.text.replace(/[\u2068\u2069]/g, '').replaceAll('&#39;', "'");
const languageOf = (page: Page) => /<html lang="(\w+)" dir="(\w+)"/.exec(page.text)?.slice(1).join(' ');
const headers = (accepted: string, chosen?: string) => ({
  'accept-language': accepted,
  ...(chosen === undefined ? {} : { cookie: `a=b; mtoken_lang=${chosen}` }),
});

/** A refusal that cannot be told to a portal. */
const refused = async (query = '', init: RequestInit = {}): Promise<Page> =>
  openBrowser(server.issuer).request(
    `/oauth2/authorize?client_id=nobody&redirect_uri=https://evil.example${query}`,
    init,
  );

describe('a page of the provider', () => {
  it.each([
    ['what the portal asked for comes first', '&ui_locales=de-AT%20fr', headers('cs', 'pl'), 'de ltr'],
    ['of that the first that there is', '&ui_locales=tlh%20ar', headers('cs', 'pl'), 'ar rtl'],
    ['then what the reader chose on the login page', '', headers('cs', 'pl'), 'pl ltr'],
    ['then what the browser prefers', '', headers('ja, cs;q=0.8, de;q=0.5'), 'cs ltr'],
    ['English where there is none of them', '&ui_locales=tlh', headers('ja', 'xx'), 'en ltr'],
    ['English where what is asked makes no sense', '&ui_locales=%00%ff', headers('*;q=x', '..%2f..%2fen'), 'en ltr'],
    ['English where it is asked twice', '&ui_locales=de&ui_locales=fr', headers(''), 'en ltr'],
  ])('is in the reader’s language: %s', async (_, query, init, expected) => {
    const page = await refused(query, { headers: init });
    expect(page.status).toBe(400);
    expect(languageOf(page)).toBe(expected);
  });

  it.each(['de', 'ar'])('tells of a refusal in %s, with the code for support, under the same policy', async (code) => {
    const { t } = textsFor('portal', [code]);
    const page = await refused(`&ui_locales=${code}`);
    expect(asText(page)).toContain(t('error.title'));
    expect(asText(page)).toContain(t('error.invalid_client'));
    expect(page.text).toContain('invalid_client: ');
    expect(page.headers.get('location')).toBeNull();
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toBe((await refused()).headers.get('content-security-policy'));
    expect(policy).toContain("form-action 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page.text).not.toMatch(/<script|<style|style=|\son\w+=/i);
  });

  it.each(['de', 'ar'])('asks before a logout and confirms it in %s', async (code) => {
    const { t, language } = textsFor('portal', [code]);
    const { browser } = await logIn(server, portal);
    const asked = await browser.request(`/oauth2/logout?client_id=${portal.id}&ui_locales=${code}`);
    expect(languageOf(asked)).toBe(`${code} ${language.direction}`);
    expect(asText(asked)).toContain(t('logout.heading'));
    expect(asText(asked)).toContain(t('logout.effect'));
    expect(asked.text).not.toMatch(/<script|<style|style=|\son\w+=/i);
    const done = await browser.request('/oauth2/logout/success', { headers: { 'accept-language': code } });
    expect(languageOf(done)).toBe(`${code} ${language.direction}`);
    expect(asText(done)).toContain(t('loggedOut.heading'));
  });

  it('shows a hostile name of a portal as text (T26, XSS)', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const metadata = { redirect_uris: ['https://portal.example/callback'] };
    const hostile = await server.addClient({ name, metadata });
    const { browser } = await logIn(server, portal);
    for (const code of ['en', 'ar']) {
      const page = await browser.request(`/oauth2/logout?client_id=${hostile.id}&ui_locales=${code}`);
      expect(page.text).toContain('&lt;img src=x onerror=alert(1)&gt;');
      expect(page.text).not.toContain('<img');
    }
  });

  it('shows a hostile description of an error as text, in every way that a request can fail (T26, XSS)', async () => {
    for (const query of ['&response_type=<script>', '&<b>=<b>&ui_locales=<svg/onload=1>', '&scope="><img src=x>']) {
      const page = await refused(query, { headers: headers('<script>') });
      expect(page.text).not.toMatch(/<script|<svg|<img|<b>/);
    }
  });
});

describe('what machines read', () => {
  it('names the languages that a portal can ask for (OpenID Connect Discovery §3)', async () => {
    const page = await openBrowser(server.issuer).request('/.well-known/openid-configuration');
    const { ui_locales_supported: codes } = JSON.parse(page.text) as { ui_locales_supported: string[] };
    expect(codes).toHaveLength(25);
    expect(codes).toEqual(expect.arrayContaining(['ar', 'bg', 'de', 'el', 'en', 'ga', 'mt']));
  });

  it('is English in ASCII, whatever language is asked for (RFC 6749 §5.2)', async () => {
    const init = { headers: { ...headers('ar', 'de'), accept: 'application/json' } };
    const error = JSON.parse((await refused('&ui_locales=de', init)).text) as Record<string, string>;
    expect(error).toEqual({ error: 'invalid_client', error_description: expect.stringMatching(/^[\x20-\x7e]+$/) });
    expect(error).toEqual(JSON.parse((await refused('', { headers: { accept: 'application/json' } })).text));
    const token = await openBrowser(server.issuer).request('/oauth2/token?ui_locales=de', {
      method: 'POST',
      headers: { ...headers('ar', 'de'), accept: '*/*', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=authorization_code&code=x',
    });
    expect(token.headers.get('content-type')).toContain('application/json');
    expect(token.text).toMatch(/^[\x20-\x7e]+$/);
  });
});
