/** The login page and what it calls: each route finds its interaction by the browser's own cookie, and its order by the binding cookie. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AuthError } from '../errors.ts';
import { addressNetwork, clientAddress } from '../http/addresses.ts';
import { logError } from '../http/app.ts';
import { chosenLanguage, languageCookie, wantedLanguages } from '../http/language.ts';
import { limit } from '../http/limits.ts';
import { toAuthError } from '../http/problem.ts';
import { assertSameOrigin } from '../http/same-origin.ts';
import type { FrameKind } from '../orders/frames.ts';
import type { Order } from '../orders/order.ts';
import { currentFrame, expireOrder, renewOrder } from '../orders/orders.ts';
import { plainName } from '../orders/text.ts';
import { newTypedCode } from '../orders/typed.ts';
import { strict } from '../protocol/common.ts';
import { textsFor } from '../texts/files.ts';
import { readBinding, writeBinding } from './binding.ts';
import { browserName, networkPrefix } from './browser.ts';
import { openBrowserOrder, pageLimitOf } from './browser-orders.ts';
import { creationLimit, type LoginDeps } from './deps.ts';
import { type OrderFeed, startOrderFeed } from './feed.ts';
import { cancel, findOrder, finish } from './finish.ts';
import { logoRoute } from './logo.ts';
import { landingPage, loginPage, messagePage, pageSecurityPolicy } from './page.ts';
import { isSigning, lookAtSigning, openSigning, type Shown } from './signing-page.ts';
import { type PageView, pageView } from './view.ts';

/** A page asks for a code every two minutes. */
const codesPerMinute = 30;
/** No request of the page has a body worth the name. */
const bodyLimit = 1024;

const params = strict({ uid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }) });

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
    const { client, uiLocales, signing } = await deps.interactions.find(request, reply);
    const domain = plainName(client.domain, '-');
    const frame = frameOf(deps, { request, reply, uiLocales });
    const { host } = new URL(deps.issuer);
    return sendPage(
      reply,
      loginPage({
        ...frame,
        portal: plainName(client.name, domain),
        domain,
        host,
        logo: client.logo,
        asked: signing && textsFor('signing', [frame.language.code]).t(`template.${signing.template}`),
      }),
    );
  });

  app.get('/interaction/:uid/status', { schema }, async (request, reply) => {
    assertOwnPage(request);
    const shown = await look(deps, request, reply);
    return reply.header('cache-control', 'no-store').send(await viewOf(deps, shown, kindOf(request)));
  });

  app.get('/interaction/:uid/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
    assertOwnPage(request);
    const shown = await look(deps, request, reply);
    reply.hijack();
    if ('view' in shown) feed.tell(reply.raw, shown.view);
    else feed.open(reply.raw, shown.order, kindOf(request));
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
    const order = await lookAtOrder(deps, request, reply);
    const url = currentFrame(deps, order, 'link');
    if (url === undefined) throw new AuthError('order_unavailable');
    return { url };
  });
  act('code', async (request, reply) => {
    const order = await lookAtOrder(deps, request, reply);
    const subject = addressNetwork(clientAddress(request));
    await limit(deps, { kind: 'address', group: 'login.code', subject, rate: codesPerMinute });
    return newTypedCode(deps, order);
  });
  act('renew', async (request, reply) => {
    const order = await lookAtOrder(deps, request, reply);
    await renewOrder(deps, order.terms.id);
    return viewOf(deps, await look(deps, request, reply), kindOf(request));
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
  const limitCreation = () => limit(deps, creationLimit(deps, address));
  if (isSigning(interaction)) {
    const { shown, ...opened } = await openSigning(deps, { interaction, request, reply }, limitCreation);
    writeBinding(reply, deps.issuer, opened.binding);
    return { ...(await viewOf(deps, shown, kindOf(request))), pageSecondsLeft: opened.pageSecondsLeft };
  }
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
    limitCreation,
  });
  writeBinding(reply, deps.issuer, binding);
  const pageSecondsLeft = Math.max(0, Math.floor((pageLimitOf(interaction) - deps.clock.now()) / 1000));
  return { ...(await viewOf(deps, { order }, kindOf(request))), pageSecondsLeft };
}

/** What this browser's page shows. Throws `not_found` for everybody else. */
async function look(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<Shown> {
  const interaction = await deps.interactions.find(request, reply);
  if (isSigning(interaction)) return lookAtSigning(deps, { interaction, request, reply });
  return findOrder(deps, interaction, request);
}

/** The order that is shown. Throws `order_unavailable` where there is none. */
async function lookAtOrder(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<Order> {
  const shown = await look(deps, request, reply);
  if ('view' in shown) throw new AuthError('order_unavailable');
  return shown.order;
}

async function viewOf(deps: LoginDeps, shown: Shown, kind: FrameKind): Promise<PageView> {
  if ('view' in shown) return shown.view;
  const { order } = shown;
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
