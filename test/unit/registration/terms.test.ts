/** Terms: published by the bank, shown at a registration, accepted by the key of the phone, recorded before a user becomes active. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Company, User } from '../../../src/companies/store.ts';
import type { RegistrationStarted } from '../../../src/protocol/registration.ts';
import { approveDevice } from '../../../src/registration/approval.ts';
import type { RegistrationDeps } from '../../../src/registration/deps.ts';
import { findTerms, listAcceptances, publishTerms } from '../../../src/terms/terms.ts';
import { addCompany, addDevice, addUser, auditTrail, bank, openWorld, type World } from '../companies/world.ts';
import { type Activated, activate, finish, issuer, newPhone, origin, type Phone, start } from './phone.ts';

let world: World;
let deps: RegistrationDeps;
let company: Company;
let user: User;

beforeEach(async () => {
  world = await openWorld();
  deps = {
    ...world,
    sealing: world.stores.sealing,
    issuer,
    keys: { trustThumbprint: () => 'T'.repeat(43) },
    log: { error: () => undefined },
    pause: async () => undefined,
  };
  company = await addCompany(world);
  user = await addUser(world, company.id, { name: 'Anna', email: 'anna@example.com', locale: 'nl-BE' });
});
afterEach(() => world.stores.close());

const english = { language: 'en', title: 'Terms of use', text: 'Be careful.\n<script>alert(1)</script>\nÄ €' };
const dutch = { language: 'nl', title: 'Voorwaarden', text: 'Wees voorzichtig.' };
const sha256 = (text: string) => createHash('sha256').update(Buffer.from(text, 'utf8')).digest('hex');
const publish = (version: string, texts = [english, dutch]) => publishTerms(world, { version, texts, actor: bank });
const offered = ({ terms }: RegistrationStarted) => {
  if (terms === undefined) throw new Error('no terms were offered');
  const { version, language, sha256: hash } = terms;
  return { version, language, sha256: hash };
};
const accepting = (accepted: unknown) => ({ statement: { acceptedTerms: accepted } });

interface Begun {
  readonly activated: Activated;
  readonly phone: Phone;
  readonly started: RegistrationStarted;
}

async function begin(who = user): Promise<Begun> {
  const activated = await activate(deps, who.id);
  const phone = newPhone();
  return { activated, phone, started: await start(deps, activated.code, phone) };
}

const finishWith = ({ activated, phone, started }: Begun, accepted: unknown) =>
  finish(deps, phone, started, activated.confirmation, accepting(accepted));

async function attemptsSpent(): Promise<number> {
  const rows = await world.stores.durable.query<{ n: number }>(
    'select max(confirmation_attempts) as n from activations',
  );
  return rows[0]?.n ?? 0;
}

describe('terms', () => {
  it('are kept byte by byte in each language, each with the SHA-256 of its bytes, and written to the trail (A-10)', async () => {
    expect(await publish('2026-11')).toMatchObject({ seq: 1, version: '2026-11', publishedBy: 'cli' });
    const { texts } = await findTerms(world);
    expect(texts).toEqual([
      { ...english, sha256: sha256(english.text) },
      { ...dutch, sha256: sha256(dutch.text) },
    ]);
    const published = (await world.records.audit.read(0, 100)).filter(({ event }) => event === 'terms.published');
    expect(published.map(({ data }) => data)).toEqual([
      { version: '2026-11', language: 'en', sha256: sha256(english.text) },
      { version: '2026-11', language: 'nl', sha256: sha256(dutch.text) },
    ]);
  });

  it('are refused without English, twice in a language, in none that there is, and where a clause could look like another', async () => {
    const bad = { code: 'invalid_request' };
    await expect(publish('a', [dutch])).rejects.toMatchObject(bad);
    await expect(publish('a', [english, english])).rejects.toMatchObject(bad);
    await expect(publish('a', [english, { ...dutch, language: 'xx' }])).rejects.toMatchObject(bad);
    for (const odd of ['a\u202eb', 'a\u2066b', 'a\rb', 'a\u0000b', 'a\u001b[8mb', 'a\u2028b', '\ud800', '\ufeffa']) {
      await expect(publish('a', [{ ...english, text: odd }]), JSON.stringify(odd)).rejects.toMatchObject(bad);
      await expect(publish('a', [{ ...english, title: odd }]), JSON.stringify(odd)).rejects.toMatchObject(bad);
    }
    await expect(publish('a', [{ ...english, title: 'two\nlines' }])).rejects.toMatchObject(bad);
    expect(await world.records.terms.current()).toBeUndefined();
  });

  it('are never changed: a version that there is cannot be published again', async () => {
    await publish('1');
    await expect(publish('1', [{ ...english, text: 'Something else' }])).rejects.toMatchObject({
      code: 'already_exists',
    });
    expect((await findTerms(world, '1')).texts).toHaveLength(2);
  });
});

describe('a registration where no terms are in force', () => {
  it.each([undefined, null])(
    'is as it always was, whether a phone says nothing of terms or null: %s',
    async (member) => {
      const begun = await begin();
      expect(begun.started).not.toHaveProperty('terms');
      expect(await finishWith(begun, member)).toMatchObject({ status: 'active' });
      expect(await world.records.terms.acceptances(user.id)).toEqual([]);
      expect(await auditTrail(world.records)).not.toContain('terms.accepted');
    },
  );

  it('takes no acceptance of what was never shown: nobody accepts in a person’s name (R-04)', async () => {
    const begun = await begin();
    const accepted = { version: '1', language: 'en', sha256: 'ab'.repeat(32) };
    await expect(finishWith(begun, accepted)).rejects.toMatchObject({ code: 'authentication_failed' });
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'invited' });
  });
});

describe('a registration where terms are in force', () => {
  it('shows them in the user’s own language, or else in English', async () => {
    await publish('1');
    expect((await begin()).started.terms).toEqual({ version: '1', ...dutch, sha256: sha256(dutch.text) });
    await world.records.users.setLanguage(user.id, 'de');
    expect((await begin()).started.terms).toEqual({ version: '1', ...english, sha256: sha256(english.text) });
  });

  it('is refused without their acceptance, and costs no attempt, however often it is tried (L-01)', async () => {
    await publish('1');
    const begun = await begin();
    for (const member of [undefined, null, undefined, null, undefined, null]) {
      await expect(finishWith(begun, member)).rejects.toMatchObject({
        code: 'invalid_request',
        publicMessage: expect.stringContaining('terms'),
        members: { termsVersion: '1' },
      });
    }
    expect(await attemptsSpent()).toBe(0);
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'invited' });
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
    await finishWith(begun, offered(begun.started));
  });

  it('is refused with the acceptance of another text, version or language than was shown, or one outside the signature (R-04)', async () => {
    await publish('1');
    const begun = await begin();
    const right = offered(begun.started);
    for (const wrong of [{ version: '2' }, { language: 'en' }, { sha256: sha256(english.text) }]) {
      await expect(finishWith(begun, { ...right, ...wrong })).rejects.toMatchObject({ code: 'authentication_failed' });
    }
    const unsigned = finish(deps, begun.phone, begun.started, begun.activated.confirmation, {
      sent: { acceptedTerms: right } as object,
    });
    await expect(unsigned).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await attemptsSpent()).toBe(0);
    expect(await world.records.terms.acceptances(user.id)).toEqual([]);
  });

  it('records who accepted what, when and on which phone, together with the registration and its trail', async () => {
    await publish('1');
    const begun = await begin();
    world.clock.advance(1000);
    const { deviceId } = await finishWith(begun, offered(begun.started));
    const acceptance = { version: '1', language: 'nl', sha256: sha256(dutch.text), deviceId };
    expect(await listAcceptances(world, user.id, bank)).toEqual([
      { ...acceptance, userId: user.id, companyId: company.id, acceptedAt: world.clock.now() },
    ]);
    const [record] = (await world.records.audit.read(0, 100)).filter(({ event }) => event === 'terms.accepted');
    expect(record).toMatchObject({
      actor: `device:${deviceId}`,
      companyId: company.id,
      userId: user.id,
      deviceId,
      address: origin.address,
      requestId: origin.requestId,
      data: { version: '1', language: 'nl', sha256: sha256(dutch.text) },
    });
    const trail = await auditTrail(world.records);
    expect(trail.indexOf('terms.accepted')).toBeLessThan(trail.indexOf('registration.finished'));
  });

  it('that comes to nothing records no acceptance: a wrong confirmation code, or a commit that fails', async () => {
    await publish('1');
    const begun = await begin();
    const wrong = begun.activated.confirmation === '00000000' ? '00000001' : '00000000';
    const attempt = finish(deps, begun.phone, begun.started, wrong, accepting(offered(begun.started)));
    await expect(attempt).rejects.toMatchObject({ code: 'authentication_failed' });
    expect(await world.records.terms.acceptances(user.id)).toEqual([]);
    expect(await auditTrail(world.records)).not.toContain('terms.accepted');
  });

  it('asks nobody twice for one version, and everybody anew for the next', async () => {
    await publish('1');
    const first = await begin();
    await finishWith(first, offered(first.started));
    const second = await begin();
    expect(second.started).not.toHaveProperty('terms');
    await finishWith(second, undefined);
    await publish('2');
    const third = await begin();
    expect(third.started.terms).toMatchObject({ version: '2' });
    await finishWith(third, offered(third.started));
    expect((await world.records.terms.acceptances(user.id)).map(({ version }) => version)).toEqual(['2', '1']);
  });

  it('that began before they were published is refused, and begins again with the same code', async () => {
    const before = await begin();
    await publish('1');
    await expect(finishWith(before, undefined)).rejects.toMatchObject({ code: 'invalid_request' });
    const old = { ...before, started: await start(deps, before.activated.code, before.phone) };
    await publish('2');
    await expect(finishWith(old, offered(old.started))).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await attemptsSpent()).toBe(0);
    const now = { ...before, started: await start(deps, before.activated.code, before.phone) };
    await finishWith(now, offered(now.started));
    expect((await world.records.terms.acceptances(user.id)).map(({ version }) => version)).toEqual(['2']);
  });

  it('is finished at most once at any concurrency, with one acceptance (P-03)', async () => {
    await publish('1');
    const begun = await begin();
    const accepted = offered(begun.started);
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => finishWith(begun, accepted)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await auditTrail(world.records)).filter((event) => event === 'terms.accepted')).toHaveLength(1);
  });
});

describe('an administrator', () => {
  it('cannot make a user active who accepted nothing: a phone from before the terms is invited anew', async () => {
    const pending = await addDevice(world, user, { status: 'pending' });
    await publish('1');
    const refused = approveDevice(world, { deviceId: pending.id, actor: bank });
    await expect(refused).rejects.toMatchObject({ code: 'conflict', publicMessage: expect.stringContaining('terms') });
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'invited' });
    expect(await world.records.devices.find(pending.id)).toMatchObject({ status: 'pending' });
  });

  it('approves whoever accepted when they registered, though other terms came since', async () => {
    await world.records.companies.update({ ...company, selfActivation: false });
    await publish('1');
    const begun = await begin();
    const { deviceId, status } = await finishWith(begun, offered(begun.started));
    expect(status).toBe('pending');
    await publish('2');
    await approveDevice(world, { deviceId, actor: bank });
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'active' });
  });

  it("sees the acceptances of their own company's users alone (T31)", async () => {
    const stranger = { name: 'user:x', companyId: (await addCompany(world)).id };
    await expect(listAcceptances(world, user.id, stranger)).rejects.toMatchObject({ code: 'not_found' });
  });
});
