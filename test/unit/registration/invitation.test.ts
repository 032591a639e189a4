/** Two codes on two ways, whichever of them goes by e-mail: everything that each channel saw is read. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Company, User } from '../../../src/companies/store.ts';
import { emailDeliverer } from '../../../src/notify/email.ts';
import { memoryMailbox } from '../../../src/notify/mailbox.ts';
import { createActivation } from '../../../src/registration/activations.ts';
import type { RegistrationDeps } from '../../../src/registration/deps.ts';
import { parseActivation } from '../../../src/sdk/texts.ts';
import { takeMessages } from '../../outbox.ts';
import { addCompany, addUser, bank, openWorld, type World } from '../companies/world.ts';
import { finish, issuer, newPhone, start } from './phone.ts';

const thumbprint = 'T'.repeat(42) + 'A';
const policy = { issuer, allowLoopbackHttp: false };
let world: World;
let deps: RegistrationDeps;
let company: Company;
let user: User;
/** Everything that reached a mailbox, as text. */
let mailed: () => string;
let deliver: () => Promise<void>;

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
  user = await addUser(world, company.id, { name: 'Anna', email: 'anna@example.com', locale: 'en' });
  await addUser(world, company.id, { role: 'administrator', status: 'active' });
  const mailbox = memoryMailbox(world.clock);
  mailed = () =>
    mailbox
      .messages()
      .map((mail) => JSON.stringify(mail))
      .join('\n');
  const send = emailDeliverer({ records: world.records, sender: mailbox });
  deliver = async () => {
    for (const message of await takeMessages(world.records, world.clock.now())) await send(message);
  };
});
afterEach(() => world.stores.close());

const digitsOf = (text: string) => /\b[0-9]{8}\b/.exec(text)?.[0];
const textIn = (mails: string) => /mtoken1\.[A-Za-z0-9_.-]+/.exec(mails)?.[0];

async function dump(): Promise<string> {
  const tables = ['activations', 'outbox', 'audit_events', 'companies', 'users'];
  return JSON.stringify(await Promise.all(tables.map((table) => world.stores.durable.query(`select * from ${table}`))));
}

