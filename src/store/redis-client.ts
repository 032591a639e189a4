/**
 * Connections to Redis from one URL:
 *
 * - one server: `redis://user:password@host:6379/0`
 * - Sentinel: `redis+sentinel://user:password@host:26379,host:26379/name-of-master?db=0&sentinelUsername=…&sentinelPassword=…`
 * - Cluster: `redis+cluster://user:password@host:6379,host:6379`
 * - one server through its socket on this machine: `redis+unix://user:password@/path/of/redis.sock?db=0`
 *
 * User and password are those of the data servers, percent-encoded. `rediss` in place of `redis` means TLS, to Sentinels as well.
 */
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import { AuthError } from '../errors.ts';

type RedisTopology = 'single' | 'sentinel' | 'cluster';

/** A parsed `REDIS_URL`. */
export interface RedisAddress {
  readonly topology: RedisTopology;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** 0 in a Cluster. */
  readonly database: number;
  /** Path of the socket of a server on this machine; then there are no hosts. */
  readonly socket: string | undefined;
  /** Sentinel only. */
  readonly master: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
}

/** How long things may take before the store counts as down, and under which name; each has a default. */
export interface RedisLimits {
  /** From sending a command to its answer, waiting for a connection included; 2000 ms. */
  readonly commandTimeoutMs?: number;
  /** 2000 ms. */
  readonly connectTimeoutMs?: number;
  /** What `CLIENT LIST` shows; `mtoken`. */
  readonly connectionName?: string;
}

export type RedisClient = Redis | Cluster;

/** Makes connections of one address. Two are made: one for commands, one that only listens. */
export interface RedisClientFactory {
  readonly address: RedisAddress;
  connect(): RedisClient;
}

const urlPattern = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^@/?]+)(?:\/([^?]*))?(?:\?(.*))?$/;
const socketPattern = /^redis\+unix:\/\/(?:([^@/?]*)@)?(\/[^?]+)(?:\?(.*))?$/;
const defaultPorts = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;

/** Reads a URL of the form above. Throws `invalid_request` with what is wrong, never with the password. */
export function parseRedisUrl(url: string): RedisAddress {
  const local = socketPattern.exec(url);
  if (local !== null) return parseSocket(local);
  const match = urlPattern.exec(url);
  if (match === null) throw refused('it must look like redis://host:port, redis+sentinel://… or redis+cluster://…');
  const [, scheme, kind, credentials, hostList = '', path = '', query = ''] = match;
  const topology = kind === 'sentinel' || kind === 'cluster' ? kind : 'single';
  const parameters = new URLSearchParams(query);
  const hosts = hostList.split(',').map((entry) => parseHost(entry, defaultPorts[topology]));
  if (topology === 'single' && hosts.length > 1) throw refused('several hosts need redis+sentinel or redis+cluster');
  if (topology === 'sentinel' && path === '') throw refused('the name of the master is missing after the hosts');
  return {
    topology,
    hosts,
    tls: scheme === 'rediss',
    ...parseCredentials(credentials),
    database: parseDatabase(topology === 'single' ? path : (parameters.get('db') ?? ''), topology),
    socket: undefined,
    master: topology === 'sentinel' ? decodeURIComponent(path) : undefined,
    sentinelUsername: parameters.get('sentinelUsername') ?? undefined,
    sentinelPassword: parameters.get('sentinelPassword') ?? undefined,
  };
}

function parseSocket([, credentials, socket, query = '']: RegExpExecArray): RedisAddress {
  return {
    topology: 'single',
    hosts: [],
    tls: false,
    ...parseCredentials(credentials),
    database: parseDatabase(new URLSearchParams(query).get('db') ?? '', 'single'),
    socket,
    master: undefined,
    sentinelUsername: undefined,
    sentinelPassword: undefined,
  };
}

function refused(why: string): AuthError {
  return new AuthError('invalid_request', { message: `the Redis URL is not usable: ${why}` });
}

function parseHost(entry: string, defaultPort: number): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(entry.trim());
  const host = match?.[1];
  if (host === undefined) throw refused('a host is not of the form host:port');
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (port < 1 || port > 65_535) throw refused('a port is out of range');
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

