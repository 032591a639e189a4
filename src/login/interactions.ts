/** What the login page needs of the OpenID Connect side; `oidc/` provides it. Types only. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TemplateName } from '../protocol/templates/templates.ts';

/** What a portal asks the user of this browser's session to sign. */
export interface AskedSigning {
  /** Names the portal's pushed request: it is one, however often and wherever its address is opened. */
  readonly key: string;
  /** Whose phone is asked. */
  readonly userId: string;
  readonly template: TemplateName;
  readonly version: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The portal's own name for it. */
  readonly reference: string;
}

/** A portal's pending request to log somebody in, or to have something signed by whoever is logged in. */
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
  /** Undefined in a login. */
  readonly signing?: AskedSigning | undefined;
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
  /**
   * Like `find`, but also where something is to be signed and the session has ended, as by a report on the phone: then it can only be
   * refused, so that the portal is told.
   */
  findToRefuse(request: FastifyRequest, reply: FastifyReply): Promise<Interaction & { readonly hasSession: boolean }>;
  /** Records the login and answers where the browser must go next. */
  complete(request: FastifyRequest, reply: FastifyReply, login: CompletedLogin): Promise<string>;
  /** Hands over what a phone has approved, by the id of the signing request, and answers where the browser must go next. */
  approve(request: FastifyRequest, reply: FastifyReply, signingId: string): Promise<string>;
  /** Ends it with `access_denied` and answers where the browser must go next. */
  refuse(request: FastifyRequest, reply: FastifyReply, reason: string): Promise<string>;
}
