/** The admin API as an OAuth 2 client (client credentials, private_key_jwt: RFC 7523), by the typed client that is made from its document. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { importJWK, type JWK, SignJWT } from 'jose';
import { type AdminClient, adminClient } from '../admin-client/client.ts';
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

/** Opens a client; the access token is requested once and kept for this process only. */
export function openAdmin(credential: Credential): AdminClient {
  let token: Promise<string> | undefined;
  return adminClient({
    baseUrl: credential.adminUrl,
    send: async (url, { method, headers, body, isFile }) => {
      token ??= requestToken(credential);
      const authorization = `Bearer ${await token}`;
      return reach(url, {
        method,
        headers: { ...headers, authorization },
        ...(body === undefined ? {} : { body }),
        // A file takes as long as it is.
        ...(isFile ? { signal: new AbortController().signal } : {}),
      });
    },
  });
}
