/** The sender that prints, for development without a mail server. */
import { expect, it } from 'vitest';
import { printingSender } from '../../../src/notify/mailbox.ts';

it('prints a mail for a developer who has no mail server, with nothing in it that moves the cursor', async () => {
  const printed: string[] = [];
  const sender = printingSender((text) => printed.push(text));
  await sender.send({
    id: 'box_1',
    to: { name: 'Ada', address: 'ada@northwind.example' },
    subject: 'Your confirmation code',
    text: 'Hello Ada\u001b[2J\u202e,\n\n12345678\n',
    html: '',
  });
  expect(printed).toEqual([
    ['mail to ada@northwind.example: Your confirmation code', '  | Hello Ada[2J,', '  | ', '  | 12345678'].join('\n'),
  ]);
});
