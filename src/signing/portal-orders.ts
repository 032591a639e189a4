/** Requests to sign as a portal's server has them: its own only, with frames to show, a state to ask for, and the receipts. */
import { AuthError } from '../errors.ts';
import type { Client } from '../oidc/store.ts';
import type { SigningCreate, SigningFrame, SigningOrder } from '../protocol/signing-api.ts';
import { assertReceipts } from './approver.ts';
import { captureReservation, type NewCapture } from './capture.ts';
import type { SigningDeps } from './deps.ts';
import { cancelRequest, frameOf, openRequest, readRequest } from './requests.ts';
import type { SigningApproval, SigningRequest } from './store.ts';
import { stateOf } from './wait.ts';

/** What a portal asks for. */
export interface NewPortalOrder {
  readonly body: SigningCreate;
  readonly requestId: string;
}

/** Begins a request for the portal. Throws what `openRequest` throws, and `invalid_request` for a page that is not the portal's. */
export async function createPortalOrder(
  deps: SigningDeps,
  client: Client,
  { body, requestId }: NewPortalOrder,
): Promise<SigningOrder> {
  const { user: userId, template, version, fields, locale, reference, expiresInSeconds } = body;
  const origin = originOf(client, body.origin);
  const request = await openRequest(deps, {
    client: { id: client.id, name: client.name, domain: new URL(origin).host },
    origin,
    userId,
    template,
    version,
    fields,
    locale,
    reference,
    door: 'api',
    lifetimeMs: expiresInSeconds === undefined ? undefined : expiresInSeconds * 1000,
    requestId,
  });
  return viewOf(deps, request, []);
}

/** The request as it is now, with the receipts that there are. Throws `not_found` for another portal's. */
export async function readPortalOrder(deps: SigningDeps, client: Client, signingId: string): Promise<SigningOrder> {
  await assertOwnOrder(deps, client, signingId);
  const { request, approvals } = await readRequest(deps, signingId);
  // Not all: those of a person who was erased since are gone.
  if (request.status === 'approved') assertReceipts(request, approvals, 1);
  return viewOf(deps, request, approvals);
}

/** Ends a request that is not over; idempotent. Answers it as it is then. */
export async function cancelPortalOrder(
  deps: SigningDeps,
  client: Client,
  { signingId, ...by }: { readonly signingId: string; readonly address: string; readonly requestId: string },
): Promise<SigningOrder> {
  await assertOwnOrder(deps, client, signingId);
  await cancelRequest(deps, signingId, { reason: 'client', actor: `client:${client.id}`, ...by });
  return readPortalOrder(deps, client, signingId);
}

/** Takes of an approved reservation. Throws what `captureReservation` throws; answers the request as it is then. */
export async function capturePortalOrder(deps: SigningDeps, client: Client, asked: NewCapture): Promise<SigningOrder> {
  await captureReservation(deps, client, asked);
  return readPortalOrder(deps, client, asked.id);
}

/** What to show to the user whom the portal named. Throws `order_unavailable` while a phone shows it, and once nobody can open it. */
export async function portalFrame(deps: SigningDeps, client: Client, signingId: string): Promise<SigningFrame> {
  const request = await assertOwnOrder(deps, client, signingId);
  return frameOf(deps, request, request.userId);
}

/** Its own request. Throws `not_found` for another portal's, and where there is none (T17). */
export async function assertOwnOrder(
  { records }: Pick<SigningDeps, 'records'>,
  client: Client,
  signingId: string,
): Promise<SigningRequest> {
  const request = await records.signings.find(signingId);
  if (request?.clientId !== client.id) throw new AuthError('not_found');
  return request;
}

/** Only origins that the portal is registered with: a page elsewhere cannot be named on the phone. */
function originOf({ metadata }: Client, asked: string | undefined): string {
  const uris = metadata['redirect_uris'] as readonly string[];
  const origins = uris.map((uri) => new URL(uri).origin);
  const origin = asked ?? origins[0];
  if (origin !== undefined && origins.includes(origin)) return origin;
  throw new AuthError('invalid_request', { message: 'body/origin must be the origin of one of the redirect URIs' });
}

async function viewOf(
  deps: SigningDeps,
  request: SigningRequest,
  approvals: readonly SigningApproval[],
): Promise<SigningOrder> {
  const { id, reference, expiresAt, askableAt, approvers, given, reason, display, captured } = request;
  return {
    signingId: id,
    reference,
    state: await stateOf(deps, request),
    expiresAt,
    ...(askableAt > deps.clock.now() ? { askableAt } : {}),
    approvers: { needed: approvers, given },
    receipts: approvals.map(({ receipt }) => receipt),
    ...(reason === undefined ? {} : { reason }),
    ...(display.template?.name === 'reservation' ? { captured } : {}),
  };
}
