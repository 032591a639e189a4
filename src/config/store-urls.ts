/** Whether a store's URL may be used in production: TLS that is verified, or no network at all. */

/** What was expected and what was found, without anything secret of the URL. */
export interface UrlProblem {
  readonly expected: string;
  readonly found: string;
}

/** Why a Redis URL is refused in production; `undefined` where it is fine. Every node of a list must be fine. */
export function redisProblem(text: string): UrlProblem | undefined {
  if (!/^redis(\+[a-z]+)?:/.test(text)) return undefined;
  const remote = hostsOf(text).filter((host) => !isLoopback(host));
  if (remote.length === 0) return undefined;
  return { expected: 'rediss: (TLS) for a host that is not this machine', found: `redis: to ${remote.join(', ')}` };
}

/** Why a PostgreSQL URL is refused in production; `undefined` where it is fine. */
export function databaseProblem(text: string): UrlProblem | undefined {
  if (text.startsWith('socket:')) return undefined;
  // As the driver reads it: nothing after a fragment, of a parameter that comes twice the last, and no host that is empty.
  const [url = ''] = text.split('#', 1);
  const query = new URLSearchParams(url.slice(`${url}?`.indexOf('?')));
  const host = query.getAll('host').at(-1);
  const remote = (host ? [host] : hostsOf(url)).filter((one) => !isLoopback(one));
  if (remote.length === 0) return undefined;
  const mode = query.getAll('sslmode').at(-1) ?? 'nothing';
  // `require` is verified by the driver as `verify-full` is, unless it is told to behave as libpq.
  const isVerified = mode === 'verify-full' || (mode === 'require' && !query.has('uselibpqcompat'));
  if (isVerified) return undefined;
  return {
    expected: 'sslmode=verify-full for a host that is not this machine',
    found: `sslmode ${mode} to ${remote.join(', ')}`,
  };
}

/** The hosts between the credentials and the path, without ports. */
function hostsOf(text: string): string[] {
  const authority = /^[a-z+]+:\/\/([^/?]*)/.exec(text)?.[1] ?? '';
  const list = authority.slice(authority.lastIndexOf('@') + 1);
  return list.split(',').map((node) =>
    node
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase(),
  );
}

/** This machine: loopback, an empty host, or the directory of a socket. */
function isLoopback(host: string): boolean {
  const isSocket = host === '' || host.startsWith('/') || host.startsWith('%2f');
  return isSocket || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
