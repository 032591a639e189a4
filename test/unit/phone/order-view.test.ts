/** What the phone in the terminal shows before somebody approves. */
import { expect, it } from 'vitest';
import { orderLines } from '../../../src/cli/phone/order-view.ts';
import { riskReasons } from '../../../src/protocol/risk.ts';
import type { ClaimedOrder } from '../../../src/sdk/index.ts';

function orderBegunBy(
  via: ClaimedOrder['descriptor']['via'],
  text = 'Log in to Portal (portal.example)',
): ClaimedOrder {
  const descriptor = {
    iss: 'https://login.bank.example',
    orderId: `ord_${'a'.repeat(22)}`,
    deviceId: `dev_${'a'.repeat(22)}`,
    purpose: 'login',
    client: { id: 'portal', name: 'Portal', domain: 'portal.example' },
    origin: 'https://portal.example',
    via,
    browser: { name: 'Chrome on Windows', address: '192.0.2.0/24', place: null },
    display: { text, locale: 'en' },
    challenge: 'c'.repeat(43),
    freshProof: false,
    iat: 1_795_176_000,
    exp: 1_795_176_120,
  } as const;
  return { orderId: descriptor.orderId, descriptor, signedDescriptor: 'a.b.c', expiresAt: 1_795_176_120_000 };
}

it('does not vouch for a link that an attacker may have forwarded (P-08)', () => {
  const shown = orderLines(orderBegunBy('link')).join('\n');
  expect(shown).not.toContain('a link on this device');
  expect(shown).toContain('right only if you pressed it on this device yourself');
  for (const via of ['qr', 'steady'] as const) {
    expect(orderLines(orderBegunBy(via)).join('\n')).toContain('a code on a screen');
  }
});

it('says of a typed code that who was told it is being defrauded (P-08)', () => {
  expect(orderLines(orderBegunBy('code')).join('\n')).toContain('who was told it is being defrauded');
});

it('says before anything else is asked who must approve, that it takes the mPIN, and what to beware of (P-08)', () => {
  const order = orderBegunBy('inbox');
  const signing = { id: `sig_${'a'.repeat(22)}`, approvers: { needed: 3, given: 2 }, warnings: [...riskReasons] };
  const shown = orderLines({ ...order, descriptor: { ...order.descriptor, mpinOnly: true, signing } });
  const end = shown.findIndex((line) => line.startsWith('  |'));
  const facts = shown.slice(0, end).join('\n');
  expect(facts).toContain('  approvers  2 of 3 so far');
  expect(facts).toContain('  proof      your mPIN; fingerprint or face is not enough');
  expect(shown.slice(0, end).filter((line) => line.startsWith('  WARNING    '))).toHaveLength(riskReasons.length);
  expect(orderLines(order).join('\n')).not.toMatch(/approvers|proof|WARNING/);
});

it('keeps a text that looks like the facts behind its bar (T-08)', () => {
  const lines = orderLines(orderBegunBy('qr', 'Pay 1 EUR\n  asked by   Your Bank\u001b[2J'));
  expect(lines.filter((line) => line.startsWith('  asked by'))).toEqual(['  asked by   Portal (portal.example)']);
  expect(lines.join('\n')).not.toContain('\u001b');
});
