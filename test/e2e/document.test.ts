/** A document in a browser: read on the phone before it is signed, and compared with its receipt on the page that checks. */
import { createHash } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPortalOrder, portalFrame, readPortalOrder } from '../../src/signing/portal-orders.ts';
import { type FileServer, fileServer } from '../integration/signing/portal-server.ts';
import { portal } from '../unit/signing/signed.ts';
import { type Bank, claim, type Invited, openBank, register } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { cutTexts } from './inspect.ts';
import { at, enter, look, mpin, phoneSize, press } from './phone.ts';

const text = Buffer.from('Loan agreement 4711\n\nThe bank lends 10,000.00 EUR, <b>and</b> gets 10,400.00 EUR back.\n');

describe.skipIf(!hasChromium)('a document', () => {
  let bank: Bank;
  let files: FileServer;
  let browser: Browser;
  let page: Page;
  let invited: Invited;

  beforeAll(async () => {
    files = await fileServer((response) => response.end(text));
    [bank, browser] = await Promise.all([openBank({ MTOKEN_INTERNAL_PORTALS: '127.0.0.1' }), launchShell()]);
    ({ page } = await openPage(browser, { viewport: phoneSize }));
    await page.goto(`${bank.issuer}/app`);
    invited = await bank.invite();
    const metadata = { ...portal.metadata, redirect_uris: [`${files.origin}/callback`] };
    await bank.server.stores.records.clients.insert({ ...portal, metadata });
    await register(page, invited);
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
    await files?.close();
  });

  async function ask() {
    const { signing } = bank.server.capabilities;
    const fields = {
      title: 'Loan agreement 4711',
      mediaType: 'text/plain',
      size: text.length,
      sha256: createHash('sha256').update(text).digest('hex'),
      viewer: `${files.origin}/4711`,
    };
    const body = { user: invited.userId, template: 'document', version: 1, fields, locale: 'en', reference: 'r' };
    const client = await signing.records.clients.find(portal.id);
    if (client === undefined) throw new Error('no portal');
    const { signingId } = await createPortalOrder(signing, client, { body, requestId: 'req_1' });
    const { link } = await portalFrame(signing, client, signingId);
    return { link, read: () => readPortalOrder(signing, client, signingId) };
  }

  it('that the portal has changed meanwhile is not shown, and the person is told to decline (T-05)', async () => {
    const { link } = await ask();
    files.answer = (response) => response.end(text.toString().replace('10,400', '90,400'));
    await claim(page, link);
    await at(page, 'confirm');
    await press(page, 'Read the document');
    await page.getByText('Decline, and tell the portal').waitFor();
    expect(await page.locator('main').innerText()).not.toContain('90,400');
    await look(page, 'document-changed');
    files.answer = (response) => response.end(text);
    await press(page, 'Decline');
    await at(page, 'declined');
    await press(page, 'Done');
  });

  it('is read, signed, and found to be the one of its receipt; another file is not (T-05, T-14)', async () => {
    const { link, read } = await ask();
    await claim(page, link);
    await at(page, 'confirm');
    await press(page, 'Read the document');
    await page.getByText('<b>and</b> gets 10,400.00 EUR back').waitFor();
    await look(page, 'document-read');
    await press(page, 'Approve');
    await at(page, 'proof');
    await enter(page, mpin);
    await at(page, 'approved');
    const [receipt] = (await read()).receipts;
    const { page: verify } = await openPage(browser, { viewport: phoneSize });
    const sent: string[] = [];
    verify.on('request', (request) => sent.push(`${request.method()} ${request.postData() ?? ''}`));
    await verify.goto(`${bank.issuer}/verify`);
    const choose = (field: string, buffer: Buffer) =>
      verify.locator(field).setInputFiles({ name: 'file', mimeType: 'application/octet-stream', buffer });
    await choose('#receipt', Buffer.from(JSON.stringify(receipt)));
    await choose('#document', text);
    await verify.getByText('This file is the document that was signed.').waitFor();
    await look(verify, 'verify-document');
    expect(await cutTexts(verify)).toEqual([]);
    for (const other of [Buffer.from(text.toString().replace('10,400', '90,400')), text.subarray(1), Buffer.alloc(0)]) {
      await choose('#document', text);
      await verify.getByText('This file is the document that was signed.').waitFor();
      await choose('#document', other);
      await verify.getByText('This file is not the document that was signed.').waitFor();
    }
    expect(new Set(sent)).toEqual(new Set(['GET ']));
  });
});
