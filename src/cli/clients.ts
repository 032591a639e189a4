/** `mtoken client …`: portals, and machines that use the admin API. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { Input, Reply } from '../admin-client/client.ts';
import { accountScope, signingScope } from '../oidc/deps.ts';
import { actCommand, showCommand } from './acts.ts';
import { openAdmin, readCredential } from './admin-client.ts';
import {
  cibaOption,
  notificationOption,
  rotateClientWebhookCommand,
  type SigningOptions,
  sayWebhookSecret,
  webhookOption,
  withSigning,
} from './client-signing.ts';
import { answer, connect, given, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { listCommand } from './lists.ts';
import { collect } from './option-values.ts';
import { CommandError, exitCode, say, time } from './output.ts';

type Metadata = Input<'createClient'>['body']['metadata'];

interface AddOptions extends SharedOptions, SigningOptions {
  readonly name: string;
  readonly redirectUri: string[];
  readonly postLogoutUri: string[];
  readonly backchannelUri?: string;
  readonly jwks?: string;
  readonly logo?: string;
  readonly account?: boolean;
  readonly signing?: boolean;
}

interface UpdateOptions extends SharedOptions, SigningOptions {
  readonly name?: string;
  readonly account?: boolean;
  readonly signing?: boolean;
  readonly logo?: string | false;
}

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
    ...withSigning(withApis({}, options), options),
  };
}

/** A portal that helps users whose phone is lost: the scope of the account API, and the refresh token that brings its tokens. */
function withAccount(metadata: Metadata): Metadata {
  return { ...withScope(metadata, accountScope), grant_types: ['authorization_code', 'refresh_token'] };
}

function withScope(metadata: Metadata, added: string): Metadata {
  const { scope: given } = metadata;
  const scope = [...new Set([...(typeof given === 'string' ? given.split(' ') : []), added])].join(' ');
  return { ...metadata, scope };
}

/** What of this server's own APIs the portal may use from now on; what it may already use it keeps. */
function withApis(metadata: Metadata, { account, signing }: Pick<AddOptions, 'account' | 'signing'>): Metadata {
  const first = account ? withAccount(metadata) : metadata;
  return signing ? withScope(first, signingScope) : first;
}

const accountOption = [
  '--account',
  'its users may see and end their devices and sessions from it (docs/portal-account.md)',
] as const;

const signingOption = ['--signing', 'its server may ask its users to sign (docs/signing.md)'] as const;

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

