import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updateCompany } from '../../../src/companies/companies.ts';
import { suspendCompany } from '../../../src/companies/company-status.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { restoreUser, suspendUser } from '../../../src/companies/user-status.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { typ } from '../../../src/protocol/names.ts';
import { createActivation } from '../../../src/registration/activations.ts';
import { approveDevice, refuseDevice } from '../../../src/registration/approval.ts';
import type { RegistrationDeps } from '../../../src/registration/deps.ts';
import { emailHint } from '../../../src/registration/hint.ts';
import { finishRegistration, registrationStatus, startRegistration } from '../../../src/registration/registration.ts';
import { registrationEndpoints } from '../../../src/registration/routes.ts';
import { addCompany, addUser, auditTrail, bank, openWorld, takeNotices, type World } from '../companies/world.ts';
import {
  type Activated,
  activate,
  callOf,
  finish,
  finishBody,
  issuer,
  newKey,
  newPhone,
  start,
  startBody,
  type Tampering,
} from './phone.ts';

const thumbprint = 'T'.repeat(43);
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
    keys: { trustThumbprint: () => thumbprint },
    log: { error: () => undefined },
    pause: async () => undefined,
  };
  company = await addCompany(world);
  user = await addUser(world, company.id, { name: 'Anna', email: 'anna@example.com', locale: 'nl' });
});
afterEach(() => world.stores.close());

const wrong = ({ confirmation }: Activated): string => (confirmation === '00000000' ? '00000001' : '00000000');
const failed = { code: 'authentication_failed' };
/** What a caller gets to see of an error. */
const seen = async (attempt: Promise<unknown>): Promise<object> => {
  const error = await attempt.then(
    () => ({ code: 'none' }),
    (reason: unknown) => reason as { code: string; publicMessage?: string; members?: object },
  );
  return {
    code: error.code,
    message: 'publicMessage' in error ? error.publicMessage : null,
    members: 'members' in error ? error.members : null,
  };
};

