/** Opens a request of the app: proof of possession first, then the envelope, then session and device (docs/protocol.md §3). */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { equalBytes, sha256 } from '../crypto/bytes.ts';
import { type OpenedRequest, openRequest, type RequestKeyName } from '../crypto/envelope.ts';
import type { JweKey } from '../crypto/jwe.ts';
import type { KeyCache } from '../crypto/jwk.ts';
import { type ProofOfPossession, verifyDpop } from '../devices/proof.ts';
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import type { AppSession, LiveSession } from '../mpin/session.ts';
import { appBasePath } from '../protocol/names.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';
import type { AppEndpoint } from './app-endpoint.ts';

export interface AppRequestDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly shortLived: ShortLivedStore;
  readonly records: Pick<RecordStore, 'devices'>;
  readonly keyCache?: KeyCache;
  /** The private key of a published envelope key; undefined for any other name. */
  readonly envelopeKey: (kid: string) => Promise<JweKey | undefined>;
  /** The session of that id, if it lives and its device, user and company may act (T9). */
  readonly findSession: (id: string) => Promise<LiveSession | undefined>;
  /** Begins the idle time anew; false where the session has ended meanwhile. */
  readonly touchSession: (id: string) => Promise<boolean>;
}

/** An open request: from here on the answer is sealed. */
export interface OpenRequest {
  readonly proof: ProofOfPossession;
  readonly opened: OpenedRequest;
  readonly htu: string;
  readonly accessToken: string | undefined;
  readonly live: LiveSession | undefined;
}

const sessionId = /^ses_[A-Za-z0-9_-]{22}$/;

/**
 * Checks proof and envelope. Throws `invalid_request`, the same for whatever does not fit, `session_expired` for a session that is
 * not there, `unavailable` where a store is down.
 */
export async function openAppRequest(
  deps: AppRequestDeps,
  endpoint: AppEndpoint,
  request: FastifyRequest,
): Promise<OpenRequest> {
  const htu = `${deps.issuer}${appBasePath}/${endpoint.name}`;
  const accessToken = accessTokenOf(request, endpoint.access);
  const body = request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
  const { dpop } = request.headers;
  if (typeof dpop !== 'string') throw unfit('no DPoP header');
  const proof = await uniform(verifyDpop(deps, { proof: dpop, method: 'POST', url: htu, body, accessToken }));
  let live: LiveSession | undefined;
  const keyFor = async (name: RequestKeyName): Promise<JweKey | undefined> => {
    // Which kind of envelope an endpoint takes is the endpoint's to say, never the sender's (RFC 8725 §3.1).
    if ((name.alg === 'dir') !== (endpoint.access === 'session')) return undefined;
    if (name.alg !== 'dir') return await deps.envelopeKey(name.kid);
    live = sessionId.test(name.kid) ? await deps.findSession(name.kid) : undefined;
    if (live === undefined) throw new AuthError('session_expired');
    return { alg: 'dir', key: live.appToServerKey };
  };
  const opened = await uniform(
    openRequest({
      token: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'),
      expected: { htu, jti: proof.jti, jkt: proof.thumbprint },
      nowMs: deps.clock.now(),
      keyFor,
    }),
  );
  return { proof, opened, htu, accessToken, live };
}

/**
 * The session of the request, if token and device are its own; counts as activity. Throws `invalid_request` for another's token or
 * device, `session_expired` where it has ended meanwhile.
 */
export async function enterSession(
  deps: AppRequestDeps,
  { live, accessToken, proof }: OpenRequest,
): Promise<{ readonly session: AppSession; readonly device: Device }> {
  if (live === undefined || accessToken === undefined) throw unfit('no session');
  if (!equalBytes(sha256(accessToken), live.tokenHash)) throw unfit('the access token of another session');
  // A stolen token and session key are of no use without the key of the device that they were made for.
  if (proof.thumbprint !== live.thumbprint) throw unfit('the session of another device');
  if (!(await deps.touchSession(live.session.id))) throw new AuthError('session_expired');
  return { session: live.session, device: live.standing.device };
}

function accessTokenOf(request: FastifyRequest, access: AppEndpoint['access']): string | undefined {
  const { authorization } = request.headers;
  if (access === 'device-key') {
    if (authorization !== undefined) throw unfit('an access token outside a session');
    return undefined;
  }
  const token = /^DPoP ([A-Za-z0-9_-]{43})$/.exec(authorization ?? '')?.[1];
  if (token === undefined) throw unfit('no DPoP access token');
  return token;
}

/** Takes away what tells one unfit request from another: the caller learns the class only, the log the cause (C-02). */
async function uniform<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof AuthError && cause.code === 'invalid_request') throw unfit(cause.message, cause);
    throw cause;
  }
}

function unfit(detail: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', { detail, cause });
}
