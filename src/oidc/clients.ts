/** Registers relying parties and admin API clients, changes them and switches them off. */
import type { Clock } from '../clock.ts';
import { type Actor, actedBy } from '../companies/actor.ts';
import { randomId, randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { settlePortalWebhook } from '../notify/portal-webhooks.ts';
import type { RecordStore, Records } from '../store/records.ts';
import { checkMetadata, clientIdPattern } from './client-metadata.ts';
import type { Client } from './store.ts';

/** The console is a client of this server that the server makes by itself (src/console/client.ts). */
export const consoleClientId = 'mtoken-console';

export interface ClientDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
}

export interface NewClient {
  /** 3 to 64 letters, digits, `.`, `_`, `-`; drawn where absent. */
  readonly id?: string | undefined;
  readonly kind: Client['kind'];
  readonly name: string;
  /** Admin clients only: the company that it is confined to. */
  readonly companyId?: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface ClientChange {
  /** The version that the change was made on; another one is refused with `conflict`. */
  readonly version: number;
  readonly name?: string | undefined;
  /** Replaces all metadata. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A client as stored, and the secret that was made for it, which is shown this once. */
export interface ClientWithSecret {
  readonly client: Omit<Client, 'secret'>;
  readonly secret: string | undefined;
  /** Of its `signing_webhook_uri`, where it got one now; shown this once. */
  readonly webhookSecret: string | undefined;
}

/**
 * Registers a client and writes `client.created`. Throws `invalid_request` (which member, what was expected), `already_exists`,
 * `access_denied` for an actor that is confined to a company, `not_found` for a company that does not exist.
 */
export async function createClient(deps: ClientDeps, input: NewClient, actor: Actor): Promise<ClientWithSecret> {
  requireBank(actor);
  const metadata = checkMetadata(input.kind, input.metadata);
  const secret = secretFor(metadata);
  const client: Client = {
    id: checkId(input.id ?? randomId('cli')),
    kind: input.kind,
    name: checkName(input.name),
    companyId: input.companyId,
    metadata,
    secret,
    status: 'active',
    createdAt: deps.clock.now(),
    version: 1,
  };
  if (client.companyId !== undefined && client.kind === 'portal') {
    throw new AuthError('invalid_request', { message: 'companyId is for admin clients only' });
  }
  return deps.records.transaction(async (records) => {
    await requireCompany(records, client.companyId);
    await records.clients.insert(client);
    const webhookSecret = await settlePortalWebhook(records, client);
    await record(records, deps, { event: 'client.created', client, actor });
    return { client: withoutSecret(client), secret, webhookSecret };
  });
}

/**
 * Changes name or metadata and writes `client.updated`; the next request sees it. A secret is made where the client now needs
 * one and had none. Throws `not_found`, `conflict` for a stale version, and what {@link createClient} throws.
 */
export async function updateClient(
  deps: ClientDeps,
  id: string,
  { change, actor }: { readonly change: ClientChange; readonly actor: Actor },
): Promise<ClientWithSecret> {
  requireBank(actor);
  return deps.records.transaction(async (records) => {
    const current = await changeable(records, id);
    const metadata = change.metadata === undefined ? current.metadata : checkMetadata(current.kind, change.metadata);
    const made = needsSecret(metadata) && current.secret === undefined ? randomToken() : undefined;
    const next: Client = {
      ...current,
      name: change.name === undefined ? current.name : checkName(change.name),
      metadata,
      secret: needsSecret(metadata) ? (current.secret ?? made) : undefined,
      version: change.version,
    };
    if (!(await records.clients.update(next)))
      throw new AuthError('conflict', { message: 'the client was changed meanwhile' });
    const webhookSecret = await settlePortalWebhook(records, next);
    await record(records, deps, { event: 'client.updated', client: next, actor });
    return { client: withoutSecret({ ...next, version: next.version + 1 }), secret: made, webhookSecret };
  });
}

/** Switches a client off: from now on its requests, codes and tokens are refused. Does nothing where it is off already. */
export async function disableClient(deps: ClientDeps, id: string, actor: Actor): Promise<Omit<Client, 'secret'>> {
  requireBank(actor);
  return deps.records.transaction(async (records) => {
    const current = await changeable(records, id);
    if (current.status === 'disabled') return withoutSecret(current);
    const next: Client = { ...current, status: 'disabled' };
    if (!(await records.clients.update(next)))
      throw new AuthError('conflict', { message: 'the client was changed meanwhile' });
    await record(records, deps, { event: 'client.updated', client: next, actor });
    return withoutSecret({ ...next, version: next.version + 1 });
  });
}

interface ClientRecord {
  readonly event: 'client.created' | 'client.updated';
  readonly client: Client;
  readonly actor: Actor;
}

async function record(records: Records, { clock }: ClientDeps, { event, client, actor }: ClientRecord): Promise<void> {
  const { id: clientId, companyId, kind, name, status } = client;
  await records.audit.append(
    { event, ...actedBy(actor), clientId, companyId, data: { kind, name, status } },
    clock.now(),
  );
}

async function changeable(records: Records, id: string): Promise<Client> {
  refuseBuiltIn(id);
  const client = await records.clients.find(id);
  if (client === undefined) throw new AuthError('not_found');
  return client;
}

async function requireCompany(records: Records, companyId: string | undefined): Promise<void> {
  if (companyId === undefined || (await records.companies.find(companyId)) !== undefined) return;
  throw new AuthError('not_found', { message: 'there is no such company' });
}

/** Clients are the bank's: a company's administrator could otherwise register a portal that everyone's phone trusts. */
function requireBank(actor: Actor): void {
  if (actor.companyId !== undefined) throw new AuthError('access_denied');
}

function needsSecret(metadata: Client['metadata']): boolean {
  return metadata['token_endpoint_auth_method'] === 'client_secret_basic';
}

function secretFor(metadata: Client['metadata']): string | undefined {
  return needsSecret(metadata) ? randomToken() : undefined;
}

/** Whoever could change its redirect URI would get the operators' logins. */
function refuseBuiltIn(id: string): void {
  if (id !== consoleClientId) return;
  throw new AuthError('conflict', { message: `${consoleClientId} belongs to the server, which keeps it by itself` });
}

function checkId(id: string): string {
  refuseBuiltIn(id);
  if (clientIdPattern.test(id)) return id;
  throw new AuthError('invalid_request', { message: 'id must have 3 to 64 letters, digits, ".", "_" or "-"' });
}

/** Shown on the phone as who asks: no line breaks, no characters that turn or hide text. */
function checkName(name: string): string {
  const isPlain = name.length >= 1 && name.length <= 80 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/u.test(name);
  if (isPlain && name.trim() === name) return name;
  throw new AuthError('invalid_request', { message: 'name must have 1 to 80 printable characters' });
}

function withoutSecret({ secret: _secret, ...client }: Client): Omit<Client, 'secret'> {
  return client;
}
