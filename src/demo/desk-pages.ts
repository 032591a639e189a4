/** The desk's pages. */
import type { User } from '../companies/store.ts';
import { escapeHtml } from '../html.ts';
import type { Email } from '../notify/email.ts';
import type { DeskActivation } from './desk.ts';
import { layout } from './portal-pages.ts';

/** A button for a new activation of each person, the way to the console, and the mailbox. */
export function deskPage(
  people: readonly Pick<User, 'id' | 'name'>[],
  mails: readonly (Email & { readonly receivedAt: number })[],
  consoleUrl: string,
): string {
  const buttons = people.map(
    ({ id, name }, index) =>
      `<p><button class="button${index === 0 ? '' : ' quiet'}"${index === 0 ? ' id="activate"' : ''} name="user" value="${escapeHtml(id)}">Make an activation for ${escapeHtml(name)}</button></p>`,
  );
  const list = mails
    .map(
      ({
        to,
        subject,
        text,
        receivedAt,
      }) => `<details><summary>${escapeHtml(subject)} <span class="soft">to ${escapeHtml(to.address)},
${escapeHtml(new Date(receivedAt).toISOString().slice(11, 19))} UTC</span></summary><pre dir="auto">${escapeHtml(text)}</pre></details>`,
    )
    .join('\n');
  return layout(
    'Desk',
    `<h1>Demo desk</h1><p class="soft">What the bank's counter and the user's mailbox would be. It shows every code, so there is none of it in production.</p>
<form method="post" action="/desk/activations">${buttons.join('\n')}</form>
<p class="soft">The administrator and the operator log in to <a id="console" href="${escapeHtml(consoleUrl)}">the console</a>. Each needs a phone of their own: a browser keeps one, so open the app in another browser or a private window for them.</p>
<h2>Mailbox</h2>${list || '<p class="soft">No mail yet. Make an activation: its confirmation code arrives here.</p>'}
<p><a href="/">To the portal</a></p>`,
  );
}

/** One activation: the picture that a phone scans, and what to type for the simulated one. */
export function activationPage(activation: DeskActivation, picture: string): string {
  return layout(
    'Activation',
    `<h1>Register a phone</h1><p>Scan this with the app, or paste the activation text into it. It works once, until
${escapeHtml(new Date(activation.expiresAt).toISOString().slice(11, 16))} UTC.</p>
<div class="qr" role="img" aria-label="Activation code">${picture}</div>
<dl><dt>Activation text</dt><dd><code id="activation-text">${escapeHtml(activation.activationText)}</code></dd>
<dt>Confirmation</dt><dd><code>${escapeHtml(activation.confirmationCode)}</code> <span class="soft">(from the mailbox of ${escapeHtml(activation.name)})</span></dd></dl>
<p>On this device: <a id="open-app" target="_blank" href="${escapeHtml(activation.activationText)}">open the app with this activation</a>, in a new window: the confirmation code stays here.</p>
<p>For the simulated phone, in a terminal:</p><pre>${escapeHtml(phoneCommand(activation))}</pre><p><a href="/desk">Back to the desk</a></p>`,
  );
}

/** What to type to register the simulated phone. */
export function phoneCommand(activation: DeskActivation): string {
  return `npm run -s mtoken -- phone register '${activation.activationText}' --confirmation ${activation.confirmationCode}`;
}
