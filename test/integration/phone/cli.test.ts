/** `mtoken phone` as processes of their own against a server on the loopback: what a person or a script sees. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import QRCode from 'qrcode';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { FieldsOf } from '../../../src/protocol/templates/templates.ts';
import { verifyReceipt } from '../../../src/sdk/index.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { type Bank, confirmationCode, mpin, openBank, termsOf } from '../../unit/sdk/bank.ts';
import { frameText } from '../../unit/sdk/protocol-server.ts';
import { sampleDocument, samples } from '../../unit/signing/samples.ts';

const root = mkdtempSync(join(tmpdir(), 'mtoken-cli-'));
const mpinFile = join(root, 'mpin.txt');
const program = join(root, 'phone.mjs');
let server: Server;
let bank: Bank;
let home: string;
let count = 0;

interface Outcome {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
  readonly json: Record<string, unknown>;
}

async function mtokenPhone(
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: root, MTOKEN_PHONE_HOME: home, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const exit = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const text = Buffer.concat(out).toString();
  const json = args.includes('--json') ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { exit, out: text, err: Buffer.concat(err).toString(), json };
}

async function registerPhone(...extra: string[]): Promise<void> {
  await mtokenPhone([
    'register',
    bank.activationText,
    '--confirmation',
    confirmationCode,
    '--mpin-file',
    mpinFile,
    ...extra,
  ]);
}

async function unlockedPhone(): Promise<void> {
  await registerPhone();
  await mtokenPhone(['unlock', '--mpin-file', mpinFile]);
}

beforeAll(async () => {
  writeFileSync(mpinFile, `${mpin}\n`);
  // One file starts ten times faster than sources that are translated at each start.
  await build({
    entryPoints: [new URL('../../unit/phone/entry.ts', import.meta.url).pathname],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = 'GET', url = '/', headers } = request;
      const init = { method, headers: headers as Record<string, string>, body: Buffer.concat(chunks).toString() };
      bank
        .fetch(`${bank.issuer}${url}`, init as unknown as Parameters<Bank['fetch']>[1])
        .then(async (reply) => {
          response.writeHead(reply.status, { 'content-type': reply.headers.get('content-type') ?? '' });
          response.end(await reply.text());
        })
        .catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

beforeEach(async () => {
  const { port } = server.address() as AddressInfo;
  bank = await openBank({ issuer: `http://127.0.0.1:${port}`, clock: { ...systemClock, advance: () => undefined } });
  home = join(root, String((count += 1)));
});

afterAll(async () => {
  rmSync(root, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

describe('mtoken phone', () => {
  it('registers in two calls, unlocks, scans a screenshot, approves, and shows what it did', async () => {
    const begun = await mtokenPhone(['register', bank.activationText]);
    expect(begun).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/a confirmation code was sent to a•••@demo\.example/),
    });
    const done = await mtokenPhone(['register', '--confirmation', confirmationCode, '--mpin-file', '-'], {
      input: `${mpin}\n`,
    });
    expect(done).toMatchObject({ exit: 0, out: 'registered\nfor Anna, Demo\n' });
    expect(await mtokenPhone(['unlock', '--mpin-file', mpinFile])).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/^unlocked until /),
    });

    const image = join(root, 'frame.png');
    await QRCode.toFile(image, frameText(bank.issuer));
    const shown = await mtokenPhone(['scan', image]);
    expect(shown.exit).toBe(0);
    expect(shown.out.replace(/(asked at|decide by) .*/g, '$1 …')).toBe(`Log in?

  asked by   Demo Portal (portal.example)
  page       https://portal.example
  browser    Chrome on Windows, 192.0.2.0/24
  begun by   a code on a screen
  asked at …
  decide by …

  | Log in to Demo Portal

`);
    expect(await mtokenPhone(['status'])).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/awaits a decision: Demo Portal/),
    });
    expect(await mtokenPhone(['approve'])).toMatchObject({ exit: 0, out: 'approved: Demo Portal\n' });
    expect(bank.decisions.map(({ claims }) => claims['decision'])).toEqual(['approve']);
    expect(await mtokenPhone(['approve'])).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/^mtoken: nothing was scanned\n/),
    });
    expect(await mtokenPhone(['logout'])).toMatchObject({ exit: 0, out: 'locked\n' });
    expect(existsSync(join(home, 'session.json'))).toBe(false);
  });

  it('does everything at once with scan --approve, also for a transaction, and speaks JSON', async () => {
    await registerPhone();
    Object.assign(bank.terms, { freshProof: true, purpose: 'signing', text: 'Pay 12,50\nto Anna' });
    const one = await mtokenPhone(['scan', '-', '--approve', '--mpin-file', mpinFile, '--json'], {
      input: frameText(bank.issuer),
    });
    expect(one.json).toMatchObject({
      decision: 'approved',
      purpose: 'signing',
      display: { text: 'Text of the portal\nThe portal writes:\n> Pay 12,50\n> to Anna' },
    });
    const two = await mtokenPhone(['scan', frameText(bank.issuer), '--decline']);
    expect(two.out).toContain('  | > Pay 12,50\n  | > to Anna\n');
    expect(two.out).toMatch(/declined: Demo Portal\n$/);
    const three = await mtokenPhone(['scan', frameText(bank.issuer), '--report', '--json']);
    expect(three.json).toMatchObject({ decision: 'reported' });
  });

  it('uses a second key for biometrics, in unlocking and in signing', async () => {
    await registerPhone('--biometric');
    bank.terms.freshProof = true;
    expect(await mtokenPhone(['unlock', '--biometric'])).toMatchObject({ exit: 0 });
    expect(await mtokenPhone(['scan', frameText(bank.issuer), '--approve', '--biometric'])).toMatchObject({ exit: 0 });
    expect(bank.decisions[0]?.claims).toMatchObject({ factors: ['biometric'] });
  });

  it('says what went wrong, what to do, and exits with the code of its class', async () => {
    const first = await mtokenPhone(['unlock', '--mpin-file', mpinFile, '--json']);
    expect(first).toMatchObject({ exit: 5, json: { error: { code: 'not_registered' } } });
    await registerPhone();
    expect(await mtokenPhone(['scan', frameText(bank.issuer)])).toMatchObject({
      exit: 7,
      err: expect.stringMatching(
        /hint: mtoken phone unlock; if you made the server anew yourself: mtoken phone deactivate --local/,
      ),
    });
    expect(await mtokenPhone(['register', '--confirmation', '12345678', '--mpin-file', mpinFile])).toMatchObject({
      exit: 1,
      err: expect.stringMatching(
        /registered already.*\n.*made the server anew yourself: mtoken phone deactivate --local/,
      ),
    });
    const wrong = await mtokenPhone(['unlock', '--mpin', '83046196', '--json']);
    expect(wrong).toMatchObject({
      exit: 4,
      json: { error: { code: 'wrong_mpin', attemptsLeft: 4 } },
      err: expect.stringMatching(/4 attempts are left/),
    });
    await mtokenPhone(['unlock', '--mpin-file', mpinFile]);
    const foreign = await mtokenPhone(['scan', frameText('https://id.evil.example'), '--approve', '--json']);
    expect(foreign).toMatchObject({ exit: 6, json: { error: { code: 'wrong_origin' } } });
    expect(await mtokenPhone(['scan', 'no-such-file.png'])).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/no readable file/),
    });
    bank.tamper.descriptorClaims = (honest) => ({ ...honest, deviceId: 'dev_AAAAAAAAAAAAAAAAAAAAAA' });
    expect(await mtokenPhone(['scan', frameText(bank.issuer), '--approve'])).toMatchObject({ exit: 6 });
    bank.tamper.lose = () => 'request';
    expect(await mtokenPhone(['status'])).toMatchObject({ exit: 3 });
    expect(bank.decisions).toHaveLength(0);
  });

  it('refuses a weak mPIN and asks nobody where nobody is there', async () => {
    const weak = await mtokenPhone([
      'register',
      bank.activationText,
      '--confirmation',
      confirmationCode,
      '--mpin',
      '12345',
      '--json',
    ]);
    expect(weak).toMatchObject({ exit: 1, json: { error: { code: 'weak_mpin', rule: 'sequence' } } });
    await registerPhone();
    expect(await mtokenPhone(['unlock'])).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/nobody is at the terminal\nmtoken: hint: in a script, use --mpin-file/),
    });
    expect(await mtokenPhone(['deactivate'])).toMatchObject({ exit: 2, err: expect.stringMatching(/--yes/) });
  });

  it('changes the mPIN, lists phones and sessions, ends a session and itself (S-08)', async () => {
    await unlockedPhone();
    expect(await mtokenPhone(['change-mpin', '--mpin-file', mpinFile, '--new-mpin', '96130'])).toMatchObject({
      exit: 0,
      out: 'the mPIN is changed\n',
    });
    expect(await mtokenPhone(['unlock', '--mpin', '96130'])).toMatchObject({ exit: 0 });
    expect(await mtokenPhone(['devices'])).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/\*\s+dev_.*Test phone/),
    });
    expect(await mtokenPhone(['sessions', '--json'])).toMatchObject({ json: { sessions: [{ sessionUid: 's1' }] } });
    expect(await mtokenPhone(['sessions', '--end', 's1'])).toMatchObject({ exit: 0 });
    expect(await mtokenPhone(['deactivate', '--yes'])).toMatchObject({ exit: 0 });
    expect(readdirSync(home)).toEqual([]);
    expect(bank.device().status).toBe('deactivated');
  });

  it('with a passphrase leaves nothing readable in its folder, and nothing works without it (M-04)', async () => {
    const env = { MTOKEN_PHONE_PASSPHRASE: 'correct horse' };
    await mtokenPhone(['register', bank.activationText, '--confirmation', confirmationCode, '--mpin-file', mpinFile], {
      env,
    });
    await mtokenPhone(['unlock', '--mpin-file', mpinFile], { env });
    expect(await mtokenPhone(['scan', frameText(bank.issuer)], { env })).toMatchObject({ exit: 0 });
    expect(readdirSync(home).sort()).toEqual(['order.json', 'phone.json', 'session.json']);
    for (const file of readdirSync(home)) expect(readFileSync(join(home, file), 'utf8')).toMatch(/^\{"kdf":"scrypt"/);
    expect(await mtokenPhone(['status'])).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/MTOKEN_PHONE_PASSPHRASE/),
    });
  });

  it('leaves the mPIN in no file of its own (M-04)', async () => {
    await unlockedPhone();
    await mtokenPhone(['scan', frameText(bank.issuer)]);
    const everything = readdirSync(home)
      .map((file) => readFileSync(join(home, file), 'utf8'))
      .join('');
    expect(everything).not.toContain(mpin);
    expect(everything).not.toContain('vaultKey');
  });

  it('explains itself with examples and exit codes', async () => {
    const { out } = await mtokenPhone(['--help']);
    for (const word of [
      'register',
      'unlock',
      'scan',
      'orders',
      'approve',
      'decline',
      'report',
      'history',
      'receipt',
      'status',
      'change-mpin',
      'devices',
      'sessions',
      'deactivate',
      'logout',
      'Exit codes:',
    ]) {
      expect(out).toContain(word);
    }
    for (const command of ['scan', 'orders', 'approve', 'decline', 'report', 'history', 'receipt']) {
      expect((await mtokenPhone([command, '--help'])).out, command).toContain('Examples:');
    }
  });
});

