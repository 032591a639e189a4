/** Every setting of the server in one table: name, kind, default and meaning. `docs/configuration.md` is made from it. */

import type { Kind } from './kinds.ts';
import * as kinds from './kinds.ts';

export interface Setting<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  /** Text that is read where nothing is set. */
  readonly default: string | undefined;
  /** A secret's value is never shown, and `<NAME>_FILE` may name a file that holds it. */
  readonly isSecret: boolean;
  readonly about: string;
}

interface Options {
  readonly default?: string;
  readonly isSecret?: boolean;
}

function required<T>(name: string, kind: Kind<T>, about: string, options: Options & { default: string }): Setting<T> {
  return { name, kind, about, default: options.default, isSecret: options.isSecret ?? false };
}

function optional<T>(name: string, kind: Kind<T>, about: string, options: Options = {}): Setting<T | undefined> {
  return { name, kind, about, default: options.default, isSecret: options.isSecret ?? false };
}

const perMinute = kinds.integer(1, 100_000_000, 'per minute');

/** The table. Order is the order of the documentation. */
export const settings = {
  mode: required(
    'MTOKEN_MODE',
    kinds.choice('production', 'development'),
    'What may be assumed. `production` refuses to start on anything unsafe and is what the Docker image sets.',
    { default: 'development' },
  ),
  issuer: optional(
    'MTOKEN_ISSUER',
    kinds.origin,
    'The public origin: OpenID Connect issuer, base of the app protocol. Required in production, and `https` there. In development it is `http://localhost:<port>`. It cannot change once devices are registered.',
  ),
  host: required('MTOKEN_HOST', kinds.host, 'Where the public listener listens.', { default: '127.0.0.1' }),
  port: required('MTOKEN_PORT', kinds.integer(0, 65_535), 'Its port; 0 takes a free one.', { default: '3000' }),
  adminHost: required(
    'MTOKEN_ADMIN_HOST',
    kinds.host,
    'Where the admin listener (admin API, metrics, health detail) listens. Keep it off the public network.',
    { default: '127.0.0.1' },
  ),
  adminPort: required('MTOKEN_ADMIN_PORT', kinds.integer(0, 65_535), 'Its port; 0 takes a free one.', {
    default: '3001',
  }),
  consoleUrl: optional(
    'MTOKEN_CONSOLE_URL',
    kinds.origin,
    'The origin under which browsers reach the admin listener: there the console is, and people log in to it with mToken. Required for the console, and `https` in production; a host of its own, other than the issuer’s. Without it production has no console, and development takes `http://localhost:<admin port>`.',
  ),
  adminAudience: optional(
    'MTOKEN_ADMIN_AUDIENCE',
    kinds.identifier,
    'Audience of admin access tokens. `<issuer>/admin` unless set.',
  ),
  trustedProxies: optional(
    'MTOKEN_TRUSTED_PROXIES',
    kinds.networks,
    'The reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Nobody is unless named here.',
  ),
  dataDir: required(
    'MTOKEN_DATA_DIR',
    kinds.path,
    'Directory of the embedded database and, in development, of the generated data key.',
    { default: '.mtoken' },
  ),
  databaseUrl: optional(
    'DATABASE_URL',
    kinds.url(['postgres', 'postgresql', 'socket'], 'postgres://mtoken@db.example/mtoken?sslmode=verify-full'),
    'PostgreSQL 15 or newer. Embedded SQLite in the data directory unless set. TLS is required in production except on loopback and sockets.',
    { isSecret: true },
  ),
  redisUrl: optional(
    'REDIS_URL',
    kinds.redisUrl,
    'Redis 7 or newer with `maxmemory-policy noeviction`: single, Sentinel or Cluster. In process unless set, which is for one server only. TLS is required in production except on loopback and sockets.',
    { isSecret: true },
  ),
  dataKeyFiles: optional(
    'MTOKEN_DATA_KEY_FILES',
    kinds.keyFiles,
    'Files with the data keys (32 random bytes each as base64 or hex; `openssl rand -base64 32`). The first one seals, all of them open; the last is the oldest. Required in production, outside the data directory. Development generates one.',
  ),
  smtpUrl: optional(
    'MTOKEN_SMTP_URL',
    kinds.url(['smtp', 'smtps'], 'smtps://user:password@mail.example:465'),
    'The mail server. Required in production. Without it, development prints every mail on standard error.',
    { isSecret: true },
  ),
  mailFrom: optional('MTOKEN_MAIL_FROM', kinds.sender, 'Sender of all mails. Required with `MTOKEN_SMTP_URL`.'),
  internalPortals: optional(
    'MTOKEN_INTERNAL_PORTALS',
    kinds.hostList,
    'Hosts of portals in private networks to which back-channel logout, pings of CIBA and signing webhooks may be sent, and from which documents to be signed may be fetched. Private addresses are refused otherwise, so that no client entry can make the server call its neighbours.',
  ),
  internalWebhooks: optional(
    'MTOKEN_INTERNAL_WEBHOOKS',
    kinds.hostList,
    'Hosts in private networks to which webhooks may be sent, `http` included. Private addresses and `http` are refused otherwise.',
  ),
  pushUrl: optional(
    'MTOKEN_PUSH_URL',
    kinds.url(['https', 'http'], 'https://push.bank.example/mtoken'),
    'The bank’s own gateway, which nudges phones through whatever service it uses. It is told ids of phones and names of events. A host in a private network is named by `MTOKEN_INTERNAL_WEBHOOKS` too; `http` is for development. Unless set, no phone is nudged.',
  ),
  pushSecret: optional(
    'MTOKEN_PUSH_SECRET',
    kinds.signingSecrets,
    'Signs what the gateway is told. Required with `MTOKEN_PUSH_URL`. `echo "whsec_$(openssl rand -base64 32)"` makes one; while the gateway changes from one to another, name both, separated by a comma.',
    { isSecret: true },
  ),
  riskUrl: optional(
    'MTOKEN_RISK_URL',
    kinds.url(['https', 'http'], 'https://risk.bank.example/mtoken'),
    'The bank’s own risk engine, asked before a phone is asked to sign (signing.md, Risk). It is told ids, amounts and account numbers, and answers within two seconds. A host in a private network is named by `MTOKEN_INTERNAL_WEBHOOKS` too; `http` is for development. Unless set, the rules of the companies alone judge.',
  ),
  riskSecret: optional(
    'MTOKEN_RISK_SECRET',
    kinds.signingSecrets,
    'Signs what the risk engine is asked. Required with `MTOKEN_RISK_URL`; made and changed as `MTOKEN_PUSH_SECRET` is.',
    { isSecret: true },
  ),
  riskFailure: optional(
    'MTOKEN_RISK_FAILURE',
    kinds.choice('deny', 'step-up', 'allow'),
    'What holds where the risk engine does not answer, answers late, or not as agreed. Unless set: `deny` for whatever moves money (`payment`, `payment-batch`, `reservation`, `payee-add`, `mandate`), `step-up` for all else.',
  ),
  deliveredDays: required(
    'MTOKEN_DELIVERED_DAYS',
    kinds.integer(0, 3_650, 'days'),
    'How long the outbox remembers that a message was delivered. Its text is erased at delivery.',
    { default: '30' },
  ),
  deadLetterDays: required(
    'MTOKEN_DEAD_LETTER_DAYS',
    kinds.integer(2, 3_650, 'days'),
    'How long messages that could not be delivered are kept, from when they were written, to be sent again. More than a day, for so long they are tried.',
    { default: '90' },
  ),
  limitPerAddress: required(
    'MTOKEN_LIMIT_PER_ADDRESS',
    perMinute,
    'Requests from one IPv4 address or one IPv6 /64 network, for each group of routes; and of one caller of the admin API, from wherever.',
    { default: '600' },
  ),
  limitLoginsPerAddress: required(
    'MTOKEN_LIMIT_LOGINS_PER_ADDRESS',
    perMinute,
    'Login codes made for one address or network. An office shares one address.',
    { default: '60' },
  ),
  limitPerDevice: required('MTOKEN_LIMIT_PER_DEVICE', perMinute, 'Requests of one registered device.', {
    default: '120',
  }),
  limitPerUser: required('MTOKEN_LIMIT_PER_USER', perMinute, 'Requests of one user over all devices.', {
    default: '240',
  }),
  limitGlobal: required('MTOKEN_LIMIT_GLOBAL', perMinute, 'Requests of everybody, for each group of routes.', {
    default: '600000',
  }),
  auditCheckpointRecords: required(
    'MTOKEN_AUDIT_CHECKPOINT_RECORDS',
    kinds.integer(1, 1_000_000, 'records'),
    'After so many records the head of the audit trail is signed.',
    { default: '1000' },
  ),
  auditCheckpointMinutes: required(
    'MTOKEN_AUDIT_CHECKPOINT_MINUTES',
    kinds.integer(1, 1_440, 'minutes'),
    'It is signed after so many minutes too, if anything was recorded in them.',
    { default: '5' },
  ),
  auditStream: optional(
    'MTOKEN_AUDIT_STREAM',
    kinds.streamTarget,
    'Where every record of the audit trail is sent as well: `stdout`, one JSON line each, or a syslog receiver (RFC 5424), `syslog+tcp://host:port` or `syslog+udp://host:port`. A new place is sent the whole trail. Neither form of syslog is encrypted: name a relay on this machine or in a protected network.',
  ),
  auditRetentionDays: optional(
    'MTOKEN_AUDIT_RETENTION_DAYS',
    kinds.integer(366, 36_500, 'days'),
    'How old a record must be before `mtoken audit prune` may cut it off. Unless set, the trail is kept for ever.',
  ),
  logLevel: required(
    'MTOKEN_LOG_LEVEL',
    kinds.choice('fatal', 'error', 'warn', 'info', 'debug', 'silent'),
    'How much is logged, as JSON lines on standard output.',
    { default: 'info' },
  ),
  brandName: required(
    'MTOKEN_BRAND_NAME',
    kinds.displayName,
    'What the pages and the app are called: in their header, in titles, and under the icon of the installed app.',
    { default: 'mToken' },
  ),
  brandLogo: optional(
    'MTOKEN_BRAND_LOGO',
    kinds.path,
    'A PNG, WebP or SVG file of at most 64 KiB for the header of all pages. A wide one stands alone, any other beside the name; a square one (SVG, or PNG of 192 pixels or more) is also the icon of the installed app. An SVG with scripts, links or anything but a drawing is refused.',
  ),
  brandColour: optional(
    'MTOKEN_BRAND_COLOR',
    kinds.colour,
    'The one colour of buttons, links and focus. The text on it is chosen by itself. Refused where it cannot be read on the light page (contrast under 4.5:1).',
  ),
  brandColourDark: optional(
    'MTOKEN_BRAND_COLOR_DARK',
    kinds.colour,
    'The same for dark mode. Unless set, a lighter tint of `MTOKEN_BRAND_COLOR` that can be read well there.',
  ),
  demo: required('MTOKEN_DEMO', kinds.flag, 'Demo company, user and portal. Development only.', { default: 'false' }),
} as const satisfies Record<string, Setting<unknown>>;

/** Names that are read elsewhere and so are not unknown: the configuration file itself, and what tests and tools use. */
export const otherNames: readonly string[] = ['MTOKEN_CONFIG'];
export const otherPrefixes: readonly string[] = ['MTOKEN_TEST_', 'MTOKEN_CLI_', 'MTOKEN_PHONE_', 'MTOKEN_BENCH_'];

/** The values of the table. */
export type SettingValues = {
  readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never;
};
