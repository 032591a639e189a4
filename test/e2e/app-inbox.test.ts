/** What waits on the phone, as people see it: from a portal's request over the API to a receipt that anybody can check. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../../src/companies/companies.ts';
import { createUser } from '../../src/companies/users.ts';
import type { Receipt } from '../../src/protocol/receipt.ts';
import type { TemplateName } from '../../src/protocol/templates/templates.ts';
import type { Portal } from '../integration/system/portal.ts';
import { addPortal } from '../integration/system/rig.ts';
import { samples } from '../unit/signing/samples.ts';
import { type Bank, type Invited, openBank, register } from './bank.ts';
import { hasChromium, launchChromium, openPage } from './chromium.ts';
import { cutTexts, focusFaults, inspect, smallTargets } from './inspect.ts';
import { inEveryLanguage } from './other-words.ts';
import { at, enter, look, mpin, phoneSize, press, trouble } from './phone.ts';

const operator = { name: 'operator' };

interface Asked {
  readonly signingId: string;
  readonly state: string;
  readonly reason?: string;
  readonly receipts?: readonly Receipt[];
}

const words = Buffer.from('Loan agreement 4711\nThe bank lends 10,000.00 EUR to <b>Wilhelmina</b>.');
const pdf = Buffer.from(
  [
    '%PDF-1.4',
    '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj',
    '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj',
    '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Resources<</Font<</F1 4 0 R>>>>/Contents 5 0 R>>endobj',
    '4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj',
    '5 0 obj<</Length 39>>stream\nBT /F1 18 Tf 10 40 Td (Loan 4711) Tj ET\nendstream endobj',
    'trailer<</Root 1 0 R>>',
    '%%EOF\n',
  ].join('\n'),
);

/** The portal's files, by path. */
interface FileServer {
  readonly url: string;
  readonly files: Map<string, { readonly mediaType: string; readonly file: Buffer }>;
  readonly close: () => Promise<void>;
}

