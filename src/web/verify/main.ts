/** Checks a receipt in this browser: the file is read here and sent nowhere; only the server's published keys are fetched. */
import { formatIban } from '../../protocol/templates/iban.ts';
import { formatAmount } from '../../protocol/templates/money.ts';
import { isSignedDocument } from '../../sdk/display.ts';
import { parseJson } from '../../sdk/matches.ts';
import { type ReceiptFacts, type ReceiptVerdict, verifyReceipt } from '../../sdk/receipt.ts';
import type englishFile from '../../texts/languages/en.json';
import { type Texts, type TextTable, textsOf } from '../../texts/texts.ts';
import { element, paragraph } from '../design/dom.ts';

type Name = keyof (typeof englishFile)['signing'];
type Messages = Texts<Name>;

/** More than any receipt has: a batch of ten thousand payments is a tenth of it. */
const maxFileBytes = 16 * 1024 * 1024;
const root = document.getElementById('verify') ?? document.body;

async function start(): Promise<void> {
  const { texts = '', integrity = '' } = root.dataset;
  const response = await fetch(texts, { integrity });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const table = (await response.json()) as TextTable & Readonly<Record<Name, string>>;
  const t: Messages = textsOf(document.documentElement.lang, table, table);
  const result = element('section', { id: 'result', attributes: { 'aria-live': 'polite' } });
  const input = element('input', { id: 'receipt', attributes: { type: 'file', accept: 'application/json,.json' } });
  // The newest file that was chosen is the one that is shown, whichever is read first.
  let turn = 0;
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    turn += 1;
    const own = turn;
    // No verdict on one file beside the name of another.
    result.replaceChildren();
    if (file === undefined) return;
    void check(t, file).then((shown) => {
      if (own === turn) result.replaceChildren(...shown);
    });
  });
  root.replaceChildren(
    element('h1', { text: t('verify.title') }),
    paragraph(t('verify.intro')),
    element(
      'div',
      { class: 'field' },
      element('label', { text: t('verify.choose'), attributes: { for: 'receipt' } }),
      input,
    ),
    result,
  );
}

async function check(t: Messages, file: File): Promise<readonly HTMLElement[]> {
  const receipt = file.size > maxFileBytes ? undefined : parseJson(await file.text());
  if (typeof receipt !== 'object' || receipt === null) return [paragraph(t('verify.noReceipt'), 'warning')];
  try {
    const response = await fetch('/.well-known/mtoken-key-history', { credentials: 'omit', cache: 'no-store' });
    return shown(t, await verifyReceipt(receipt, await response.json()));
  } catch {
    return [paragraph(t('verify.noKeys'), 'warning')];
  }
}

function shown(t: Messages, { isGenuine, checks, facts }: ReceiptVerdict): readonly HTMLElement[] {
  const list = checks.map(({ name, isPassed }) =>
    element(
      'li',
      { class: isPassed ? 'passed' : 'failed' },
      element('strong', { text: t(isPassed ? 'verify.passed' : 'verify.failed') }),
      ` ${t(`check.${name}`)}`,
    ),
  );
  return [
    element('p', {
      class: isGenuine ? 'verdict genuine' : 'verdict warning',
      text: t(isGenuine ? 'verify.genuine' : 'verify.notGenuine'),
    }),
    ...(facts === undefined ? [] : factsOf(t, facts)),
    ...(facts?.document === undefined ? [] : documentOf(t, facts.document)),
    element('h2', { text: t('verify.checks') }),
    element('ul', { class: 'checks' }, ...list),
  ];
}

function factsOf(t: Messages, facts: ReceiptFacts): readonly HTMLElement[] {
  const { issuer, title, lines, locale, portal, user, device, factor, reference } = facts;
  const when = new Intl.DateTimeFormat(t.language, { dateStyle: 'long', timeStyle: 'long' });
  const rows: readonly (readonly [string, ...HTMLElement[]])[] = [
    [t('verify.who'), part(user.name), part(user.id)],
    [t('verify.when'), part(when.format(facts.approvedAt * 1000))],
    [t('verify.asked'), part(portal.name), part(portal.domain), part(reference, 'portal')],
    [t('verify.phone'), part(device.name), part(device.thumbprint)],
    [t('verify.proof'), part(t(`factor.${factor}`))],
    ['mToken', part(issuer)],
  ];
  const text = element(
    'section',
    { class: 'signed', attributes: { lang: locale, dir: locale === 'ar' ? 'rtl' : 'ltr' } },
    element('h3', { text: title }),
    element('dl', {}, ...lines.map(({ label, value, by }) => row(label, [part(value, by)]))),
    payments(t, facts),
  );
  return [
    element('h2', { text: t('verify.signed') }),
    text,
    element('dl', { class: 'facts' }, ...rows.map(([label, ...values]) => row(label, values))),
  ];
}

/** Where a document was signed: takes the file itself, and says whether it is that one. It stays in this browser as the receipt does. */
function documentOf(t: Messages, signed: NonNullable<ReceiptFacts['document']>): readonly HTMLElement[] {
  const input = element('input', { id: 'document', attributes: { type: 'file' } });
  const result = element('p', { id: 'compared', attributes: { 'aria-live': 'polite' } });
  let turn = 0;
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    turn += 1;
    const own = turn;
    result.textContent = '';
    if (file === undefined) return;
    void isSignedFile(file, signed).then((isSame) => {
      if (own !== turn) return;
      result.className = isSame ? 'verdict genuine' : 'verdict warning';
      result.textContent = t(isSame ? 'verify.sameDocument' : 'verify.otherDocument');
    });
  });
  const label = element('label', { text: t('verify.document'), attributes: { for: 'document' } });
  return [element('div', { class: 'field' }, label, input), result];
}

/** A file of another length is not even read: it may be of any length. */
async function isSignedFile(file: File, signed: NonNullable<ReceiptFacts['document']>): Promise<boolean> {
  return file.size === signed.size && isSignedDocument(new Uint8Array(await file.arrayBuffer()), signed);
}

function row(label: string, values: readonly HTMLElement[]): HTMLElement {
  return element('div', {}, element('dt', { text: label }), element('dd', {}, ...values));
}

/**
 * Each value apart, so that one in another direction of writing leaves the others where they are; what the portal wrote looks like a
 * quotation, so that nobody takes it for the server's word (T-08).
 */
function part(text: string, by: 'server' | 'portal' = 'server'): HTMLElement {
  return element('div', by === 'portal' ? { class: 'quoted' } : {}, element('bdi', { text }));
}

function payments(t: Messages, { payments: all, currency = '', locale }: ReceiptFacts): HTMLElement | undefined {
  if (all.length === 0) return undefined;
  const items = all.map(({ amount, creditorName, creditorIban, reference }) => {
    const parts = [formatAmount(amount, currency, locale), creditorName, formatIban(creditorIban)].map((text) =>
      part(text),
    );
    return element('li', {}, ...parts, reference === undefined ? undefined : part(reference, 'portal'));
  });
  return element('details', {}, element('summary', { text: t('verify.payments') }), element('ol', {}, ...items));
}

void start().catch(() => {
  root.setAttribute('data-failed', '');
});
