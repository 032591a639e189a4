/** The log: one JSON object a line, with fields from a list, cleaned of control characters, with a second net for secrets. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { AuthError } from '../errors.ts';

export type Log = Logger;

/** Every field that may be logged. What is not here is dropped, so that a secret in a new field cannot slip out. */
const allowedFields: ReadonlySet<string> = new Set([
  'event',
  'err',
  'requestId',
  'method',
  'route',
  'status',
  'durationMs',
  'address',
  'userAgent',
  'actor',
  'companyId',
  'userId',
  'deviceId',
  'orderId',
  'clientId',
  'sessionUid',
  'activationId',
  'messageId',
  'kid',
  'alg',
  'code',
  'detail',
  'reason',
  'kind',
  'count',
  'attempts',
  'worker',
  'mode',
  'engine',
  'shortLived',
  'version',
  'public',
  'admin',
  'issuer',
  'name',
  'path',
  'signal',
  'grantType',
  'error',
  'running',
  'waiting',
]);

/** Longest text of one field; the rest is cut. */
const maxTextLength = 2000;
/** How many causes of an error are told. */
const maxCauses = 4;

/** Control, line-separator and direction characters: they could forge a line or hide one on a terminal. */
// biome-ignore lint: control characters are what this pattern finds
const unsafeCharacters = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** What looks like a token, key, long hexadecimal value or password in a URL. */
const secretShapes: readonly RegExp[] = [
  /[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_.-]*)?/g,
  /[0-9a-f]{64,}/gi,
  /[A-Za-z0-9_-]{43,}/g,
  /(?<=:\/\/[^\s/@:]{0,100}:)[^\s/@]+(?=@)/g,
  /(?<=(password|secret|token|code|pin)["']?\s?[=:]\s?["']?)[^\s"'&,;]{4,}/gi,
];

/** Text that is safe to log: one line, bounded, nothing that looks like a secret. */
export function cleanText(text: string): string {
  const short = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  const plain = short.replace(unsafeCharacters, (character) => `<${character.charCodeAt(0).toString(16)}>`);
  return secretShapes.reduce((cleaned, shape) => cleaned.replace(shape, '[redacted]'), plain);
}

/** Opens the log on `destination`, standard output unless told. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    messageKey: 'message',
    // Errors are described by `keepAllowed`, with their causes apart.
    serializers: { err: (value: unknown) => value },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: keepAllowed,
    },
    hooks: {
      logMethod(this: Logger, parameters: Parameters<Logger['info']>, method: (...all: unknown[]) => void) {
        method.apply(
          this,
          (parameters as unknown[]).map((part) => (typeof part === 'string' ? cleanText(part) : part)),
        );
      },
    },
  };
  const log = destination === undefined ? pino(options) : pino(options, destination);
  filterChildren(log);
  return log;
}

/** As much as waits for a reader of standard output; then lines of the log are dropped. */
const maxWaitingBytes = 64 * 1024 * 1024;

/** Standard output, written beside the event loop: a reader that stalls costs memory, not time. */
export function openOutput() {
  return pino.destination({ dest: 1, sync: false, minLength: 0, maxLength: maxWaitingBytes });
}

/** Pino does not pass the fields of child loggers through its formatters. Children inherit this from the logger they are made of. */
function filterChildren(log: Log): void {
  const { child } = log;
  log.child = function filtered(this: Log, bindings: Record<string, unknown>, ...rest: unknown[]) {
    return Reflect.apply(child, this, [keepAllowed(bindings), ...rest]) as ReturnType<typeof child>;
  } as typeof child;
}

function keepAllowed(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (allowedFields.has(name)) kept[name] = cleanValue(value);
  }
  return kept;
}

function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (value instanceof Error) return describeError(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return value;
  return cleanText(JSON.stringify(value) ?? typeof value);
}

/** An error with its causes: class, code, text and where it was thrown. */
function describeError(error: Error, depth = 1): Record<string, unknown> {
  const { code } = error as Error & { code?: unknown };
  // Of our own errors only: PostgreSQL's detail quotes the row that did not fit, with names and sealed values.
  const detail = error instanceof AuthError ? error.detail : undefined;
  return {
    name: error.name,
    message: cleanText(error.message),
    ...(typeof code === 'string' ? { code: cleanText(code) } : {}),
    ...(detail === undefined ? {} : { detail: cleanText(detail) }),
    ...(error.stack === undefined ? {} : { at: stackOf(error.stack) }),
    ...(error.cause instanceof Error && depth < maxCauses ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

/** Places only: the first line of a stack repeats the message. */
function stackOf(stack: string): string[] {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => cleanText(line.trim()));
}
