/** What the demo portal's routes share: its sessions, and how it sends a page. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type * as oidc from 'openid-client';
import type { PortalKey } from './portal-key.ts';

/** Where the portal is and as whom it speaks to the server. */
export interface PortalOptions {
  readonly issuer: string;
  readonly baseUrl: string;
  readonly clientId: string;
  /** Proves to the server that it is the portal (private_key_jwt). */
  readonly clientKey: PortalKey;
  /** Where the demo's desk is. A real portal has none. */
  readonly deskUrl: string;
  /** How the portal reaches the server, where that is not by its public address. A real portal leaves it out. */
  readonly fetch?: typeof fetch;
}

/** What the portal remembers between its redirect and the callback. */
export interface PendingLogin {
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly startedAt: number;
}

/** A login as the portal keeps it. */
export interface PortalSession {
  readonly claims: oidc.IDToken;
  readonly idToken: string;
  /** For what the portal asks in the user's name later. */
  readonly refreshToken: string;
}

/** What the routes share. */
export interface Portal {
  readonly options: PortalOptions;
  readonly discover: () => Promise<oidc.Configuration>;
  readonly sessions: Map<string, PortalSession>;
  readonly pending: Map<string, PendingLogin>;
}

const pageSecurityPolicy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/** The portal's own session cookie. */
export function sessionId(request: FastifyRequest): string {
  return request.cookies['portal_session'] ?? '';
}

/** Sends a page with its headers. */
export function sendPage(reply: FastifyReply, html: string, status = 200): FastifyReply {
  return reply
    .code(status)
    .header('content-security-policy', pageSecurityPolicy)
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .type('text/html; charset=utf-8')
    .send(html);
}
