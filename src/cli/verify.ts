/** `mtoken verify`: checks a receipt, with the keys of the server that it names or with those of a file. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { displayText } from '../protocol/templates/draw.ts';
import { formatIban } from '../protocol/templates/iban.ts';
import { formatAmount } from '../protocol/templates/money.ts';
import { isSignedDocument, PhoneError, type ReceiptFacts, type ReceiptVerdict, verifyReceipt } from '../sdk/index.ts';
import { isOrigin } from '../sdk/key-history.ts';
import { textsFor } from '../texts/files.ts';
import { CommandError, exitCode, printable, remark, say, sayJson } from './output.ts';

interface VerifyOptions {
  readonly keys?: string;
  readonly document?: string;
  readonly json?: boolean;
}

const historyPath = '/.well-known/mtoken-key-history';
const fetchMs = 10_000;

/** The `verify` command. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check a receipt of something that was signed: what, by whom, when, and every check that was made')
    .argument('<receipt>', 'the file')
    .option(
      '--keys <file or URL>',
      'the key history of the server; without it, it is fetched from the server that the receipt names',
    )
    .option('--document <file>', 'of a document: also says whether this file is the one that was signed')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Without --keys it is the server named in the receipt whose word is taken: check that its address is your bank's.

Examples:
  $ mtoken verify receipt.json
  $ curl -s https://id.example${historyPath} > keys.json
  $ mtoken verify receipt.json --keys keys.json
  $ mtoken verify receipt.json --document agreement.pdf

Exit codes: 0 genuine · 1 not genuine, or another document · 2 wrong usage · 3 the keys cannot be reached`,
    )
    .action(async (path: string, options: VerifyOptions) => {
      const receipt = readJson(path);
      const verdict = await judge(receipt, await keysOf(receipt, options.keys));
      if (options.keys === undefined)
        remark(`the keys were taken from ${issuerOf(receipt)}, the server that the receipt names itself`);
      const isDocument = await judgeDocument(verdict, options.document);
      if (options.json) sayJson({ ...verdict, ...(isDocument === undefined ? {} : { isSignedDocument: isDocument }) });
      else sayVerdict(verdict, isDocument);
      if (!verdict.isGenuine) throw new CommandError('this receipt is not genuine');
      if (isDocument === false) throw new CommandError('the receipt is genuine, and the file is not what was signed');
    });
}

async function judge(receipt: unknown, history: unknown): Promise<ReceiptVerdict> {
  try {
    return await verifyReceipt(receipt, history);
  } catch (cause) {
    if (!(cause instanceof PhoneError)) throw cause;
    throw new CommandError(`the keys are not those of a server: ${cause.detail ?? cause.message}`, { cause });
  }
}

/** Undefined where no file is named, or there is nothing genuine to compare it with. */
async function judgeDocument({ facts }: ReceiptVerdict, path: string | undefined): Promise<boolean | undefined> {
  if (path === undefined || facts === undefined) return undefined;
  const { document } = facts;
  if (document === undefined) {
    throw new CommandError('this receipt is about no document', { exit: exitCode.usage });
  }
  return isSignedDocument(new Uint8Array(readBytes(path)), document);
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CommandError(`${path} cannot be read`, { exit: exitCode.usage, cause });
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (cause) {
    throw new CommandError(`${path} cannot be read as JSON`, { exit: exitCode.usage, cause });
  }
}

async function keysOf(receipt: unknown, keys: string | undefined): Promise<unknown> {
  if (keys !== undefined && !/^https?:\/\//.test(keys)) return readJson(keys);
  const url = keys ?? `${issuerOf(receipt)}${historyPath}`;
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    throw new CommandError('keys are fetched over https only', { exit: exitCode.usage });
  }
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(fetchMs) });
    return await response.json();
  } catch (cause) {
    throw new CommandError(`no key history at ${url}`, {
      exit: exitCode.unreachable,
      hint: 'keep a copy of the history, and name the file with --keys',
      cause,
    });
  }
}

/** Whom the receipt names, unjudged: the keys that are found there decide. */
function issuerOf(receipt: unknown): string {
  const { order } = (receipt ?? {}) as { readonly order?: unknown };
  try {
    const payload = typeof order === 'string' ? Buffer.from(order.split('.')[1] ?? '', 'base64url').toString() : '';
    const { iss } = JSON.parse(payload) as { readonly iss?: unknown };
    // Letter for letter: `https://bank.example@evil.example` is read as another server than it leads to.
    if (typeof iss === 'string' && isOrigin(iss)) return iss;
  } catch {
    // Said below.
  }
  throw new CommandError('this file is not a receipt: it names no server by its origin', { exit: exitCode.failed });
}

function sayVerdict({ checks, facts }: ReceiptVerdict, isDocument: boolean | undefined): void {
  const { t } = textsFor('signing', ['en']);
  if (facts !== undefined) for (const line of factLines(facts)) say(printable(line));
  const said = checks.map(({ name, isPassed }) => [isPassed, t(`check.${name}`)] as const);
  if (isDocument !== undefined) {
    said.push([isDocument, t(isDocument ? 'verify.sameDocument' : 'verify.otherDocument')]);
  }
  for (const [isPassed, text] of said) say(`  ${isPassed ? 'ok    ' : 'FAILED'} ${text}`);
}

function factLines(facts: ReceiptFacts): string[] {
  const { t } = textsFor('signing', ['en']);
  const { portal, user, device, issuer, factor, reference, approvedAt } = facts;
  return [
    `${user.name} (${user.id}) signed this at ${new Date(approvedAt * 1000).toISOString()}:`,
    '',
    ...signedRows(facts).map((row) => `  | ${row}`),
    '',
    `  asked by   ${portal.name} (${portal.domain}), as`,
    `               > ${reference}`,
    `  phone      ${device.name}, key ${device.thumbprint}`,
    `  proof      ${t(`factor.${factor}`)}`,
    `  server     ${issuer}`,
    '',
  ];
}

/**
 * The signed text line by line, and of a batch its payments, each part on a row of its own. What the portal wrote is in quotation marks or
 * behind `>`, as it was signed, and so is the reference of a payment: nothing of it passes for a line of the server's (T-08).
 */
function signedRows({ title, lines, payments, locale, currency = '' }: ReceiptFacts): string[] {
  const text = displayText(title, lines).split('\n');
  const list = payments.flatMap(({ amount, creditorName, creditorIban, reference }, index) => [
    `${index + 1}. ${formatAmount(amount, currency, locale)}`,
    `   ${creditorName}`,
    `   ${formatIban(creditorIban)}`,
    ...(reference === undefined ? [] : [`   “${reference}”`]),
  ]);
  return [...text.map((row) => (row.startsWith('> ') ? `  ${row}` : row)), ...list];
}
