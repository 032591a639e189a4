/** What a portal asks to be signed in a redirect, as the page of one browser has it: asked once, and bound to that browser (P-04, T-12). */
import { equalBytes } from '../crypto/bytes.ts';
import { AuthError } from '../errors.ts';
import { bindingHashOf, readOrder } from '../orders/live.ts';
import { type Order, orderTimes } from '../orders/order.ts';
import { checkFields } from '../signing/check.ts';
import type { SigningDeps } from '../signing/deps.ts';
import { signingTimes } from '../signing/lifetime.ts';
import { liveOrderOf } from '../signing/live.ts';
import { cancelRequest, openRequest, readRequest } from '../signing/requests.ts';
import type { SigningRequest } from '../signing/store.ts';
import { chooseLanguage } from '../texts/languages.ts';
import { keepBinding } from './browser-orders.ts';
import type { AskedSigning, Interaction } from './interactions.ts';

/** An interaction that waits for an approval. */
export type SigningInteraction = Interaction & { readonly signing: AskedSigning };

/**
 * Why no phone is asked: the company wants several people; the bank's rules forbid it or want it to wait; or it cannot be asked any more,
 * as after midnight for a day that has passed.
 */
export type SigningRefusal = 'approvers' | 'risk' | 'impossible';

/** What this browser's page is about: a request, or why there is none. */
export type BrowserSigning = { readonly request: SigningRequest } | { readonly refusal: SigningRefusal };

export interface BrowserSigningRequest {
  readonly interaction: SigningInteraction;
  /** The cookie that came with the request. */
  readonly binding: string | undefined;
  readonly wantedLanguages: readonly string[];
  readonly requestId: string;
  /** Called before a phone is asked, not when a page goes on; may throw `too_many_requests`. */
  readonly limitCreation: () => Promise<unknown>;
}

/** What is kept of the portal's pushed request. */
interface Kept {
  readonly bindingHash: string;
  readonly userId: string;
  readonly signingId?: string;
  readonly refusal?: SigningRefusal;
}

/** Longer than any page of the pushed request can last, be it opened in its last second and after a login. */
const keptMs = 2 * 3_600_000;

const keyOf = (key: string): string => `signing-page:{${key}}`;

/**
 * This browser's request for the interaction, or a new one; what nobody decided about in time is asked anew. Throws `not_found` where
 * another browser, or another user in this one, has opened it, and where no time is left.
 */
export async function openBrowserSigning(
  deps: SigningDeps,
  asking: BrowserSigningRequest,
): Promise<{ readonly found: BrowserSigning; readonly binding: string }> {
  const { interaction } = asking;
  const known = await readKept(deps, interaction);
  if (known !== undefined) assertOwn(deps, known.kept, asking);
  const found = known === undefined ? undefined : await readFound(deps, known.kept);
  const binding = await keepBinding(deps, asking.binding);
  if (found !== undefined && !isOver(found)) return { found, binding };
  const made = await ask(deps, asking);
  const kept: Kept = { ...made, bindingHash: bindingHashOf(deps, binding), userId: interaction.signing.userId };
  if (await writeKept(deps, interaction, { kept, version: known?.version })) {
    return { found: await readFound(deps, kept), binding };
  }
  // Two windows at one time: both go on with the one that was first.
  if (kept.signingId !== undefined) {
    await cancelRequest(deps, kept.signingId, { reason: 'superseded', actor: 'server', requestId: asking.requestId });
  }
  return { found: await findBrowserSigning(deps, interaction, binding), binding };
}

/** What this browser's page is about. Throws `not_found` for any other browser, whatever it knows (P-04). */
export async function findBrowserSigning(
  deps: SigningDeps,
  interaction: SigningInteraction,
  binding: string | undefined,
): Promise<BrowserSigning> {
  const known = await readKept(deps, interaction);
  if (known === undefined) throw notFound(binding);
  assertOwn(deps, known.kept, { interaction, binding });
  return readFound(deps, known.kept);
}

/** The order in which the user decides at this moment, made where there is none; undefined once it is decided. */
export async function orderOfSigning(deps: SigningDeps, request: SigningRequest): Promise<Order | undefined> {
  if (request.status !== 'pending') return undefined;
  return readOrder(deps, await liveOrderOf(deps, request, request.userId));
}

