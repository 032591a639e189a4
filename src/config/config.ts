/** One schema, one frozen configuration: from the environment and an optional file, all problems told at once. */
import { resolve } from 'node:path';
import type { DataKey } from '../crypto/sealing.ts';
import { type Brand, readBrand } from './brand.ts';
import { readConfigFile } from './config-file.ts';
import { readDataKeyFiles } from './data-key-files.ts';
import type { StreamTarget } from './kinds.ts';
import { nearest } from './nearest.ts';
import type { ConfigProblem, ConfigSources } from './problem.ts';
import { productionProblems } from './production.ts';
import { type PushSettings, pushOf, pushProblems } from './push.ts';
import { type RiskSettings, riskOf, riskProblems } from './risk.ts';
import { otherNames, otherPrefixes, type Setting, type SettingValues, settings } from './settings.ts';

/** What the server runs with. Frozen through and through. */
export interface Config {
  readonly mode: 'production' | 'development';
  readonly isDemo: boolean;
  /** An origin without trailing slash. */
  readonly issuer: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly admin: { readonly host: string; readonly port: number; readonly audience: string };
  /** Where browsers reach the console, an origin; undefined: there is none. */
  readonly consoleUrl: string | undefined;
  readonly trustedProxies: readonly string[];
  /** Absolute. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  /** Primary first; empty in development without key files: then one is generated in the data directory. */
  readonly dataKeys: readonly DataKey[];
  readonly smtp: { readonly url: string; readonly from: string } | undefined;
  /** Hosts of portals in private networks that back-channel logout may reach. */
  readonly internalPortals: readonly string[];
  /** Hosts of webhook receivers in private networks that may be called. */
  readonly internalWebhooks: readonly string[];
  /** The bank's gateway for nudges to phones; undefined: there is none. */
  readonly push: PushSettings | undefined;
  /** The bank's own risk engine; undefined: there is none. */
  readonly risk: RiskSettings | undefined;
  /** How long the outbox remembers, in days. */
  readonly outbox: { readonly deliveredDays: number; readonly deadDays: number };
  /** Requests in a minute. */
  readonly limits: {
    readonly perAddress: number;
    readonly loginsPerAddress: number;
    readonly perDevice: number;
    readonly perUser: number;
    readonly global: number;
  };
  readonly audit: {
    readonly checkpoint: { readonly records: number; readonly everyMs: number };
    readonly stream: StreamTarget | undefined;
    /** Undefined: nothing is ever cut off. */
    readonly retentionDays: number | undefined;
  };
  readonly brand: Brand;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
}

export type ConfigResult =
  | { readonly outcome: 'ready'; readonly config: Config }
  | { readonly outcome: 'refused'; readonly problems: readonly ConfigProblem[] };

/** Reads, checks and freezes the configuration; with any problem there is none, and every problem is listed. */
export function readConfig(sources: ConfigSources): ConfigResult {
  const problems: ConfigProblem[] = [];
  const texts = collectTexts(sources, problems);
  const values = readValues(texts, problems);
  const keys = readDataKeyFiles(values.dataKeyFiles ?? [], sources, problems);
  const brand = readBrand(values, sources, problems);
  problems.push(...untold(requirements(values), problems));
  if (values.mode === 'production') problems.push(...untold(productionProblems(values, keys, sources), problems));
  if (problems.length > 0) return { outcome: 'refused', problems };
  return { outcome: 'ready', config: deepFreeze({ ...arrange(values, keys), brand }) };
}

/** A value that cannot be read was told already; it is not missing as well. */
function untold(found: readonly ConfigProblem[], problems: readonly ConfigProblem[]): ConfigProblem[] {
  const told = new Set(problems.map(({ name }) => name));
  return found.filter(({ name }) => !told.has(name));
}

/** All texts by setting name: the environment wins over the file, and a `_FILE` variable stands for the value it points to. */
function collectTexts(sources: ConfigSources, problems: ConfigProblem[]): Map<string, string> {
  const texts = new Map<string, string>();
  const known = Object.values(settings).map(({ name }) => name as string);
  const file = readConfigFile(sources, problems);
  for (const [name, text] of [...file, ...Object.entries(sources.env)]) {
    if (text === undefined || text === '') continue;
    if (known.includes(name)) texts.set(name, text);
    else if (file.has(name) || isOurs(name)) collectOther(name, text, { sources, problems, texts, known });
  }
  return texts;
}

function isOurs(name: string): boolean {
  const isFileForm = name === 'DATABASE_URL_FILE' || name === 'REDIS_URL_FILE';
  const isOther = otherNames.includes(name) || otherPrefixes.some((prefix) => name.startsWith(prefix));
  return isFileForm || (name.startsWith('MTOKEN_') && !isOther);
}

interface Collecting {
  readonly sources: ConfigSources;
  readonly problems: ConfigProblem[];
  readonly texts: Map<string, string>;
  readonly known: readonly string[];
}

