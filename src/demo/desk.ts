/** The demo's desk: what a bank's counter and the user's mailbox would be, on one page. Demo only: it shows every code. */
import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toString as drawQr } from 'qrcode';
import type { Clock } from '../clock.ts';
import type { User } from '../companies/store.ts';
import type { Email } from '../notify/email.ts';
import type { Mailbox } from '../notify/mailbox.ts';
import { createActivation, type ShownActivation } from '../registration/activations.ts';
import type { RegistrationDeps } from '../registration/deps.ts';
import { activationPage, deskPage } from './desk-pages.ts';

export interface DeskDeps {
  readonly registration: RegistrationDeps;
  readonly mailbox: Mailbox;
  /** Who gets activations here: the user of the portal first, then those of the console. */
  readonly people: readonly User[];
  readonly clock: Clock;
  /** The portal's address. */
  readonly portalUrl: string;
  /** The desk's own address, on this machine alone. */
  readonly deskUrl: string;
  /** The console, where administrator and operator log in. */
  readonly consoleUrl: string;
}

/** An activation with the code that the user finds in their mail. */
export interface DeskActivation extends ShownActivation {
  /** Whose it is. */
  readonly name: string;
  readonly confirmationCode: string;
}

const mailWaitMs = 5_000;
const mailPollMs = 50;

/** Makes an activation for one of the demo's people, the user unless told, and waits for its mail. */
export async function activateAtDesk(deps: DeskDeps, userId?: string): Promise<DeskActivation> {
  const user = deps.people.find(({ id }) => id === userId) ?? deps.people[0];
  if (user === undefined) throw new Error('the demo has no people');
  const since = deps.clock.now();
  const activation = await createActivation(deps.registration, { userId: user.id, actor: { name: 'demo' } });
  const waitUntil = since + mailWaitMs;
  while (deps.clock.now() < waitUntil) {
    const mail = deps.mailbox
      .messages()
      .find(({ receivedAt, to, text }) => receivedAt >= since && to.address === user.email && codeIn(text));
    if (mail) return { ...activation, name: user.name, confirmationCode: codeIn(mail.text) ?? '' };
    await setTimeout(mailPollMs);
  }
  throw new Error('the confirmation mail did not arrive');
}

/** The desk's routes, beside the portal's. */
export function registerDesk(app: FastifyInstance, deps: DeskDeps): void {
  app.addHook('onRequest', async (request, reply) => guardHost(deps, request, reply));
  app.get('/desk', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(deskPage(deps.people, deps.mailbox.messages(), deps.consoleUrl)),
  );
  app.post('/desk/activations', async (request, reply) => {
    const origin = request.headers.origin;
    if (origin !== undefined && origin !== new URL(deps.deskUrl).origin)
      return reply.code(403).send({ error: 'cross-site' });
    const { user: userId } = (request.body ?? {}) as { readonly user?: string };
    const activation = await activateAtDesk(deps, userId);
    reply.header('cache-control', 'no-store');
    if (!(request.headers.accept ?? '').includes('text/html')) return reply.send(activation);
    const picture = await drawQr(activation.activationText, { type: 'svg', margin: 4, errorCorrectionLevel: 'M' });
    return reply.type('text/html; charset=utf-8').send(activationPage(activation, picture));
  });
}

/**
 * A page of another name that resolves to this machine gets nothing (DNS rebinding); and the desk, which shows every code, is not for
 * the others in the network: what came through the front is marked by it, whatever its host says.
 */
async function guardHost(deps: DeskDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const [portalHost, deskHost] = [new URL(deps.portalUrl).host, new URL(deps.deskUrl).host];
  // The route, not the address as it was written: %64esk is the desk too.
  const route = request.routeOptions.url ?? '';
  const isDesk = route.startsWith('/desk') || route === '/backchannel-logout';
  const isLocal = request.headers['x-forwarded-for'] === undefined;
  const { host } = request.headers;
  if (isDesk ? isLocal && host === deskHost : host === portalHost) return;
  if (isLocal && host === deskHost) {
    // What the desk's own pages load.
    if (route === '/portal.css' || route === '/favicon.ico') return;
    await reply.redirect(deps.portalUrl, 302);
    return;
  }
  const where = isDesk ? `the desk is on this machine alone: ${deps.deskUrl}/desk` : `open ${deps.portalUrl}/`;
  await reply.code(403).send({ error: `this demo answers its own name only: ${where}` });
}

function codeIn(text: Email['text']): string | undefined {
  return /(?<![0-9])[0-9]{8}(?![0-9])/.exec(text)?.[0];
}
