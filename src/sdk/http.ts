/** The little of HTTP that the SDK uses: no redirects, no cookies, a time limit and a size limit. */
import { PhoneError } from './errors.ts';

/** The part of `fetch` that the SDK calls; `globalThis.fetch` fits, and so does anything a test puts in its place. */
export type FetchLike = (
  url: string,
  init: {
    readonly method: 'GET' | 'POST';
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly redirect: 'error';
    readonly credentials: 'omit';
    readonly cache: 'no-store';
    readonly signal: AbortSignal;
  },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

/** An answer, unjudged. */
export interface HttpReply {
  readonly status: number;
  /** Lower case, without parameters. */
  readonly mediaType: string;
  readonly retryAfterSeconds: number | undefined;
  readonly text: string;
}

/** A request without a body is a GET. */
export interface HttpRequest {
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export type Http = (request: HttpRequest) => Promise<HttpReply>;

/** Far above any reply of the protocol: a hostile server cannot fill the phone's memory. */
const maxReplyCharacters = 1024 * 1024;

/** HTTP over `fetch`. Every failure to get an answer within `timeoutMs` is `offline`. */
export function createHttp(fetch: FetchLike, timeoutMs: number): Http {
  return async ({ url, headers = {}, body }) => {
    const aborter = new AbortController();
    const timer = setTimeout(() => aborter.abort(), timeoutMs);
    try {
      const response = await fetch(url, {
        method: body === undefined ? 'GET' : 'POST',
        headers,
        ...(body === undefined ? {} : { body }),
        // A redirect would send the proof of possession to whoever it names.
        redirect: 'error',
        credentials: 'omit',
        cache: 'no-store',
        signal: aborter.signal,
      });
      const text = await response.text();
      if (text.length > maxReplyCharacters) throw new PhoneError('server_not_authentic', { detail: 'oversized reply' });
      const mediaType = (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
      const retryAfter = response.headers.get('retry-after') ?? '';
      const retryAfterSeconds = /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
      return { status: response.status, mediaType, retryAfterSeconds, text };
    } catch (cause) {
      if (cause instanceof PhoneError) throw cause;
      throw new PhoneError('offline', { cause });
    } finally {
      clearTimeout(timer);
    }
  };
}