/** The `client` command. */
export function clientCommand(): Command {
  return new Command('client')
    .description('portals and admin API clients')
    .addCommand(addCommand())
    .addCommand(addMachineCommand())
    .addCommand(updateCommand())
    .addCommand(rotateClientWebhookCommand())
    .addCommand(
      listCommand({
        operation: 'listClients',
        describes: 'list clients',
        columns: {
          ID: ({ id }) => id,
          KIND: ({ kind }) => kind,
          NAME: ({ name }) => name,
          STATUS: ({ status }) => status,
          'REDIRECT URIS': ({ metadata }) => redirectUris(metadata),
        },
        empty: 'no clients yet: mtoken client add --help',
        examples: ['mtoken client list'],
      }),
    )
    .addCommand(
      showCommand({
        argument: 'client-id',
        describes: 'look at a client',
        finds: (api, clientId) => api.call('getClient', { params: { clientId } }),
        members: clientMembers,
        examples: ['mtoken client show portal', 'mtoken client show portal --json'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'disable',
        describes: 'disable a client: its logins and tokens stop',
        argument: 'client-id',
        warns: (id) => `Nobody logs in to ${id} any more, and its tokens stop.`,
        does: (api, clientId) => api.call('disableClient', { params: { clientId } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken client disable portal --yes'],
      }),
    );
}

function clientMembers({ metadata, ...client }: Reply<'getClient'>) {
  const { mtoken_logo: logo, ...others } = metadata;
  return {
    id: client.id,
    kind: client.kind,
    name: client.name,
    company: client.companyId ?? 'all',
    status: client.status,
    logo: logo === undefined ? 'none' : 'yes',
    ...Object.fromEntries(
      Object.entries(others).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
    created: time(client.createdAt),
    version: client.version,
  };
}

function redirectUris({ redirect_uris: uris }: Metadata): string {
  return Array.isArray(uris) ? uris.join(' ') : '';
}

function addCommand(): Command {
  const command = withAdminOptions(
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
      .option(...signingOption)
      .addOption(cibaOption(['poll', 'ping']))
      .option(...notificationOption)
      .option(...webhookOption),
  );
  return withExamples(
    command,
    'mtoken client add portal --name "Business portal" \\\n      --redirect-uri https://portal.example/callback --backchannel-uri https://portal.example/logout',
  ).action(async (id: string, options: AddOptions) => {
    const credential = await readCredential(options.credential);
    const body = { id, kind: 'portal', name: options.name, metadata: await metadataFrom(options) } as const;
    const client = await openAdmin(credential).call('createClient', { body });
    answer(options, client, () => {
      say(`client_id      ${client.id}`);
      if (client.secret) say(`client_secret  ${client.secret}   (shown this once)`);
      sayWebhookSecret(client);
      say(`authenticates  ${options.jwks ? 'private_key_jwt' : 'client_secret_basic'}   (nothing else is accepted)`);
      say(`issuer         ${credential.issuer}`);
    });
  });
}

interface MachineOptions extends SharedOptions {
  readonly name: string;
  readonly scope: string[];
  readonly jwks: string;
  readonly company?: string;
}

function addMachineCommand(): Command {
  const command = withAdminOptions(
    new Command('add-machine')
      .description('register a machine that uses the admin API with keys of its own')
      .argument('<client-id>', 'letters, digits, dot, dash and underscore')
      .requiredOption('--name <name>', 'as the audit trail is read')
      .requiredOption('--jwks <file>', 'its public keys, as a JWK set')
      .requiredOption('--scope <scope>', 'such as admin:read; repeat for more', collect, [])
      .option('--company <id>', 'confined to this company; to none without it'),
  );
  return withExamples(
    command,
    'mtoken client add-machine hr-system --name "HR system" --jwks hr.jwks.json \\\n      --company co_… --scope admin:read --scope admin:write',
  ).action(async (id: string, options: MachineOptions) => {
    const metadata = { scope: options.scope.join(' '), jwks: await readJwks(options.jwks) };
    const body = { id, kind: 'admin', name: options.name, metadata, ...given({ companyId: options.company }) } as const;
    const client = await (await connect(options)).call('createClient', { body });
    answer(options, client, () => say(`created ${client.id}, which authenticates by private_key_jwt`));
  });
}

function updateCommand(): Command {
  const command = withAdminOptions(
    new Command('update')
      .description('change the name or the logo of a portal, or what it may do; nothing else of it changes')
      .argument('<client-id>')
      .option('--name <name>', 'as the phone shows it')
      .option('--logo <file>', 'PNG or WebP of at most 32 KiB, shown beside its name on the login page')
      .option('--no-logo', 'take its logo away')
      .option(...accountOption)
      .option(...signingOption)
      .addOption(cibaOption(['poll', 'ping', 'none']))
      .option(...notificationOption)
      .option(...webhookOption)
      .option('--no-signing-webhook', 'tell it no more how requests to sign ended'),
  );
  return withExamples(
    command,
    'mtoken client update portal --ciba ping --ciba-notification https://portal.example/ciba',
    'mtoken client update portal --logo portal.png',
    'mtoken client update portal --no-logo',
  ).action(async (clientId: string, options: UpdateOptions) => {
    const { name, logo, account, signing, ciba, signingWebhook } = options;
    if ([name, logo, account, signing, ciba, signingWebhook].every((option) => option === undefined)) {
      throw new CommandError('say what is to change: mtoken client update --help', { exit: exitCode.usage });
    }
    const api = await connect(options);
    const params = { clientId };
    const { version, metadata } = await api.call('getClient', { params });
    const { mtoken_logo: kept, ...rest } = metadata;
    const others = withSigning(withApis(rest, options), options);
    const picture = logo === undefined ? kept : logo === false ? undefined : await readLogo(logo);
    const changed = { ...others, ...(picture === undefined ? {} : { mtoken_logo: picture }) };
    const client = await api.call('changeClient', { params, body: { version, ...given({ name }), metadata: changed } });
    answer(options, client, () => {
      say(`${client.id} is changed`);
      sayWebhookSecret(client);
    });
  });
}
