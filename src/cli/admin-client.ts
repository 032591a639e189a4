/** Speaks to the admin API as an OAuth 2 client (client credentials, private_key_jwt: RFC 7523). */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { importJWK, type JWK, SignJWT } from 'jose';
import { randomToken } from '../crypto/random.ts';
import { CommandError, exitCode } from './output.ts';

/** What `mtoken bootstrap` writes and every administrative command reads. */
export interface Credential {
  readonly issuer: string;
  /** Base URL of the admin listener. */
  readonly adminUrl: string;
  /** Audience of its access tokens. */
  readonly audience: string;
  readonly clientId: string;
  readonly privateJwk: JWK;
  readonly scope: string;
}

/** A typed door to the admin API: one function a method, paths below `/admin/v1`. */
export interface AdminClient {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
  /** A file as it comes, however long that takes; an error in it means that it is a part. */
  download(path: string): Promise<Readable>;
}

/** Where the credential is looked for when neither `--credential` nor MTOKEN_CLI_CREDENTIAL names it. */
export function defaultCredentialPath(): string {
  return join(homedir(), '.config', 'mtoken', 'operator.json');
}

/** Reads the credential file; throws with the way to get one. */
export async function readCredential(path: string | undefined): Promise<Credential> {
  const file = path ?? process.env['MTOKEN_CLI_CREDENTIAL'] ?? defaultCredentialPath();
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CommandError(`no credential at ${file}`, {
      exit: exitCode.usage,
      hint: 'run "mtoken bootstrap" on the server once, or name the file with --credential',
      cause,
    });
  }
  try {
    return JSON.parse(text) as Credential;
  } catch (cause) {
    throw new CommandError(`${file} is not a credential`, { exit: exitCode.usage, cause });
  }
}

async function requestToken(credential: Credential): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const assertion = await new SignJWT({ jti: randomToken(16) })
    .setProtectedHeader({ alg: 'ES256', ...(credential.privateJwk.kid ? { kid: credential.privateJwk.kid } : {}) })
    .setIssuer(credential.clientId)
    .setSubject(credential.clientId)
    .setAudience(credential.issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(await importJWK(credential.privateJwk, 'ES256'));
  const response = await reach(`${credential.issuer}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: credential.clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope: credential.scope,
      resource: credential.audience,
    }),
  });
  const answer = (await response.json()) as { access_token?: string; error?: string; error_description?: string };
  if (!answer.access_token) {
    throw new CommandError(
      `the server refused this credential (${answer.error_description ?? answer.error ?? response.status})`,
      {
        hint: 'the client may be disabled; "mtoken bootstrap" on the server makes a new one',
      },
    );
  }
  return answer.access_token;
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  const signal = init.signal ?? AbortSignal.timeout(15_000);
  try {
    return await fetch(url, { ...init, redirect: 'error', signal });
  } catch (cause) {
    throw new CommandError(`cannot reach ${new URL(url).origin}`, {
      exit: exitCode.unreachable,
      hint: 'is the server running, and is this its address? "mtoken doctor" checks',
      cause,
    });
  }
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly instance?: string;
}

async function refusal(response: Response): Promise<CommandError> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  return new CommandError([problem.title ?? `HTTP ${response.status}`, problem.detail].filter(Boolean).join(': '), {
    exit: response.status >= 500 ? exitCode.unreachable : exitCode.failed,
    ...(problem.instance ? { hint: `the server's log has it under ${problem.instance}` } : {}),
  });
}

/** Opens a client; the access token is requested once and kept for this process only. */
export function adminClient(credential: Credential): AdminClient {
  let token: Promise<string> | undefined;
  const ask = async (method: string, path: string, init: RequestInit = {}): Promise<Response> => {
    token ??= requestToken(credential);
    const headers = { ...init.headers, authorization: `Bearer ${await token}` };
    return reach(`${credential.adminUrl}/admin/v1${path}`, { ...init, method, headers });
  };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await ask(method, path, body === undefined ? {} : json);
    if (!response.ok) throw await refusal(response);
    return (response.status === 204 ? {} : await response.json().catch(() => ({}))) as T;
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body = {}) => call('POST', path, body),
    patch: (path, body) => call('PATCH', path, body),
    download: async (path) => {
      const response = await ask('GET', path, { signal: new AbortController().signal });
      if (!response.ok) throw await refusal(response);
      return response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as ReadableStream);
    },
  };
}
