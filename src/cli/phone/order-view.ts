/** How a claimed order is shown in a terminal: everything that a person needs to decide. */
import type { RiskReason } from '../../protocol/risk.ts';
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

/** Why somebody looks twice, in the words of the app. */
const warned: Readonly<Record<RiskReason, string>> = {
  new_device: 'a phone was registered for you only recently',
  new_payee: 'this payee is new: nobody in your company has approved it before',
  amount_over_policy: 'the amount is higher than the rules of your company expect',
  unusual_hour: 'this is an unusual hour for it',
  many_declines: 'you have declined several requests lately',
  reported_before: 'you reported "this is not me" not long ago',
  device_compromised: 'there are signs that one of your phones is not safe',
  known_fraud: 'this looks like a known fraud',
  engine_unavailable: 'the usual fraud check could not be made: be especially careful',
  other: 'the bank advises caution with this one',
};

/** How many people have approved it; nothing where one person does. */
export function approversText({ needed, given }: { readonly needed: number; readonly given: number }): string {
  return needed === 1 ? '' : `${given} of ${needed} so far`;
}

/** What a request tells besides: who else must approve, how it is proved, and what to beware of. */
function requestFacts({ signing, mpinOnly }: ClaimedOrder['descriptor']): [string, string][] {
  const { id, approvers = { needed: 1, given: 0 }, warnings = [] } = signing ?? {};
  const several = approversText(approvers);
  return [
    ...(id === undefined ? [] : [['order', id] satisfies [string, string]]),
    ...(several === '' ? [] : [['approvers', several] satisfies [string, string]]),
    ...(mpinOnly === true
      ? [['proof', 'your mPIN; fingerprint or face is not enough'] satisfies [string, string]]
      : []),
    ...warnings.map((reason): [string, string] => ['WARNING', warned[reason]]),
  ];
}

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
    ...requestFacts(descriptor),
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