describe('what waits', () => {
  const inScript = ['--yes', '--mpin-file', mpinFile];

  it('is listed, shown whole, approved by its id, and then in the history with a receipt that verifies (T-09, T-14)', async () => {
    await unlockedPhone();
    bank.terms.text = 'Pay 12,50\nto Anna';
    expect(await mtokenPhone(['orders'])).toMatchObject({ exit: 0, out: 'nothing waits for you\n' });
    const signingId = bank.inbox.add({
      approvers: { needed: 2, given: 1 },
      warnings: ['new_payee', 'unusual_hour'],
      mpinOnly: true,
    });
    const listed = await mtokenPhone(['orders']);
    expect(listed.out).toMatch(
      new RegExp(
        `^order .*\n${signingId} +Demo Portal \\(portal\\.example\\) +Text of the portal · The portal writes: “Hello” +1 of 2 so far`,
      ),
    );
    expect((await mtokenPhone(['orders', '--json'])).json).toMatchObject({ waiting: [{ signingId }] });
    const shown = await mtokenPhone(['approve', signingId, ...inScript]);
    expect(shown).toMatchObject({ exit: 0, out: expect.stringMatching(/approved: Demo Portal\n$/) });
    for (const line of [
      'Sign this transaction?',
      '  begun by   your inbox',
      '  approvers  1 of 2 so far',
      '  proof      your mPIN; fingerprint or face is not enough',
      '  WARNING    this payee is new: nobody in your company has approved it before',
      '  WARNING    this is an unusual hour for it',
      '  | > Pay 12,50',
    ]) {
      expect(shown.out.split('\n')).toContain(line);
    }
    expect(await mtokenPhone(['orders'])).toMatchObject({ out: 'nothing waits for you\n' });
    const past = await mtokenPhone(['history']);
    expect(past.out).toMatch(new RegExp(`\n${signingId} +.* approved +yes\n`));

    const file = join(root, 'receipt.json');
    const written = await mtokenPhone(['receipt', signingId, '--out', file]);
    expect(written).toMatchObject({
      exit: 0,
      out: `the receipt is genuine, and kept in ${file}\nanybody can check it: mtoken verify ${file}\n`,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const receipt = JSON.parse(readFileSync(file, 'utf8')) as unknown;
    expect((await mtokenPhone(['receipt', signingId, '--json'])).json).toEqual(receipt);
    expect((await verifyReceipt(receipt, await bank.keyHistory())).isGenuine).toBe(true);
    expect(await mtokenPhone(['receipt', signingId, '--out', file])).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/is there already/),
    });
  });

  it('is not approved by a script that nobody watches, unless it says so; nothing is claimed then (T-02)', async () => {
    await unlockedPhone();
    const signingId = bank.inbox.add();
    expect(await mtokenPhone(['approve', signingId, '--mpin-file', mpinFile])).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/hint: in a script, use --yes/),
    });
    expect(bank.recorded.map(({ name }) => name)).not.toContain('orders/claim');
    expect(await mtokenPhone(['approve', 'sig_x', ...inScript, '--json'])).toMatchObject({
      exit: 1,
      json: { error: { code: 'order_unavailable' } },
    });
  });

  it('is declined with a reason, reported, and takes the mPIN where the key of the fingerprint is not enough (T-02)', async () => {
    await registerPhone('--biometric');
    await mtokenPhone(['unlock', '--biometric']);
    const [first, second] = [bank.inbox.add(), bank.inbox.add({ mpinOnly: true })];
    const declined = await mtokenPhone(['decline', first, '--reason', 'payee']);
    expect(declined.out).toMatch(/^Sign this transaction\?\n[^]*declined: Demo Portal\n$/);
    const approved = await mtokenPhone(['approve', second, '--biometric', ...inScript, '--json']);
    expect(approved.json).toMatchObject({ decision: 'approved', mpinOnly: true, signing: { id: second } });
    expect(await mtokenPhone(['report', bank.inbox.add()])).toMatchObject({ exit: 0 });
    expect(bank.decisions.map(({ claims }) => [claims['decision'], claims['reason'], claims['factors']])).toEqual([
      ['decline', 'payee', ['biometric']],
      ['approve', undefined, ['mpin']],
      ['report', undefined, ['biometric']],
    ]);
  });

  it('is printed once, as it comes, while somebody watches, through answers that fail', async () => {
    await unlockedPhone();
    const first = bank.inbox.add();
    const child = spawn(process.execPath, [program, 'orders', '--watch', '--every', '1'], {
      env: { PATH: process.env['PATH'] ?? '', HOME: root, MTOKEN_PHONE_HOME: home },
    });
    const seen = (stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> =>
      new Promise((resolve) => {
        let text = '';
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (pattern.test(text)) resolve(text);
        });
      });
    expect(await seen(child.stdout, /\nsig_.*\n/)).toContain(first);
    bank.tamper.inClear = (name) => (name === 'orders/inbox' ? { status: 503, code: 'unavailable' } : undefined);
    expect(await seen(child.stderr, /asking again\n/)).toBe(
      'mtoken: no list at the moment (unavailable): asking again\n',
    );
    const coming = seen(child.stdout, /new: .*\n/);
    const second = bank.inbox.add({ approvers: { needed: 3, given: 0 } });
    delete bank.tamper.inClear;
    const line = await coming;
    child.kill();
    expect(line).toMatch(
      /^new: sig_.{22} · Demo Portal \(portal\.example\) · Text of the portal · The portal writes: “Hello” · 0 of 3 so far · sign by /,
    );
    expect([line.includes(second), line.includes(first)]).toEqual([true, false]);
  });

  it('leaves no file of a receipt that is not genuine, and says not to go on (T-14)', async () => {
    await unlockedPhone();
    const signingId = bank.inbox.add();
    await mtokenPhone(['approve', signingId, ...inScript]);
    bank.tamper.receipt = (honest) => ({ ...honest, countersignature: honest['order'] });
    const file = join(root, 'bent.json');
    expect(await mtokenPhone(['receipt', signingId, '--out', file])).toMatchObject({ exit: 6, out: '' });
    expect(existsSync(file)).toBe(false);
  });
});

