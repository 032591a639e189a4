/** The cookie that binds orders to the browser that began them: without it nobody can watch, change or redeem (P-04). */
import type { FastifyReply } from 'fastify';

const bindingPattern = /^[A-Za-z0-9_-]{43}$/;

/** `__Host-` where cookies can be Secure: then no other host, no sub-path and no plain connection can plant one (S-03, S-05). */
export function bindingCookieName(issuer: string): string {
  return issuer.startsWith('https:') ? '__Host-mt_bb' : 'mt_bb';
}

/** The binding that the request carries; undefined where there is none or two disagree. */
export function readBinding(
  request: { readonly headers: { readonly cookie?: string | undefined } },
  issuer: string,
): string | undefined {
  const name = bindingCookieName(issuer);
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const values = new Set(
    pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1)),
  );
  const [value] = values;
  return values.size === 1 && value !== undefined && bindingPattern.test(value) ? value : undefined;
}

/** For this browser session only, and out of reach of scripts. */
export function writeBinding(reply: FastifyReply, issuer: string, binding: string): void {
  const secure = issuer.startsWith('https:') ? '; Secure' : '';
  reply.header('set-cookie', `${bindingCookieName(issuer)}=${binding}; Path=/; HttpOnly; SameSite=Lax${secure}`);
}
