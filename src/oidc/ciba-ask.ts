/** Asks the phone about a request by CIBA, or stays silent: whom and how often is decided here, after the portal has its answer (O-18). */
import type { Clock } from '../clock.ts';
import type { User } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import type { Deliver } from '../notify/outbox.ts';
import type { SigningDeps } from '../signing/deps.ts';
import { signingTimes } from '../signing/lifetime.ts';
import { languageFor, type NewSigning, openRequest, readRequest } from '../signing/requests.ts';
import type { RecordStore, Records } from '../store/records.ts';
import { type BackchannelMessage, type BackchannelPayload, toSign } from './ciba-adapter.ts';
import { asksByCiba } from './ciba-metadata.ts';
import { mayAskForSignatures } from './client-metadata.ts';
import type { BackchannelRow, Client } from './store.ts';

/** How often one person is asked, whichever portals ask (notes of push fatigue: one at a time, few in an hour, then silence). */
export const backchannelLimits = { perHour: 3 } as const;

const hourMs = 3_600_000;

/**
 * The outbox's deliverer of `backchannel_request`. Throws where it should be tried again. Delivered twice, it asks once: the request and
 * the note that it was made commit together.
 */
export function backchannelAsker(deps: SigningDeps): Deliver {
  return async ({ payload }) => {
    const { idLookup } = JSON.parse(payload) as BackchannelMessage;
    const row = await deps.records.backchannel.find(idLookup);
    if (row === undefined || row.signingId !== undefined || deps.clock.now() >= row.endsAt) return;
    const client = await deps.records.clients.find(row.clientId);
    const user = await deps.records.users.find(row.userId);
    const reason = await reasonForSilence(deps, { row, client, user });
    if (reason !== undefined) await noteSilence(deps, { row, user, reason });
  };
}

interface Case {
  readonly row: BackchannelRow;
  readonly client: Client | undefined;
  readonly user: User | undefined;
}

/** For the trail, never for the portal; undefined where the phone is asked now. */
async function reasonForSilence(deps: SigningDeps, { row, client, user }: Case): Promise<string | undefined> {
  const now = deps.clock.now();
  if (client?.status !== 'active' || !mayAsk(client, row)) return 'client';
  if (user === undefined) return 'unknown';
  // Not enough time left to read and decide.
  if (row.endsAt - now < signingTimes.shortest) return 'late';
  const asked = await deps.records.backchannel.asked(row.userId, now - hourMs);
  if (asked.length >= backchannelLimits.perHour) return 'too_many';
  for (const { signingId } of asked) {
    if (signingId !== undefined && (await readRequest(deps, signingId)).request.status === 'pending') return 'pending';
  }
  return ask(deps, { row, client, user });
}

/** As it is registered at this moment: the request may have waited. */
function mayAsk(client: Client, { payload }: BackchannelRow): boolean {
  const { authorizationDetails } = JSON.parse(payload) as BackchannelPayload;
  return asksByCiba(client.metadata) && (authorizationDetails === undefined || mayAskForSignatures(client));
}

/** The code of the refusal where signing does not take it. */
async function ask(
  deps: SigningDeps,
  { row, client, user }: { readonly row: BackchannelRow; readonly client: Client; readonly user: User },
): Promise<string | undefined> {
  const records = linking(deps.records, { idLookup: row.idLookup, clock: deps.clock });
  try {
    await openRequest({ ...deps, records }, signingOf(row, client, user, deps.clock.now()));
    return undefined;
  } catch (error) {
    if (!(error instanceof AuthError) || error.status >= 500) throw error;
    // Another server has asked. Else a user who is suspended, a risk that is too high; what is down is tried again.
    return error.code === 'conflict' ? undefined : error.code;
  }
}

function signingOf(row: BackchannelRow, client: Client, user: User, now: number): NewSigning {
  const kept = JSON.parse(row.payload) as BackchannelPayload;
  const origin = originOf(client);
  return {
    client: { id: client.id, name: client.name, domain: new URL(origin).host },
    origin,
    userId: user.id,
    ...toSign(kept).asked,
    // The phone's owner reads it; the portal may know better.
    locale: languageFor(user, kept.uiLocales?.split(' ') ?? []),
    door: 'backchannel',
    lifetimeMs: row.endsAt - now,
  };
}

function originOf({ metadata }: Client): string {
  const [first] = metadata['redirect_uris'] as readonly string[];
  if (first === undefined) throw new AuthError('internal', { detail: 'a portal without a redirect URI' });
  return new URL(first).origin;
}

/** The same records, noting beside the signing request that is made by which request by CIBA it was. */
function linking(
  records: RecordStore,
  { idLookup, clock }: { readonly idLookup: string; readonly clock: Clock },
): RecordStore {
  const noting = (inside: Records): Records => ({
    ...inside,
    signings: {
      ...inside.signings,
      insert: async (request, more) => {
        // What risk delays would be asked when nobody can redeem it any more.
        if (request.askableAt > request.createdAt) throw new AuthError('risk_denied', { detail: 'delayed' });
        await inside.signings.insert(request, more);
        if (await inside.backchannel.link(idLookup, request.id, clock.now())) return;
        // Another server was faster, or the request is gone: this one asks nobody.
        throw new AuthError('conflict', { detail: 'the phone was asked by another server' });
      },
    },
  });
  return { ...records, transaction: (work) => records.transaction((inside) => work(noting(inside))) };
}

/** Nothing is told to the portal, whose request expires like that of somebody who does not look at the phone; the trail knows. */
async function noteSilence(
  { records, clock }: SigningDeps,
  { row, user, reason }: Pick<Case, 'row' | 'user'> & { readonly reason: string },
): Promise<void> {
  await records.audit.append(
    {
      event: 'backchannel.silenced',
      actor: `client:${row.clientId}`,
      clientId: row.clientId,
      userId: user?.id,
      companyId: user?.companyId,
      data: { reason },
    },
    clock.now(),
  );
}

/** Removes requests that are over and no longer counted. */
export async function purgeBackchannel({ records, clock }: Pick<SigningDeps, 'records' | 'clock'>): Promise<void> {
  await records.backchannel.purge(clock.now() - hourMs);
}