describe('a document', () => {
  it('is printed as text, bar by bar, or saved, and nothing else than the signed one is (T-05)', async () => {
    await unlockedPhone();
    const { fields } = checkFields({ template: 'document', version: 1, fields: samples.document });
    Object.assign(bank.terms, { purpose: 'signing', freshProof: true });
    const { display } = render('document', fields as FieldsOf<'document'>, 'en');
    bank.tamper.descriptorClaims = (honest) => ({ ...honest, display });
    bank.tamper.document = () => ({ bytes: sampleDocument.toString('base64url'), parts: 1 });
    expect((await mtokenPhone(['document'])).err).toContain('nothing was scanned');
    await mtokenPhone(['scan', frameText(bank.issuer)]);
    expect(await mtokenPhone(['document'])).toMatchObject({
      exit: 0,
      out: 'Loan agreement 4711\n  | Loan agreement 4711\n  | The bank lends 10,000.00 EUR.\n',
    });
    const file = join(home, 'agreement.txt');
    const saved = await mtokenPhone(['document', '--out', file, '--json']);
    expect(saved.json).toMatchObject({ mediaType: 'text/plain', size: sampleDocument.length, file });
    expect(readFileSync(file).equals(sampleDocument)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await mtokenPhone(['document', '--out', file])).exit).toBe(2);
    bank.tamper.document = () => ({ bytes: Buffer.from('another one').toString('base64url'), parts: 1 });
    const other = join(home, 'other.txt');
    expect((await mtokenPhone(['document', '--out', other])).exit).toBe(6);
    expect(existsSync(other)).toBe(false);
  });
});