/** The instant until which a page may ask: a decision must still find the portal's request. */
export function signingLimitOf({ expiresAt }: Pick<Interaction, 'expiresAt'>): number {
  return expiresAt - orderTimes.decideSigning - orderTimes.redeem;
}

/** Nobody decided in time; another may be asked as long as the page has time. */
function isOver(found: BrowserSigning): boolean {
  return 'request' in found && found.request.status === 'expired';
}

async function ask(deps: SigningDeps, asking: BrowserSigningRequest): Promise<Pick<Kept, 'signingId' | 'refusal'>> {
  const { interaction, wantedLanguages, requestId, limitCreation } = asking;
  const left = signingLimitOf(interaction) - deps.clock.now();
  // What could only fail is not begun.
  if (left < signingTimes.shortest) throw new AuthError('not_found', { detail: 'the interaction is about to end' });
  await limitCreation();
  const { client, origin, signing } = interaction;
  const { key: _key, ...asked } = signing;
  if (await needsOthers(deps, signing)) return { refusal: 'approvers' };
  try {
    const request = await openRequest(deps, {
      ...asked,
      client: { id: client.id, name: client.name, domain: client.domain },
      origin,
      locale: chooseLanguage(wantedLanguages).code,
      door: 'redirect',
      lifetimeMs: Math.min(signingTimes.usual, left),
      requestId,
    });
    const isDelayed = request.askableAt > request.createdAt;
    if (!isDelayed && request.approvers === 1) return { signingId: request.id };
    // Nobody waits at a page for hours. The portal is told, and may ask by another door.
    await cancelRequest(deps, request.id, { reason: 'policy', actor: 'server', requestId });
    return { refusal: isDelayed ? 'risk' : 'approvers' };
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
}

/** What may be otherwise in a moment is no refusal. */
function refusalOf(error: unknown): SigningRefusal {
  if (!(error instanceof AuthError)) throw error;
  if (error.code === 'risk_denied') return 'risk';
  if (error.code === 'invalid_request' || error.code === 'not_found') return 'impossible';
  throw error;
}

/** Whether several people of the company must sign: the others are not at this browser, and one approval must not look like all. */
async function needsOthers({ records, approversFor }: SigningDeps, asked: AskedSigning): Promise<boolean> {
  const user = await records.users.find(asked.userId);
  const company = user === undefined ? undefined : await records.companies.find(user.companyId);
  if (company === undefined) throw new AuthError('not_found', { detail: 'the user of the session is gone' });
  const { name, fields } = checkFields(asked);
  return (approversFor?.(company, name, fields) ?? 1) > 1;
}

async function readFound(deps: SigningDeps, { signingId, refusal }: Kept): Promise<BrowserSigning> {
  if (signingId !== undefined) return { request: (await readRequest(deps, signingId)).request };
  return { refusal: refusal ?? 'risk' };
}

function assertOwn(
  deps: SigningDeps,
  kept: Kept,
  { interaction, binding }: Pick<BrowserSigningRequest, 'interaction' | 'binding'>,
): void {
  const given = binding === undefined ? '' : bindingHashOf(deps, binding);
  const isOwn = equalBytes(Buffer.from(given), Buffer.from(kept.bindingHash));
  if (!isOwn || kept.userId !== interaction.signing.userId) throw notFound(binding);
}

function notFound(binding: string | undefined): AuthError {
  // The page says "your browser refuses cookies" where the one that it was just given did not come back.
  const members = binding === undefined ? { cookie: 'missing' } : {};
  return new AuthError('not_found', { detail: 'nothing to sign in this browser', members });
}

interface Stored {
  readonly kept: Kept;
  /** Undefined where there is none yet. */
  readonly version: number | undefined;
}

async function readKept({ shortLived }: SigningDeps, { signing }: SigningInteraction): Promise<Stored | undefined> {
  const stored = await shortLived.get(keyOf(signing.key));
  return stored && { kept: JSON.parse(stored.value) as Kept, version: stored.version };
}

/** False where somebody else has written in between. */
function writeKept(
  { shortLived }: SigningDeps,
  { signing }: SigningInteraction,
  { kept, version }: Stored,
): Promise<boolean> {
  const value = JSON.stringify(kept);
  if (version === undefined) return shortLived.create(keyOf(signing.key), value, keptMs);
  return shortLived.compareAndSet(keyOf(signing.key), version, value, keptMs);
}
