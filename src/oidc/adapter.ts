/** The provider's storage: what must outlive a restart in rows, what lives for minutes in the short-lived store, no secret in clear. */
import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type { Versioned } from '../store/ports.ts';
import type { Records } from '../store/records.ts';
import { backchannelAdapter } from './ciba-adapter.ts';
import { clientIdPattern, toProviderMetadata } from './client-metadata.ts';
import type { OidcDeps } from './deps.ts';
import { toSeconds } from './lifetimes.ts';
import { sessionRecords } from './sessions.ts';
import type { GrantRow } from './store.ts';
import { orUnavailable } from './unavailable.ts';

export type AdapterDeps = Pick<OidcDeps, 'records' | 'shortLived' | 'sealing' | 'clock'>;

/** Models that the provider itself may write without expiry get this; none of ours does. */
const defaultTtlSeconds = 600;

/** One adapter a model; the provider asks for each model once. */
export function oidcAdapter(deps: AdapterDeps): AdapterFactory {
  return (model) => failingClosed(adapterFor(deps, model));
}

function adapterFor(deps: AdapterDeps, model: string): Partial<Adapter> {
  switch (model) {
    case 'Session':
      return sessionAdapter(deps);
    case 'Grant':
      return grantAdapter(deps);
    case 'RefreshToken':
      return refreshTokenAdapter(deps);
    case 'Client':
      return clientAdapter(deps);
    case 'BackchannelAuthenticationRequest':
      return backchannelAdapter(deps);
    case 'ReplayDetection':
      return replayAdapter(deps);
    default:
      return shortLivedAdapter(deps, model);
  }
}

/** Completes an adapter with refusals, and makes a dead store a 503. */
function failingClosed(adapter: Partial<Adapter>): Adapter {
  const notUsed = (): never => {
    throw new AuthError('internal', { detail: 'the provider called an adapter method that no model here needs' });
  };
  return {
    upsert: (id, payload, expiresIn) => orUnavailable(async () => (adapter.upsert ?? notUsed)(id, payload, expiresIn)),
    find: (id) => orUnavailable(async () => (adapter.find ?? notUsed)(id)),
    findByUid: (uid) => orUnavailable(async () => (adapter.findByUid ?? notUsed)(uid)),
    findByUserCode: async () => undefined,
    consume: (id) => orUnavailable(async () => (adapter.consume ?? notUsed)(id)),
    destroy: (id) => orUnavailable(async () => (adapter.destroy ?? notUsed)(id)),
    revokeByGrantId: (grantId) => orUnavailable(async () => (adapter.revokeByGrantId ?? notUsed)(grantId)),
  };
}

/** Saving goes through `provider-models.ts`, which knows under which id a session was read. */
function sessionAdapter(deps: AdapterDeps): Partial<Adapter> {
  const { find, findByUid, end } = sessionRecords(deps);
  return { find, findByUid, destroy: end };
}

/** How a grant is found: its id is a secret of no consequence, but the row must not depend on that. */
export function grantLookup(sealing: Sealing, grantId: string): string {
  return sealing.lookup(grantId, 'oidc.grant');
}

interface GrantPayload extends AdapterPayload {
  readonly deviceId?: string | undefined;
}

function grantAdapter({ records, sealing }: AdapterDeps): Partial<Adapter> {
  return {
    upsert: async (id, { jti: _jti, ...payload }: GrantPayload) => {
      const row: GrantRow = {
        idLookup: grantLookup(sealing, id),
        userId: payload.accountId ?? '',
        clientId: payload.clientId ?? '',
        deviceId: payload.deviceId,
        sessionUid: payload.sessionUid,
        payload: JSON.stringify(payload),
        expiresAt: (payload.exp ?? 0) * 1000,
      };
      await records.oidc.saveGrant(row);
    },
    find: async (id) => {
      const row = await records.oidc.findGrant(grantLookup(sealing, id));
      return row === undefined ? undefined : { ...(JSON.parse(row.payload) as GrantPayload), jti: id };
    },
    destroy: async (id) => endFamily(records, grantLookup(sealing, id)),
  };
}

