/** Payments: one form, three doors (docs/signing.md). What is the same for all of them is here; each door is a file of its own. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as oidc from 'openid-client';
import { toString as drawQr } from 'qrcode';
import { outcomeOf, progressOf, Refused, signingApi, type Till } from './portal-pay-api.ts';
import { askPhone } from './portal-pay-backchannel.ts';
import {
  noAnswerPage,
  noPaymentPage,
  outcomePage,
  paymentFormPage,
  waitingPage,
  waitingText,
} from './portal-pay-pages.ts';
import { comeBack, type Sent, sendToBank } from './portal-pay-redirect.ts';
import { paymentScript } from './portal-pay-script.ts';
import {
  createPayments,
  type Door,
  exampleForm,
  type FormProblem,
  fieldsOf,
  newPaymentId,
  type Payment,
  type PaymentForm,
  problemOf,
  readForm,
} from './portal-payments.ts';
import { judgeReceipts } from './portal-receipts.ts';
import { type Portal, type PortalSession, sendPage, sessionId } from './portal-session.ts';
import { registerThings } from './portal-things.ts';

const doors: ReadonlySet<string> = new Set<Door>(['api', 'redirect', 'backchannel']);
/** Between two questions of the page, where the portal's own answer comes at once. */
const pageInterval = 2_000;

