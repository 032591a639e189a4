/** The portal's payment pages: the form, what a person sees while a phone is asked, and how it ended. */
import { html, type Markup } from '../html.ts';
import type { ReceiptFacts } from '../sdk/index.ts';
import { layout } from './portal-pages.ts';
import { exampleIbans, type FormProblem, type Outcome, type Payment, type PaymentForm } from './portal-payments.ts';

const none = html``;

interface Input {
  readonly name: keyof PaymentForm;
  readonly label: string;
  readonly hint?: string;
  readonly attributes: Markup;
}

const inputs: readonly Input[] = [
  { name: 'payee', label: 'To', attributes: html`maxlength="200" autocomplete="off"` },
  { name: 'iban', label: 'Account (IBAN)', attributes: html`maxlength="60" list="ibans" autocomplete="off"` },
  {
    name: 'amount',
    label: 'Amount in EUR',
    hint: 'As 1250 or 1250.00',
    attributes: html`maxlength="60" inputmode="decimal" autocomplete="off"`,
  },
  { name: 'reference', label: 'Reference', attributes: html`maxlength="400" autocomplete="off"` },
];

/** The form, with what was typed and what is wrong with it. `id` names the payment that it is to become. */
export function paymentFormPage(id: string, form: PaymentForm, problem?: FormProblem): string {
  const isBeside = problem?.input !== undefined;
  const above = problem === undefined || isBeside ? none : html`<p role="alert" class="wrong">${sentence(problem)}</p>`;
  const body = html`<h1>New payment</h1>
<p class="soft">Nothing leaves the account before your phone has shown it and you have approved it there.</p>${above}
<form method="post" class="payment" action="/payments/api"><input type="hidden" name="id" value="${id}">
${inputs.map((input) => field(input, form[input.name], problem?.input === input.name ? problem : undefined))}
<datalist id="ibans">${exampleIbans.map((iban) => html`<option value="${iban}">`)}</datalist>
<h2>Approve it with</h2>
<div class="doors">
<p><button class="button" id="pay-api">A code on this page</button><span class="soft">The signing API: the portal shows the code and waits.</span></p>
<p><button class="button quiet" id="pay-redirect" formaction="/payments/redirect">The page of the bank</button><span class="soft">A redirect with the payment in it: the bank shows the code.</span></p>
<p><button class="button quiet" id="pay-backchannel" formaction="/payments/backchannel">The app on my phone</button><span class="soft">The back channel: nothing to scan, it waits in the app.</span></p>
</div></form><p><a class="button quiet" href="/">Back</a></p>`;
  return layout('New payment', body.markup);
}

function field({ name, label, hint, attributes }: Input, value: string, problem: FormProblem | undefined): Markup {
  const described = [...(problem ? [`${name}-wrong`] : []), ...(hint === undefined ? [] : [`${name}-hint`])].join(' ');
  const more = html`${described === '' ? none : html` aria-describedby="${described}"`}${problem ? html` aria-invalid="true" autofocus` : none}`;
  return html`<div class="field"><label for="${name}">${label}</label>
<input id="${name}" name="${name}" value="${value}" ${attributes}${more}>
${problem === undefined ? none : html`<p class="wrong" role="alert" id="${name}-wrong">${sentence(problem)}</p>`}
${hint === undefined ? none : html`<p class="soft" id="${name}-hint">${hint}</p>`}</div>`;
}

function sentence({ message, isTemporary }: FormProblem): string {
  return isTemporary ? `${message} Nothing was lost: press again in a moment; it stays one payment.` : message;
}

/** What is asked of the person meanwhile. */
export function waitingText({ door, isClaimed = false, progress }: Payment): string {
  if (progress !== undefined && !isClaimed) return progress;
  if (isClaimed) return 'Your phone shows the payment. Look at it there, and decide.';
  if (door === 'api') return 'Waiting for your phone.';
  if (door === 'backchannel') {
    return 'Look at your phone: it waits in the app, for five minutes. Nothing there? In this way a phone is asked three times an hour at most, and no portal is told.';
  }
  return 'Waiting for the page of the bank.';
}

/** While a phone is asked. `code`: whether the page shows one to scan; `mayCancel`: whether the portal can take it back. */
export function waitingPage(
  payment: Payment,
  { code, mayCancel }: { readonly code: boolean; readonly mayCancel: boolean },
): string {
  const shown = code
    ? html`<div id="code"><p>Scan this with the app.</p><div class="qr" id="qr" role="img" aria-label="QR code"></div>
<p><a class="button quiet" id="link" target="_blank" rel="noopener">The app is on this device</a></p></div>`
    : none;
  const cancel = mayCancel
    ? html`<form method="post" action="/payments/${payment.id}/cancel"><button class="button quiet" id="cancel">Cancel the payment</button></form>`
    : none;
  const body = html`<h1>Approve the payment</h1>${summary(payment)}
<p id="status" role="status">${waitingText(payment)}</p>${shown}${cancel}
<noscript><p><a class="button quiet" href="/payments/${payment.id}">Look again</a></p><p>Without scripts this page does not by itself, and shows no code: it waits in the app.</p></noscript>
<script src="/payments.js" defer></script>`;
  return layout('Approve the payment', body.markup);
}

