/** How a portal asks its users to sign without a browser, and is told how that ended: the options of `mtoken client`. */
import { Command, Option } from 'commander';
import type { Input } from '../admin-client/client.ts';
import { answer, connect, given, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { wholeNumber } from './option-values.ts';
import { CommandError, exitCode, say, time } from './output.ts';

type Metadata = Input<'createClient'>['body']['metadata'];

export interface SigningOptions {
  readonly ciba?: 'poll' | 'ping' | 'none';
  readonly cibaNotification?: string;
  readonly signingWebhook?: string | false;
}

/** `--ciba`, with the choices that the command has. */
export function cibaOption(choices: readonly string[]): Option {
  return new Option('--ciba <mode>', 'its server may ask its users without a browser (docs/signing.md)').choices(
    choices,
  );
}

export const notificationOption = ['--ciba-notification <url>', 'where it is told, in mode ping'] as const;

export const webhookOption = [
  '--signing-webhook <url>',
  'where it is told how requests to sign ended; prints the secret once',
] as const;

const cibaMembers = [
  'backchannel_token_delivery_mode',
  'backchannel_client_notification_endpoint',
  'backchannel_authentication_request_signing_alg',
] as const;

/** The metadata as the options want it; what they do not name stays. */
export function withSigning(metadata: Metadata, options: SigningOptions): Metadata {
  return withWebhook(withCiba(metadata, options), options);
}

function withCiba(metadata: Metadata, { ciba, cibaNotification }: SigningOptions): Metadata {
  if (cibaNotification !== undefined && ciba !== 'ping') {
    throw new CommandError('--ciba-notification goes with --ciba ping', { exit: exitCode.usage });
  }
  if (ciba === undefined) return metadata;
  const others = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !cibaMembers.some((member) => member === name)),
  );
  if (ciba === 'none') return others;
  return {
    ...others,
    backchannel_token_delivery_mode: ciba,
    ...(cibaNotification === undefined ? {} : { backchannel_client_notification_endpoint: cibaNotification }),
  };
}

function withWebhook({ signing_webhook_uri: kept, ...others }: Metadata, { signingWebhook }: SigningOptions): Metadata {
  const uri = signingWebhook ?? kept;
  return uri === undefined || uri === false ? others : { ...others, signing_webhook_uri: uri };
}

/** Where the server made one by this act. */
export function sayWebhookSecret({ webhookSecret }: { readonly webhookSecret?: string | undefined }): void {
  if (webhookSecret !== undefined) say(`webhook_secret ${webhookSecret}   (shown this once)`);
}

interface RotateOptions extends SharedOptions {
  readonly overlapHours?: number;
}

/** `mtoken client rotate-webhook`. */
export function rotateClientWebhookCommand(): Command {
  const command = withAdminOptions(
    new Command('rotate-webhook')
      .description(
        'make a new secret of its signing webhook; until the overlap ends, messages carry a signature by each',
      )
      .argument('<client-id>')
      .option('--overlap-hours <hours>', '0 to 168 (24 unless told)', wholeNumber('--overlap-hours', 0, 168)),
  );
  return withExamples(command, 'mtoken client rotate-webhook portal --overlap-hours 48').action(
    async (clientId: string, options: RotateOptions) => {
      const body = given({ overlapHours: options.overlapHours });
      const webhook = await (await connect(options)).call('rotateClientWebhook', { params: { clientId }, body });
      answer(options, webhook, () => {
        say(`webhook_secret ${webhook.secret}   (shown this once)`);
        if (webhook.overlapUntil === null) say('the one before is not used any more');
        else say(`the one before signs too until ${time(webhook.overlapUntil)}`);
      });
    },
  );
}
