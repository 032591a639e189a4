/** Calls of the app protocol (§3): proof of possession, envelope, reply, errors; with the device key or within a session. */
import type { Static, TSchema } from 'typebox';
import { appBasePath, envelopeContentType, proofWindowSeconds, typ } from '../protocol/names.ts';
import { hashText, randomBytes, toBase64url } from './bytes.ts';
import { refreshServer } from './configuration.ts';
import { liveSession, type OpenSession, type PhoneContext } from './context.ts';
import { openReply, sealInSession, sealToServer } from './envelope.ts';
import { PhoneError } from './errors.ts';
import { publicKeyOf, signWithEmbeddedKey, thumbprintOf } from './jws.ts';
import { matches } from './matches.ts';
import { errorFromPlainReply, errorFromProblem, type ProblemNames } from './problems.ts';
import type { TrustedKeys } from './trust.ts';

/** The server that a call goes to. */
export interface Server {
  readonly issuer: string;
  readonly trusted: TrustedKeys;
}

/** One call: endpoint, body, the schema of its reply, and what its errors are called. */
export interface CallOptions<T extends TSchema> {
  readonly name: string;
  readonly body: unknown;
  readonly reply: T;
  readonly problems?: ProblemNames;
}

interface Sealed {
  readonly body: string;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** How a message is sealed, before a session or within one. */
interface Seal {
  readonly session: OpenSession | undefined;
  readonly seal: (message: { jti: string; jkt: string; htu: string; iat: number; body: unknown }) => Promise<Sealed>;
}

/**
 * Calls an endpoint that any device key may call. A server that refuses the envelope itself may have new keys or another time: both
 * are fetched once, and the call is made again if something had changed.
 */
export async function callWithDeviceKey<T extends TSchema>(
  context: PhoneContext,
  server: Server,
  options: CallOptions<T>,
): Promise<Static<T>> {
  return withOneRefresh(context, server, (current) =>
    callOnce(context, current, { options, sealing: beforeSession(context, current) }),
  );
}

/**
 * Calls an endpoint within the open session. Throws `locked` or `session_ended` where there is none; a session that the server no
 * longer knows, or whose answers are not authentic, is forgotten with its secrets.
 */
export async function callInSession<T extends TSchema>(
  context: PhoneContext,
  server: Server,
  options: CallOptions<T>,
): Promise<Static<T>> {
  const session = await liveSession(context);
  const sealing: Seal = {
    session,
    seal: async (message) => ({
      body: await sealInSession({ htm: 'POST', ...message }, { id: session.id, key: session.appToServer }),
      key: session.serverToApp,
    }),
  };
  try {
    const reply = await withOneRefresh(context, server, (current) => callOnce(context, current, { options, sealing }));
    // A logout may have come while the answer was on its way: it must not bring the session back.
    if ((await context.sessions.get())?.id === session.id) {
      await context.sessions.set({ ...session, idleUntil: context.time.now() + session.idleSeconds * 1000 });
    }
    return reply;
  } catch (error) {
    // A newer session has nothing to do with what became of this one.
    const isCurrent = (await context.sessions.get())?.id === session.id;
    if (isCurrent && error instanceof PhoneError && endsSession(error)) await context.sessions.set(undefined);
    throw error;
  }
}

function endsSession({ code }: PhoneError): boolean {
  return code === 'session_ended' || code === 'server_not_authentic' || code === 'blocked';
}

async function withOneRefresh<T>(
  context: PhoneContext,
  server: Server,
  act: (server: Server) => Promise<T>,
): Promise<T> {
  try {
    return await act(server);
  } catch (error) {
    if (!(error instanceof RefusedInClear)) throw error;
    const before = context.time.offsetSeconds();
    const trusted = await refreshServer(context, server);
    const moved = Math.abs(context.time.offsetSeconds() - before);
    const isSameSet = JSON.stringify(trusted) === JSON.stringify(server.trusted);
    if (moved <= proofWindowSeconds / 2 && isSameSet) throw error.reason;
    try {
      return await act({ ...server, trusted });
    } catch (again) {
      if (!(again instanceof RefusedInClear)) throw again;
      throw moved > proofWindowSeconds ? new PhoneError('clock', { cause: again.reason }) : again.reason;
    }
  }
}

/** Carries `refused` up to {@link withOneRefresh}, and never further. */
class RefusedInClear extends Error {
  readonly reason: PhoneError;
  constructor(reason: PhoneError) {
    super(reason.message);
    this.reason = reason;
  }
}

function beforeSession(context: PhoneContext, server: Server): Seal {
  const key = server.trusted.envelope.find(({ alg }) => alg === context.envelopeAlg) ?? server.trusted.envelope[0];
  return {
    session: undefined,
    seal: async (message) => {
      if (key === undefined) throw new PhoneError('unsupported', { detail: 'the server has no envelope key' });
      const replyKey = randomBytes(64);
      return {
        body: await sealToServer({ htm: 'POST', ...message, replyKey: toBase64url(replyKey) }, key),
        key: replyKey,
      };
    },
  };
}

async function callOnce<T extends TSchema>(
  context: PhoneContext,
  server: Server,
  { options, sealing }: { readonly options: CallOptions<T>; readonly sealing: Seal },
): Promise<Static<T>> {
  const htu = `${server.issuer}${appBasePath}/${options.name}`;
  const jti = toBase64url(randomBytes(16));
  const iat = context.time.nowSeconds();
  const jkt = await thumbprintOf(await publicKeyOf(context.keys, 'device'));
  const sealed = await sealing.seal({ htu, iat, jti, jkt, body: options.body });
  const { session } = sealing;
  const claims = {
    jti,
    htm: 'POST',
    htu,
    iat,
    bh: await hashText(sealed.body),
    ...(session === undefined ? {} : { ath: await hashText(session.accessToken) }),
  };
  const headers = {
    'content-type': envelopeContentType,
    dpop: await signWithEmbeddedKey(context.keys, { typ: typ.dpop, claims }),
    ...(session === undefined ? {} : { authorization: `DPoP ${session.accessToken}` }),
  };
  const reply = await context.http({ url: htu, headers, body: sealed.body });
  if (reply.mediaType !== envelopeContentType) {
    const error = errorFromPlainReply(reply);
    throw error.serverCode === 'invalid_request' ? new RefusedInClear(error) : error;
  }
  const { status } = reply;
  const opened = await openReply(reply.text, { key: sealed.key, kid: session?.id, re: jti, htu, status });
  context.time.learn(opened.iat);
  if (opened.status !== 200) throw errorFromProblem(opened.body, options.problems);
  if (!matches(options.reply, opened.body)) {
    throw new PhoneError('server_not_authentic', { detail: `the reply of ${options.name} does not fit the protocol` });
  }
  return opened.body;
}