describe('the two codes of an invitation', () => {
  it('shown: who invites sees no confirmation code, and the mailbox no activation code (R-03)', async () => {
    const answer = await createActivation(deps, { userId: user.id, actor: bank });
    await deliver();
    expect(Object.keys(answer).sort()).toEqual(['activationId', 'activationText', 'code', 'delivery', 'expiresAt']);
    const confirmation = digitsOf(mailed());
    expect(confirmation).toBeDefined();
    expect(JSON.stringify(answer)).not.toContain(confirmation);
    expect(mailed()).not.toContain(answer.code);
    expect(mailed()).not.toContain(answer.code.replaceAll('-', ''));
    expect(mailed()).not.toContain('mtoken1.');
  });

  it('by e-mail: who invites sees no activation code, and the mailbox no confirmation code (R-03)', async () => {
    const answer = await createActivation(deps, { userId: user.id, actor: bank, delivery: 'email' });
    await deliver();
    expect(Object.keys(answer).sort()).toEqual(['activationId', 'confirmationCode', 'delivery', 'expiresAt']);
    const text = textIn(mailed()) ?? '';
    const { code } = parseActivation(text, policy);
    expect(mailed()).not.toContain(answer.confirmationCode);
    expect(JSON.stringify(answer)).not.toContain(code);
    expect(JSON.stringify(answer)).not.toContain(code.replaceAll('-', ''));
    // To the user alone, and no link anywhere.
    expect(mailed().match(/"address":"[^"]+"/g)).toEqual(['"address":"anna@example.com"']);
    expect(mailed()).not.toMatch(/https?:|href|www\./i);
  });

  it.each(['shown', 'email'] as const)(
    '%s: both together register a phone, and say where the other one is',
    async (delivery) => {
      const answer = await createActivation(deps, { userId: user.id, actor: bank, delivery });
      await deliver();
      const code = answer.delivery === 'shown' ? answer.code : parseActivation(textIn(mailed()) ?? '', policy).code;
      const confirmation = answer.delivery === 'shown' ? digitsOf(mailed()) : answer.confirmationCode;
      const phone = newPhone();
      const started = await start(deps, code, phone);
      expect(started.confirmation).toEqual(
        delivery === 'shown' ? { channel: 'email', hint: 'a***@e***.com' } : { channel: 'administrator', hint: '' },
      );
      expect(await finish(deps, phone, started, confirmation ?? '')).toMatchObject({ status: 'active' });
    },
  );

  it('live ten minutes either way, and the newest alone: inviting again voids the older one (R-02)', async () => {
    const now = world.clock.now();
    const first = await createActivation(deps, { userId: user.id, actor: bank, delivery: 'email' });
    expect(first.expiresAt).toBe(now + 600_000);
    await deliver();
    const text = textIn(mailed()) ?? '';
    const second = await createActivation(deps, { userId: user.id, actor: bank, delivery: 'shown' });
    await expect(start(deps, parseActivation(text, policy).code, newPhone())).rejects.toMatchObject({
      code: 'authentication_failed',
    });
    await start(deps, second.code, newPhone());
    world.clock.advance(600_000);
    await expect(start(deps, second.code, newPhone())).rejects.toMatchObject({ code: 'authentication_failed' });
  });

  it('are nowhere in clear: not in the store, not in the outbox, not in the trail (R-02, C-13, A-03)', async () => {
    const shown = await createActivation(deps, { userId: user.id, actor: bank });
    await deliver();
    const other = await addUser(world, company.id, { email: 'other@example.com' });
    const byMail = await createActivation(deps, { userId: other.id, actor: bank, delivery: 'email' });
    const pending = await dump();
    await deliver();
    const sent = await dump();
    const confirmation = digitsOf(mailed()) ?? '';
    const { code } = parseActivation(textIn(mailed()) ?? '', policy);
    for (const secret of [shown.code, confirmation, byMail.confirmationCode, code, 'mtoken1.']) {
      expect(secret.length).toBeGreaterThanOrEqual(8);
      for (const seen of [pending, sent]) {
        expect(seen).not.toContain(secret);
        expect(seen).not.toContain(secret.replaceAll('-', ''));
      }
    }
  });
});

describe('an activation text of an e-mail', () => {
  const code = 'ABCD-EFGH-JKMN-PQRS-TVWX-YZ23';
  const textFor = (server: string) => `mtoken1.${Buffer.from(server).toString('base64url')}.${code}.${thumbprint}`;

  it('names server, code and key like that of a QR code, however a mail program breaks it', () => {
    const expected = { issuer, code, keyThumbprint: thumbprint };
    expect(parseActivation(textFor(issuer), policy)).toEqual(expected);
    expect(parseActivation(`  ${textFor(issuer).replaceAll(/(.{30})/g, '$1\r\n ')}\n`, policy)).toEqual(expected);
    expect(parseActivation(`${issuer}/activate#c=${code}&k=${thumbprint}`, policy)).toEqual(expected);
  });

  it('leads to no other server and to none without TLS (P-26)', () => {
    for (const server of ['https://evil.example', 'http://auth.example']) {
      expect(() => parseActivation(textFor(server), policy), server).toThrow(
        expect.objectContaining({ code: 'wrong_origin' }),
      );
    }
    const odd = [
      'https://auth.example/',
      'https://auth.example@evil.example',
      'HTTPS://auth.example',
      'javascript:x',
      '\u0000',
    ];
    for (const server of odd) {
      expect(() => parseActivation(textFor(server), policy), server).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(invalid_activation|wrong_origin)$/) }),
      );
    }
  });

  it('is whole or nothing', () => {
    const whole = textFor(issuer);
    for (const cut of [
      whole.slice(0, -1),
      whole.slice(1),
      whole.replace('.', ''),
      `${whole}.x`,
      whole.replace('1', '2'),
    ]) {
      expect(() => parseActivation(cut, policy), cut).toThrow(expect.objectContaining({ code: 'invalid_activation' }));
    }
  });
});
