/** `mtoken client …`: portals, and machines that use the admin API. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { accountScope } from '../oidc/deps.ts';
import { adminClient, readCredential } from './admin-client.ts';
import { answer, connect, query, type SharedOptions, withAdminOptions } from './context.ts';
import { CommandError, exitCode, say, sayTable } from './output.ts';

interface ClientView {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly status: string;
  readonly metadata: { readonly redirect_uris?: readonly string[]; readonly [member: string]: unknown };
  readonly version: number;
  readonly secret?: string;
}

interface AddOptions extends SharedOptions {
  readonly name: string;
  readonly redirectUri: string[];
  readonly postLogoutUri: string[];
  readonly backchannelUri?: string;
  readonly jwks?: string;
  readonly logo?: string;
  readonly account?: boolean;
}

interface UpdateOptions extends SharedOptions {
  readonly name?: string;
  readonly account?: boolean;
  readonly logo?: string | false;
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
    ...(options.logo ? { mtoken_logo: await readLogo(options.logo) } : {}),
    ...(options.account ? withAccount({}) : {}),
  };
}

/** A portal that helps users whose phone is lost: the scope of the account API, and the refresh token that brings its tokens. */
function withAccount(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { scope: given } = metadata;
  const scope = [...new Set([...(typeof given === 'string' ? given.split(' ') : []), accountScope])].join(' ');
  return { ...metadata, scope, grant_types: ['authorization_code', 'refresh_token'] };
}

const accountOption = [
  '--account',
  'its users may see and end their devices and sessions from it (docs/portal-account.md)',
] as const;

/** The server judges the picture; here it is only told apart what to call it. */
async function readLogo(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new CommandError(`there is no readable file ${file}`, { exit: exitCode.usage, cause });
  });
  const head = bytes.subarray(0, 12).toString('latin1');
  const type = head.startsWith('\x89PNG') ? 'png' : /^RIFF....WEBP/s.test(head) ? 'webp' : undefined;
  if (type === undefined) throw new CommandError(`${file} is neither PNG nor WebP`, { exit: exitCode.usage });
  return `data:image/${type};base64,${bytes.toString('base64')}`;
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
      .option('--logo <file>', 'PNG or WebP of at most 32 KiB, shown beside its name on the login page')
      .option(...accountOption)
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

function updateCommand(): Command {
  return withAdminOptions(
    new Command('update')
      .description('change the name or the logo of a portal, or what it may do; nothing else of it changes')
      .argument('<client-id>')
      .option('--name <name>', 'as the phone shows it')
      .option('--logo <file>', 'PNG or WebP of at most 32 KiB, shown beside its name on the login page')
      .option('--no-logo', 'take its logo away')
      .option(...accountOption),
  ).action(async (id: string, options: UpdateOptions) => {
    const { name, logo, account } = options;
    if (name === undefined && logo === undefined && account === undefined) {
      throw new CommandError('give --name, --logo, --no-logo or --account', { exit: exitCode.usage });
    }
    const api = await connect(options);
    const path = `/clients/${encodeURIComponent(id)}`;
    const { version, metadata } = await api.get<ClientView>(path);
    const { mtoken_logo: kept, ...rest } = metadata;
    const others = account ? withAccount(rest) : rest;
    const picture = logo === undefined ? kept : logo === false ? undefined : await readLogo(logo);
    const client = await api.patch<ClientView>(path, {
      version,
      ...(name === undefined ? {} : { name }),
      metadata: { ...others, ...(picture === undefined ? {} : { mtoken_logo: picture }) },
    });
    answer(options, client, () => say(`${client.id} is changed`));
  });
}

/** The `client` command. */
export function clientCommand(): Command {
  const command = new Command('client')
    .description('portals and admin API clients')
    .addCommand(addCommand())
    .addCommand(updateCommand());
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