interface Desk extends Till {
  /** By the cookie of the browser that was sent away. */
  readonly sent: Map<string, Sent>;
  /** Ends what waits when the portal does. */
  readonly ending: AbortSignal;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** The form, the pages of each payment, and what their script asks. */
export function registerPayments(app: FastifyInstance, portal: Portal): void {
  const ending = new AbortController();
  app.addHook('preClose', async () => ending.abort());
  const signing = signingApi(portal);
  const till = { portal, signing, payments: createPayments() };
  registerThings(app, portal, signing);
  const desk: Desk = { ...till, sent: new Map(), ending: ending.signal };
  app.get('/payments.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(paymentScript));
  app.get('/payments', (request, reply) => {
    if (sessionOf(portal, request) === undefined) return reply.redirect('/', 303);
    return sendPage(reply, paymentFormPage(newPaymentId(), exampleForm));
  });
  app.post('/payments/:door', (request, reply) => begin(desk, { request, reply }));
  app.get('/payments/callback', (request, reply) => returned(desk, { request, reply }));
  registerPages(app, desk);
}

function registerPages(app: FastifyInstance, desk: Desk): void {
  app.get('/payments/:id', (request, reply) => show(desk, { request, reply }));
  app.get('/payments/:id/state', (request, reply) => tellState(desk, { request, reply }));
  app.get('/payments/:id/frame', async (request, reply) => {
    const { signingId } = ownPayment(desk, request) ?? {};
    if (signingId === undefined) return reply.code(404).send({ error: 'not_found' });
    const frame = await desk.signing.frame(signingId).catch(() => undefined);
    // A phone shows it, it is over, or there is no answer: then there is nothing to draw, and the state says why.
    if (frame === undefined) return reply.code(204).send();
    const { qr, link, nextInMs } = frame;
    const picture = await drawQr(qr, { type: 'svg', margin: 4, errorCorrectionLevel: 'M' });
    return reply.header('cache-control', 'no-store').send({ picture, link, nextInMs });
  });
  app.post('/payments/:id/cancel', async (request, reply) => {
    const payment = ownPayment(desk, request);
    if (payment?.signingId === undefined) return reply.redirect('/payments', 303);
    const answer = await desk.signing.cancel(payment.signingId).catch(() => undefined);
    if (answer === undefined) return sendPage(reply, noAnswerPage(payment), 503);
    desk.payments.note(payment.id, { outcome: outcomeOf(answer) });
    return reply.redirect(`/payments/${payment.id}`, 303);
  });
  app.get('/payments/:id/receipts/:index', (request, reply) => {
    const { index = '' } = request.params as { readonly index?: string };
    const receipt = /^\d{1,2}$/.test(index) && ownPayment(desk, request)?.outcome?.receipts?.[Number(index)];
    if (!receipt) return sendPage(reply, noPaymentPage(), 404);
    return reply
      .header('content-disposition', `attachment; filename="receipt-${Number(index) + 1}.json"`)
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
      .type('application/json')
      .send(JSON.stringify(receipt));
  });
}

/** Makes a payment of what was typed and goes through the chosen door; what is refused comes back with the form as it was. */
async function begin(desk: Desk, { request, reply }: Exchange): Promise<FastifyReply> {
  const session = sessionOf(desk.portal, request);
  const { door } = request.params as { readonly door: Door };
  if (session === undefined || !doors.has(door)) return reply.redirect('/', 303);
  const { form, id } = readForm(request.body);
  // Pressed twice: it is one payment. And under the name of somebody else's, which stands in its receipt, nobody begins another.
  if (desk.payments.find(id) !== undefined) return reply.redirect(`/payments/${id}`, 303);
  const fields = fieldsOf(form, Date.now());
  if ('message' in fields) return refuse(reply, { id, form, problem: fields });
  const owner = { userId: session.claims.sub, session: sessionId(request) };
  const payment: Payment = { id, door, ...owner, fields, startedAt: Date.now() };
  try {
    return await go(desk, payment, { request, reply });
  } catch (error) {
    return refuse(reply, { id, form, problem: problemFrom(error) });
  }
}

async function go(desk: Desk, payment: Payment, { reply }: Exchange): Promise<FastifyReply> {
  const { id, door, userId, fields } = payment;
  if (door === 'redirect') {
    const { url, sent } = await sendToBank(desk, payment);
    desk.payments.add(payment);
    for (const [cookie, { paymentId }] of desk.sent) {
      if (desk.payments.find(paymentId) === undefined) desk.sent.delete(cookie);
    }
    const cookie = newPaymentId();
    desk.sent.set(cookie, sent);
    return reply
      .setCookie('portal_payment', cookie, { httpOnly: true, sameSite: 'lax', path: '/payments/callback' })
      .redirect(url, 303);
  }
  if (door === 'api') {
    const order = await desk.signing.create({ id, userId, template: 'payment', fields });
    desk.payments.add({ ...payment, signingId: order.signingId, progress: progressOf(order) });
  } else {
    await askPhone(desk, payment, desk.ending);
    desk.payments.add(payment);
  }
  return reply.redirect(`/payments/${id}`, 303);
}

function refuse(
  reply: FastifyReply,
  { id, form, problem }: { readonly id: string; readonly form: PaymentForm; readonly problem: FormProblem },
): FastifyReply {
  // What may have been taken keeps its name, so that it stays one; what was refused becomes another.
  const next = problem.isTemporary ? id : newPaymentId();
  return sendPage(reply, paymentFormPage(next, form, problem), problem.isTemporary ? 503 : 422);
}

/** What a door's refusal says to the person at the form. */
function problemFrom(error: unknown): FormProblem {
  if (error instanceof Refused) return problemOf(error.message, error.isTemporary);
  if (error instanceof oidc.ResponseBodyError) {
    return problemOf(error.error_description ?? error.error, error.status === 429 || error.status >= 500);
  }
  return problemOf('The server that asks phones does not answer.', true);
}

async function show({ portal, payments, signing }: Desk, { request, reply }: Exchange): Promise<FastifyReply> {
  const payment = ownPayment({ payments }, request);
  if (payment === undefined) return sendPage(reply, noPaymentPage(), 404);
  const outcome = payment.outcome ?? (await outcomeNow({ payments, signing }, payment));
  if (outcome === undefined) {
    const isCode = payment.door === 'api';
    return sendPage(reply, waitingPage(payment, { code: isCode, mayCancel: payment.signingId !== undefined }));
  }
  const receipts = await judgeReceipts(portal.options, payment, outcome.receipts ?? []).catch(() => undefined);
  if (receipts === undefined) return sendPage(reply, noAnswerPage(payment), 503);
  return sendPage(reply, outcomePage(payment, { outcome, receipts, issuer: portal.options.issuer }));
}

/** Asks at once; a server that does not answer ends nothing. */
async function outcomeNow({ payments, signing }: Pick<Till, 'payments' | 'signing'>, { id, signingId }: Payment) {
  if (signingId === undefined) return undefined;
  try {
    const outcome = outcomeOf(await signing.read(signingId));
    if (outcome !== undefined) payments.note(id, { outcome });
    return outcome;
  } catch {
    return undefined;
  }
}

/** For the page's script: the state as soon as it is another one than it knows. */
async function tellState(desk: Desk, { request, reply }: Exchange): Promise<FastifyReply> {
  const payment = ownPayment(desk, request);
  if (payment === undefined) return reply.code(404).send({ error: 'not_found' });
  const { since } = request.query as { readonly since?: unknown };
  const known = since === 'claimed' ? 'claimed' : 'pending';
  const { id, door, signingId } = payment;
  if (door === 'api' && signingId !== undefined && payment.outcome === undefined) {
    const answer = await desk.signing.read(signingId, known).catch(() => undefined);
    if (answer === undefined) return reply.code(503).send({ error: 'unavailable' });
    const isClaimed = answer.state === 'claimed';
    desk.payments.note(id, { isClaimed, progress: progressOf(answer), outcome: outcomeOf(answer) });
  }
  const now = desk.payments.find(id) ?? payment;
  const state = now.outcome?.state ?? (now.isClaimed ? 'claimed' : 'pending');
  const answer = { state, text: waitingText(now), isOver: now.outcome !== undefined };
  return reply.header('cache-control', 'no-store').send({ ...answer, nextInMs: door === 'api' ? 0 : pageInterval });
}

/** The browser is back from the bank. */
async function returned(desk: Desk, { request, reply }: Exchange): Promise<FastifyReply> {
  const cookie = request.cookies['portal_payment'] ?? '';
  const sent = desk.sent.get(cookie);
  desk.sent.delete(cookie);
  const payment = sent && desk.payments.find(sent.paymentId);
  if (!sent || !payment) {
    return sendPage(reply, noPaymentPage(), 400);
  }
  const url = new URL(request.url, desk.portal.options.baseUrl);
  desk.payments.note(payment.id, { outcome: await comeBack(desk, { payment, sent, url }) });
  return reply.clearCookie('portal_payment', { path: '/payments/callback' }).redirect(`/payments/${payment.id}`, 303);
}

function sessionOf({ sessions }: Portal, request: FastifyRequest): PortalSession | undefined {
  return sessions.get(sessionId(request));
}

/** What was made in another browser is as if it were not there. */
function ownPayment({ payments }: Pick<Till, 'payments'>, request: FastifyRequest): Payment | undefined {
  const payment = payments.find((request.params as { readonly id: string }).id);
  return payment?.session === sessionId(request) ? payment : undefined;
}
