/** How a claimed order is shown in a terminal: everything that a person needs to decide. */
import type { ClaimedOrder } from '../../sdk/index.ts';
import { printable, time } from '../output.ts';

/** The lines to print; nothing in them can leave its place, whatever the server sent. */
export function orderLines({ descriptor, expiresAt }: ClaimedOrder): string[] {
  const { client, browser, origin, via, purpose, display, iat } = descriptor;
  const where = [browser.address, browser.place].filter((part) => part !== null).join(', ');
  const facts: [string, string][] = [
    ['asked by', `${client.name} (${client.domain})`],
    ['page', origin],
    ['browser', `${browser.name}, ${where}`],
    // A link can be forwarded as a code can, and lives longer: nothing here knows where it was pressed.
    ['begun by', via === 'qr' ? 'a code on a screen' : 'a link, right only if you pressed it on this device yourself'],
    ['asked at', time(iat * 1000)],
    ['decide by', time(expiresAt)],
  ];
  // The bar before each line shows where the text ends: it cannot pass for one of the facts.
  const text = display.text.split('\n').map((line) => `  | ${printable(line)}`);
  const title = purpose === 'login' ? 'Log in?' : 'Sign this transaction?';
  return [title, '', ...facts.map(([name, value]) => `  ${name.padEnd(10)} ${printable(value)}`), '', ...text, ''];
}

/** The same for programs. */
export function orderJson({ descriptor, expiresAt }: ClaimedOrder): Record<string, unknown> {
  return { expiresAt, ...descriptor };
}
