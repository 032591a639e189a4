/** The user's own devices and browser sessions, each with a button that ends it. */
import type { Phone } from '../../sdk/index.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { formatDateTime } from './format.ts';

type Device = Awaited<ReturnType<Phone['listDevices']>>[number];
type Session = Awaited<ReturnType<Phone['listSessions']>>[number];

/** Fetches both lists and shows them; `notice` says what has just been ended. */
export function showOwn(app: App, notice?: string): void {
  const { t, phone } = app;
  const lists = element('div', {}, paragraph(t('act.busy'), 'soft'));
  app.show({
    name: 'devices',
    title: t('devices.title'),
    isPrivate: true,
    content: [
      element(
        'div',
        { attributes: { role: 'status' } },
        notice === undefined ? undefined : paragraph(notice, 'notice'),
      ),
      lists,
      button(t('act.back'), () => void app.go.home(), 'quiet'),
    ],
  });
  const load = (): void => {
    void app.run(
      async () => ({ devices: await phone.listDevices(), sessions: await phone.listSessions() }),
      ({ devices, sessions }) => {
        const noSessions = sessions.length === 0 ? paragraph(t('devices.none'), 'soft') : undefined;
        lists.replaceChildren(
          element('h2', { text: t('devices.devices') }),
          element('ul', {}, ...devices.map((device) => deviceRow(app, device))),
          element('h2', { text: t('devices.sessions') }),
          noSessions ?? element('ul', {}, ...sessions.map((session) => sessionRow(app, session))),
        );
      },
      { retry: load },
    );
  };
  load();
}

function deviceRow(app: App, device: Device): HTMLElement {
  const { t } = app;
  const { name, platform, isThis, lastUsedAt, status } = device;
  const used = lastUsedAt === null ? t('devices.unused') : t('devices.used', { time: formatDateTime(t, lastUsedAt) });
  const isOver = status === 'blocked' || status === 'deactivated';
  const facts = [platform, isThis ? t('devices.this') : statusText(app, status), used].filter(Boolean).join(' · ');
  // Ending this phone is an act of its own, with words of its own.
  const act = isThis ? () => app.go.remove() : () => confirmDevice(app, device);
  return row({ name, facts }, isOver ? undefined : endButton(app, name, act));
}

function statusText({ t }: App, status: string): string {
  switch (status) {
    case 'active':
    case 'pending':
    case 'blocked':
    case 'deactivated':
      return t(`devices.${status}`);
    default:
      return '';
  }
}

function sessionRow(app: App, { sessionUid, startedAt, portals }: Session): HTMLElement {
  const { t, phone } = app;
  const name = portals.map((portal) => portal.name).join(', ') || t('devices.session');
  const end = (): void => {
    void app.run(
      () => phone.endSession(sessionUid),
      () => showOwn(app, t('devices.ended', { name })),
      { retry: end },
    );
  };
  return row({ name, facts: t('devices.since', { time: formatDateTime(t, startedAt) }) }, endButton(app, name, end));
}

function row({ name, facts }: { name: string; facts: string }, end: HTMLElement | undefined): HTMLElement {
  const about = element(
    'div',
    {},
    element('strong', { text: name, attributes: { dir: 'auto' } }),
    paragraph(facts, 'soft'),
  );
  return element('li', {}, about, end);
}

function endButton({ t }: App, name: string, act: () => void): HTMLElement {
  const made = button(t('devices.end'), act, 'quiet');
  made.setAttribute('aria-label', t('devices.endNamed', { name }));
  return made;
}

function confirmDevice(app: App, { deviceId, name }: Device): void {
  const { t, phone } = app;
  const end = (): void => {
    void app.run(
      () => phone.deactivateDevice({ deviceId, reason: 'user-request' }),
      () => showOwn(app, t('devices.ended', { name })),
      { retry: end },
    );
  };
  app.show({
    name: 'end-device',
    title: t('devices.endNamed', { name }),
    isPrivate: true,
    content: [
      paragraph(t('devices.sure', { name })),
      button(t('devices.end'), end, 'danger'),
      button(t('act.cancel'), () => showOwn(app), 'quiet'),
    ],
  });
}
