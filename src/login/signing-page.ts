/** The page on which a portal's request to sign waits for the phone: what its calls do where there is no login to finish. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuthError } from '../errors.ts';
import { clientAddress } from '../http/addresses.ts';
import { wantedLanguages } from '../http/language.ts';
import type { Order } from '../orders/order.ts';
import type { SigningDeps } from '../signing/deps.ts';
import { cancelRequest, readRequest } from '../signing/requests.ts';
import type { SigningRequest } from '../signing/store.ts';
import { readBinding } from './binding.ts';
import {
  type BrowserSigning,
  findBrowserSigning,
  openBrowserSigning,
  orderOfSigning,
  type SigningInteraction,
  signingLimitOf,
} from './browser-signings.ts';
import type { Interaction, Interactions } from './interactions.ts';
import { blockedView, endedView, type PageView } from './view.ts';

export interface SigningPageDeps {
  readonly signings: SigningDeps;
  readonly interactions: Interactions;
}

/** One call of the page. */
export interface SigningCall {
  readonly interaction: SigningInteraction;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** The order to show, or what the page says where there is none. */
export type Shown = { readonly order: Order } | { readonly view: PageView };

/** Where the portal's request ends: with what was approved, or with why not. */
export type SigningFinish =
  | { readonly location: string }
  | { readonly refused: string; readonly outcome: 'refused' | 'blocked' };

/** Whether the interaction waits for an approval. */
export function isSigning(interaction: Interaction): interaction is SigningInteraction {
  return interaction.signing !== undefined;
}

/** Begins or goes on with this browser's request. Answers the cookie to set, and the seconds that the page has. */
export async function openSigning(
  { signings }: SigningPageDeps,
  { interaction, request }: SigningCall,
  limitCreation: () => Promise<unknown>,
): Promise<{ readonly shown: Shown; readonly binding: string; readonly pageSecondsLeft: number }> {
  const { found, binding } = await openBrowserSigning(signings, {
    interaction,
    binding: readBinding(request, signings.issuer),
    wantedLanguages: wantedLanguages(request, interaction.uiLocales),
    requestId: request.id,
    limitCreation,
  });
  const left = signingLimitOf(interaction) - signings.clock.now();
  return { shown: await shownOf(signings, found), binding, pageSecondsLeft: Math.max(0, Math.floor(left / 1000)) };
}

/** What to show to this browser. Throws `not_found` for any other. */
export async function lookAtSigning(deps: SigningPageDeps, call: SigningCall): Promise<Shown> {
  return shownOf(deps.signings, await find(deps, call));
}

async function shownOf(deps: SigningDeps, found: BrowserSigning): Promise<Shown> {
  if ('refusal' in found) return { view: blockedView };
  const { request } = found;
  if (request.status !== 'pending') return { view: endedView(request.status) };
  const order = await orderOfSigning(deps, request);
  if (order !== undefined) return { order };
  const { request: now } = await readRequest(deps, request.id);
  if (now.status === 'pending') throw new AuthError('unavailable', { detail: 'signing: no order to show' });
  return { view: endedView(now.status) };
}

/**
 * Takes what was approved to the provider, or why nothing was. What a phone approved that has ended since is worth nothing here (T8), and
 * neither is it once its session has. May be called again by the same browser: it is given out once, where the code is made.
 */
export async function finishSigning(
  deps: SigningPageDeps,
  call: SigningCall,
  hasSession: boolean,
): Promise<SigningFinish> {
  const found = await find(deps, call);
  if ('refusal' in found) return { refused: found.refusal, outcome: 'blocked' };
  const { id, status, reason } = found.request;
  switch (status) {
    case 'pending':
      throw new AuthError('conflict', { message: 'nothing has been approved yet' });
    case 'approved':
      if (!hasSession || !(await isStillUsable(deps.signings, found.request)))
        return { refused: 'blocked', outcome: 'blocked' };
      return { location: await deps.interactions.approve(call.request, call.reply, id) };
    case 'declined':
      return { refused: reason === undefined ? status : `${status}: ${reason}`, outcome: 'refused' };
    case 'reported':
    case 'expired':
    case 'cancelled':
      return { refused: status, outcome: 'refused' };
  }
}

/**
 * Ends what is still waited for; true where it came too late. What a phone has signed is signed, and a portal that were told otherwise
 * would be told two things.
 */
export async function cancelSigning(deps: SigningPageDeps, call: SigningCall): Promise<boolean> {
  const found = await find(deps, call).catch((error: unknown) => {
    // Nobody was asked yet, or another browser asked: then there is nothing here to end.
    if (error instanceof AuthError && error.code === 'not_found') return undefined;
    throw error;
  });
  if (found === undefined || 'refusal' in found) return false;
  const asker = { actor: 'browser', address: clientAddress(call.request), requestId: call.request.id };
  const ended = await cancelRequest(deps.signings, found.request.id, { ...asker, reason: 'browser' });
  return ended.status === 'approved';
}

function find({ signings }: SigningPageDeps, { interaction, request }: SigningCall): Promise<BrowserSigning> {
  return findBrowserSigning(signings, interaction, readBinding(request, signings.issuer));
}

async function isStillUsable(deps: SigningDeps, { id }: SigningRequest): Promise<boolean> {
  const { approvals } = await readRequest(deps, id);
  try {
    for (const { deviceId } of approvals) await deps.assertUsable(deviceId);
    return true;
  } catch (error) {
    if (error instanceof AuthError && error.status < 500) return false;
    throw error;
  }
}
