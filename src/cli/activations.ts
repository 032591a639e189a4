/** `mtoken activation …`: the two codes with which a user registers a phone. */
import { Command } from 'commander';
import { toString as drawQr } from 'qrcode';
import type { Reply } from '../admin-client/client.ts';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { oneOf } from './option-values.ts';
import { say, time } from './output.ts';

const deliveries = ['shown', 'email'] as const;

interface CreateOptions extends SharedOptions {
  readonly qr: boolean;
  readonly delivery?: (typeof deliveries)[number];
}

/** The `activation` command. */
export function activationCommand(): Command {
  const create = withAdminOptions(
    new Command('create')
      .description('make a one-time activation; the confirmation code goes to the user by e-mail')
      .argument('<user-id>')
      .option(
        '--delivery <way>',
        'email: the activation goes by e-mail, and the confirmation code is shown here',
        oneOf('--delivery', deliveries),
      )
      .option('--no-qr', 'do not draw the QR code'),
  );
  withExamples(create, 'mtoken activation create usr_…', 'mtoken activation create usr_… --delivery email').action(
    async (userId: string, options: CreateOptions) => {
      const { delivery = 'shown' } = options;
      const api = await connect(options);
      const activation = await api.call('createActivation', { params: { userId }, body: { delivery } });
      const drawing =
        options.qr && !options.json && activation.activationText !== undefined
          ? await drawQr(activation.activationText, { type: 'terminal', small: true })
          : '';
      answer(options, activation, () => sayActivation(activation, drawing));
    },
  );
  return new Command('activation').description('one-time codes with which a user registers a phone').addCommand(create);
}

function sayActivation(activation: Reply<'createActivation'>, drawing: string): void {
  if (drawing) say(drawing);
  if (activation.delivery === 'email') {
    say(`confirmation code  ${activation.confirmationCode}`);
    say(`works until        ${time(activation.expiresAt)}`);
    say('tell it to the user in person or by telephone; the activation is in their e-mail');
    return;
  }
  say(`activation text  ${activation.activationText}`);
  say(`code             ${activation.code}`);
  say(`works until      ${time(activation.expiresAt)}`);
  say('the user scans or types it, then enters the confirmation code from their e-mail');
}
