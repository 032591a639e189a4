/** What is to be signed, on the phone's screen, and the page that checks receipts, as a person sees them. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../src/oidc/store.ts';
import type { Receipt } from '../../src/protocol/receipt.ts';
import { createPortalOrder, portalFrame, readPortalOrder } from '../../src/signing/portal-orders.ts';
import { languages } from '../../src/texts/languages.ts';
import { type samples, samplesOf, templateNames } from '../unit/signing/samples.ts';
import { portal } from '../unit/signing/signed.ts';
import { type Bank, claim, type Invited, openBank, register } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { cutTexts } from './inspect.ts';
import { at, enter, look, mpin, phoneSize, press } from './phone.ts';

describe.skipIf(!hasChromium)('what is to be signed', () => {
  let bank: Bank;
  let browser: Browser;
  let page: Page;
  let invited: Invited;

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
    ({ page } = await openPage(browser, { viewport: phoneSize }));
    await page.goto(`${bank.issuer}/app`);
    invited = await bank.invite();
    await bank.server.stores.records.clients.insert(portal);
    await register(page, invited);
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  async function ask(
    template: keyof typeof samples,
    { locale = 'en', client = portal }: { locale?: string; client?: Client } = {},
  ) {
    const { signing } = bank.server.capabilities;
    const fields = samplesOf('https://portal.example')[template];
    const body = { user: invited.userId, template, version: 1, fields, locale, reference: 'r' };
    const { signingId } = await createPortalOrder(signing, client, { body, requestId: 'req_1' });
    const { link } = await portalFrame(signing, client, signingId);
    return { link, read: () => readPortalOrder(signing, client, signingId) };
  }

  /** Another phone of the same person: a minute allows one phone ten questions. */
  async function otherPhone(): Promise<Page> {
    const made = await openPage(browser, { viewport: phoneSize });
    await made.page.goto(`${bank.issuer}/app`);
    await register(made.page, await bank.invite({ user: invited }));
    return made.page;
  }

  it('is drawn whole at phone size, amount and payee largest, the portal’s words apart (T-01, T-08)', async () => {
    for (const template of templateNames) {
      const { link, read } = await ask(template);
      await claim(page, link);
      await at(page, 'confirm');
      expect(await cutTexts(page), template).toEqual([]);
      await look(page, `sign-${template}`);
      await page.locator('main > details > summary').click();
      expect(await cutTexts(page), template).toEqual([]);
      await press(page, 'I did not expect this');
      await at(page, 'declined');
      await press(page, 'Done');
      expect(await read()).toMatchObject({ state: 'declined', reason: 'unexpected' });
    }
  });

  it('shows every payment of a batch, in the language of the order (T-06)', async () => {
    page = await otherPhone();
    const { link } = await ask('payment-batch', { locale: 'ar' });
    await claim(page, link);
    await at(page, 'confirm');
    expect(await page.locator('.signed').getAttribute('dir')).toBe('rtl');
    await page.locator('.signed summary').click();
    await page.locator('.payments li').last().waitFor();
    expect(await page.locator('.payments li').allInnerTexts()).toEqual([
      expect.stringContaining('10,000.00\u00a0EUR'),
      expect.stringContaining('Zoë Peeters'),
    ]);
    expect(await cutTexts(page)).toEqual([]);
    await look(page, 'sign-batch-ar');
    await press(page, 'Decline');
    await at(page, 'declined');
    await press(page, 'Done');
  });

  it('gives a receipt that /verify finds genuine, and finds changed, without sending it anywhere (T-04, T-14)', async () => {
    const { link, read } = await ask('payment-batch');
    await claim(page, link);
    await at(page, 'confirm');
    await press(page, 'Approve');
    await at(page, 'proof');
    expect(await page.locator('.signed .main dd').first().innerText()).toBe('12,500.01\u00a0EUR');
    await enter(page, mpin);
    await at(page, 'approved');
    const [receipt] = (await read()).receipts;
    if (receipt === undefined) throw new Error('there is no receipt');
    const { page: verify } = await openPage(browser, { viewport: phoneSize });
    const sent: string[] = [];
    verify.on('request', (request) =>
      sent.push(
        `${request.method()} ${request.postData() ?? ''}${new URL(request.url()).search.replace(/^\?v=[\w-]{12}$/, '')}`,
      ),
    );
    await verify.goto(`${bank.issuer}/verify`);
    await choose(verify, receipt);
    expect(await verify.locator('.verdict').innerText()).toBe('This receipt is genuine.');
    expect(await verify.locator('main').innerText()).toMatch(/Wilhelmina Secret[\s\S]*Business portal[\s\S]*mPIN/);
    expect(await verify.locator('.checks .failed').count()).toBe(0);
    const opened = (isOpen: boolean) =>
      verify.locator('.signed details').evaluate((list, open) => list.toggleAttribute('open', open), isOpen);
    await opened(true);
    // The portal's words, and they alone, look like a quotation (T-08).
    expect(await verify.locator('.quoted').allInnerTexts()).toEqual(['Salaries', 'November', 'r']);
    await opened(false);
    expect(await cutTexts(verify)).toEqual([]);
    await look(verify, 'verify-genuine');
    const list = JSON.stringify((JSON.parse(receipt.list ?? '') as unknown[]).reverse());
    await choose(verify, { ...receipt, list });
    expect(await verify.locator('.verdict').innerText()).toContain('not genuine');
    expect(await verify.locator('.checks .failed').allInnerTexts()).toEqual([
      expect.stringContaining('list of payments'),
    ]);
    // What a changed receipt says is not shown: somebody would believe it.
    expect(await verify.locator('.signed').count()).toBe(0);
    await look(verify, 'verify-changed');
    await verify
      .locator('#receipt')
      .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('[') });
    await verify.getByText('This file is not a receipt.').waitFor();
    expect(new Set(sent)).toEqual(new Set(['GET ']));
  });

  it('is explained at /verify in every language', async () => {
    const { page: verify } = await openPage(browser, { viewport: phoneSize });
    for (const { code, direction } of languages) {
      await verify.goto(`${bank.issuer}/verify?lang=${code}`);
      await verify.locator('#receipt').waitFor();
      expect(await verify.locator('html').getAttribute('dir'), code).toBe(direction);
      expect(await cutTexts(verify), code).toEqual([]);
    }
  });
});

async function choose(page: Page, receipt: Receipt): Promise<void> {
  const buffer = Buffer.from(JSON.stringify(receipt));
  await page.locator('#receipt').setInputFiles({ name: 'receipt.json', mimeType: 'application/json', buffer });
  await page.locator('.verdict').waitFor();
}