/** Ends a grant and its refresh tokens; codes and access tokens of a grant that is gone are refused by the provider. */
async function endFamily(records: Pick<Records, 'oidc'>, lookup: string): Promise<void> {
  await records.oidc.deleteRefreshTokens(lookup);
  await records.oidc.deleteGrant(lookup);
}

/** A refresh token as its row has it: what was approved names payees and accounts, and rows outlive the request (C-13). */
interface KeptRefreshToken extends AdapterPayload {
  readonly sealedDetails?: string;
}

const detailsContext = (lookup: string): string => `oidc.details:${lookup}`;

function sealDetails(sealing: Sealing, lookup: string, { rar, ...payload }: AdapterPayload): KeptRefreshToken {
  if (rar === undefined) return payload;
  return { ...payload, sealedDetails: sealing.seal(JSON.stringify(rar), detailsContext(lookup)) };
}

function openDetails(
  sealing: Sealing,
  lookup: string,
  { sealedDetails, ...payload }: KeptRefreshToken,
): AdapterPayload {
  if (sealedDetails === undefined) return payload;
  const rar = JSON.parse(sealing.openText(sealedDetails, detailsContext(lookup))) as NonNullable<AdapterPayload['rar']>;
  return { ...payload, rar };
}

function refreshTokenAdapter({ records, sealing, clock }: AdapterDeps): Partial<Adapter> {
  const lookupOf = (id: string): string => sealing.lookup(id, 'oidc.refresh-token');
  return {
    upsert: async (id, { jti: _jti, consumed: _consumed, ...payload }) => {
      const family = grantLookup(sealing, payload.grantId ?? '');
      const grant = await records.oidc.findGrant(family);
      await records.oidc.saveRefreshToken({
        idLookup: lookupOf(id),
        grantLookup: family,
        clientId: payload.clientId ?? '',
        deviceId: grant?.deviceId,
        payload: JSON.stringify(sealDetails(sealing, lookupOf(id), payload)),
        consumedAt: undefined,
        expiresAt: (payload.exp ?? 0) * 1000,
      });
    },
    find: async (id) => {
      const row = await records.oidc.findRefreshToken(lookupOf(id));
      if (row === undefined) return undefined;
      const consumed = row.consumedAt === undefined ? {} : { consumed: toSeconds(row.consumedAt) };
      const payload = openDetails(sealing, lookupOf(id), JSON.parse(row.payload) as KeptRefreshToken);
      return { ...payload, ...consumed, jti: id };
    },
    consume: async (id) => {
      if (await records.oidc.consumeRefreshToken(lookupOf(id), clock.now())) return;
      // The provider looks before it consumes, so parallel callers all get here: the second one is a replay and ends the family.
      const row = await records.oidc.findRefreshToken(lookupOf(id));
      if (row !== undefined) await endFamily(records, row.grantLookup);
      throw new errors.InvalidGrant('refresh token already used');
    },
    destroy: async (id) => {
      const row = await records.oidc.findRefreshToken(lookupOf(id));
      if (row !== undefined) await records.oidc.deleteRefreshTokens(row.grantLookup);
    },
    revokeByGrantId: async (grantId) => records.oidc.deleteRefreshTokens(grantLookup(sealing, grantId)),
  };
}

function clientAdapter({ records }: AdapterDeps): Partial<Adapter> {
  return {
    find: async (id) => {
      if (!clientIdPattern.test(id)) return undefined;
      const client = await records.clients.find(id);
      return client?.status === 'active' ? toProviderMetadata(client) : undefined;
    },
  };
}

