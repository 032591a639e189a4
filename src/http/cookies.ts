/** Cookies that prove something: read without guessing, written so that nobody else can plant or read them. */

/** The value of the cookie; undefined where the request has none, or two that disagree: then somebody planted one. */
export function readCookie(
  request: { readonly headers: { readonly cookie?: string | undefined } },
  name: string,
): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const values = new Set(
    pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1)),
  );
  const [value] = values;
  return values.size === 1 ? value : undefined;
}

/** `__Host-` where cookies can be Secure: then no other host, no sub-path and no plain connection can plant one (S-03, S-05). */
export function hostCookieName(origin: string, name: string): string {
  return origin.startsWith('https:') ? `__Host-${name}` : name;
}

/** A `Set-Cookie` value for this browser session only, out of reach of scripts and of other sites' requests but links. */
export function hostCookie(origin: string, name: string, value: string): string {
  return `${hostCookieName(origin, name)}=${value}${attributes(origin)}`;
}

/** A `Set-Cookie` value that takes the cookie away. */
export function noHostCookie(origin: string, name: string): string {
  return `${hostCookieName(origin, name)}=; Max-Age=0${attributes(origin)}`;
}

function attributes(origin: string): string {
  return `; Path=/; HttpOnly; SameSite=Lax${origin.startsWith('https:') ? '; Secure' : ''}`;
}