async function openFileServer(files: FileServer['files']): Promise<FileServer> {
  const server = createServer(({ url = '' }, response) => {
    const found = files.get(url);
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.mediaType ?? 'text/plain' });
    response.end(found?.file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.skipIf(!hasChromium)('what waits on the phone', () => {
  let bank: Bank;
  let browser: Browser;
  let portal: Portal;
  let token: string;
  let fileServer: FileServer;
  const files: FileServer['files'] = new Map();

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank({ MTOKEN_INTERNAL_PORTALS: '127.0.0.1' }), launchChromium()]);
    fileServer = await openFileServer(files);
    portal = await addPortal(bank.server, bank.issuer, {
      scope: 'sign',
      redirect_uris: [`${fileServer.url}/callback`],
    });
    token = await tokenOf(bank, portal);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await portal?.close();
    await fileServer?.close();
    await bank?.stop();
  });

  async function call(path: string, body?: object): Promise<Asked> {
    const response = await fetch(`${bank.issuer}/signing/v1/orders${path}`, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
      },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer as Asked;
  }

  /** As the portal's server asks for it. */
  async function ask(userId: string, template: TemplateName = 'payment', fields: object = samples[template]) {
    const { signingId } = await call('', {
      user: userId,
      template,
      version: 1,
      fields,
      locale: 'en',
      reference: `my ${template}`,
    });
    return { signingId, read: () => call(`/${signingId}`) };
  }

  async function newPhone(invited: Invited): Promise<Page> {
    const { page } = await openPage(browser, { viewport: phoneSize, acceptDownloads: true });
    await page.goto(`${bank.issuer}/app`);
    await register(page, invited);
    return page;
  }

  /** Two people with all permissions, in a company where payments take both. */
  async function colleagues(): Promise<readonly [Invited, Invited]> {
    const deps = bank.server.capabilities.registration;
    const company = await createCompany(deps, {
      name: 'Two Keys Ltd',
      actor: operator,
      selfActivation: true,
      deviceLimit: 3,
      rules: { approvers: [{ templates: ['payment'], needed: 2 }] },
    });
    const one = async (name: string): Promise<Invited> => {
      const email = `${name.toLowerCase()}@keys.example`;
      const user = await createUser(deps, { companyId: company.id, name, email, permissions: 'full', actor: operator });
      return bank.invite({ user: { userId: user.id, email, activation: '', code: async () => '' } });
    };
    return [await one('Ada'), await one('Berta')];
  }

  it('is opened, looked at, approved, and its receipt saved and found genuine by anybody (T-01, T-04, T-09, T-14)', async () => {
    const invited = await bank.invite();
    const page = await newPhone(invited);
    await page.getByText('Nothing waits for you.').waitFor();
    const { read } = await ask(invited.userId);
    // As when the app comes back to the foreground.
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    const entry = page.locator('.inbox li button');
    const row = /^Payment\s+Amount: 1,250\.00\sEUR\s+Payee: Jansen & Zn\s+Business portal\s+Asked: .*Open until: /;
    expect(await entry.innerText()).toMatch(row);
    expect(await page.locator('.inbox [role=status]').innerText()).toBe('Waiting for you: 1');
    expect(await inspect(page)).toEqual([]);
    await entry.click();
    await at(page, 'confirm');
    const shown = await page.locator('main').innerText();
    for (const fact of ['1,250.00', 'Jansen & Zn', 'BE71 0961 2345 6769', 'Business portal', '127.0.0.1']) {
      expect(shown).toContain(fact);
    }
    // The company has never paid them, and the phone is new: it is warned of, above the decision.
    expect(await page.locator('.warning').innerText()).toMatch(/Look closely[\s\S]*registered[\s\S]*payee is new/);
    await look(page, 'inbox-confirm');
    await press(page, 'Approve');
    await at(page, 'proof');
    await enter(page, mpin);
    await at(page, 'approved');
    expect(await page.locator('main').innerText()).toContain('The receipt is in your history.');
    // What it was, as it was signed, and no more than a glance takes.
    expect((await page.locator('.asked').innerText()).split(/\n+/)).toEqual([
      'Payment',
      'Amount',
      '1,250.00\u00a0EUR',
      'Payee',
      'Jansen & Zn',
    ]);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await press(page, 'Receipt');
    await page.getByText('Signed by').waitFor();
    // Judged once, by the phone.
    expect(asked.filter((path) => path.endsWith('/mtoken-key-history'))).toHaveLength(1);
    expect(await inspect(page)).toEqual([]);
    await fitsEverywhere(page);
    expect(await page.locator('.asked .main').first().innerText()).toContain('1,250.00');
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Save the receipt')]);
    const receipt = JSON.parse(await readFile(await download.path(), 'utf8')) as Receipt;
    expect((await read()).receipts).toEqual([receipt]);
    const { page: verify } = await openPage(browser, { viewport: phoneSize });
    await verify.goto((await page.locator('a.button').getAttribute('href')) ?? '');
    await verify.locator('#receipt').setInputFiles(await download.path());
    expect(await verify.locator('.verdict').innerText()).toBe('This receipt is genuine.');
    await press(page, 'Back');
    await at(page, 'home');
    await page.getByText('Nothing waits for you.').waitFor();
  });

  it('takes two of one company, each of whom sees how many there are, and both get their receipt (T-15)', async () => {
    const [ada, berta] = await colleagues();
    const [first, second] = [await newPhone(ada), await newPhone(berta)];
    const { read } = await ask(ada.userId);
    for (const [page, number] of [
      [first, 1],
      [second, 2],
    ] as const) {
      await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
      expect(await page.locator('.inbox li').innerText()).toContain(`Approvals: ${number - 1} of 2`);
      if (number === 1) await fitsEverywhere(page);
      await page.locator('.inbox li button').click();
      await at(page, 'confirm');
      expect(await page.locator('main').innerText()).toContain(`Yours would be number ${number}.`);
      if (number === 2) await fitsEverywhere(page);
      await press(page, 'Approve');
      await at(page, 'proof');
      await enter(page, mpin);
      await at(page, 'approved');
      expect((await page.locator('main').innerText()).includes('still missing: 1')).toBe(number === 1);
      if (number === 1) expect((await read()).state).not.toBe('approved');
    }
    const { state, receipts } = await read();
    expect({ state, receipts: receipts?.length }).toEqual({ state: 'approved', receipts: 2 });
    await press(first, 'Done');
    await first.getByText('Nothing waits for you.').waitFor();
    await press(first, 'History');
    await first.locator('.entries button').filter({ hasText: 'Approved' }).click();
    await first.getByText('Signed by').waitFor();
    expect(await first.locator('dl').last().innerText()).toContain('Ada');
  });

  it('is declined with a reason that fits, reported, and left alone, and stands so in the history, in every language', async () => {
    const invited = await bank.invite();
    const page = await newPhone(invited);
    const declined = await ask(invited.userId);
    await open(page);
    await page.locator('main > details > summary').click();
    await press(page, 'The payee is wrong');
    await at(page, 'declined');
    await press(page, 'Done');
    expect(await declined.read()).toMatchObject({ state: 'declined', reason: 'payee' });
    const words = await ask(invited.userId, 'text');
    await open(page);
    // Words have no payee that could be wrong.
    await page.locator('main > details > summary').click();
    expect(await page.locator('main > details > button').allInnerTexts()).toEqual(['I did not expect this']);
    await call(`/${words.signingId}/cancel`, {});
    await press(page, 'Decline');
    await at(page, 'home');
    expect(await trouble(page)).toContain('has ended');
    const reported = await ask(invited.userId, 'payee-add');
    await open(page);
    await press(page, 'This is not me');
    await at(page, 'report');
    expect(await page.locator('main').innerText()).toContain('All your logins end too');
    expect((await reported.read()).state).toBe('claimed');
    await press(page, 'Yes, it was not me');
    await at(page, 'reported');
    await look(page, 'inbox-reported');
    expect((await reported.read()).state).toBe('reported');
    // Whoever is somebody else has no session any more, and the person unlocks once more.
    await press(page, 'Done');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'home');
    await press(page, 'History');
    await page.locator('main[data-screen="history"] .entries li').first().waitFor();
    expect(await page.locator('.entries li').allInnerTexts()).toEqual([
      expect.stringMatching(/New payee[\s\S]*Reported/),
      expect.stringMatching(/Text of the portal[\s\S]*Withdrawn/),
      expect.stringMatching(/Payment[\s\S]*Declined · The payee is wrong/),
    ]);
    expect(await inspect(page)).toEqual([]);
    await fitsEverywhere(page);
  });

  it('of a hundred payments is searched and gone through, each under its number (T-06)', async () => {
    const invited = await bank.invite();
    const page = await newPhone(invited);
    const payments = Array.from({ length: 120 }, (_, index) => ({
      amount: 100 + index,
      creditorName: `Person ${index + 1}`,
      creditorIban: 'BE71096123456769',
    }));
    const total = payments.reduce((sum, { amount }) => sum + amount, 0);
    await ask(invited.userId, 'payment-batch', { ...samples['payment-batch'], payments, total, count: 120 });
    await open(page);
    await page.locator('.signed summary').click();
    await page.locator('.payments li').nth(49).waitFor();
    expect(await page.locator('.signed [role=status]').innerText()).toBe('Shown: 50 of 120');
    await press(page, 'Show more');
    await press(page, 'Show more');
    expect(await page.locator('.payments li').count()).toBe(120);
    await page.getByLabel('Search the list').fill('person 12 0');
    expect(await page.locator('.payments li').allInnerTexts()).toEqual([expect.stringContaining('Person 120')]);
    expect(await page.locator('.payments li').getAttribute('value')).toBe('120');
    await page.getByLabel('Search the list').fill('');
    await page.getByRole('button', { name: 'Approve' }).click({ trial: true });
    expect([...(await cutTexts(page)), ...(await smallTargets(page)), ...(await focusFaults(page))]).toEqual([]);
    await look(page, 'inbox-batch');
    await press(page, 'Decline');
    await at(page, 'declined');
  });

  it('is a document that is read before it is approved: words in their place, a PDF in a window or as a file (T-01)', async () => {
    const invited = await bank.invite();
    const page = await newPhone(invited);
    const approvable = page.locator('.decide button').first();
    for (const mediaType of ['text/plain', 'application/pdf'] as const) {
      const file = mediaType === 'text/plain' ? words : pdf;
      files.set('/loan', { mediaType, file });
      const sha256 = createHash('sha256').update(file).digest('hex');
      const fields = { title: '<b>Loan</b> ../agreement 4711', mediaType, size: file.length, sha256 };
      const { read } = await ask(invited.userId, 'document', { ...fields, viewer: `${fileServer.url}/loan` });
      await open(page);
      expect(await inspect(page)).toEqual([]);
      // Everything else has been looked at for long.
      expect(await approvable.isDisabled()).toBe(true);
      await press(page, 'Read the document');
      if (mediaType === 'text/plain') {
        await page.locator('.terms').waitFor();
        expect(await page.locator('.terms').innerText()).toBe(words.toString().trim());
      } else {
        const [opened] = await Promise.all([
          page.waitForEvent('popup'),
          page.getByRole('link', { name: 'Open the document' }).click(),
        ]);
        await opened.waitForLoadState();
        // The browser's own viewer, and never a page of this origin.
        expect(await opened.evaluate('document.contentType')).toBe('application/pdf');
        await opened.close();
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('link', { name: 'Save the document' }).click(),
        ]);
        expect(download.suggestedFilename()).toBe('b Loan b agreement 4711.pdf');
        expect(await readFile(await download.path())).toEqual(file);
      }
      expect(await inspect(page)).toEqual([]);
      await press(page, 'Approve');
      await at(page, 'proof');
      await press(page, 'Back');
      await at(page, 'confirm');
      // What was read stays read.
      await press(page, 'Approve');
      await at(page, 'proof');
      await enter(page, mpin);
      await at(page, 'approved');
      expect((await read()).state).toBe('approved');
      await press(page, 'Done');
    }
    // Whoever the browser is registered for next has read nothing, in the same window and with the same document.
    await press(page, 'Settings');
    await press(page, 'Remove this phone');
    await press(page, 'Remove this phone for good');
    await at(page, 'removed');
    await page.locator('main > button').first().click();
    await register(page, await bank.invite({ user: invited }));
    const sha256 = createHash('sha256').update(pdf).digest('hex');
    const fields = { title: 'Loan', mediaType: 'application/pdf', size: pdf.length, sha256 };
    await ask(invited.userId, 'document', { ...fields, viewer: `${fileServer.url}/loan` });
    await open(page);
    await ticked(page);
    expect(await approvable.isDisabled()).toBe(true);
  });

  it('survives a lock and an hour without a connection: nothing is decided, and it waits on (T-09, S-07)', async () => {
    const invited = await bank.invite();
    const page = await newPhone(invited);
    const { read } = await ask(invited.userId);
    await open(page);
    await page.reload();
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'home');
    await page.locator('.inbox li').waitFor();
    await page.context().setOffline(true);
    await page.locator('.inbox li button').click();
    expect(await trouble(page)).toContain('cannot be reached');
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    // What may have ended meanwhile is not shown as waiting.
    await page.locator('.inbox p.soft').filter({ hasText: 'cannot be reached' }).waitFor();
    expect(await page.locator('.inbox li').count()).toBe(0);
    await page.context().setOffline(false);
    await open(page);
    await press(page, 'Approve');
    await at(page, 'proof');
    await enter(page, mpin);
    await at(page, 'approved');
    expect((await read()).state).toBe('approved');
  });
});

/** In each language, on the narrowest screen. */
async function fitsEverywhere(page: Page): Promise<void> {
  const found: string[] = [];
  await page.setViewportSize({ width: 320, height: 640 });
  await inEveryLanguage(page, 'app', async (code) => {
    found.push(...(await cutTexts(page)).map((fault) => `${code}: ${fault}`));
  });
  await page.setViewportSize(phoneSize);
  expect(found).toEqual([]);
}

/** Until the time left has been counted down twice: a second at least, in which everything else has become pressable. */
async function ticked(page: Page): Promise<void> {
  for (let ticks = 0; ticks < 2; ticks += 1) {
    const shown = await page.locator('[role=timer]').innerText();
    await expect.poll(() => page.locator('[role=timer]').innerText()).not.toBe(shown);
  }
}

/** From the home screen to the question; what was asked a moment ago is fetched as when the app comes back to the foreground. */
async function open(page: Page): Promise<void> {
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
  await page.locator('.inbox li button').first().click();
  await at(page, 'confirm');
}

async function tokenOf({ issuer }: Bank, { id, secret }: Portal): Promise<string> {
  const response = await fetch(`${issuer}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: `${issuer}/signing`, scope: 'sign' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