function parseCredentials(text: string | undefined): Pick<RedisAddress, 'username' | 'password'> {
  if (text === undefined || text === '') return { username: undefined, password: undefined };
  const colon = text.indexOf(':');
  const username = decodeURIComponent(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? undefined : decodeURIComponent(text.slice(colon + 1));
  return { username: username === '' ? undefined : username, password };
}

function parseDatabase(text: string, topology: RedisTopology): number {
  if (text === '') return 0;
  if (topology === 'cluster') throw refused('a Cluster has no numbered databases');
  if (!/^\d{1,4}$/.test(text)) throw refused('the database is not a number');
  return Number(text);
}

/** The factory for the topology that the URL names. Throws `invalid_request` on a URL that is not of the form above. */
export function redisClientFactory(url: string, limits: RedisLimits = {}): RedisClientFactory {
  const address = parseRedisUrl(url);
  const connectors = { single: connectSingle, sentinel: connectSentinel, cluster: connectCluster };
  return { address, connect: () => quiet(connectors[address.topology](address, limits)) };
}

/** An error event without a listener ends the process; a command that fails tells its caller anyway. */
function quiet(client: RedisClient): RedisClient {
  client.on('error', () => undefined);
  return client;
}

/**
 * Commands wait for a connection, but never longer than the command timeout, and a command whose answer was lost is sent again:
 * that is safe because every script knows its attempt by its id.
 */
function commonOptions(address: RedisAddress, limits: RedisLimits): Omit<CommonRedisOptions, 'replyMapping'> {
  return {
    // The replies of the scripts are the same in both; 2 is what every Redis, proxy and managed service speaks.
    protocol: 2,
    connectTimeout: limits.connectTimeoutMs ?? 2000,
    commandTimeout: limits.commandTimeoutMs ?? 2000,
    maxRetriesPerRequest: 3,
    enableOfflineQueue: true,
    autoResendUnfulfilledCommands: true,
    autoResubscribe: true,
    retryStrategy: retryDelay,
    // After a failover the old master answers READONLY until the address is resolved anew.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    keepAlive: 10_000,
    connectionName: limits.connectionName ?? 'mtoken',
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
  };
}

/** 50 ms, 100 ms … 1 s, for ever: the store comes back without a restart of ours. */
function retryDelay(times: number): number {
  return Math.min(times * 50, 1000);
}

function connectSingle(address: RedisAddress, limits: RedisLimits): Redis {
  if (address.socket !== undefined) {
    return new Redis({ ...commonOptions(address, limits), path: address.socket, db: address.database });
  }
  const [server] = address.hosts;
  if (server === undefined) throw refused('there is no host');
  return new Redis({
    ...commonOptions(address, limits),
    host: server.host,
    port: server.port,
    db: address.database,
    ...(address.tls ? { tls: {} } : {}),
  });
}

function connectSentinel(address: RedisAddress, limits: RedisLimits): Redis {
  return new Redis({
    ...commonOptions(address, limits),
    sentinels: [...address.hosts],
    name: address.master ?? '',
    role: 'master',
    db: address.database,
    sentinelRetryStrategy: retryDelay,
    ...(address.sentinelUsername === undefined ? {} : { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword === undefined ? {} : { sentinelPassword: address.sentinelPassword }),
    ...(address.tls ? { tls: {}, enableTLSForSentinelMode: true } : {}),
  });
}

function connectCluster(address: RedisAddress, limits: RedisLimits): Cluster {
  const { retryStrategy: _, enableOfflineQueue: __, ...common } = commonOptions(address, limits);
  return new Cluster([...address.hosts], {
    redisOptions: { ...common, ...(address.tls ? { tls: {} } : {}) },
    clusterRetryStrategy: retryDelay,
    enableOfflineQueue: true,
    slotsRefreshInterval: 1000,
    slotsRefreshTimeout: limits.connectTimeoutMs ?? 2000,
    // Names of certificates are checked against the names that were configured, not against addresses.
    ...(address.tls ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
    maxRedirections: 16,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
  });
}
