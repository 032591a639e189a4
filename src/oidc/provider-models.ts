/** Adjusts the models of one provider: what a session saves and how, and which rows a grant is bound to. */
import type Provider from 'oidc-provider';
import type { Grant, Session } from 'oidc-provider';
import { AuthError } from '../errors.ts';
import type { OidcDeps } from './deps.ts';
import { toSeconds } from './lifetimes.ts';
import { type SessionPayload, sessionRecords, sidOf } from './sessions.ts';
import { orUnavailable } from './unavailable.ts';

/** A session with the members that this project adds or that the published types leave out. */
export interface DeviceSession extends Session {
  deviceId?: string | undefined;
  /** When the last login of this session was finished, in epoch-milliseconds. */
  loggedInAt?: number | undefined;
  /** How long after that the company lets it last at most. */
  ruleSeconds?: number | undefined;
  /** Set by a login alone, and not kept: how many sessions its user may have from now on. */
  sessionLimit?: number | undefined;
  oldId?: string | undefined;
  touched?: boolean;
  getValueAndPayload(): Promise<{ payload: SessionPayload }>;
}

/** A grant bound to the device that approved it and to the session it came from. */
export interface DeviceGrant extends Grant {
  deviceId?: string | undefined;
  sessionUid?: string | undefined;
}

/** A model class as seen from outside: the members that are replaced here. */
interface Model<T> {
  readonly prototype: T;
  IN_PAYLOAD: string[];
}

type ModelDeps = Pick<OidcDeps, 'records' | 'sealing' | 'clock'>;

/**
 * Applies to this provider's own classes only. Throws `internal` where the provider has changed so that an adjustment would be lost
 * in silence: the version is pinned, and a test holds this.
 */
export function adjustModels(provider: Provider, deps: ModelDeps): void {
  const {
    Session: session,
    Grant: grant,
    Client: client,
  } = provider as unknown as {
    readonly Session: Model<DeviceSession>;
    readonly Grant: Model<DeviceGrant>;
    readonly Client: {
      readonly prototype: { backchannelLogout: () => Promise<void>; includeSid: () => boolean };
    };
  };
  keepAlso(session, ['deviceId', 'loggedInAt', 'ruleSeconds']);
  keepAlso(grant, ['deviceId', 'sessionUid']);
  adjustSession(session, deps);
  requireMethod(client.prototype, 'backchannelLogout');
  // Every ending of a session enqueues the logout tokens in its own transaction (end-logins.ts), retried until they arrive.
  client.prototype.backchannelLogout = async () => undefined;
  requireMethod(client.prototype, 'includeSid');
  // Also for portals without back-channel logout: a person's own session list and the portal's then speak of the same thing.
  client.prototype.includeSid = () => true;
}

/** Lets a model keep members of our own. */
export function keepAlso<T>(model: Pick<Model<T>, 'IN_PAYLOAD'>, members: readonly string[]): void {
  const kept = [...model.IN_PAYLOAD, ...members];
  Object.defineProperty(model, 'IN_PAYLOAD', { get: () => kept });
}

function adjustSession({ prototype }: Model<DeviceSession>, { records, sealing, clock }: ModelDeps): void {
  const sessions = sessionRecords({ records, sealing, clock });
  requireMethod(prototype, 'save');
  requireMethod(prototype, 'ensureClientContainer');
  requireMethod(prototype, 'getValueAndPayload');
  // The cookie ends with the browser (S-05): the provider dates the cookie of every session that is not transient.
  Object.defineProperty(prototype, 'transient', { value: true, writable: true, configurable: true });

  prototype.save = async function save(this: DeviceSession, ttl: number): Promise<string> {
    const { exp: readExp } = this;
    const readAs = typeof readExp === 'number' ? (this.oldId ?? this.jti) : undefined;
    this.exp = toSeconds(clock.now()) + ttl;
    const { payload } = await this.getValueAndPayload();
    const { jti: id, sessionLimit: limit } = this;
    await orUnavailable(() => sessions.save(payload, { id, readAs, readExp, limit }));
    this.sessionLimit = undefined;
    this.oldId = undefined;
    this.touched = false;
    this.emit('saved');
    return this.jti;
  };

  // Derived, not drawn: two first requests of one portal in one browser get one sid, so that a logout token names both.
  prototype.ensureClientContainer = function ensureClientContainer(this: DeviceSession, clientId: string): void {
    if (this.sidFor(clientId) === undefined) this.sidFor(clientId, sidOf(sealing, this.uid, clientId));
  };
}

function requireMethod<T extends object>(owner: T, name: keyof T & string): void {
  if (typeof owner[name] === 'function') return;
  throw new AuthError('internal', {
    detail: `the provider has no method ${name}; its version is not the one this was made for`,
  });
}
