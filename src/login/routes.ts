/** The login page and what it calls: each route finds its interaction by the browser's own cookie, and its order by the binding cookie. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AuthError } from '../errors.ts';
import { addressNetwork, clientAddress } from '../http/addresses.ts';
import { logError } from '../http/app.ts';
import { chosenLanguage, languageCookie, wantedLanguages } from '../http/language.ts';
import { type LimitDeps, limit } from '../http/limits.ts';
import { toAuthError } from '../http/problem.ts';
import { assertSameOrigin } from '../http/same-origin.ts';
import { notify } from '../notify/notify.ts';
import type { OrderDeps } from '../orders/deps.ts';
import type { FrameKind } from '../orders/frames.ts';
import type { Order } from '../orders/order.ts';
import { cancelOrder, currentFrame, expireOrder, orderRecord, redeemOrder, renewOrder } from '../orders/orders.ts';
import { plainName } from '../orders/text.ts';
import { newTypedCode } from '../orders/typed.ts';
import { strict } from '../protocol/common.ts';
import { textsFor } from '../texts/files.ts';
import { readBinding, writeBinding } from './binding.ts';
import { browserName, networkPrefix } from './browser.ts';
import { findBrowserOrder, openBrowserOrder, pageLimitOf } from './browser-orders.ts';
import { type OrderFeed, startOrderFeed } from './feed.ts';
import type { Interaction, Interactions } from './interactions.ts';
import { knownBrowser } from './known-browser.ts';
import { logoRoute } from './logo.ts';
import { landingPage, loginPage, messagePage, type PageAssets, pageSecurityPolicy } from './page.ts';
import { type PageView, pageView } from './view.ts';

export interface LoginDeps extends OrderDeps, LimitDeps {
  readonly interactions: Interactions;
  readonly assets: PageAssets;
  /** New orders of one address in a minute; 10 unless told. */
  readonly ordersPerMinute?: number | undefined;
}

const defaultOrdersPerMinute = 10;
/** A page asks for a code every two minutes. */
const codesPerMinute = 30;
/** No request of the page has a body worth the name. */
const bodyLimit = 1024;

const params = strict({ uid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }) });

/** What a request of a page is about. */
interface Visit {
  readonly interaction: Interaction;
  readonly binding: string | undefined;
}

/** Registers the login page, its calls and its event streams. */
export async function loginPlugin(app: FastifyInstance, deps: LoginDeps): Promise<void> {
  const feed = await startOrderFeed({ ...deps, onFault: (error) => app.log.warn({ err: error }, 'order feed') });
  // Before the listener waits for its connections: an open stream would hold up the shutdown.
  app.addHook('preClose', async () => feed.close());
  app.setErrorHandler((thrown, request, reply) => answerPageError(deps, { thrown, request, reply }));
  readingRoutes(app, deps, feed);
  actingRoutes(app, deps);
  logoRoute(app, deps);
  for (const path of ['/q/*', '/s/*', '/l/*']) {
    app.get(path, async (request, reply) => sendLanding(deps, request, reply));
  }
}

/** GET: nothing changes by them (S-10), but for the language that its reader chose. */
function readingRoutes(app: FastifyInstance, deps: LoginDeps, feed: OrderFeed): void {
  const schema = { params };
  app.get('/interaction/:uid', { schema }, async (request, reply) => {
    const { client, uiLocales } = await deps.interactions.find(request, reply);
    const domain = plainName(client.domain, '-');
    const frame = frameOf(deps, { request, reply, uiLocales });
    const { host } = new URL(deps.issuer);
    return sendPage(
      reply,
      loginPage({ ...frame, portal: plainName(client.name, domain), domain, host, logo: client.logo }),
    );
  });

  app.get('/interaction/:uid/status', { schema }, async (request, reply) => {
    assertOwnPage(request);
    const { order } = await findOrder(deps, request, reply);
    return reply.header('cache-control', 'no-store').send(await viewOf(deps, order, kindOf(request)));
  });

  app.get('/interaction/:uid/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
    assertOwnPage(request);
    const { order } = await findOrder(deps, request, reply);
    reply.hijack();
    feed.open(reply.raw, order, kindOf(request));
  });
}

/** Who asks for less movement gets codes that stand still for ten seconds. */
function kindOf({ query }: FastifyRequest): FrameKind {
  return (query as { steady?: unknown }).steady === '1' ? 'steady' : 'qr';
}

