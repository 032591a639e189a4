/** The console as a client of this server: made and kept up to date at start, and not to be changed by anybody. */
import { isDeepStrictEqual } from 'node:util';
import { encodeBase64url } from '../crypto/bytes.ts';
import type { KeyedSealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import { checkMetadata } from '../oidc/client-metadata.ts';
import { type ClientDeps, consoleClientId } from '../oidc/clients.ts';
import type { Client } from '../oidc/store.ts';
import type { Records } from '../store/records.ts';

/** Several processes start at once, and each of them writes once. */
const maxTries = 20;

export interface ConsoleClientDeps extends ClientDeps {
  readonly sealing: KeyedSealing;
}

/** Where the provider sends the browser back to. */
export function callbackUrl(origin: string): string {
  return `${origin}/console/callback`;
}

/** By which the console shows the provider that it is this server: derived from the data key, so that every process has it. */
export function consoleSecret(sealing: KeyedSealing): string {
  return encodeBase64url(sealing.deriveSecret('console.client'));
}

/**
 * Makes the client, or brings it to what this configuration says; of any number of processes that start at once one writes. `name` is
 * what the phone shows. Throws `conflict` where others never stop changing it.
 */
export async function ensureConsoleClient(
  deps: ConsoleClientDeps,
  { origin, name }: { readonly origin: string; readonly name: string },
): Promise<void> {
  const wanted = { name, metadata: metadataOf(origin), secret: consoleSecret(deps.sealing), status: 'active' } as const;
  for (let tries = 0; tries < maxTries; tries += 1) {
    const found = await deps.records.clients.find(consoleClientId);
    if (found !== undefined && isDeepStrictEqual({ ...found, ...wanted }, found)) return;
    if (await unlessOthersDid(() => write(deps, found, wanted))) return;
  }
  throw new AuthError('conflict', { detail: 'the client of the console is being changed by others without an end' });
}

type Wanted = Pick<Client, 'name' | 'metadata' | 'secret' | 'status'>;

function write(deps: ConsoleClientDeps, found: Client | undefined, wanted: Wanted): Promise<boolean> {
  const at = deps.clock.now();
  return deps.records.transaction(async (records) => {
    if (found === undefined) await records.clients.insert(newClient(wanted, at));
    else if (!(await records.clients.update({ ...found, ...wanted }))) return false;
    await record(records, { event: found === undefined ? 'client.created' : 'client.updated', wanted, at });
    return true;
  });
}

function newClient(wanted: Wanted, createdAt: number): Client {
  return { id: consoleClientId, kind: 'portal', companyId: undefined, ...wanted, createdAt, version: 1 };
}

async function record(
  records: Records,
  act: { readonly event: 'client.created' | 'client.updated'; readonly wanted: Wanted; readonly at: number },
): Promise<void> {
  const { name, status } = act.wanted;
  const data = { kind: 'portal', name, status } as const;
  await records.audit.append({ event: act.event, actor: 'server', clientId: consoleClientId, data }, act.at);
}

async function unlessOthersDid(work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuthError && error.code === 'already_exists') return false;
    throw error;
  }
}

function metadataOf(origin: string): Client['metadata'] {
  return checkMetadata('portal', {
    redirect_uris: [callbackUrl(origin)],
    token_endpoint_auth_method: 'client_secret_basic',
    // What is asked of the person, a fresh proof above all, does not go through the browser, where it could be left out.
    require_pushed_authorization_requests: true,
  });
}
