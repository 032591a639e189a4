/** What an endpoint of the app protocol is, as data: capabilities list theirs, `app-channel.ts` serves them all. */
import type { JWK } from 'jose';
import type { Static, TSchema } from 'typebox';
import type { Device } from '../devices/store.ts';
import type { AppSession } from '../mpin/session.ts';

/** Where a call came from, for the audit trail and for limits; never for decisions about identity. */
export interface CallOrigin {
  readonly address: string;
  readonly userAgent: string;
  readonly requestId: string;
}

/** A call whose DPoP proof, envelope, limits and schema were right. */
export interface AppCall<Body> {
  readonly body: Body;
  /** The key that signed the proof of possession. */
  readonly proofKey: { readonly publicJwk: JWK; readonly thumbprint: string };
  /** The device registered with that key, whatever its status; undefined for a key that is not registered. */
  readonly device: Device | undefined;
  readonly origin: CallOrigin;
}

/** A call within a live session of an active device, user and company. */
export interface SessionCall<Body> extends AppCall<Body> {
  readonly device: Device;
  readonly session: AppSession;
}

/** `name` is the path below `/app/v1/`. */
export type AppEndpoint =
  | {
      readonly name: string;
      readonly access: 'device-key';
      readonly body: TSchema;
      readonly reply: TSchema;
      readonly answer: (call: AppCall<unknown>) => Promise<unknown>;
    }
  | {
      readonly name: string;
      readonly access: 'session';
      readonly body: TSchema;
      readonly reply: TSchema;
      readonly answer: (call: SessionCall<unknown>) => Promise<unknown>;
    };

/** Declares an endpoint that any device key may call, with the types of its schemas. */
export function deviceKeyEndpoint<B extends TSchema, R extends TSchema>(endpoint: {
  readonly name: string;
  readonly body: B;
  readonly reply: R;
  readonly answer: (call: AppCall<Static<B>>) => Promise<Static<R>>;
}): AppEndpoint {
  return { ...endpoint, access: 'device-key', answer: (call) => endpoint.answer(call as AppCall<Static<B>>) };
}

/** Declares an endpoint that takes a live app session, with the types of its schemas. */
export function sessionEndpoint<B extends TSchema, R extends TSchema>(endpoint: {
  readonly name: string;
  readonly body: B;
  readonly reply: R;
  readonly answer: (call: SessionCall<Static<B>>) => Promise<Static<R>>;
}): AppEndpoint {
  return { ...endpoint, access: 'session', answer: (call) => endpoint.answer(call as SessionCall<Static<B>>) };
}
