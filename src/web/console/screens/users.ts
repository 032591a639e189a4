/** The list of users, and a new one. */
import type { Company, User } from '../../../admin-client/operations.ts';
import { paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen, View } from '../context.ts';
import { createStaff, createUser, endUserDevices } from '../deeds/users.ts';
import { actButton } from '../dialog.ts';
import { choiceField, textField } from '../fields.ts';
import { companyNames } from '../names.ts';
import { addressOf, badge, buttons, filterForm, link, long, pager, table } from '../parts.ts';
import { actForm } from '../submit.ts';

const path = '/users';
const pageSize = '25';
const statuses = ['invited', 'active', 'suspended', 'removed'] as const;
const roles = ['user', 'administrator', 'operator', 'support', 'auditor'] as const;

/** The status of a user in words. */
export function userBadge({ t }: Console, status: string): HTMLElement {
  const looks: Readonly<Record<string, 'good' | 'bad' | 'wait'>> = {
    active: 'good',
    invited: 'wait',
    suspended: 'bad',
  };
  return badge(t.named('user.status', status), looks[status] ?? 'none');
}

export const usersScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const { items, next } = await list('listUsers', { ...query, limit: pageSize });
  const isWide = console.reachesAll('users.read');
  const asked = isWide ? items.map(({ companyId }) => companyId) : [];
  const companies = await companyNames(console, asked);
  const { companyId } = query;
  const choices = isWide ? roles : roles.filter((role) => role === 'user' || role === 'administrator');
  const mayCreate = console.may('users.create') && (companyId !== undefined || !isWide);
  return {
    title: t('nav.users'),
    back: companyId === undefined ? undefined : link(`/companies/${companyId}`, t('user.toCompany'), 'back'),
    content: [
      buttons(mayCreate ? link(addressOf('/users/new', { companyId }), t('user.create'), 'button') : undefined),
      filterForm(console, {
        path,
        query,
        fixed: ['companyId'],
        filters: [
          { name: 'search', label: t('user.search'), type: 'search' },
          { name: 'role', label: t('user.role'), options: choices.map((role) => [role, t.named('role', role)]) },
          {
            name: 'status',
            label: t('list.status'),
            options: statuses.map((one) => [one, t.named('user.status', one)]),
          },
        ],
      }),
      table({
        caption: t('nav.users'),
        rows: items,
        empty: t('user.none'),
        columns: [
          { head: t('list.name'), cell: ({ id, name }) => link(`/users/${id}`, name) },
          { head: t('user.email'), cell: ({ email }) => long(email) },
          ...(isWide && companyId === undefined
            ? [
                {
                  head: t('user.company'),
                  cell: (user: User) =>
                    link(`/companies/${user.companyId}`, companies.get(user.companyId) ?? user.companyId),
                },
              ]
            : []),
          { head: t('user.role'), cell: ({ role, staffRole }) => t.named('role', staffRole ?? role) },
          { head: t('list.status'), cell: ({ status }) => userBadge(console, status) },
          {
            head: t('list.acts'),
            cell: ({ id, name, status }) =>
              status === 'removed' || status === 'invited'
                ? undefined
                : buttons(actButton(console, endUserDevices, { userId: id, name })),
          },
        ],
      }),
      pager(console, { path, query, next }),
    ],
  };
};

export const newUserScreen: Screen = async (console, { query }) => {
  const { me } = console;
  const companyId = query['companyId'] ?? me.companyId;
  const company = await api('getCompany', { params: { companyId } });
  if (company.isBank) return newStaff(console, company);
  const { name, email } = personFields(console);
  const role = roleField(console, 'user');
  const permissions = permissionsField(console, company.rules.permissions, 'mtoken');
  const made = actForm(console, {
    act: createUser,
    fields: [name.row, email.row, role.row, permissions.row],
    read: () => {
      const entered = readPerson(console, { name, email });
      if (typeof entered === 'string') return entered;
      return { companyId, ...entered, role: role.value(), permissions: permissions.value() };
    },
  });
  return creation(console, company, made);
};

/** The bank's own people are staff, and nobody else. */
function newStaff(console: Console, company: Company): View {
  const { name, email } = personFields(console);
  const role = staffRoleField(console, 'support');
  const made = actForm(console, {
    act: createStaff,
    fields: [name.row, email.row, role.row],
    read: () => {
      const entered = readPerson(console, { name, email });
      return typeof entered === 'string' ? entered : { ...entered, staffRole: role.value() };
    },
  });
  return creation(console, company, made);
}

function creation({ t }: Console, { id, name, isBank }: Company, made: HTMLElement | undefined): View {
  return {
    title: t(isBank ? 'staff.create' : 'user.create'),
    back: link(addressOf(path, { companyId: id }), t('nav.users'), 'back'),
    content: [
      paragraph(t('user.createIn', { company: name }), 'soft'),
      made ?? paragraph(t('error.access_denied'), 'trouble'),
    ],
  };
}

type PersonFields = ReturnType<typeof personFields>;

function personFields({ t }: Console) {
  const name = textField({ name: 'name', label: t('list.name'), attributes: { maxlength: '120' } });
  const email = textField({
    name: 'email',
    label: t('user.email'),
    hint: t('user.emailHint'),
    attributes: { type: 'email', maxlength: '254' },
  });
  return { name, email };
}

/** What they say; a text is what is missing. */
function readPerson({ t }: Console, fields: PersonFields): { name: string; email: string } | string {
  const [name, email] = [fields.name.input.value.trim(), fields.email.input.value.trim()];
  if (name === '') return t('form.nameMissing');
  return email === '' ? t('form.emailMissing') : { name, email };
}

/** What one of the bank's own people may do. */
export function staffRoleField({ t }: Console, value: NonNullable<User['staffRole']>) {
  return choiceField({
    name: 'staff-role',
    label: t('staff.role'),
    value,
    options: (['operator', 'support', 'auditor'] as const).map((role) => [role, t(`role.${role}`)]),
  });
}

/** User or administrator of their company. */
export function roleField({ t }: Console, value: User['role']) {
  return choiceField({
    name: 'role',
    label: t('user.role'),
    hint: t('user.roleHint'),
    value,
    options: (['user', 'administrator'] as const).map((role) => [role, t(`role.${role}`)]),
  });
}

/** What a user may do with mToken; `most` is what the company allows. */
export function permissionsField({ t }: Console, most: User['permissions'], value: User['permissions']) {
  const options = (['mtoken', 'full'] as const).filter((one) => one === 'mtoken' || most === 'full' || value === one);
  return choiceField({
    name: 'permissions',
    label: t('user.permissions'),
    value,
    options: options.map((one) => [one, t(`permissions.${one}`)]),
  });
}
