/** How a claimed order is shown in a terminal: everything that a person needs to decide. */
import { formatIban } from '../../protocol/templates/iban.ts';
import { formatAmount } from '../../protocol/templates/money.ts';
import type { ClaimedOrder } from '../../sdk/index.ts';
import { printable, time } from '../output.ts';

/** A link and a short code can be forwarded as a picture can, and live longer: nothing here knows where they were seen. */
const begunBy: Readonly<Record<ClaimedOrder['descriptor']['via'], string>> = {
  qr: 'a code on a screen',
  steady: 'a code on a screen',
  link: 'a link, right only if you pressed it on this device yourself',
  inbox: 'your inbox',
  code: 'a short code, right only if you read it yourself on a page that you opened; who was told it is being defrauded',
};

/** The lines to print; nothing in them can leave its place, whatever the server sent. */
export function orderLines({ descriptor, expiresAt, payments = [], currency = '' }: ClaimedOrder): string[] {
  const { client, browser, origin, via, purpose, display, iat } = descriptor;
  const where = [browser.name, browser.address, browser.place]
    .filter((part) => part !== null && part !== '')
    .join(', ');
  const facts: [string, string][] = [
    ['asked by', `${client.name} (${client.domain})`],
    ['page', origin],
    ...(where === '' ? [] : [['browser', where] satisfies [string, string]]),
    ['begun by', begunBy[via]],
    ['asked at', time(iat * 1000)],
    ['decide by', time(expiresAt)],
  ];
  // The bar before each line shows where the text ends: it cannot pass for one of the facts.
  const text = display.text.split('\n').map((line) => `  | ${printable(line)}`);
  const title = purpose === 'login' ? 'Log in?' : 'Sign this transaction?';
  const list = payments.map(({ amount, creditorName, creditorIban, reference }, index) => {
    const said = [formatAmount(amount, currency, display.locale), creditorName, formatIban(creditorIban), reference];
    return `  | ${index + 1}. ${printable(said.filter((part) => part !== undefined).join(' · '))}`;
  });
  const shown = facts.map(([name, value]) => `  ${name.padEnd(10)} ${printable(value)}`);
  return [title, '', ...shown, '', ...text, ...list, ''];
}

/** The same for programs. */
export function orderJson({ descriptor, expiresAt }: ClaimedOrder): Record<string, unknown> {
  return { expiresAt, ...descriptor };
}
