/** What the login page needs of the OpenID Connect side; `oidc/` provides it. Types only. */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A portal's pending request to log somebody in. */
export interface Interaction {
  readonly uid: string;
  readonly client: {
    readonly id: string;
    readonly name: string;
    readonly domain: string;
    /** Path on this server; undefined where it has none. */
    readonly logo?: string | undefined;
  };
  /** Origin of the portal's redirect URI. */
  readonly origin: string;
  /** Languages the portal asked for, best first. */
  readonly uiLocales: readonly string[];
  readonly expiresAt: number;
  /** The portal wants a proof of this login's own (`prompt=login`, `max_age`): that an app session is open is not enough. */
  readonly needsFreshProof: boolean;
}

/** The facts of a login that a phone approved. */
export interface CompletedLogin {
  readonly userId: string;
  readonly deviceId: string;
  readonly orderId: string;
  readonly factor: 'pin' | 'fpt' | 'face' | 'user';
  /** Epoch-milliseconds of the phone's proof. */
  readonly provedAt: number;
}

export interface Interactions {
  /** Finds the interaction that both the path and this browser's cookie name; throws `not_found` otherwise. */
  find(request: FastifyRequest, reply: FastifyReply): Promise<Interaction>;
  /** Records the login and answers where the browser must go next. */
  complete(request: FastifyRequest, reply: FastifyReply, login: CompletedLogin): Promise<string>;
  /** Ends it with `access_denied` and answers where the browser must go next. */
  refuse(request: FastifyRequest, reply: FastifyReply, reason: string): Promise<string>;
}