/** Marks of used `jti` values: set if absent in one step, because the provider looks first and writes later. */
function replayAdapter({ shortLived, sealing }: AdapterDeps): Partial<Adapter> {
  const keyOf = (id: string): string => `oidc.replay:{${sealing.lookup(id, 'oidc.replay')}}`;
  return {
    find: async (id) =>
      (await shortLived.get(keyOf(id))) === undefined ? undefined : { kind: 'ReplayDetection', jti: id },
    upsert: async (id, _payload, expiresIn = defaultTtlSeconds) => {
      if (await shortLived.create(keyOf(id), '1', Math.max(1, expiresIn) * 1000)) return;
      throw new errors.InvalidRequest('a proof or assertion was used before');
    },
  };
}

/** What is kept of a short-lived thing: its sealed payload, and when it was consumed. */
interface Kept {
  readonly sealed: string;
  readonly consumedAt?: number | undefined;
}

function shortLivedAdapter({ records, shortLived, sealing, clock }: AdapterDeps, model: string): Partial<Adapter> {
  const keyOf = (id: string): string => `oidc.${model}:{${sealing.lookup(id, `oidc.${model}`)}}`;
  const contextOf = (id: string): string => `oidc.${model}:${keyOf(id)}`;
  const open = (id: string, { sealed }: Kept): AdapterPayload =>
    JSON.parse(sealing.openText(sealed, contextOf(id))) as AdapterPayload;

  /** Changes the value as long as others change it in between; what is consumed stays consumed. */
  const write = async (id: string, sealed: string, ttlMs: number): Promise<void> => {
    for (;;) {
      if (await shortLived.create(keyOf(id), keep({ sealed }), ttlMs)) return;
      const found = await shortLived.get(keyOf(id));
      if (found === undefined) continue;
      const next = keep({ sealed, consumedAt: kept(found).consumedAt });
      if (await shortLived.compareAndSet(keyOf(id), found.version, next, ttlMs)) return;
    }
  };

  return {
    upsert: async (id, payload, expiresIn = defaultTtlSeconds) =>
      write(id, sealing.seal(JSON.stringify(storable(payload)), contextOf(id)), Math.max(1, expiresIn) * 1000),
    find: async (id) => {
      const found = await shortLived.get(keyOf(id));
      if (found === undefined) return undefined;
      const value = kept(found);
      const consumed = value.consumedAt === undefined ? {} : { consumed: toSeconds(value.consumedAt) };
      return { ...open(id, value), ...consumed, jti: id };
    },
    consume: async (id) => {
      const found = await shortLived.get(keyOf(id));
      const value = found === undefined ? undefined : kept(found);
      if (found !== undefined && value !== undefined && value.consumedAt === undefined) {
        const next = keep({ ...value, consumedAt: clock.now() });
        if (await shortLived.compareAndSet(keyOf(id), found.version, next)) return;
      }
      // Somebody was faster: of any number of parallel redemptions one goes on, and the family of the replayed code ends (O-02).
      const grantId = value === undefined ? undefined : open(id, value).grantId;
      if (grantId !== undefined) await endFamily(records, grantLookup(sealing, grantId));
      throw model === 'PushedAuthorizationRequest'
        ? new errors.InvalidRequestUri('request_uri was already used')
        : new errors.InvalidGrant('authorization code already consumed');
    },
    destroy: async (id) => shortLived.remove(keyOf(id)),
    // Codes and access tokens carry their grant, and every use of them asks for it: deleting the grant is what revokes them.
    revokeByGrantId: async () => undefined,
  };
}

/** The id that a bearer shows, and the session cookie inside of an interaction, stay out of the store (S-04). */
function storable({ jti: _jti, consumed: _consumed, ...payload }: AdapterPayload): AdapterPayload {
  if (payload.session === undefined) return payload;
  const { cookie: _cookie, ...session } = payload.session;
  return { ...payload, session };
}

function keep(value: Kept): string {
  return JSON.stringify(value);
}

function kept(found: Versioned): Kept {
  return JSON.parse(found.value) as Kept;
}