describe('an activation', () => {
  it('is a code of 120 bits with the server’s key, and a confirmation code that goes to the user alone (R-02, R-03)', async () => {
    await addUser(world, company.id, { role: 'administrator', status: 'active' });
    const { activationId, code, activationText, expiresAt } = await createActivation(deps, {
      userId: user.id,
      actor: bank,
    });
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(activationText).toBe(`${issuer}/activate#c=${code}&k=${thumbprint}`);
    expect(expiresAt).toBe(world.clock.now() + 600_000);
    const notices = await takeNotices(world.records, world.clock.now());
    expect(notices).toMatchObject([{ event: 'activation.created', recipient: user.id, data: { expiresAt } }]);
    expect(JSON.stringify(notices)).not.toContain(code);
    expect(activationId).toMatch(/^act_/);
  });

  it('leaves neither code in the store, in clear or under a bare hash (R-02, C-13)', async () => {
    const { code, confirmation } = await activate(deps, user.id);
    const tables = ['activations', 'outbox', 'audit_events'];
    const rows = await Promise.all(tables.map((table) => world.stores.durable.query(`select * from ${table}`)));
    const dump = JSON.stringify(rows);
    const { createHash } = await import('node:crypto');
    for (const secret of [code, code.replaceAll('-', ''), confirmation]) {
      expect(dump).not.toContain(secret);
      for (const encoding of ['hex', 'base64url'] as const) {
        expect(dump).not.toContain(createHash('sha256').update(secret).digest(encoding));
      }
    }
  });

  it('voids the older ones of the same user, and no one else’s', async () => {
    const other = await addUser(world, company.id);
    const first = await activate(deps, user.id);
    const others = await activate(deps, other.id);
    const second = await activate(deps, user.id);
    await expect(start(deps, first.code, newPhone())).rejects.toMatchObject(failed);
    await start(deps, second.code, newPhone());
    await start(deps, others.code, newPhone());
  });

  it('is made for no one who may not register, and for no one of another company (T31)', async () => {
    const act = { userId: user.id, reason: 'test', actor: bank };
    const stranger = { name: 'client:x', companyId: (await addCompany(world)).id };
    await expect(createActivation(deps, { userId: user.id, actor: stranger })).rejects.toMatchObject({
      code: 'not_found',
    });
    await suspendUser(world, act);
    await expect(createActivation(deps, { userId: user.id, actor: bank })).rejects.toMatchObject({ code: 'conflict' });
    await restoreUser(world, act);
    await createActivation(deps, { userId: user.id, actor: bank });
    await suspendCompany(world, { companyId: company.id, reason: 'unpaid', actor: bank });
    await expect(createActivation(deps, { userId: user.id, actor: bank })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('registration/start', () => {
  it('answers device id, nonce, mPIN rules, and no more of the address than its first letters', async () => {
    const { code } = await activate(deps, user.id);
    const started = await start(deps, ` ${code.toLowerCase().replaceAll('-', '  ')} `, newPhone());
    expect(started).toMatchObject({
      confirmation: { channel: 'email', hint: 'a***@e***.com' },
      mpin: { minLength: 5, maxLength: 8 },
      expiresInSeconds: 600,
    });
    expect(Buffer.from(started.nonce, 'base64url')).toHaveLength(32);
    expect(emailHint('b@a.co.uk')).toBe('b***@a***.uk');
  });

  it('answers alike for a code that is unknown, expired, used, void, exhausted, or of someone suspended (T16)', async () => {
    const phone = newPhone();
    const answers: object[] = [];
    const ask = async (code: string) => answers.push(await seen(start(deps, code, newPhone())));
    await ask('0000-0000-0000-0000-0000-0000');
    await ask('not a code at all, but long enough');

    const used = await activate(deps, user.id);
    await finish(deps, phone, await start(deps, used.code, phone), used.confirmation);
    await ask(used.code);

    const voided = await activate(deps, user.id);
    const expired = await activate(deps, user.id);
    await ask(voided.code);
    world.clock.advance(600_000);
    await ask(expired.code);

    const exhausted = await activate(deps, user.id);
    const started = await start(deps, exhausted.code, newPhone(), '192.0.2.8');
    expect(started).toBeDefined();
    const guesser = newPhone();
    const begun = await start(deps, exhausted.code, guesser, '192.0.2.8');
    for (let index = 0; index < 5; index += 1) await seen(finish(deps, guesser, begun, wrong(exhausted)));
    await ask(exhausted.code);

    const suspended = await activate(deps, user.id);
    await world.records.users.update({ ...((await world.records.users.find(user.id)) ?? user), status: 'suspended' });
    await ask(suspended.code);

    expect(answers).toHaveLength(7);
    for (const answer of answers)
      expect(answer).toEqual({ code: 'authentication_failed', message: undefined, members: {} });
  });

  it('is throttled by address, by activation and in all, whatever the code (R-02, T6)', async () => {
    const limits = { perAddress: 3, perActivation: 2, global: 8 };
    const limited = { ...deps, limits };
    const { code } = await activate(deps, user.id);
    const tooMany = { code: 'too_many_requests', members: { retryAfterSeconds: 600 } };
    for (let index = 0; index < 3; index += 1) {
      await expect(start(limited, 'A'.repeat(24), newPhone(), '2001:db8::1')).rejects.toMatchObject(failed);
    }
    await expect(start(limited, code, newPhone(), '2001:db8::2')).rejects.toMatchObject(tooMany);
    await start(limited, code, newPhone(), '192.0.2.1');
    await start(limited, code, newPhone(), '192.0.2.1');
    await expect(start(limited, code, newPhone(), '192.0.2.1')).rejects.toMatchObject(tooMany);
    for (const last of [2, 3])
      await expect(start(limited, code, newPhone(), `192.0.2.${last}`)).rejects.toMatchObject(tooMany);
    await expect(start(limited, code, newPhone(), '192.0.2.4')).rejects.toMatchObject({ detail: 'registration: all' });
    world.clock.advance(600_000);
    await expect(start(limited, code, newPhone(), '192.0.2.1')).rejects.toMatchObject(failed);
  });

  it('refuses one key for both purposes, and keys that are none (C-08, P-24)', async () => {
    const { code } = await activate(deps, user.id);
    const key = newKey();
    await expect(start(deps, code, { key, biometric: key })).rejects.toMatchObject({ code: 'invalid_request' });
    const body = startBody(code, { key, biometric: newKey() });
    const off = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } as const;
    const call = await callOf(deps, key, { ...body, biometric: { publicJwk: off, kind: 'fpt' as const } });
    await expect(startRegistration(deps, call)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('registration/finish', () => {
  it('makes the device and its user active, with salt, verifier and a vault key, and tells of it (R-01, R-04, A-09)', async () => {
    const boss = await addUser(world, company.id, { role: 'administrator', status: 'active' });
    const phone = newPhone(newKey('rsa'));
    const { code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    const body = finishBody(deps, phone, started, confirmation);
    const finished = await finishRegistration(deps, await callOf(deps, phone.key, body));
    expect(finished).toEqual({
      deviceId: started.deviceId,
      status: 'active',
      user: { name: 'Anna', locale: 'nl' },
      company: { name: 'Bakery' },
      permissions: 'mtoken',
    });
    expect(await world.records.devices.find(started.deviceId)).toMatchObject({
      userId: user.id,
      companyId: company.id,
      status: 'active',
      thumbprint: phone.key.thumbprint,
      biometric: { thumbprint: phone.biometric?.thumbprint, kind: 'fpt' },
      activatedAt: world.clock.now(),
      pinAttempts: 0,
    });
    const { salt, verifier } = body;
    expect(await world.records.devices.secrets(started.deviceId)).toMatchObject({ salt, verifier });
    expect(await world.records.devices.vaultKey(started.deviceId)).toHaveLength(32);
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'active' });
    const told = await takeNotices(world.records, world.clock.now());
    expect(told.map(({ event, recipient }) => [event, recipient])).toEqual([
      ['device.registered', user.id],
      ['device.registered', boss.id],
    ]);
    expect((await auditTrail(world.records)).slice(-3)).toEqual([
      'activation.created',
      'registration.started',
      'registration.finished',
    ]);
  });

  it('works with neither code alone (R-01, R-03)', async () => {
    const phone = newPhone();
    const activation = await activate(deps, user.id);
    const started = await start(deps, activation.code, phone);
    await expect(finish(deps, phone, started, wrong(activation))).rejects.toMatchObject(failed);
    await expect(start(deps, activation.confirmation.padEnd(24, '0'), newPhone())).rejects.toMatchObject(failed);
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
  });

  it('lets a mistyped confirmation code be corrected, telling what is left', async () => {
    const phone = newPhone();
    const activation = await activate(deps, user.id);
    const started = await start(deps, activation.code, phone);
    for (const attemptsLeft of [4, 3, 2, 1]) {
      await expect(finish(deps, phone, started, wrong(activation))).rejects.toMatchObject({
        ...failed,
        members: { attemptsLeft },
      });
    }
    expect(await finish(deps, phone, started, activation.confirmation)).toMatchObject({ status: 'active' });
  });

  it('voids the activation at the fifth wrong confirmation code, counted over all phones that began with it (R-02, T6)', async () => {
    const activation = await activate(deps, user.id);
    const phones = [newPhone(), newPhone(), newPhone()];
    const begun = await Promise.all(
      phones.map(async (phone) => ({ phone, started: await start(deps, activation.code, phone) })),
    );
    for (let index = 0; index < 5; index += 1) {
      const at = begun[index % 3];
      if (at !== undefined)
        await expect(finish(deps, at.phone, at.started, wrong(activation))).rejects.toMatchObject(failed);
    }
    for (const { phone, started } of begun) {
      await expect(finish(deps, phone, started, activation.confirmation)).rejects.toMatchObject(failed);
    }
    expect(await world.records.activations.find(activation.activationId)).toMatchObject({ status: 'void' });
    expect(await auditTrail(world.records)).toContain('activation.voided');
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
  });

  const swaps: readonly (readonly [string, Tampering])[] = [
    ['another salt was sent than signed', { sent: { salt: randomBytes(32).toString('hex') } }],
    ['another verifier was sent than signed', { sent: { verifier: `0${'a'.repeat(511)}` } }],
    ['another device key is named', { statement: { jkt: 'x'.repeat(43) } }],
    ['a biometric key is left out', { statement: { biometricJkt: null } }],
    ['another biometric key is named', { statement: { biometricJkt: 'x'.repeat(43) } }],
    ['another nonce is signed', { statement: { nonce: 'x'.repeat(43) } }],
    ['another device id is signed', { statement: { deviceId: `dev_${'x'.repeat(22)}` } }],
    ['another registration is signed', { statement: { registrationId: `reg_${'x'.repeat(22)}` } }],
    ['another profile is signed', { statement: { profile: 'rfc5054-2048-sha256' } }],
    ['another server is named', { statement: { iss: 'https://evil.example' } }],
    ['a member is missing', { statement: { nonce: undefined } }],
    ['a member is unknown', { statement: { extra: 1 } }],
    ['the statement is old', { statement: { iat: 1_700_000_000 } }],
    ['the statement is of another type', { statementTyp: typ.mpinChange }],
    ['another key signed', { statementKey: newKey() }],
    ['the biometric key did not sign', { sent: { biometricSignature: null } }],
    ['another key signed as the biometric one', { biometricKey: newKey() }],
    ['the biometric statement is for a session', { biometricStatement: { purpose: 'session' } }],
    ['the biometric statement is about another subject', { biometricStatement: { subject: `reg_${'x'.repeat(22)}` } }],
    ['the biometric statement has another nonce', { biometricStatement: { nonce: 'x'.repeat(43) } }],
    ['the biometric statement binds something', { biometricStatement: { boundHash: 'x'.repeat(43) } }],
    ['the biometric statement is of another device', { biometricStatement: { deviceId: `dev_${'x'.repeat(22)}` } }],
    ['the biometric statement is of another type', { biometricTyp: typ.registration }],
  ];

  it('refuses whatever was swapped on the way, and spends no attempt on it (R-04, R-05, T11, T23)', async () => {
    const phone = newPhone(newKey());
    const { activationId, code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    for (const [what, tampering] of swaps) {
      await expect(finish(deps, phone, started, confirmation, tampering), what).rejects.toMatchObject(failed);
    }
    const swapped = finish(deps, phone, started, confirmation, { biometricKey: phone.key });
    await expect(swapped, 'the device key signed as the biometric one').rejects.toMatchObject(failed);
    expect(await world.records.activations.find(activationId)).toMatchObject({
      status: 'open',
      confirmationAttempts: 0,
    });
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
    expect(await finish(deps, phone, started, confirmation)).toMatchObject({ status: 'active' });
  });

  it('refuses a biometric signature where no such key was announced', async () => {
    const phone = newPhone();
    const { code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    await expect(finish(deps, phone, started, confirmation, { biometricKey: newKey() })).rejects.toMatchObject(failed);
  });

  it('refuses salts and verifiers out of range and spends no attempt on them (R-06)', async () => {
    const phone = newPhone();
    const { activationId, code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    for (const verifier of ['0'.repeat(512), `${'0'.repeat(511)}1`, 'f'.repeat(512), 'f'.repeat(510)]) {
      const attempt = finish(deps, phone, started, confirmation, { sent: { verifier }, statement: { verifier } });
      await expect(attempt).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(await world.records.activations.find(activationId)).toMatchObject({ confirmationAttempts: 0 });
  });

  it('is of no use to another phone, nor with another registration’s signature (T13, T21)', async () => {
    const [phone, thief] = [newPhone(), newPhone()];
    const { code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    const other = await start(deps, code, phone);
    await expect(finish(deps, thief, started, confirmation)).rejects.toMatchObject(failed);
    const body = finishBody(deps, phone, other, confirmation);
    const mixed = await callOf(deps, phone.key, { ...body, registrationId: started.registrationId });
    await expect(finishRegistration(deps, mixed)).rejects.toMatchObject(failed);
    await expect(
      finish(deps, phone, { ...started, registrationId: `reg_${'x'.repeat(22)}` }, confirmation),
    ).rejects.toMatchObject(failed);
  });

  it('cannot be made up by strangers to fill the trail, and their flood stops nobody’s own (L-12, T6)', async () => {
    const limited = { ...deps, limits: { perAddress: 3, perActivation: 5, global: 5 } };
    const phone = newPhone();
    const { code, confirmation } = await activate(deps, user.id);
    const started = await start(limited, code, phone);
    const madeUp = async (address: string): Promise<unknown> => {
      const stranger = newPhone();
      const body = finishBody(deps, stranger, { ...started, registrationId: `reg_${'x'.repeat(22)}` }, confirmation);
      return finishRegistration(limited, await callOf(deps, stranger.key, body, address));
    };
    const before = (await deps.records.audit.head()).seq;
    const codes: string[] = [];
    for (const last of [1, 1, 1, 1, 2, 3, 4, 5]) {
      codes.push(await madeUp(`192.0.2.${last}`).then(String, (error: { code: string }) => error.code));
    }
    expect(codes.slice(0, 4)).toEqual([...Array(3).fill('authentication_failed'), 'too_many_requests']);
    expect((await deps.records.audit.head()).seq - before).toBe(5);
    expect(await finish(limited, phone, started, confirmation)).toMatchObject({ status: 'active' });
  });

  it('is refused when the ten minutes are over (R-02)', async () => {
    const phone = newPhone();
    const { code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    world.clock.advance(600_000);
    await expect(finish(deps, phone, started, confirmation)).rejects.toMatchObject(failed);
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
  });

  it('happens once of fifty finishes at the same time (P-03)', async () => {
    const phones = Array.from({ length: 5 }, () => newPhone());
    const { code, confirmation } = await activate(deps, user.id);
    const begun = await Promise.all(phones.map(async (phone) => ({ phone, started: await start(deps, code, phone) })));
    const finishes = Array.from({ length: 50 }, (_, index) => {
      const at = begun[index % 5];
      if (at === undefined) throw new Error('no phone');
      return finish(deps, at.phone, at.started, confirmation);
    });
    const results = await Promise.allSettled(finishes);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(failed);
    expect(await world.records.devices.listByUser(user.id)).toHaveLength(1);
  });

  it('keeps to the company’s device limit, and gives the activation back when it is reached (R-09, T11)', async () => {
    await updateCompany(world, { companyId: company.id, version: 1, changes: { deviceLimit: 1 }, actor: bank });
    const { activationId, code, confirmation } = await activate(deps, user.id);
    const phone = newPhone();
    const started = await start(deps, code, phone);
    await world.records.users.takeDevicePlace(user.id, 1);
    await expect(finish(deps, phone, started, confirmation)).rejects.toMatchObject({ code: 'limit_reached' });
    expect(await world.records.activations.find(activationId)).toMatchObject({
      status: 'open',
      confirmationAttempts: 0,
    });
    await world.records.users.freeDevicePlace(user.id);
    await finish(deps, phone, started, confirmation);
    await expect(createActivation(deps, { userId: user.id, actor: bank })).rejects.toMatchObject({
      code: 'limit_reached',
    });
  });

  it('is refused to a user or company that was suspended after the start', async () => {
    const phone = newPhone();
    const { code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    const act = { userId: user.id, reason: 'test', actor: bank };
    await suspendUser(world, act);
    await expect(finish(deps, phone, started, confirmation)).rejects.toMatchObject(failed);
    await restoreUser(world, act);
    await expect(finish(deps, phone, started, confirmation), 'the suspension voids it').rejects.toMatchObject(failed);
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
  });

  it('changes nothing when the audit record cannot be written (A-11)', async () => {
    const phone = newPhone();
    const { activationId, code, confirmation } = await activate(deps, user.id);
    const started = await start(deps, code, phone);
    const before = await world.records.users.find(user.id);
    await world.stores.durable.run('alter table audit_head rename to gone');
    await expect(finish(deps, phone, started, confirmation)).rejects.toMatchObject({ code: expect.any(String) });
    await world.stores.durable.run('alter table gone rename to audit_head');
    expect(await world.records.devices.listByUser(user.id)).toEqual([]);
    expect(await world.records.users.find(user.id)).toEqual(before);
    expect(await world.records.activations.find(activationId)).toMatchObject({ status: 'open' });
    expect((await takeNotices(world.records, world.clock.now())).map(({ event }) => event)).toEqual([]);
    expect(await finish(deps, phone, started, confirmation)).toMatchObject({ status: 'active' });
  });

  it('leaves no code, salt or verifier in trail and log (A-03, T33)', async () => {
    const lines: string[] = [];
    deps = {
      ...deps,
      log: { error: (...all: unknown[]) => void lines.push(JSON.stringify(all)) } as RegistrationDeps['log'],
    };
    const phone = newPhone(newKey());
    const activation = await activate(deps, user.id);
    const started = await start(deps, activation.code, phone);
    await seen(finish(deps, phone, started, wrong(activation)));
    const body = finishBody(deps, phone, started, activation.confirmation);
    await finishRegistration(deps, await callOf(deps, phone.key, body));
    const dump = JSON.stringify(await world.stores.durable.query('select * from audit_events')) + lines.join('');
    const secrets = [
      activation.code,
      activation.confirmation,
      body.salt,
      body.verifier,
      started.nonce,
      'anna@example.com',
    ];
    for (const secret of secrets) expect(dump).not.toContain(secret);
  });
});

describe('a key', () => {
  it('can never be registered again, under any purpose and by anyone, after its device ended (R-10, R-12)', async () => {
    const phone = newPhone(newKey());
    const first = await activate(deps, user.id);
    const { deviceId } = await finish(deps, phone, await start(deps, first.code, phone), first.confirmation);
    await deactivateDevice(deps, { deviceId, actor: 'cli', reason: 'lost' });

    const other = await addUser(world, company.id);
    const again = await activate(deps, other.id);
    await expect(start(deps, again.code, phone)).rejects.toMatchObject({ code: 'already_exists' });
    const swapped: { key: typeof phone.key; biometric: typeof phone.key }[] = [
      { key: newKey(), biometric: phone.key },
      { key: newKey(), biometric: phone.biometric ?? newKey() },
      { key: phone.biometric ?? newKey(), biometric: newKey() },
    ];
    for (const tried of swapped) {
      const started = await start(deps, again.code, tried);
      await expect(finish(deps, tried, started, again.confirmation)).rejects.toMatchObject({ code: 'already_exists' });
    }
    expect(await world.records.devices.listByUser(other.id)).toEqual([]);
    expect(await world.records.activations.find(again.activationId)).toMatchObject({ status: 'open' });
  });

  it('that is registered is told to its owner only: a stranger’s public key gives nothing away at the start', async () => {
    const phone = newPhone();
    const first = await activate(deps, user.id);
    await finish(deps, phone, await start(deps, first.code, phone), first.confirmation);
    const second = await activate(deps, user.id);
    expect(await start(deps, second.code, { key: newKey(), biometric: phone.key })).toMatchObject({
      expiresInSeconds: 600,
    });
  });
});

describe('a new registration after a block', () => {
  it('takes the same two codes and new keys, and the old device stays what it was (R-08, R-13, L-08)', async () => {
    const old = newPhone();
    const first = await activate(deps, user.id);
    const { deviceId } = await finish(deps, old, await start(deps, first.code, old), first.confirmation);
    await world.records.devices.end(deviceId, 'blocked', world.clock.now(), 'mpin');
    await world.records.users.freeDevicePlace(user.id);
    const fresh = newPhone();
    const second = await activate(deps, user.id);
    const again = await finish(deps, fresh, await start(deps, second.code, fresh), second.confirmation);
    expect(again.deviceId).not.toBe(deviceId);
    expect(await world.records.devices.find(deviceId)).toMatchObject({ status: 'blocked' });
    expect(await world.records.devices.secrets(deviceId)).toBeUndefined();
  });
});

describe('approval', () => {
  const registerPending = async () => {
    company = await addCompany(world, { selfActivation: false });
    user = await addUser(world, company.id);
    const phone = newPhone();
    const { code, confirmation } = await activate(deps, user.id);
    const finished = await finish(deps, phone, await start(deps, code, phone), confirmation);
    return { phone, ...finished };
  };

  it('is waited for where the company wants it: device and user are not active before (R-03)', async () => {
    const boss = await addUser(world, company.id);
    const { phone, deviceId, status } = await registerPending();
    expect(status).toBe('pending');
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'invited' });
    expect(registrationStatus(await callOf(deps, phone.key, { deviceId }))).toEqual({ status: 'pending' });
    const actor = { name: `user:${boss.id}`, userId: boss.id };
    await approveDevice(world, { deviceId, actor });
    expect(await approveDevice(world, { deviceId, actor })).toMatchObject({ status: 'active' });
    expect(registrationStatus(await callOf(deps, phone.key, { deviceId }))).toEqual({ status: 'active' });
    expect(await world.records.users.find(user.id)).toMatchObject({ status: 'active' });
    const told = await takeNotices(world.records, world.clock.now());
    expect(told.map(({ event, recipient }) => [event, recipient])).toEqual([
      ['device.registered', user.id],
      ['device.approved', user.id],
    ]);
    await expect(refuseDevice(world, { deviceId, actor, reason: 'late' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is refused for one’s own device and for another company’s (T17, T31)', async () => {
    const { deviceId } = await registerPending();
    const self = { name: `user:${user.id}`, userId: user.id, companyId: company.id };
    const stranger = { name: 'client:x', companyId: (await addCompany(world)).id };
    for (const decide of [approveDevice, refuseDevice]) {
      await expect(decide(world, { deviceId, actor: self, reason: 'mine' })).rejects.toMatchObject({
        code: 'access_denied',
      });
      await expect(decide(world, { deviceId, actor: stranger, reason: 'x' })).rejects.toMatchObject({
        code: 'not_found',
      });
    }
    expect(await world.records.devices.find(deviceId)).toMatchObject({ status: 'pending' });
  });

  it('that is refused ends the device for good and frees its place (R-10)', async () => {
    const { phone, deviceId } = await registerPending();
    const act = { deviceId, actor: bank, reason: 'not known to us' };
    expect(await refuseDevice(world, act)).toMatchObject({ status: 'refused' });
    expect(await refuseDevice(world, act)).toMatchObject({ status: 'refused' });
    await expect(approveDevice(world, act)).rejects.toMatchObject({ code: 'conflict' });
    expect(await world.records.devices.secrets(deviceId)).toBeUndefined();
    expect(registrationStatus(await callOf(deps, phone.key, { deviceId }))).toEqual({ status: 'refused' });
    expect(await world.records.users.takeDevicePlace(user.id, 1)).toBe(true);
    const { code } = await activate(deps, user.id);
    await expect(start(deps, code, phone)).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('is not given to a device of a suspended user', async () => {
    const { deviceId } = await registerPending();
    await suspendUser(world, { userId: user.id, reason: 'test', actor: bank });
    await expect(approveDevice(world, { deviceId, actor: bank })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('registration/status', () => {
  it('tells the owner of the key alone, and others nothing (L-11)', async () => {
    const phone = newPhone();
    const { code, confirmation } = await activate(deps, user.id);
    const { deviceId } = await finish(deps, phone, await start(deps, code, phone), confirmation);
    expect(registrationStatus(await callOf(deps, phone.key, { deviceId }))).toEqual({ status: 'active' });
    const other = newKey();
    for (const [key, id] of [
      [other, deviceId],
      [phone.key, `dev_${'x'.repeat(22)}`],
      [other, `dev_${'x'.repeat(22)}`],
    ] as const) {
      const call = await callOf(deps, key, { deviceId: id });
      expect(() => registrationStatus(call)).toThrow(expect.objectContaining(failed));
    }
  });
});

describe('the endpoints', () => {
  it('are open to device keys that are not registered yet', () => {
    const endpoints = registrationEndpoints(deps).map(({ name, access }) => `${name} ${access}`);
    expect(endpoints).toEqual([
      'registration/start device-key',
      'registration/finish device-key',
      'registration/status device-key',
    ]);
  });
});
