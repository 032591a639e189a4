/** A typed client of the admin API, for Node and for browsers: one call for every operation of docs/openapi.json. */
import { type Operations, operations } from './operations.ts';

/** How requests go out and who sends them. */
export interface AdminClientOptions {
  /** Origin of the admin listener; empty for pages of that listener. */
  readonly baseUrl: string;
  /** Sends a request and answers whatever the status is; throws where nothing answered. */
  readonly send: (url: string, request: AdminRequest) => Promise<Response>;
}

/** A request without who sends it: `send` adds the token, or the browser its cookie. */
export interface AdminRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** True: the answer is a file and may take as long as it is. */
  readonly isFile: boolean;
}

export type OperationName = keyof Operations;
export type Input<K extends OperationName> = Operations[K]['input'];
export type Reply<K extends OperationName> = Operations[K]['reply'];

/** Operations that answer a page of a list. */
export type ListName = {
  [K in OperationName]: Reply<K> extends Page ? K : never;
}[OperationName];

interface Page {
  readonly items: readonly unknown[];
  readonly next: string | number | null;
}

/** One row of a list. */
export type Row<K extends ListName> = Reply<K> extends { readonly items: readonly (infer R)[] } ? R : never;

/** The input may be left out where it has no member that must be there. */
export type Arguments<K extends OperationName> =
  Record<never, never> extends Input<K> ? [input?: Input<K>] : [input: Input<K>];

export interface AdminClient {
  /** Calls an operation. Throws {@link AdminProblem} where the server refuses, and whatever `send` throws. */
  call<K extends OperationName>(name: K, ...input: Arguments<K>): Promise<Reply<K>>;
  /** Rows of a list, page after page, as they are asked for. */
  rows<K extends ListName>(name: K, ...input: Arguments<K>): AsyncGenerator<Row<K>, void>;
  /** Calls an operation that answers a file; an error while it is read means that it is a part. */
  download<K extends OperationName>(name: K, ...input: Arguments<K>): Promise<Response>;
}

/** A key by which a creation that is sent twice is done once: 32 hex digits. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What the server refused (RFC 9457); docs/errors.md says what to do for each code. */
export class AdminProblem extends Error {
  /** The last part of `type`; `unreadable` where the answer was no problem document. */
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  /** By which the server's log finds the request. */
  readonly requestId: string | undefined;
  /** Every member of the document. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, members: Readonly<Record<string, unknown>>) {
    const title = textOf(members['title']) ?? `HTTP ${status}`;
    const detail = textOf(members['detail']);
    super(detail === undefined ? title : `${title}: ${detail}`);
    this.name = 'AdminProblem';
    this.code = textOf(members['type'])?.replace(/^.*[/#:]/, '') ?? 'unreadable';
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.requestId = textOf(members['instance']);
    this.members = members;
  }
}

/** The client. Every creation carries an `Idempotency-Key`: the given one, or one of its own. */
export function adminClient(options: AdminClientOptions): AdminClient {
  const download: AdminClient['download'] = (name, ...[input]) => ask(options, name, { input, isFile: true });
  const call = async <K extends OperationName>(name: K, ...[input]: Arguments<K>): Promise<Reply<K>> => {
    const response = await ask(options, name, { input, isFile: false });
    const answer: unknown = await response.json().catch(() => undefined);
    if (typeof answer !== 'object' || answer === null) throw new AdminProblem(response.status, {});
    return answer as Reply<K>;
  };
  async function* rows<K extends ListName>(name: K, ...[input]: Arguments<K>): AsyncGenerator<Row<K>, void> {
    const given = (input ?? {}) as LooseInput;
    let query = given.query ?? {};
    for (;;) {
      const page = (await call(name, ...([{ ...given, query }] as unknown as Arguments<K>))) as Page;
      yield* page.items as readonly Row<K>[];
      if (page.next === null) return;
      query = { ...query, after: page.next };
    }
  }
  return { call, rows, download };
}

/** What any input may have; the types of `Operations` say which of it. */
interface LooseInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly idempotencyKey?: string;
}

async function ask(
  { baseUrl, send }: AdminClientOptions,
  name: OperationName,
  { input, isFile }: { readonly input: unknown; readonly isFile: boolean },
): Promise<Response> {
  const { method, path, creates } = operations[name];
  const { params = {}, query = {}, body, ifMatch, idempotencyKey } = (input ?? {}) as LooseInput;
  const key = idempotencyKey ?? (creates ? newIdempotencyKey() : undefined);
  const response = await send(`${baseUrl}/admin/v1${filled(path, params)}${searchOf(query)}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
    isFile,
  });
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => undefined);
  throw new AdminProblem(response.status, typeof problem === 'object' && problem !== null ? { ...problem } : {});
}

/** The path with its parameters in it, each as one segment whatever it holds. */
function filled(path: string, params: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{([A-Za-z]+)\}/g, (_, name: string) => {
    const value = params[name] ?? '';
    // An empty segment, or one of dots, would be another path.
    if (/^\.{0,2}$/.test(value)) throw new AdminProblem(404, { title: 'Not found', detail: `${name} is no id` });
    return encodeURIComponent(value);
  });
}

function searchOf(query: NonNullable<LooseInput['query']>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
