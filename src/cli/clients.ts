/** `mtoken client …`: portals, and machines that use the admin API. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { adminClient, readCredential } from './admin-client.ts';
import { answer, connect, query, type SharedOptions, withAdminOptions } from './context.ts';
import { CommandError, exitCode, say, sayTable } from './output.ts';

interface ClientView {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly status: string;
  readonly metadata: { readonly redirect_uris?: readonly string[] };
  readonly secret?: string;
}

interface AddOptions extends SharedOptions {
  readonly name: string;
  readonly redirectUri: string[];
  readonly postLogoutUri: string[];
  readonly backchannelUri?: string;
  readonly jwks?: string;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

async function metadataFrom(options: AddOptions): Promise<Record<string, unknown>> {
  return {
    redirect_uris: options.redirectUri,
    ...(options.postLogoutUri.length > 0 ? { post_logout_redirect_uris: options.postLogoutUri } : {}),
    ...(options.backchannelUri
      ? { backchannel_logout_uri: options.backchannelUri, backchannel_logout_session_required: true }
      : {}),
    ...(options.jwks
      ? { token_endpoint_auth_method: 'private_key_jwt', jwks: await readJwks(options.jwks) }
      : { token_endpoint_auth_method: 'client_secret_basic' }),
  };
}

async function readJwks(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new CommandError(`${file} is not a JWKS file`, { exit: exitCode.usage, cause });
  }
}

function addCommand(): Command {
  return withAdminOptions(
    new Command('add')
      .description('register a portal; prints its secret once, unless it brings keys of its own')
      .argument('<client-id>', 'letters, digits, dot, dash and underscore')
      .requiredOption('--name <name>', 'as the phone shows it')
      .requiredOption('--redirect-uri <uri>', 'exact; repeat for more', collect, [])
      .option('--post-logout-uri <uri>', 'exact; repeat for more', collect, [])
      .option('--backchannel-uri <uri>', 'where logout tokens are sent')
      .option('--jwks <file>', 'its public keys: private_key_jwt instead of a secret')
      .addHelpText(
        'after',
        '\nExample:\n  $ mtoken client add portal --name "Business portal" \\\n      --redirect-uri https://portal.example/callback --backchannel-uri https://portal.example/logout',
      ),
  ).action(async (id: string, options: AddOptions) => {
    const credential = await readCredential(options.credential);
    const client = await adminClient(credential).post<ClientView>('/clients', {
      id,
      kind: 'portal',
      name: options.name,
      metadata: await metadataFrom(options),
    });
    answer(options, client, () => {
      say(`client_id      ${client.id}`);
      if (client.secret) say(`client_secret  ${client.secret}   (shown this once)`);
      say(`authenticates  ${options.jwks ? 'private_key_jwt' : 'client_secret_basic'}   (nothing else is accepted)`);
      say(`issuer         ${credential.issuer}`);
    });
  });
}

/** The `client` command. */
export function clientCommand(): Command {
  const command = new Command('client').description('portals and admin API clients').addCommand(addCommand());
  withAdminOptions(command.command('list').description('list clients')).action(async (options: SharedOptions) => {
    const { items } = await (await connect(options)).get<{ items: ClientView[] }>(`/clients${query({ limit: 200 })}`);
    answer(options, items, () =>
      sayTable(
        ['ID', 'KIND', 'NAME', 'STATUS', 'REDIRECT URIS'],
        items.map((client) => [
          client.id,
          client.kind,
          client.name,
          client.status,
          client.metadata.redirect_uris?.join(' '),
        ]),
        'no clients yet: mtoken client add --help',
      ),
    );
  });
  withAdminOptions(
    command.command('disable').description('disable a client: its logins and tokens stop').argument('<client-id>'),
  ).action(async (id: string, options: SharedOptions) => {
    const client = await (await connect(options)).post<ClientView>(`/clients/${encodeURIComponent(id)}/disable`);
    answer(options, client, () => say(`${client.id} is ${client.status}`));
  });
  return command;
}
