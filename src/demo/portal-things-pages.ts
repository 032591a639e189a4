/** The page of everything else that can be signed: what is offered, and how what was asked stands. */
import { html, type Markup } from '../html.ts';
import type { SigningState } from '../protocol/signing-api.ts';
import { layout } from './portal-pages.ts';
import { newPaymentId } from './portal-payments.ts';
import { reservedMaximum, type ThingName, things } from './portal-samples.ts';

/** One thing that was asked in this browser. */
export interface ThingShown {
  readonly id: string;
  readonly name: ThingName;
  /** Undefined where the server does not say. */
  readonly state: SigningState | undefined;
  /** Of what is approved: whether its receipts are what the portal asked for. */
  readonly isGenuine?: boolean;
  /** Of a reservation, in minor units. */
  readonly captured?: number | undefined;
}

const none = html``;

const states: Readonly<Record<SigningState, string>> = {
  pending: 'It waits in the app on your phone.',
  claimed: 'Your phone shows it.',
  approved: 'Approved. The portal has checked what was signed.',
  declined: 'Declined on the phone.',
  reported: 'On the phone it was said that this was somebody else.',
  expired: 'Nobody decided in time.',
  cancelled: 'Cancelled.',
};

/** `id` names the thing that is asked next: pressed twice, it is asked once. */
export function thingsPage({
  id,
  shown,
  problem,
}: {
  readonly id: string;
  readonly shown: readonly ThingShown[];
  readonly problem: string | undefined;
}): string {
  const offered = Object.entries(things).map(
    ([name, title]) =>
      html`<button class="button quiet" name="thing" value="${name}" id="ask-${name}">${title}</button>`,
  );
  const asked = html`<h2>Asked in this browser</h2><ul class="things">${shown.map(entry)}</ul>
<form method="get" action="/things"><p><button class="button" id="refresh">Look again</button></p></form>`;
  const body = html`<h1>Sign something else</h1>
<p class="soft">An example of each, by the signing API. It waits for five minutes in the app on your phone: nothing to scan.</p>
${problem === undefined ? none : html`<p role="alert" class="wrong">${problem}</p>`}
<form method="post" action="/things"><input type="hidden" name="id" value="${id}"><div class="actions">${offered}</div></form>
${shown.length === 0 ? none : asked}<p><a class="button quiet" href="/">Back</a></p>`;
  return layout('Sign something else', body.markup);
}

function entry({ id, name, state, isGenuine, captured }: ThingShown): Markup {
  const said = state === undefined ? 'The server that asks phones does not answer.' : states[state];
  const isDoubtful = state === 'approved' && isGenuine !== true;
  const text = isDoubtful ? 'Approved, but the portal could not check what was signed.' : said;
  const taken = name === 'reservation' && state === 'approved' && !isDoubtful ? taking(id, captured ?? 0) : none;
  return html`<li data-thing="${name}" data-state="${isDoubtful ? 'doubtful' : (state ?? 'unknown')}"><div><strong>${things[name]}</strong><br>${text}</div>${taken}</li>`;
}

function taking(id: string, captured: number): Markup {
  const euros = (amount: number): string => (amount / 100).toFixed(2);
  return html`<form method="post" action="/things/${id}/capture"><input type="hidden" name="id" value="${newPaymentId()}">
<p data-captured="${captured}">Taken so far: ${euros(captured)} of ${euros(reservedMaximum)} EUR.</p>
<div class="field"><label for="take-${id}">Take how many EUR</label><input id="take-${id}" name="amount" value="150" inputmode="numeric" maxlength="9" autocomplete="off"></div>
<button class="button quiet" data-take>Take it</button></form>`;
}
