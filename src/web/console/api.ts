/** Calls the admin API as the person who is logged in: same origin, JSON, and what went wrong as one kind of error. */

/** A request below `/admin/v1`. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  /** The same act sent twice is done once. */
  readonly idempotencyKey?: string;
  /** The page's own question, by which a person does nothing: it keeps no session alive. */
  readonly isPoll?: boolean;
}

/** Sends a request; throws {@link ApiError}. */
export type Api = <T>(call: ApiCall) => Promise<T>;

interface Problem {
  readonly type?: unknown;
  readonly detail?: unknown;
  readonly instance?: unknown;
  readonly proof?: unknown;
  readonly retryAfterSeconds?: unknown;
}

const codePrefix = 'urn:mtoken:error:';

/** What the server, or the way to it, refused. */
export class ApiError extends Error {
  /** As docs/errors.md lists them; `offline` where nothing answered, `unreadable` where something else did. */
  readonly code: string;
  /** In English, for whoever asks support. */
  readonly detail: string | undefined;
  /** By which the server's log finds it. */
  readonly requestId: string | undefined;
  /** With `proof_required`: which one. */
  readonly proof: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, problem: Problem = {}) {
    super(code);
    this.name = 'ApiError';
    this.code = code;
    this.detail = text(problem.detail);
    this.requestId = text(problem.instance);
    this.proof = text(problem.proof);
    this.retryAfterSeconds = typeof problem.retryAfterSeconds === 'number' ? problem.retryAfterSeconds : undefined;
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Longer than any answer takes; a person waits no longer either. */
const timeoutMs = 20_000;

/** The address of a call, for links to files too. */
export function apiUrl({ path, query = {} }: Pick<ApiCall, 'path' | 'query'>): string {
  const asked = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === '' ? [] : [[name, value]],
  );
  const search = new URLSearchParams(asked).toString();
  return `/admin/v1${path}${search === '' ? '' : `?${search}`}`;
}

/** Sends one request. */
export async function callApi<T>(call: ApiCall): Promise<T> {
  return (await callForAct<T>(call)).answer;
}

/** What became of an act: done, or kept for a second person. */
export interface Outcome<T> {
  readonly isKept: boolean;
  readonly answer: T;
}

/** Sends one request that changes something. */
export async function callForAct<T>(call: ApiCall): Promise<Outcome<T>> {
  const response = await send(call);
  const answer = (await response.json().catch(() => undefined)) as unknown;
  if (response.ok && answer !== undefined) return { isKept: response.status === 202, answer: answer as T };
  throw errorOf(answer);
}

/** Sends one request whose answer is a file. */
export async function callForFile(call: ApiCall): Promise<Outcome<Blob>> {
  const response = await send(call);
  if (response.ok) return { isKept: false, answer: await response.blob() };
  throw errorOf(await response.json().catch(() => undefined));
}

async function send(call: ApiCall): Promise<Response> {
  const { method, body, idempotencyKey, isPoll = false } = call;
  try {
    return await fetch(apiUrl(call), {
      method,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(isPoll && { 'mtoken-poll': '1' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError('offline');
  }
}

function errorOf(answer: unknown): ApiError {
  const problem: Problem = typeof answer === 'object' && answer !== null ? answer : {};
  const type = text(problem.type) ?? '';
  // The last part, whether types are URNs or pages of the documentation.
  const code = type.startsWith(codePrefix) ? type.slice(codePrefix.length) : type.replace(/^.*[/#:]/, '');
  return new ApiError(code || 'unreadable', problem);
}