/** POST: only from our own page (S-10), only by the browser that the interaction and the order belong to (P-04, T17). */
function actingRoutes(app: FastifyInstance, deps: LoginDeps): void {
  const act = (name: string, answer: (request: FastifyRequest, reply: FastifyReply) => Promise<object>): void => {
    app.post(`/interaction/:uid/${name}`, { schema: { params }, bodyLimit }, async (request, reply) => {
      assertSameOrigin(request, deps.issuer);
      assertNoBody(request.body);
      return reply.header('cache-control', 'no-store').send(await answer(request, reply));
    });
  };
  act('order', (request, reply) => openOrder(deps, request, reply));
  act('link', async (request, reply) => {
    const { order } = await findOrder(deps, request, reply);
    const url = currentFrame(deps, order, 'link');
    if (url === undefined) throw new AuthError('order_unavailable');
    return { url };
  });
  act('code', async (request, reply) => {
    const { order } = await findOrder(deps, request, reply);
    const subject = addressNetwork(clientAddress(request));
    await limit(deps, { kind: 'address', group: 'login.code', subject, rate: codesPerMinute });
    return newTypedCode(deps, order);
  });
  act('renew', async (request, reply) => {
    const visit = await findOrder(deps, request, reply);
    await renewOrder(deps, visit.order.terms.id);
    return viewOf(deps, (await findOrder(deps, request, reply)).order, kindOf(request));
  });
  act('cancel', (request, reply) => cancel(deps, request, reply));
  act('finish', (request, reply) => finish(deps, request, reply));
}

async function openOrder(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PageView & { readonly pageSecondsLeft: number }> {
  const interaction = await deps.interactions.find(request, reply);
  const address = clientAddress(request);
  const { order, binding } = await openBrowserOrder(deps, {
    interaction,
    binding: readBinding(request, deps.issuer),
    browser: {
      name: browserName(request.headers['user-agent']),
      address: networkPrefix(address),
      place: deps.proximity?.placeOf(address) ?? null,
    },
    address,
    wantedLanguages: wantedLanguages(request, interaction.uiLocales),
    requestId: request.id,
    limitCreation: () => limit(deps, creationLimit(deps, address)),
  });
  writeBinding(reply, deps.issuer, binding);
  const pageSecondsLeft = Math.max(0, Math.floor((pageLimitOf(interaction) - deps.clock.now()) / 1000));
  return { ...(await viewOf(deps, order, kindOf(request))), pageSecondsLeft };
}

function creationLimit(deps: LoginDeps, address: string) {
  const rate = deps.ordersPerMinute ?? defaultOrdersPerMinute;
  return { kind: 'address', group: 'login.order', subject: addressNetwork(address), rate } as const;
}

/** Ends the order if there still is one, and the portal's request with it. */
async function cancel(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<{ location: string }> {
  const { uid } = await deps.interactions.find(request, reply);
  const order = await findBrowserOrder(deps, uid, readBinding(request, deps.issuer));
  if (order !== undefined) {
    const asker = { address: clientAddress(request), requestId: request.id };
    await cancelOrder(deps, order.terms.id, { ...asker, reason: 'browser', actor: 'browser' });
  }
  return refuse(deps, 'cancelled', { request, reply, orderId: order?.terms.id });
}

interface Refusal {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly orderId: string | undefined;
}

/**
 * Ends the portal's request with `access_denied` and writes that down: as often for an address as it may begin logins, or anybody could
 * fill the trail with one login that is refused again and again.
 */
async function refuse(
  deps: LoginDeps,
  reason: string,
  { request, reply, orderId }: Refusal,
): Promise<{ location: string }> {
  const { client } = await deps.interactions.find(request, reply);
  const address = clientAddress(request);
  await limit(deps, { ...creationLimit(deps, address), group: 'login.refuse' });
  const location = await deps.interactions.refuse(request, reply, reason);
  const asker = { actor: 'browser', address, requestId: request.id };
  const record = { event: 'login.refused', ...asker, orderId, clientId: client.id, data: { reason } } as const;
  await deps.records.audit.append(record, deps.clock.now());
  return { location };
}

/** Where the browser goes next, and what its page says before it does. */
interface Finished {
  readonly location: string;
  readonly outcome: 'redeemed' | 'refused' | 'blocked';
}

/**
 * Redeems an approval for this browser, once, and answers where it goes next; the page then navigates by GET, so that no form-action
 * rule stands between it and the portal. An order that ended otherwise, and an approval by a device that may no longer act, ends the
 * portal's request with `access_denied` (P-09).
 */
async function finish(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<Finished> {
  const { order, binding } = await findOrder(deps, request, reply);
  const { name } = order.state;
  const blocked = async (): Promise<Finished> => {
    const { location } = await refuse(deps, 'blocked', { request, reply, orderId: order.terms.id });
    return { location, outcome: 'blocked' };
  };
  if (name === 'cancelled' && pageView(order, deps.clock.now()).cause === 'rule') return blocked();
  if (name === 'declined' || name === 'reported' || name === 'cancelled' || name === 'expired') {
    const { location } = await refuse(deps, name, { request, reply, orderId: order.terms.id });
    return { location, outcome: 'refused' };
  }
  if (name === 'redeemed') throw new AuthError('order_unavailable', { detail: 'finish: redeemed already' });
  if (name !== 'approved') throw new AuthError('conflict', { message: 'nothing has been approved yet' });
  try {
    return { location: await redeem(deps, { request, reply, order, binding }), outcome: 'redeemed' };
  } catch (error) {
    if (error instanceof AuthError && error.code === 'access_denied') return blocked();
    throw error;
  }
}

async function redeem(
  deps: LoginDeps,
  { request, reply, order, binding }: Omit<Refusal, 'orderId'> & { readonly order: Order; readonly binding: string },
): Promise<string> {
  const asker = { address: clientAddress(request), requestId: request.id };
  const redeemed = await redeemOrder(deps, order.terms.id, { ...asker, binding });
  const { userId, deviceId } = redeemed.state.claim;
  const { factor, provedAt } = redeemed.state.outcome;
  const login = { userId, deviceId, orderId: order.terms.id, factor, provedAt };
  const location = await deps.interactions.complete(request, reply, login);
  const browser = knownBrowser(request, reply, deps.issuer);
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    const isNewBrowser = await records.users.noteBrowser(userId, browser, at);
    const { client, browser: shown } = order.terms;
    const notice = { event: 'browser.new', userId, clientName: client.name, browserName: shown.name } as const;
    if (isNewBrowser) await notify(records, { ...notice, fromDeviceId: deviceId }, at);
    const data = { factor, provedAt, isNewBrowser, userAgent: request.headers['user-agent'] ?? '' };
    await records.audit.append(orderRecord('login.completed', redeemed, { ...asker, actor: 'browser', data }), at);
  });
  return location;
}

/** The order of this browser for this interaction. Throws `not_found` for everybody else. */
async function findOrder(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Visit & { readonly order: Order; readonly binding: string }> {
  const interaction = await deps.interactions.find(request, reply);
  const binding = readBinding(request, deps.issuer);
  const order = await findBrowserOrder(deps, interaction.uid, binding);
  if (order === undefined || binding === undefined) {
    // The page says "your browser refuses cookies" where the one that it was just given did not come back.
    const members = binding === undefined ? { cookie: 'missing' } : {};
    throw new AuthError('not_found', { detail: 'no order of this browser', members });
  }
  return { interaction, binding, order };
}

async function viewOf(deps: LoginDeps, order: Order, kind: FrameKind): Promise<PageView> {
  if (order.state.name === 'expired') await expireOrder(deps, order.terms.id);
  return pageView(order, deps.clock.now(), currentFrame(deps, order, kind));
}

/** Data and streams are for our page alone. */
function assertOwnPage(request: FastifyRequest): void {
  if (!isOwnPage(request)) throw new AuthError('forbidden_origin');
}

/** Browsers say when another site asks. */
function isOwnPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin';
}

function assertNoBody(body: unknown): void {
  const isEmpty = body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0);
  if (!isEmpty) throw new AuthError('invalid_request', { message: 'this request takes no body' });
}

