/** What stands around every screen: where one can go, who is logged in, and the language. */

import { languages } from '../../texts/languages.ts';
import { button, element } from '../design/dom.ts';
import type { Me } from './context.ts';
import type { MessageName, Messages } from './messages.ts';
import { addressIn, link } from './parts.ts';

interface Section {
  readonly path: string;
  readonly name: MessageName;
  /** What the person must be allowed to see; undefined: everybody. */
  readonly permission?: string;
}

const sections: readonly Section[] = [
  { path: '', name: 'nav.home' },
  { path: '/companies', name: 'nav.companies', permission: 'companies.read' },
  { path: '/users', name: 'nav.users', permission: 'users.read' },
  { path: '/devices', name: 'nav.devices', permission: 'devices.read' },
  { path: '/approvals', name: 'nav.approvals', permission: 'approvals.read' },
  { path: '/terms', name: 'nav.terms', permission: 'terms.read' },
  { path: '/clients', name: 'nav.clients', permission: 'clients.read' },
  { path: '/audit', name: 'nav.audit', permission: 'audit.read' },
  { path: '/notifications', name: 'nav.notifications', permission: 'notifications.read' },
  { path: '/keys', name: 'nav.keys', permission: 'keys.read' },
  { path: '/health', name: 'nav.health', permission: 'health.read' },
];

interface Frame {
  readonly t: Messages;
  readonly me: Me | undefined;
  readonly logOut: () => void;
}

/** The bar of the page, with the menu of what `me` may see. Where nobody is logged in, the language alone. */
export function frame({ t, me, logOut }: Frame): HTMLElement {
  const tools = element('div', { class: 'tools' }, languageSwitch(t));
  const bar = { class: 'bar', attributes: { 'aria-label': t('nav.label') } };
  if (me === undefined) return element('nav', bar, tools);
  const role = t.named('role', me.role);
  const shown = sections.filter(
    ({ permission }) => permission === undefined || me.permissions[permission] !== undefined,
  );
  const menu = element('ul', { id: 'menu' }, ...shown.map(({ path, name }) => element('li', {}, link(path, t(name)))));
  const toggle = button(t('nav.menu'), () => setOpen(toggle.getAttribute('aria-expanded') !== 'true'), 'quiet');
  const setOpen = (isOpen: boolean): void => toggle.setAttribute('aria-expanded', String(isOpen));
  toggle.className = 'quiet toggle';
  toggle.setAttribute('aria-controls', 'menu');
  setOpen(false);
  menu.addEventListener('click', () => setOpen(false));
  tools.prepend(
    element('p', { class: 'who' }, element('bdi', { text: me.name }), element('span', { class: 'soft', text: role })),
  );
  tools.append(button(t('nav.logout'), logOut, 'quiet'));
  // Whoever goes by the keyboard need not go through the menu on every screen.
  const skip = button(t('nav.skip'), () => document.querySelector<HTMLElement>('h1')?.focus(), 'quiet');
  skip.classList.add('skip');
  return element('nav', bar, skip, element('div', { class: 'menu' }, toggle, menu), tools);
}

/** Says in the menu where the person is. */
export function markSection(path: string): void {
  const [first = ''] = path.split('/').filter((part) => part !== '');
  for (const one of document.querySelectorAll<HTMLAnchorElement>('#menu a')) {
    const isHere = one.pathname === addressIn(first === '' ? '' : `/${first === 'webhooks' ? 'notifications' : first}`);
    if (isHere) one.setAttribute('aria-current', 'page');
    else one.removeAttribute('aria-current');
  }
}

/** The server remembers the choice and sends the page in it. */
function languageSwitch(t: Messages): HTMLElement {
  const select = element(
    'select',
    { id: 'language', attributes: { autocomplete: 'off' } },
    ...languages.map(({ code, name, direction }) =>
      element('option', { text: name, attributes: { value: code, lang: code, dir: direction } }),
    ),
  );
  select.value = t.language;
  select.addEventListener('change', () => {
    const address = new URL(location.href);
    address.searchParams.set('lang', select.value);
    location.assign(address);
  });
  return element(
    'p',
    { class: 'language' },
    element('label', { class: 'only-heard', text: t('nav.language'), attributes: { for: 'language' } }),
    select,
  );
}
