/** The kinds of value that a setting may have: what is expected, in words, and how the text becomes a value. */
import { isIP, isIPv4 } from 'node:net';
import { looksLikeSample } from './data-key-file.ts';

/** Reads a setting's text; `undefined` where the text does not fit. */
export interface Kind<T> {
  /** What is expected, as it completes "expected …". */
  readonly expected: string;
  readonly read: (text: string) => T | undefined;
}

// biome-ignore lint: control characters are what this pattern refuses
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const keyId = /^[A-Za-z0-9_-]{1,32}$/;
const mailAddress = /^[^\s@<>",;:\\()[\]]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*$/i;
/** Names for address ranges that the proxy check knows. */
const rangeNames: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

/** A whole number between `min` and `max`, both included, in decimal digits. */
export function integer(min: number, max: number, unit = ''): Kind<number> {
  return {
    expected: `a whole number from ${min} to ${max}${unit === '' ? '' : ` (${unit})`}`,
    read: (text) => {
      const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return { expected: `one of: ${words.join(', ')}`, read: (text) => words.find((word) => word === text) };
}

/** `true` or `false`, nothing else: "yes", "1" and "on" have been read as false elsewhere. */
export const flag: Kind<boolean> = {
  expected: 'true or false',
  read: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

/** A path of this machine. */
export const path: Kind<string> = {
  expected: 'a path',
  read: (text) => (controlCharacters.test(text) ? undefined : text),
};

/** A name that people read in one line: nothing that is invisible, or turns the direction of what stands around it. */
export const displayName: Kind<string> = {
  expected: '1 to 40 visible characters, without control or formatting characters, not only spaces',
  read: (text) => {
    const isPlain = !/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}<>]/u.test(text);
    return isPlain && text.trim() === text && text !== '' && [...text].length <= 40 ? text : undefined;
  },
};

/** A colour as six hexadecimal digits; given back in lower case. */
export const colour: Kind<string> = {
  expected: 'a colour as #rrggbb, such as #0b57d0',
  read: (text) => (/^#[0-9a-f]{6}$/i.test(text) ? text.toLowerCase() : undefined),
};

/** An origin in its canonical form: `https://login.bank.example`, without path, default port or trailing slash. */
export const origin: Kind<string> = {
  expected: 'an origin such as https://login.bank.example, in lower case, without path, query or trailing slash',
  read: (text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.origin === text ? text : undefined;
  },
};

/** A URL or URN that names an audience. */
export const identifier: Kind<string> = {
  expected: 'a URL or URN without white space, at most 200 characters',
  read: (text) => (text.length <= 200 && !/\s/.test(text) && URL.canParse(text) ? text : undefined),
};

/** An address or name to listen on. */
export const host: Kind<string> = {
  expected: 'an IP address or a host name',
  read: (text) => (isIP(text) > 0 || hostName.test(text) ? text : undefined),
};

/** Hosts, each with an optional port, separated by commas. */
export const hostList: Kind<readonly string[]> = {
  expected: 'host names or IPv4 addresses, each with an optional :port, separated by commas',
  read: (text) => readList(text, (part) => (isHostWithPort(part) ? part.toLowerCase() : undefined)),
};

/** Addresses and networks in CIDR form, separated by commas. A network of everything is refused: it would trust forged headers. */
export const networks: Kind<readonly string[]> = {
  expected: 'IP addresses or networks (10.0.0.0/8, fd00::/8), or loopback, linklocal, uniquelocal, separated by commas',
  read: (text) => readList(text, (part) => (rangeNames.includes(part) || isNetwork(part) ? part : undefined)),
};

/** A URL with one of the given schemes, such as `redis`. */
export function url(schemes: readonly string[], example: string): Kind<string> {
  return {
    expected: `a URL that begins with ${schemes.map((scheme) => `${scheme}:`).join(' or ')}, such as ${example}`,
    read: (text) => {
      const scheme = /^([a-z][a-z0-9+.-]*):\/\/./.exec(text)?.[1];
      return scheme !== undefined && schemes.includes(scheme) && !/\s/.test(text) ? text : undefined;
    },
  };
}

const redisSchemes = ['redis', 'rediss'].flatMap((scheme) => [scheme, `${scheme}+sentinel`, `${scheme}+cluster`]);

/** Redis: one server, Sentinels or a Cluster, with TLS (`rediss`) or without, or a socket of this machine. */
export const redisUrl = url([...redisSchemes, 'redis+unix'], 'rediss://user:password@redis.example:6379');

/** A sender: a bare address, or a name and an address in angle brackets. */
export const sender: Kind<string> = {
  expected: 'an e-mail address, or "Name <address>"',
  read: (text) => {
    const bare = /^[^<>"]{1,100} <([^<>]+)>$/.exec(text)?.[1] ?? text;
    return mailAddress.test(bare) && !controlCharacters.test(text) ? text : undefined;
  },
};

/** A file that holds a data key, with the id under which values sealed by it are marked. */
export interface KeyFile {
  readonly id: string;
  readonly path: string;
}

/** `id=path` pairs; the first key seals, all of them open. */
export const keyFiles: Kind<readonly KeyFile[]> = {
  expected: 'id=path pairs separated by commas, each id of 1 to 32 letters, digits, "_" or "-", used once',
  read: (text) => {
    const files = readList(text, (part) => {
      const at = part.indexOf('=');
      const file = { id: part.slice(0, at), path: part.slice(at + 1) };
      return at > 0 && keyId.test(file.id) && file.path !== '' ? file : undefined;
    });
    return new Set(files?.map(({ id }) => id)).size === files?.length ? files : undefined;
  },
};

/** One or two secrets of Standard Webhooks, 256 to 512 bits each; samples and pass phrases are refused. */
export const signingSecrets: Kind<readonly string[]> = {
  expected: 'whsec_ and 32 to 64 random bytes in base64, or two of these separated by a comma',
  read: (text) => {
    const secrets = readList(text, (part) => (isSigningSecret(part) ? part : undefined));
    return secrets !== undefined && secrets.length <= 2 && new Set(secrets).size === secrets.length
      ? secrets
      : undefined;
  },
};

/** Where the audit trail is streamed to. */
export type StreamTarget =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'syslog'; readonly transport: 'udp' | 'tcp'; readonly host: string; readonly port: number };

/** `stdout`, or the URL of a syslog receiver. */
export const streamTarget: Kind<StreamTarget> = {
  expected: 'stdout, or a receiver such as syslog+tcp://siem.example:601 or syslog+udp://127.0.0.1:514',
  read: (text) => {
    if (text === 'stdout') return { kind: 'stdout' };
    const [, transport, name = '', digits] = /^syslog\+(udp|tcp):\/\/([^/:@]+):([1-9]\d{0,4})$/.exec(text) ?? [];
    const port = Number(digits);
    if ((transport !== 'udp' && transport !== 'tcp') || !hostName.test(name) || port > 65_535) return undefined;
    return { kind: 'syslog', transport, host: name, port };
  },
};

function readList<T>(text: string, read: (part: string) => T | undefined): readonly T[] | undefined {
  const parts = text.split(',').map((part) => read(part.trim()));
  const known = parts.filter((part) => part !== undefined);
  return known.length === parts.length ? known : undefined;
}

function isSigningSecret(text: string): boolean {
  const digits = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1] ?? '';
  const key = Buffer.from(digits, 'base64');
  return key.toString('base64') === digits && key.length >= 32 && key.length <= 64 && !looksLikeSample(key);
}

function isHostWithPort(text: string): boolean {
  const [name = '', port, ...rest] = text.split(':');
  return hostName.test(name) && rest.length === 0 && (port === undefined || /^[1-9]\d{0,4}$/.test(port));
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  if (isIP(address) === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  const width = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  return width >= 1 && width <= (isIPv4(address) ? 32 : 128);
}
