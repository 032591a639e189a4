/** The cookie that binds orders to the browser that began them: without it nobody can watch, change or redeem (P-04). */
import type { FastifyReply } from 'fastify';
import { hostCookie, hostCookieName, readCookie } from '../http/cookies.ts';

const bindingPattern = /^[A-Za-z0-9_-]{43}$/;
const plainName = 'mt_bb';

/** The cookie's name on this issuer. */
export function bindingCookieName(issuer: string): string {
  return hostCookieName(issuer, plainName);
}

/** The binding that the request carries; undefined where there is none or two disagree. */
export function readBinding(
  request: { readonly headers: { readonly cookie?: string | undefined } },
  issuer: string,
): string | undefined {
  const value = readCookie(request, bindingCookieName(issuer));
  return value !== undefined && bindingPattern.test(value) ? value : undefined;
}

/** For this browser session only, and out of reach of scripts. */
export function writeBinding(reply: FastifyReply, issuer: string, binding: string): void {
  reply.header('set-cookie', hostCookie(issuer, plainName, binding));
}
