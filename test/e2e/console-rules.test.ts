/** The rules about signing at the console: set by the bank in a browser, read by the company, which changes its own alone. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CompanyRules } from '../../src/companies/rules.ts';
import { defaultRiskRules } from '../../src/risk/rules.ts';
import { hasChromium } from './chromium.ts';
import { type Counter, openCounter, settled, told } from './counter.ts';
import { desk, inspect } from './inspect.ts';

let counter: Counter;

describe.skipIf(!hasChromium)('the rules about signing at the console', () => {
  beforeAll(async () => {
    counter = await openCounter();
  });
  afterAll(async () => {
    await counter.stop();
  });

  const rules = async (): Promise<CompanyRules | undefined> =>
    (await counter.server.stores.records.companies.find(counter.company.id))?.rules;
  const save = async (page: Page): Promise<string> => {
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    return told(page);
  };

  it('are set by an operator: risk, limits in exact money, and who signs together (A-08, T-15)', async () => {
    const { id } = counter.company;
    for (const name of ['Anna', 'Bert']) {
      const email = `${name.toLowerCase()}@northwind.example`;
      await counter.addUser({ name, email, permissions: 'full' });
    }
    const page = await counter.enter(await counter.phoneOf(counter.operator.id), `/companies/${id}`);
    await settled(page);
    const risk = page.locator('#risk');
    await risk.getByLabel('New payee').selectOption('Ask for the mPIN');
    await risk.locator('#risk-newDevice').selectOption('Refuse');
    await risk.locator('#risk-deviceHours').fill('48');
    await risk.getByLabel('Limits of amounts').fill('EUR 10000,00');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect
      .poll(() => page.locator('form .trouble').innerText())
      .toBe('This is not a currency and an amount: EUR 10000,00');
    expect((await rules())?.risk).toEqual(defaultRiskRules);
    await risk.getByLabel('Limits of amounts').fill('EUR 10000.07\nJPY 5');
    await page.getByRole('button', { name: 'Add a rule' }).click();
    const approvers = page.locator('#approvers');
    await approvers.getByLabel('Payment', { exact: true }).check();
    await approvers.getByLabel('Direct debit mandate').check();
    await approvers.getByLabel('Currency (empty: any)').fill('eur');
    await approvers.getByLabel('From this amount on').fill('5000.5');
    expect(await inspect(page)).toEqual([]);
    await page.setViewportSize(desk);
    expect(await save(page)).toBe('The company was changed.');
    expect(await rules()).toMatchObject({
      risk: {
        ...defaultRiskRules,
        newPayee: { action: 'step-up' },
        newDevice: { action: 'deny', hours: 48 },
        amount: {
          action: 'step-up',
          limits: [
            { currency: 'EUR', amount: 1_000_007 },
            { currency: 'JPY', amount: 5 },
          ],
        },
      },
      approvers: [{ templates: ['mandate', 'payment'], currency: 'EUR', from: 500_050, needed: 2 }],
    });
    // What was saved stands there again, and saving it once more changes nothing.
    expect(await page.locator('#approvers').getByLabel('From this amount on').inputValue()).toBe('5000.50');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect.poll(() => page.locator('form .trouble').innerText()).not.toBe('');
    await page.getByRole('button', { name: 'Remove this rule' }).click();
    expect(await save(page)).toBe('The company was changed.');
    expect((await rules())?.approvers).toEqual([]);
  }, 120_000);

  it('show an administrator what the bank has set about risk, to be read only (T27)', async () => {
    const administrator = await counter.addUser({
      name: 'Carla',
      email: 'carla@northwind.example',
      role: 'administrator',
    });
    const page = await counter.enter(await counter.phoneOf(administrator.id), `/companies/${counter.company.id}`);
    await settled(page);
    expect(await page.locator('#risk-newPayee').isDisabled()).toBe(true);
    expect(await page.locator('#risk :is(input, select, textarea):not([disabled])').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Add a rule' }).isEnabled()).toBe(true);
  }, 120_000);
});
