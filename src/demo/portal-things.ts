/**
 * Everything else that can be signed, by the signing API: the portal asks, the phone finds it in its inbox, and the portal looks how it
 * stands. A reservation is captured here, and a document is where the server fetches it for the phone.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SigningOrder } from '../protocol/signing-api.ts';
import { Refused, type SigningApi } from './portal-pay-api.ts';
import { newPaymentId } from './portal-payments.ts';
import { judgeReceipts } from './portal-receipts.ts';
import { isThing, type Sample, sampleOf, type ThingName } from './portal-samples.ts';
import { type Portal, sendPage, sessionId } from './portal-session.ts';
import { type ThingShown, thingsPage } from './portal-things-pages.ts';

interface Thing {
  /** Of the portal; nobody else can guess it. */
  readonly id: string;
  readonly name: ThingName;
  readonly session: string;
  readonly signingId: string;
  readonly sample: Sample;
}

interface Shelf {
  readonly portal: Portal;
  readonly signing: SigningApi;
  readonly things: Map<string, Thing>;
  /** By the part of their address that nobody guesses. */
  readonly documents: Map<string, Buffer>;
}

/** A real portal has a database for them. */
const maxKept = 200;
const idPattern = /^[\w-]{22}$/;

/** The page, its buttons, and the documents. */
export function registerThings(app: FastifyInstance, portal: Portal, signing: SigningApi): void {
  const shelf: Shelf = { portal, signing, things: new Map(), documents: new Map() };
  app.get('/things', (request, reply) => show(shelf, { request, reply }));
  app.post('/things', (request, reply) => ask(shelf, { request, reply }));
  app.post('/things/:id/capture', (request, reply) => capture(shelf, { request, reply }));
  // Without a login: who fetches it is the server, and its address is told to nobody else.
  app.get('/documents/:id', (request, reply) => {
    const document = shelf.documents.get((request.params as { readonly id: string }).id);
    if (document === undefined) return reply.code(404).send();
    return reply.type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff').send(document);
  });
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function show(shelf: Shelf, { request, reply }: Exchange, problem?: string): Promise<FastifyReply> {
  const session = sessionId(request);
  if (!shelf.portal.sessions.has(session)) return reply.redirect('/', 303);
  const own = [...shelf.things.values()].filter((thing) => thing.session === session).slice(-10);
  const shown = await Promise.all(own.toReversed().map((thing) => shownOf(shelf, thing)));
  return sendPage(reply, thingsPage({ id: newPaymentId(), shown, problem }), problem === undefined ? 200 : 422);
}

async function ask(shelf: Shelf, { request, reply }: Exchange): Promise<FastifyReply> {
  const session = sessionId(request);
  const claims = shelf.portal.sessions.get(session)?.claims;
  const { id, thing: name } = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  if (claims === undefined) return reply.redirect('/', 303);
  if (!isThing(name) || typeof id !== 'string' || !idPattern.test(id) || shelf.things.has(id)) {
    return reply.redirect('/things', 303);
  }
  const documentId = newPaymentId();
  const { name: person } = claims;
  const document = agreementFor(typeof person === 'string' ? person : claims.sub);
  const viewer = `${shelf.portal.options.deskUrl}/documents/${documentId}`;
  const sample = sampleOf(name, { now: Date.now(), document, viewer });
  if (name === 'document') keep(shelf.documents, documentId, document);
  try {
    const asked = { id, userId: claims.sub, template: name, fields: sample.fields };
    const { signingId } = await shelf.signing.create(asked);
    keep(shelf.things, id, { id, name, session, signingId, sample });
  } catch (error) {
    if (error instanceof Refused) return show(shelf, { request, reply }, error.message);
    throw error;
  }
  return reply.redirect('/things', 303);
}

/** Takes a part of a reservation; pressed twice, the same page takes it once. */
async function capture(shelf: Shelf, { request, reply }: Exchange): Promise<FastifyReply> {
  const thing = shelf.things.get((request.params as { readonly id: string }).id);
  const { id, amount } = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  if (thing?.session !== sessionId(request)) return reply.redirect('/things', 303);
  const [, whole] = /^(\d{1,9})$/.exec(String(amount)) ?? [];
  if (whole === undefined || typeof id !== 'string' || !idPattern.test(id)) {
    return show(shelf, { request, reply }, 'Write the amount in whole euros.');
  }
  try {
    await shelf.signing.capture(thing.signingId, { id, amount: Number(whole) * 100 });
  } catch (error) {
    if (error instanceof Refused) return show(shelf, { request, reply }, error.message);
    throw error;
  }
  return reply.redirect('/things', 303);
}

/** How it stands, as the server says now; of what is approved, whether the receipts are genuine and of this very request. */
async function shownOf({ portal, signing }: Shelf, thing: Thing): Promise<ThingShown> {
  const { id, name, signingId, sample } = thing;
  const order: SigningOrder | undefined = await signing.read(signingId).catch(() => undefined);
  if (order?.state !== 'approved') return { id, name, state: order?.state };
  const asked = { id, template: name, fields: sample.signed };
  const judged = await judgeReceipts(portal.options, asked, order.receipts).catch(() => []);
  const isGenuine = judged.length > 0 && judged.every(({ facts }) => facts !== undefined);
  return { id, name, state: order.state, isGenuine, captured: order.captured };
}

function keep<T>(kept: Map<string, T>, name: string, value: T): void {
  const [oldest] = kept.keys();
  if (kept.size >= maxKept && oldest !== undefined) kept.delete(oldest);
  kept.set(name, value);
}

const agreementFor = (name: string): Buffer =>
  Buffer.from(`Framework agreement 4711

Between the demo bank and ${name}.

1. The bank lends up to 10,000.00 EUR.
2. Nothing of this is meant: it is an example.
`);
