/** Calls the admin API as the person who is logged in: same origin, JSON, and the console's cookie. */
import {
  type AdminClient,
  type AdminRequest,
  adminClient,
  type Input,
  type ListName,
  type OperationName,
  type Reply,
} from '../../admin-client/client.ts';

/** Calls an operation. Throws `AdminProblem`, and {@link Unreachable} where nothing answered. */
export type Api = AdminClient['call'];

/** An operation with what it takes. */
export type Order = { [K in OperationName]: readonly [name: K, input: Input<K>] }[OperationName];

/** What became of an act: done, or kept for a second person. */
export interface Outcome<T> {
  readonly isKept: boolean;
  readonly answer: T;
}

/** Nothing answered in time. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('nothing answered', { cause });
    this.name = 'Unreachable';
  }
}

/** Longer than any answer takes; a person waits no longer either. */
const timeoutMs = 20_000;

async function send(url: string, { method, headers, body }: AdminRequest): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      headers,
      ...(body !== undefined && { body }),
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new Unreachable(error);
  }
}

/** What a person asks for. */
export const api: Api = adminClient({ baseUrl: '', send }).call;

/** What the page asks by itself, by which a person does nothing: it keeps no session alive. */
export const poll: Api = adminClient({
  baseUrl: '',
  send: (url, request) => send(url, { ...request, headers: { ...request.headers, 'mtoken-poll': '1' } }),
}).call;

/** A page of a list. What the address of the page says goes to the server as it is, which judges it. */
export function list<K extends ListName>(
  name: K,
  query: Readonly<Record<string, string | number | undefined>>,
): Promise<Reply<K>> {
  const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== '' && value !== undefined));
  const call = api as (of: K, input: object) => Promise<Reply<K>>;
  return call(name, { query: asked });
}

/** Does an act; the same key sent twice does it once. */
export async function order<T>([name, input]: Order, idempotencyKey: string): Promise<Outcome<T>> {
  let isKept = false;
  const client = adminClient({
    baseUrl: '',
    send: async (url, request) => {
      const response = await send(url, request);
      isKept = response.status === 202;
      return response;
    },
  });
  const call = client.call as (name: OperationName, input: object) => Promise<T>;
  const answer = await call(name, { ...input, idempotencyKey });
  return { isKept, answer };
}

/** Does an act whose answer is a file. */
export async function orderFile([name, input]: Order): Promise<Outcome<Blob>> {
  const download = adminClient({ baseUrl: '', send }).download as (
    name: OperationName,
    input: object,
  ) => Promise<Response>;
  return { isKept: false, answer: await (await download(name, input)).blob() };
}
