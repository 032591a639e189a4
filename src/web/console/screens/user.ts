/** One user: their devices, what they accepted, and what can be done. */
import type { Company, User } from '../../../admin-client/operations.ts';
import { element, paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { activate, invite } from '../deeds/invitations.ts';
import {
  changeEmail,
  changeStaff,
  changeUser,
  endUserDevices,
  eraseData,
  exportData,
  removeUser,
  restoreUser,
  suspendUser,
  type UserRef,
} from '../deeds/users.ts';
import { actButton } from '../dialog.ts';
import { textField } from '../fields.ts';
import { when } from '../format.ts';
import { addressOf, buttons, code, facts, link, section } from '../parts.ts';
import { actForm } from '../submit.ts';
import { deviceTable } from './devices.ts';
import { permissionsField, roleField, staffRoleField, userBadge } from './users.ts';

export const userScreen: Screen = async (console, { params }) => {
  const { t } = console;
  const id = params['userId'] ?? '';
  const user = await api('getUser', { params: { userId: id } });
  const [company, devices] = await Promise.all([
    api('getCompany', { params: { companyId: user.companyId } }),
    list('listDevices', { userId: id, limit: 50 }),
  ]);
  const ref = { userId: id, name: user.name };
  const hasDevices = devices.items.some(({ status }) => status !== 'deactivated' && status !== 'refused');
  const isThere = user.status !== 'removed';
  return {
    title: user.name,
    back: link(addressOf('/users', { companyId: user.companyId }), t('user.back', { company: company.name }), 'back'),
    content: [
      facts([
        [t('list.status'), userBadge(console, user.status)],
        [t('user.email'), user.email],
        [t('user.company'), link(`/companies/${company.id}`, company.name)],
        [t('user.role'), t.named('role', user.staffRole ?? user.role)],
        [t('user.permissions'), t.named('permissions', user.permissions)],
        [t('user.document'), documentText(console, user)],
        [t('list.created'), when(t, user.createdAt)],
        [t('list.id'), code(user.id)],
      ]),
      isThere ? buttons(actButton(console, activate, ref), actButton(console, invite, ref)) : undefined,
      section(
        t('nav.devices'),
        deviceTable(console, devices.items, { empty: t('user.noDevices'), isOfOne: true }),
        buttons(hasDevices ? actButton(console, endUserDevices, ref) : undefined),
      ),
      await acceptances(console, id),
      ...(isThere ? changes(console, { user, company, ref }) : []),
      personalData(console, user, ref),
      link(addressOf('/audit', { userId: id, order: 'newest' }), t('user.audit')),
    ],
  };
};

function documentText({ t }: Console, { document: shown }: User): Node {
  if (shown === null || shown === undefined) return element('span', { text: '–' });
  const until = shown.expiresAt === null ? [] : [` (${t('user.documentUntil')} `, when(t, shown.expiresAt), ')'];
  return element('span', {}, shown.reference, ...until);
}

interface Shown {
  readonly user: User;
  readonly company: Company;
  readonly ref: UserRef;
}

/** Folded: they are looked for seldom, and pressed by nobody by chance. */
function changes(console: Console, shown: Shown): (HTMLElement | undefined)[] {
  const { t } = console;
  const { user, ref } = shown;
  const serious = buttons(
    user.status === 'suspended' ? actButton(console, restoreUser, ref) : actButton(console, suspendUser, ref),
    actButton(console, removeUser, ref),
  );
  return [
    folded(t('user.edit'), detailsForm(console, shown)),
    folded(t('user.changeEmail'), emailForm(console, shown)),
    shown.company.isBank ? folded(t('staff.change'), staffForm(console, shown)) : undefined,
    serious === undefined ? undefined : section(t('act.serious'), paragraph(t('act.seriousText'), 'soft'), serious),
  ];
}

/** What the law gives the person: a copy of everything, and that it is forgotten once they are removed. */
function personalData(console: Console, { status }: User, ref: UserRef): HTMLElement | undefined {
  const acts = buttons(
    actButton(console, exportData, ref),
    status === 'removed' ? actButton(console, eraseData, ref) : undefined,
  );
  return acts === undefined ? undefined : section(console.t('personal.title'), acts);
}

function folded(title: string, content: HTMLElement | undefined): HTMLElement | undefined {
  return content && element('details', {}, element('summary', { text: title }), content);
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

function detailsForm(console: Console, { user, company, ref }: Shown): HTMLElement | undefined {
  const { t } = console;
  const name = textField({ name: 'name', label: t('list.name'), value: user.name, attributes: { maxlength: '120' } });
  const role = roleField(console, user.role);
  const permissions = permissionsField(console, company.rules.permissions, user.permissions);
  const reference = textField({
    name: 'document',
    label: t('user.document'),
    hint: t('user.documentHint'),
    value: user.document?.reference ?? '',
    attributes: { maxlength: '64' },
  });
  const expiresAt = user.document?.expiresAt ?? null;
  const until = textField({
    name: 'document-until',
    label: t('user.documentExpires'),
    value: expiresAt === null ? '' : dayOf(expiresAt),
    attributes: { type: 'date' },
  });
  const readDocument = () => {
    const entered = reference.input.value.trim();
    if (entered === '') return null;
    const day = until.input.value;
    return { reference: entered, expiresAt: day === '' ? null : Date.parse(`${day}T00:00:00Z`) };
  };
  return actForm(console, {
    act: changeUser,
    fields: [name.row, company.isBank ? undefined : role.row, permissions.row, reference.row, until.row],
    read: () => {
      const entered = {
        name: name.input.value.trim(),
        role: role.value(),
        permissions: permissions.value(),
        document: readDocument(),
      };
      if (entered.name === '') return t('form.nameMissing');
      const differing = Object.entries(entered).filter(
        ([key, value]) => JSON.stringify(value) !== JSON.stringify(user[key as keyof User] ?? null),
      );
      if (differing.length === 0) return t('form.unchanged');
      return { ref, version: user.version, changes: Object.fromEntries(differing) };
    },
  });
}

function emailForm(console: Console, { user, ref }: Shown): HTMLElement | undefined {
  const { t } = console;
  const email = textField({
    name: 'new-email',
    label: t('user.newEmail'),
    hint: t('user.newEmailHint'),
    attributes: { type: 'email', maxlength: '254' },
  });
  return actForm(console, {
    act: changeEmail,
    fields: [email.row],
    read: () => {
      const entered = email.input.value.trim();
      return entered === '' ? t('form.emailMissing') : { ref, version: user.version, email: entered };
    },
  });
}

function staffForm(console: Console, { user, ref }: Shown): HTMLElement | undefined {
  const role = staffRoleField(console, user.staffRole ?? 'support');
  return actForm(console, {
    act: changeStaff,
    fields: [role.row],
    read: () => ({ ref, version: user.version, staffRole: role.value() }),
  });
}

/** Which terms they accepted, and when. */
async function acceptances(console: Console, userId: string): Promise<HTMLElement | undefined> {
  const { t } = console;
  const { items } = await api('listAcceptances', { params: { userId } });
  if (items.length === 0) return section(t('user.acceptances'), paragraph(t('user.noAcceptances'), 'notice'));
  const rows = items.map(({ version, acceptedAt, sha256 }) =>
    element('li', {}, element('span', { text: version }), when(t, acceptedAt), code(sha256.slice(0, 16))),
  );
  return section(t('user.acceptances'), element('ul', {}, ...rows));
}