function collectOther(name: string, text: string, { sources, problems, texts, known }: Collecting): void {
  const setting = Object.values<Setting<unknown>>(settings).find((one) => one.isSecret && `${one.name}_FILE` === name);
  if (setting === undefined) {
    const meant = nearest(name, known);
    const expected = meant === undefined ? 'no such setting' : `${meant}, perhaps`;
    problems.push({ name, expected, found: 'a name that is not known' });
    return;
  }
  if (sources.env[setting.name]) {
    problems.push({ name, expected: `either ${setting.name} or ${name}`, found: 'both' });
    return;
  }
  try {
    texts.set(setting.name, sources.readFile(text).trim());
  } catch (error) {
    problems.push({ name, expected: 'a file that can be read', found: `${text} (${reason(error)})` });
  }
}

function readValues(texts: Map<string, string>, problems: ConfigProblem[]): SettingValues {
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(settings)) {
    const text = texts.get(setting.name);
    const fallback = setting.default === undefined ? undefined : setting.kind.read(setting.default);
    values[key] = text === undefined ? fallback : (setting.kind.read(text) ?? fallback);
    if (text !== undefined && setting.kind.read(text) === undefined) {
      const found = setting.isSecret ? 'a value that is not shown here' : JSON.stringify(text.slice(0, 100));
      problems.push({ name: setting.name, expected: setting.kind.expected, found });
    }
  }
  return values as SettingValues;
}

/** What must hold together in every mode. */
function requirements(values: SettingValues): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (values.smtpUrl !== undefined && values.mailFrom === undefined) {
    problems.push({ name: settings.mailFrom.name, expected: settings.mailFrom.kind.expected, found: 'nothing' });
  }
  if (values.port !== 0 && values.port === values.adminPort && values.host === values.adminHost) {
    problems.push({ name: settings.adminPort.name, expected: 'a port of its own', found: `${values.port} twice` });
  }
  problems.push(...consoleProblems(values), ...pushProblems(values), ...riskProblems(values));
  return problems;
}

function consoleProblems({ consoleUrl, issuer, port }: SettingValues): ConfigProblem[] {
  if (consoleUrl === undefined) return [];
  const { name } = settings.consoleUrl;
  const { protocol, hostname } = new URL(consoleUrl);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  if (protocol === 'http:' && !isLoopback) {
    return [{ name, expected: 'an https origin (http on loopback only)', found: consoleUrl }];
  }
  if (consoleUrl !== (issuer ?? `http://localhost:${port}`)) return [];
  return [{ name, expected: 'an origin of its own, other than the issuer', found: consoleUrl }];
}

/** Development has a console wherever its port is known before it listens. */
function consoleUrlOf({ mode, consoleUrl, adminPort }: SettingValues): string | undefined {
  const isKnown = mode === 'development' && adminPort !== 0;
  return consoleUrl ?? (isKnown ? `http://localhost:${adminPort}` : undefined);
}

function arrange(values: SettingValues, dataKeys: readonly DataKey[]): Omit<Config, 'brand'> {
  const issuer = values.issuer ?? `http://localhost:${values.port}`;
  const { smtpUrl, mailFrom } = values;
  return {
    mode: values.mode,
    isDemo: values.demo,
    issuer,
    listen: { host: values.host, port: values.port },
    admin: { host: values.adminHost, port: values.adminPort, audience: values.adminAudience ?? `${issuer}/admin` },
    consoleUrl: consoleUrlOf(values),
    trustedProxies: values.trustedProxies ?? [],
    dataDir: resolve(values.dataDir),
    databaseUrl: values.databaseUrl,
    redisUrl: values.redisUrl,
    dataKeys,
    smtp: smtpUrl === undefined || mailFrom === undefined ? undefined : { url: smtpUrl, from: mailFrom },
    internalPortals: values.internalPortals ?? [],
    internalWebhooks: values.internalWebhooks ?? [],
    push: pushOf(values),
    risk: riskOf(values),
    outbox: { deliveredDays: values.deliveredDays, deadDays: values.deadLetterDays },
    limits: {
      perAddress: values.limitPerAddress,
      loginsPerAddress: values.limitLoginsPerAddress,
      perDevice: values.limitPerDevice,
      perUser: values.limitPerUser,
      global: values.limitGlobal,
    },
    audit: {
      checkpoint: { records: values.auditCheckpointRecords, everyMs: values.auditCheckpointMinutes * 60_000 },
      stream: values.auditStream,
      retentionDays: values.auditRetentionDays,
    },
    logLevel: values.logLevel,
  };
}

/** Why a file could not be read: the code of the operating system, never its content. */
function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

function deepFreeze<T>(value: T): T {
  // Views of memory cannot be frozen; the keys' bytes are the one thing here that is not.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
