/** Risk of what is to be signed, over real stores, real phones and a real engine: judged before a phone hears of anything. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import type { Decision } from '../../../src/protocol/orders.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import { approversFor } from '../../../src/risk/approvers.ts';
import { type EngineDeps, riskEngine } from '../../../src/risk/engine.ts';
import { rememberPayees } from '../../../src/risk/payees.ts';
import type { RiskFacts } from '../../../src/risk/port.ts';
import { createRiskPort } from '../../../src/risk/risk.ts';
import { defaultRiskRules, type RiskRules } from '../../../src/risk/rules.ts';
import { addPhone, insertCompany, insertUser } from '../../unit/mpin/world.ts';
import { decide, descriptorOf } from '../../unit/orders/order-world.ts';
import { samples } from '../../unit/signing/samples.ts';
import {
  approve,
  ask,
  claimShown,
  claimWaiting,
  createSigningWorld,
  portal,
  type SigningWorld,
} from '../../unit/signing/signed.ts';
import { signatureOf, startEngine, type TestEngine } from './engine.ts';

const hour = 3_600_000;
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const [secret, former] = [newSecret(), newSecret()];

let engine: TestEngine;
let world: SigningWorld;
let warned: unknown[];

async function open(settings: Partial<EngineDeps> & { hasEngine?: boolean } = {}): Promise<void> {
  const { hasEngine = true, ...more } = settings;
  await world?.close();
  const log = { warn: (...line: unknown[]) => void warned.push(line) };
  const risk = createRiskPort(
    hasEngine
      ? (facts) =>
          riskEngine({
            url: engine.url,
            secrets: [secret, former],
            failure: undefined,
            internalHosts: [engine.host],
            clock: world.clock,
            log,
            timeoutMs: 1_000,
            ...more,
          })(facts)
      : undefined,
  );
  world = await createSigningWorld({ signing: { risk, approversFor, ended: [rememberPayees] } });
  // The phone is not a new one.
  world.clock.advance(48 * hour);
}

beforeEach(async () => {
  engine = await startEngine();
  warned = [];
  await open();
});
afterEach(async () => {
  await world.close();
  await engine.close();
});

async function setRules(risk: Partial<RiskRules>): Promise<void> {
  const { companies } = world.deps.records;
  const company = await companies.find(world.company.id);
  if (company === undefined) throw new Error('there is no company');
  await companies.update({ ...company, rules: { ...company.rules, risk: { ...company.rules.risk, ...risk } } });
}

const askedOf = (index = -1) => {
  const { type, data } = JSON.parse(engine.asked.at(index)?.body ?? '{}') as { type: string; data: RiskFacts };
  return { type, ...data };
};
const assessed = async () =>
  (await world.deps.records.audit.read(0, 1000)).filter(({ event }) => event === 'risk.assessed');
const shown = async (signingId: string, phone = world.phone) =>
  descriptorOf(world, await claimWaiting(world, signingId, phone));
const warnings = async (signingId: string) => (await shown(signingId)).signing?.warnings;
const approveAsked = async (template: TemplateName) => approve(world, (await ask(world, { template })).signingId);
const refuse = async (decision: Decision) =>
  decide(world, world.phone, { claimed: await claimShown(world, (await ask(world)).signingId), decision });
const denied = (publicMessage?: string) => ({ code: 'risk_denied', publicMessage });

describe('the engine', () => {
  it('is told the five inputs of RTS art. 2(2), each under its name, and no names of people (A-08)', async () => {
    const lost = await addPhone(world);
    await deactivateDevice(world.deps, { deviceId: lost.id, reason: 'lost', actor: 'cli' });
    await refuse('decline');
    const reportedAt = world.clock.now();
    await refuse('report');
    const { audit, devices } = world.deps.records;
    const userId = world.user.id;
    await audit.append({ event: 'mpin.wrong', actor: 'test', userId, deviceId: world.phone.id }, world.clock.now());
    await devices.markUsed(world.phone.id, world.clock.now(), '192.0.2.0/24');
    await setRules({
      reported: { action: 'off', hours: 24 },
      unusualHour: {
        action: 'off',
        hours: { days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '23:59', timeZone: 'UTC' },
      },
    });
    const { signingId } = await ask(world);
    const phone = { id: world.phone.id, platform: 'test', appVersion: '1', attestation: 'none' };
    expect(askedOf()).toEqual({
      type: 'risk.assess',
      subject: {
        signingId,
        clientId: portal.id,
        door: 'api',
        userId,
        companyId: world.company.id,
        template: 'payment',
      },
      // (a) lists of compromised or stolen elements
      compromised: {
        endedDevices: [expect.objectContaining({ id: lost.id, status: 'deactivated', endedReason: 'lost' })],
        reportedAt: [reportedAt],
      },
      // (b) the amount
      amount: { amount: 125_000, currency: 'EUR' },
      // (c) known scenarios of fraud
      scenarios: {
        payees: [{ account: 'BE71096123456769', isNew: true }],
        isUnusualHour: false,
        requestsInTenMinutes: 2,
        requestsInDay: 2,
      },
      // (d) signs of malware
      software: [phone],
      // (e) the log of use
      use: {
        activeDevices: [expect.objectContaining({ ...phone, lastUsedAt: world.clock.now(), place: '192.0.2.0/24' })],
        declines: 1,
        wrongMpins: 1,
      },
    });
    const { body } = engine.asked.at(-1) ?? { body: '' };
    for (const name of [world.user.name, world.user.email, 'Jansen', 'Invoice', 'Phone'])
      expect(body).not.toContain(name);
  });

  it('can tell who asks, by either secret while one takes the other’s place, and each question by its id', async () => {
    const { signingId } = await ask(world);
    const [question] = engine.asked;
    if (question === undefined) throw new Error('it was not asked');
    expect(question.headers['webhook-id']).toBe(signingId);
    const signatures = String(question.headers['webhook-signature']).split(' ');
    expect(signatures).toEqual([signatureOf(question, secret), signatureOf(question, former)]);
  });

  it('that denies keeps every phone from hearing of it; the portal learns no reason, the trail has it (A-08)', async () => {
    engine.manner = { answer: 'deny', reasons: ['known_fraud', 'new_payee'] };
    const before = await world.deps.records.outbox.summary();
    await expect(ask(world)).rejects.toMatchObject(denied());
    const who = { userId: world.user.id, companyId: world.company.id, mayCosign: true };
    expect(await world.deps.records.signings.waiting(who, world.clock.now())).toEqual([]);
    expect(await world.deps.records.outbox.summary()).toEqual(before);
    const [record, ...others] = await assessed();
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      actor: `client:${portal.id}`,
      userId: world.user.id,
      companyId: world.company.id,
      data: {
        verdict: 'deny',
        reasons: 'new_payee known_fraud',
        engine: 'deny',
        engineReasons: 'known_fraud new_payee',
        newPayees: 1,
      },
    });
  });

  it('leaves in the trail neither names nor accounts nor the amount (A-03)', async () => {
    await setRules({ amount: { action: 'warn', limits: [{ currency: 'EUR', amount: 77 }] } });
    await ask(world);
    engine.manner = { answer: 'deny', reasons: [] };
    await expect(ask(world)).rejects.toMatchObject(denied());
    const records = await assessed();
    expect(records).toHaveLength(2);
    for (const { data } of records) {
      expect(data).toMatchObject({ amountLimit: 77, limitCurrency: 'EUR' });
      const text = JSON.stringify(data);
      for (const word of ['BE71', 'DE89', 'Jansen', world.user.name, '125000', '1,250'])
        expect(text).not.toContain(word);
    }
  });

  it('can ask for the mPIN, which is on the phone with its reasons (A-08)', async () => {
    engine.manner = { answer: 'step-up', reasons: ['device_compromised'] };
    const { signingId } = await ask(world);
    const { mpinOnly, signing } = await shown(signingId);
    expect([mpinOnly, signing?.warnings]).toEqual([true, ['new_payee', 'device_compromised']]);
    engine.manner = { answer: 'allow', reasons: [] };
    expect((await shown((await ask(world)).signingId)).mpinOnly).not.toBe(true);
  });

  it('can let everybody wait: no phone opens it before (A-08)', async () => {
    engine.manner = { answer: 'delay', delaySeconds: 600, reasons: ['known_fraud'] };
    const { signingId } = await ask(world);
    world.clock.advance(599_999);
    await expect(claimWaiting(world, signingId)).rejects.toMatchObject({ code: 'order_unavailable' });
    world.clock.advance(1);
    expect(await warnings(signingId)).toEqual(['new_payee', 'known_fraud']);
  });

  it('is outvoted by no rule and outvotes none: the severest wins (A-08)', async () => {
    await setRules({ newPayee: { action: 'deny' } });
    await expect(ask(world)).rejects.toMatchObject(denied());
    await setRules({ newPayee: { action: 'step-up' } });
    engine.manner = { answer: 'delay', delaySeconds: 5, reasons: [] };
    const { signingId } = await ask(world);
    world.clock.advance(5_000);
    expect((await shown(signingId)).mpinOnly).toBe(true);
  });
});

const unavailable = 'the risk of it cannot be judged at the moment: try again later';

describe('an engine that fails', () => {
  it.each<[string, TestEngine['manner']]>([
    ['resets the connection', 'reset'],
    ['never answers', 'hang'],
    ['drips its answer for ever', 'drip'],
    ['sends more than an answer', 'huge'],
    ['sends the question elsewhere', 'redirect'],
    ['answers 500', { status: 500, text: '{"answer":"allow","reasons":[]}' }],
    ['answers 204', { status: 204, text: '' }],
    ['answers no JSON', { status: 200, text: 'allow' }],
    ['answers two answers', { status: 200, text: '{"answer":"deny","answer":"allow","reasons":[]}' }],
    ['answers a word of its own', { answer: 'ALLOW', reasons: [] }],
    ['gives a reason of its own', { answer: 'allow', reasons: ['<b>'] }],
    ['says more than is agreed', { answer: 'allow', reasons: [], score: 0 }],
    ['names no reasons', { answer: 'allow' }],
    ['delays for no time', { answer: 'delay', reasons: [] }],
    ['delays for ever', { answer: 'delay', delaySeconds: 1e9, reasons: [] }],
    ['delays what it allows', { answer: 'allow', delaySeconds: 60, reasons: [] }],
  ])('because it %s lets no payment through, and serves again by itself (A-08)', async (_what, manner) => {
    const healthy = engine.manner;
    engine.manner = manner;
    await expect(ask(world)).rejects.toMatchObject(denied(unavailable));
    expect((await assessed()).at(-1)?.data).toMatchObject({ verdict: 'deny', engine: 'unavailable' });
    expect(warned).toHaveLength(1);
    engine.manner = healthy;
    expect((await ask(world)).state).toBe('pending');
  });

  it('is what the template calls for: refused where money moves, the mPIN for all else', async () => {
    engine.manner = 'reset';
    for (const template of ['payment', 'payment-batch', 'reservation', 'payee-add', 'mandate'] as const) {
      await expect(ask(world, { template }), template).rejects.toMatchObject(denied(unavailable));
    }
    for (const template of ['consent', 'admin-act', 'text'] as const) {
      const { mpinOnly, signing } = await shown((await ask(world, { template })).signingId);
      expect([template, mpinOnly, signing?.warnings]).toEqual([template, true, ['engine_unavailable']]);
    }
  });

  it('is what the bank has set: refused even without money, or the phone warned of it', async () => {
    await open({ failure: 'deny' });
    engine.manner = 'reset';
    await expect(ask(world, { template: 'text' })).rejects.toMatchObject(denied(unavailable));
    await open({ failure: 'allow' });
    const { mpinOnly, signing } = await shown((await ask(world)).signingId);
    expect([mpinOnly, signing?.warnings]).toEqual([undefined, ['new_payee', 'engine_unavailable']]);
    await open({ failure: 'step-up' });
    expect((await shown((await ask(world)).signingId)).mpinOnly).toBe(true);
  });

  it('is one in a private network that nobody named: it is not even called (X-08, T31)', async () => {
    await open({ internalHosts: [] });
    await expect(ask(world)).rejects.toMatchObject(denied(unavailable));
    expect(engine.asked).toEqual([]);
  });
});

describe('the rules of a company', () => {
  beforeEach(() => open({ hasEngine: false }));

  it('know a payee once somebody of the company approved to pay or to add them, and not before (A-08)', async () => {
    const newOnes = async (template: TemplateName) =>
      (await warnings((await ask(world, { template })).signingId))?.includes('new_payee');
    for (const template of ['payment', 'payee-add', 'mandate'] as const) {
      const { signingId } = await ask(world, { template });
      await decide(world, world.phone, { claimed: await claimShown(world, signingId), decision: 'decline' });
      expect(await newOnes(template), template).toBe(true);
      await approveAsked(template);
      expect(await newOnes(template), template).toBe(false);
    }
    // One of its two payees is known from the payment.
    expect(await newOnes('payment-batch')).toBe(true);
    await approveAsked('payment-batch');
    expect(await newOnes('payment-batch')).toBe(false);
    expect(await newOnes('reservation')).toBe(false);
  });

  it('are those of the user’s own company: another’s payees are new here, and its rules nothing (T31)', async () => {
    await approveAsked('payment');
    await setRules({ newPayee: { action: 'deny' } });
    expect((await ask(world)).state).toBe('pending');
    const user = await insertUser(world.deps, (await insertCompany(world.deps)).id);
    const phone = await addPhone(world, { user });
    const { signing } = await shown((await ask(world, { user: user.id })).signingId, phone);
    expect(signing?.warnings).toEqual(['new_device', 'new_payee']);
  });

  it('hold back what somebody is asked again and again, and after a report for a day (A-08, O-18)', async () => {
    for (let index = 0; index < 4; index += 1) await refuse('decline');
    const { mpinOnly } = await shown((await ask(world)).signingId);
    expect(mpinOnly).not.toBe(true);
    await refuse('decline');
    const { signing, ...stricter } = await shown((await ask(world)).signingId);
    expect([stricter.mpinOnly, signing?.warnings]).toEqual([true, ['new_payee', 'many_declines']]);
    await refuse('report');
    await expect(ask(world)).rejects.toMatchObject(denied());
    world.clock.advance(24 * hour - 1);
    await expect(ask(world)).rejects.toMatchObject(denied());
    world.clock.advance(1);
    expect((await ask(world)).state).toBe('pending');
  });

  it('judge the hours of the rule, else those of the company’s logins', async () => {
    const at = new Date(world.clock.now());
    const minute = (offset: number) => new Date(at.getTime() + offset).toISOString().slice(11, 16);
    const days = [1, 2, 3, 4, 5, 6, 7];
    const outside = { days, from: minute(60_000), until: minute(2 * 60_000), timeZone: 'UTC' };
    await setRules({ unusualHour: { action: 'deny', hours: outside } });
    await expect(ask(world)).rejects.toMatchObject(denied());
    await setRules({ unusualHour: { action: 'deny', hours: { ...outside, from: minute(0) } } });
    expect((await ask(world)).state).toBe('pending');
  });

  it.each([
    ['deny', undefined],
    ['delay', undefined],
    ['step-up', true],
    ['warn', false],
  ] as const)(
    'hold for the very phone that asks: a new one is told to %s, an old one is not (A-08)',
    async (action, mpinOnly) => {
      await setRules({ newDevice: { action, hours: 24 }, newPayee: { action: 'off' } });
      const thief = await addPhone(world);
      const { signingId } = await ask(world);
      if (mpinOnly === undefined) {
        await expect(claimShown(world, signingId, thief)).rejects.toMatchObject({ code: 'order_unavailable' });
      } else {
        const { signing, ...order } = descriptorOf(world, await claimWaiting(world, signingId, thief));
        expect([order.mpinOnly ?? false, signing?.warnings]).toEqual([mpinOnly, ['new_device']]);
      }
      const [, judged] = await assessed();
      expect(judged).toMatchObject({ deviceId: thief.id, orderId: signingId, data: { newDeviceHours: 24 } });
      const other = await ask(world);
      const { signing, ...order } = await shown(other.signingId);
      expect([order.mpinOnly ?? false, signing?.warnings]).toEqual([false, []]);
    },
  );

  it('let a new phone open what was delayed for it, once the time is over', async () => {
    await setRules({ newDevice: { action: 'delay', hours: 24 }, newPayee: { action: 'off' }, delaySeconds: 60 });
    const young = await addPhone(world);
    const { signingId } = await ask(world);
    world.clock.advance(59_999);
    await expect(claimWaiting(world, signingId, young)).rejects.toMatchObject({ code: 'order_unavailable' });
    world.clock.advance(1);
    expect((await shown(signingId, young)).signing?.warnings).toEqual(['new_device']);
  });

  it('say how many must sign, which is on the phone (T-15)', async () => {
    const { companies } = world.deps.records;
    const approvers = [{ templates: ['payment' as const], currency: 'EUR', from: 125_000, needed: 3 }];
    await companies.update({ ...world.company, rules: { ...world.company.rules, approvers, risk: defaultRiskRules } });
    expect((await shown((await ask(world)).signingId)).signing?.approvers).toEqual({ needed: 3, given: 0 });
    const fields = { ...samples.payment, amount: 124_999 };
    expect((await shown((await ask(world, { fields })).signingId)).signing?.approvers.needed).toBe(1);
  });
});
