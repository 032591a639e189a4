/** The pages of "My phone is lost". */
import { escapeHtml } from '../html.ts';
import type { AccountDevicesEnded, AccountSessions, AccountSessionsEnded } from '../protocol/account.ts';
import type { OwnDevices } from '../protocol/devices.ts';
import { layout } from './portal-pages.ts';

type Devices = OwnDevices['devices'];
type Device = Devices[number];
type Session = AccountSessions['sessions'][number];

const reasons = [
  ['lost', 'I lost it'],
  ['stolen', 'It was stolen'],
  ['fraud', 'Somebody else may be using it'],
  ['replaced', 'I have a new one'],
] as const;

const states: Readonly<Record<string, string>> = {
  active: 'active',
  pending: 'waits for approval',
  blocked: 'blocked: its mPIN was wrong five times',
  deactivated: 'deactivated',
  refused: 'refused',
};

/** The user's phones and sessions, each with what can be done about it. */
export function lostPage(devices: Devices, sessions: readonly Session[]): string {
  const usable = devices.filter(isUsable);
  const others = sessions.filter(({ isThis }) => !isThis);
  return layout(
    'My phone is lost',
    `<h1>My phone is lost</h1>
<p>Deactivate the phone that is gone. It stops at once, everywhere: its app, every portal that it logged you in to, and what it was about to approve.
It cannot be undone; you register again, on a new phone or this one found.</p>
<h2>Phones</h2><ul class="things" id="devices">${devices.map(deviceItem).join('\n')}</ul>
${usable.length > 1 ? deactivateForm({ act: 'devices', label: 'Deactivate all phones' }) : ''}
<h2>Where you are logged in</h2><ul class="things" id="sessions">${sessions.map(sessionItem).join('\n')}</ul>
${others.length > 0 ? `<form method="post" action="/lost/sessions"><button class="button quiet" id="end-others">Log out everywhere else</button></form>` : ''}
<p><a href="/">Back</a></p>`,
  );
}

function isUsable({ status }: Device): boolean {
  return status === 'active' || status === 'pending';
}

function deviceItem(device: Device): string {
  const { deviceId, name, status, isThis, lastUsedAt } = device;
  const used = lastUsedAt === null ? 'never used' : `last used ${timeText(lastUsedAt)}`;
  const about = `${states[status] ?? status}, ${used}${isThis ? '; it logged you in here' : ''}`;
  const text = `<span><strong>${escapeHtml(name)}</strong><br><span class="soft">${escapeHtml(about)}</span></span>`;
  if (!isUsable(device)) return `<li class="ended">${text}</li>`;
  return `<li data-device="${escapeHtml(deviceId)}">${text}${deactivateForm({ act: 'device', label: `Deactivate ${name}`, id: deviceId })}</li>`;
}

function deactivateForm({ act, label, id }: { readonly act: string; readonly label: string; readonly id?: string }) {
  const choices = reasons.map(([value, text]) => `<option value="${value}">${text}</option>`).join('');
  const about = escapeHtml(`${label}: what happened`);
  return `<form method="post" action="/lost/${act}">${id === undefined ? '' : `<input type="hidden" name="id" value="${escapeHtml(id)}">`}
<select name="reason" aria-label="${about}">${choices}</select> <button class="button danger">${escapeHtml(label)}</button></form>`;
}

function sessionItem({ sessionUid, startedAt, portals, isThis }: Session): string {
  const names = portals.map(({ name }) => name).join(', ');
  const text = `<span><strong>${escapeHtml(names)}</strong><br><span class="soft">since ${escapeHtml(timeText(startedAt))}${isThis ? '; this session' : ''}</span></span>`;
  if (isThis) return `<li>${text}</li>`;
  return `<li>${text}<form method="post" action="/lost/session"><input type="hidden" name="id" value="${escapeHtml(sessionUid)}">
<button class="button quiet">Log out there</button></form></li>`;
}

/** What has happened, in words, and what comes next. */
export function whatEndedPage(ended: AccountDevicesEnded | AccountSessionsEnded, devices: Devices): string {
  const [heading, text] = 'deactivated' in ended ? ofDevices(ended, devices) : ofSessions(ended);
  const next = ended.isLoggedOut
    ? `<p>You are logged out here too. Ask your administrator, or your bank, for a new activation.</p><p><a class="button" href="/">To the start</a></p>`
    : '<p><a class="button" href="/lost">Back to phones and sessions</a></p>';
  return layout(heading, `<h1>${escapeHtml(heading)}</h1><p role="status">${escapeHtml(text)}</p>${next}`);
}

function ofDevices({ deactivated }: AccountDevicesEnded, devices: Devices): readonly [heading: string, text: string] {
  const names = devices.filter(({ deviceId }) => deactivated.includes(deviceId)).map(({ name }) => name);
  if (names.length === 0) return ['Nothing to do', 'It was deactivated before.'];
  const them = names.length === 1 ? 'It' : 'They';
  return [
    names.length === 1 ? 'The phone is deactivated' : `${names.length} phones are deactivated`,
    `${names.join(', ')}: deactivated for good. ${them} can approve nothing any more, and every portal is told. You get a mail about it.`,
  ];
}

function ofSessions({ ended }: AccountSessionsEnded): readonly [heading: string, text: string] {
  return ['Logged out', ended.length === 1 ? 'One session has ended.' : `${ended.length} sessions have ended.`];
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