function summary({ fields }: Payment): Markup {
  const amount = `${(fields.amount / 100).toFixed(2)} ${fields.currency}`;
  const rows = [
    ['Amount', amount],
    ['To', fields.creditorName],
    ['Account', fields.creditorIban.replace(/(.{4})(?=.)/g, '$1 ')],
    ...(fields.reference === undefined ? [] : [['Reference', fields.reference]]),
  ];
  return html`<dl>${rows.map(([label = '', value = '']) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`;
}

const reasons = {
  amount: 'The reason given on the phone: “The amount is wrong.”',
  payee: 'The reason given on the phone: “The payee is wrong.”',
  unexpected: 'The reason given on the phone: “I did not expect this.”',
} as const;

const endings: Readonly<Record<Exclude<Outcome['state'], 'approved'>, readonly [heading: string, text: string]>> = {
  declined: ['Declined', 'The payment was declined on the phone. Nothing was paid.'],
  reported: [
    'Reported',
    'On the phone it was said that this payment is none of yours. Nothing was paid; the bank was alarmed, and your sessions have ended.',
  ],
  expired: ['Too late', 'Nobody approved it in time. Nothing was paid.'],
  cancelled: ['Cancelled', 'The payment was cancelled. Nothing was paid.'],
  refused: ['Not permitted', 'The bank does not permit this payment by this way. Nothing was paid.'],
  failed: ['No answer', 'The portal could not find out how it ended. Nothing was paid without an approval.'],
};

/** A receipt, and what it says where it is genuine. */
export interface JudgedReceipt {
  readonly facts: ReceiptFacts | undefined;
}

/** How it ended: with the receipts in plain words where it was approved. */
export function outcomePage(
  payment: Payment,
  { outcome, receipts, issuer }: { outcome: Outcome; receipts: readonly JudgedReceipt[]; issuer: string },
): string {
  const again = html`<div class="actions"><form method="get" action="/payments"><button class="button" id="again">Another payment</button></form>
<form method="get" action="/"><button class="button quiet">To the start</button></form></div>`;
  if (outcome.state !== 'approved') {
    const [heading, text] = endings[outcome.state];
    const why = outcome.reason === undefined ? none : html`<p id="reason">${reasons[outcome.reason]}</p>`;
    const detail = outcome.detail === undefined ? none : html`<p class="soft"><code>${outcome.detail}</code></p>`;
    const body = html`<h1 id="outcome" data-state="${outcome.state}">${heading}</h1><p role="status">${text}</p>${why}${detail}${summary(payment)}${again}`;
    return layout(heading, body.markup);
  }
  const isGenuine = receipts.length > 0 && receipts.every(({ facts }) => facts !== undefined);
  const body = html`<h1 id="outcome" data-state="${isGenuine ? 'approved' : 'doubtful'}">${isGenuine ? 'Approved' : 'Not paid'}</h1>
<p role="status">${isGenuine ? 'The payment is approved. The portal has checked what was signed, and pays it now.' : 'It was approved, but the portal could not check what was signed.'}</p>
${receipts.map((receipt, index) => receiptPart(payment, receipt, index))}
<p class="soft">Keep the file. Anybody can check it, years later and without us, with <code>mtoken verify</code> or here:</p>
<p><a class="button quiet" id="verify" href="${issuer}/verify" target="_blank" rel="noopener">Check a receipt</a></p>${again}`;
  return layout(isGenuine ? 'Approved' : 'Not paid', body.markup);
}

const proofs = { pin: 'the mPIN', fpt: 'a fingerprint', face: 'the face', user: 'fingerprint or face' } as const;

function receiptPart({ id }: Payment, { facts }: JudgedReceipt, index: number): Markup {
  const download = html`<p><a class="button quiet" data-receipt="${index}" download href="/payments/${id}/receipts/${index}">Download the receipt</a></p>`;
  if (facts === undefined) return html`<section><p class="wrong">This receipt is not genuine.</p>${download}</section>`;
  const { title, lines, user, device, factor, approvedAt } = facts;
  const at = `${new Date(approvedAt * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return html`<section class="receipt"><h2>${title}</h2>
<dl>${lines.map(({ label, value, by }) => html`<dt>${label}</dt><dd>${by === 'portal' ? `“${value}”` : value}</dd>`)}</dl>
<p>Signed by <strong>${user.name}</strong> on the phone <strong>${device.name}</strong>, proved with ${proofs[factor]}, at ${at}.</p>${download}</section>`;
}

/** The server behind the portal does not answer: nothing is lost by that. */
export function noAnswerPage({ id }: Pick<Payment, 'id'>): string {
  const body = html`<h1>No answer</h1><p role="alert">The server that asks phones does not answer at the moment. Nothing is lost, and nothing was paid without an approval.</p>
<p><a class="button" href="/payments/${id}">Try again</a></p>`;
  return layout('No answer', body.markup);
}

/** There is none of that name for this browser. */
export function noPaymentPage(): string {
  const body = html`<h1>No such payment</h1><p role="alert">There is no such payment in this browser, or it was made too long ago.</p>
<p><a class="button" href="/payments">A new payment</a></p>`;
  return layout('No such payment', body.markup);
}