interface Reader {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly uiLocales?: readonly string[];
}

/**
 * The texts in the reader's language; one that was chosen on this very page is remembered. A link of another site chooses for the page
 * that it opens alone: nobody else makes our warnings unreadable for a year.
 */
function frameOf({ assets, issuer }: LoginDeps, { request, reply, uiLocales = [] }: Reader) {
  const chosen = chosenLanguage(request);
  if (chosen !== undefined && isOwnPage(request)) reply.header('set-cookie', languageCookie(chosen, issuer));
  return { ...textsFor('login', wantedLanguages(request, uiLocales)), assets };
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .header('content-security-policy', pageSecurityPolicy)
    .header('cache-control', 'no-store')
    .header('x-frame-options', 'DENY')
    .type('text/html; charset=utf-8')
    .send(page);
}

/** What a phone's own camera opens: it says where to scan, and neither reads nor changes anything. */
function sendLanding(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The path as it came; it is text in a link to our own app, which judges it.
  const link = request.url.startsWith('/l/') ? `${deps.issuer}${request.url}` : undefined;
  return sendPage(reply, landingPage({ ...frameOf(deps, { request, reply }), link }));
}

/** A person sees a page that says what to do; scripts get the problem document from the application's handler. */
function answerPageError(
  deps: LoginDeps,
  { thrown, request, reply }: { thrown: unknown; request: FastifyRequest; reply: FastifyReply },
): FastifyReply {
  const error = toAuthError(thrown);
  const wantsPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  if (!wantsPage) throw error;
  logError(error, request);
  const frame = frameOf(deps, { request, reply });
  const { t } = frame;
  const isFault = error.status >= 500 || error.status === 429;
  const text = isFault
    ? { title: t('fault.title'), text: t('fault.text') }
    : { title: t('gone.title'), text: t('gone.text') };
  return sendPage(reply.status(error.status), messagePage({ ...frame, text, supportCode: request.id }));
}
