/** Tells a browser in which a user has logged in before from one that is new to them, by a long-lived cookie that opens nothing. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomToken } from '../crypto/random.ts';
import { hostCookie, hostCookieName, readCookie } from '../http/cookies.ts';

const cookieName = 'mt_known';
const valuePattern = /^[A-Za-z0-9_-]{43}$/;
/** The longest that browsers keep a cookie, renewed by every login. */
const maxAgeSeconds = 400 * 24 * 3600;

/**
 * What this browser is known by, its own or a new one, and sets it. Whoever copies it spares its owner one message and gains nothing
 * else; `__Host-` keeps other hosts from planting theirs (S-03).
 */
export function knownBrowser(request: FastifyRequest, reply: FastifyReply, issuer: string): string {
  const presented = readCookie(request, hostCookieName(issuer, cookieName));
  const value = presented !== undefined && valuePattern.test(presented) ? presented : randomToken(32);
  reply.header('set-cookie', `${hostCookie(issuer, cookieName, value)}; Max-Age=${maxAgeSeconds}`);
  return value;
}