describe('the terms', () => {
  const finishing = ['register', '--confirmation', confirmationCode, '--mpin-file'];

  it('are printed whole by the first call, as text and nothing else, and accepted by their version in the second', async () => {
    bank.policy.termsOfUse = termsOf('Be careful.\n<b>Bold</b>\u001b[2J\nThe end.');
    const begun = await mtokenPhone(['register', bank.activationText]);
    expect(begun.exit).toBe(0);
    expect(begun.out).toContain('Terms of use, version 2026-11\n\nBe careful.\n<b>Bold</b>');
    expect(begun.out).toContain('The end.');
    expect(begun.out).not.toContain('\u001b');
    expect(begun.out).toContain(bank.policy.termsOfUse.sha256);
    expect(begun.out).toContain('--accept-terms 2026-11');
    const done = await mtokenPhone([...finishing, mpinFile, '--accept-terms', '2026-11']);
    expect(done).toMatchObject({ exit: 0, out: 'registered\nfor Anna, Demo\n' });
  });

  it('are accepted by nobody who does not say so, and by no other version', async () => {
    bank.policy.termsOfUse = termsOf('Be careful.');
    const { json } = await mtokenPhone(['register', bank.activationText, '--json']);
    expect(json).toMatchObject({ terms: { version: '2026-11', text: 'Be careful.' } });
    for (const accepting of [[], ['--accept-terms', '2025-01']]) {
      const refused = await mtokenPhone([...finishing, mpinFile, ...accepting]);
      expect(refused.exit).toBe(1);
      expect(refused.err).toContain('the terms in force are version 2026-11');
      expect(refused.err).toContain('--accept-terms 2026-11');
    }
    expect(bank.device().status).toBe('new');
  });

  it('say who tells the confirmation code, where that is the administrator', async () => {
    bank.policy.confirmation = { channel: 'administrator', hint: '' };
    const begun = await mtokenPhone(['register', bank.activationText]);
    expect(begun.out).toContain('a confirmation code was given to your administrator');
  });
});
