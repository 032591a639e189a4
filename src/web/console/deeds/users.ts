/** What is done to users. */
import type { Input } from '../../../admin-client/client.ts';
import type { User } from '../../../admin-client/operations.ts';
import type { Act } from '../acts.ts';
import { saveFile } from '../file.ts';

/** Which user, as a person knows them. */
export interface UserRef {
  readonly userId: string;
  readonly name: string;
}

/** A new user. */
export type NewUser = Input<'createUser'>['body'];

export const createUser: Act<NewUser, User> = {
  name: 'users.create',
  permission: 'users.create',
  title: (t) => t('user.create'),
  explain: (t, { name, email }) => [t('user.createText', { name, email })],
  request: (body) => ['createUser', { body }],
  done: ({ go, t }, { name }, { id }) => go(`/users/${id}`, t('user.created', { name })),
};

/** What is changed of a user, and in which version of them. */
export interface UserChange {
  readonly ref: UserRef;
  readonly version: number;
  readonly changes: Omit<Input<'changeUser'>['body'], 'version'>;
}

export const changeUser: Act<UserChange, User> = {
  name: 'users.change',
  permission: 'users.change',
  title: (t) => t('user.save'),
  explain: (t, { ref }) => [t('user.saveText', { name: ref.name })],
  request: ({ ref: { userId }, version, changes }) => [
    'changeUser',
    { params: { userId }, body: { version, ...changes } },
  ],
  done: ({ go, t }, { ref }) => go(`/users/${ref.userId}`, t('user.saved')),
};

/** A new address of a user. */
export interface EmailChange {
  readonly ref: UserRef;
  readonly version: number;
  readonly email: string;
}

export const changeEmail: Act<EmailChange, User> = {
  name: 'users.email',
  permission: 'users.email',
  title: (t) => t('user.changeEmail'),
  explain: (t, { ref, email }) => [t('user.changeEmailText', { name: ref.name, email })],
  request: ({ ref: { userId }, version, email }) => [
    'changeUserEmail',
    { params: { userId }, body: { version, email } },
  ],
  done: ({ go, t }, { ref }) => go(`/users/${ref.userId}`, t('user.emailChanged')),
};

function statusAct(verb: 'suspend' | 'restore' | 'remove'): Act<UserRef> {
  return {
    name: `users.${verb}`,
    permission: `users.${verb}`,
    title: (t) => t(`user.${verb}`),
    explain: (t, { name }) => [t(`user.${verb}Text`, { name })],
    isFinal: verb === 'remove',
    takesReason: true,
    request: ({ userId }, reason) => [`${verb}User`, { params: { userId }, body: { reason } }],
    done: ({ refresh, t }, { name }) => refresh(t(`user.${verb}Done`, { name })),
  };
}

export const suspendUser = statusAct('suspend');
export const restoreUser = statusAct('restore');
export const removeUser = statusAct('remove');

export const endUserDevices: Act<UserRef, { readonly deactivated: number }> = {
  name: 'users.deactivate-devices',
  permission: 'devices.deactivate',
  title: (t) => t('user.endDevices'),
  explain: (t, { name }) => [t('user.endDevicesText', { name }), t('device.endMeans')],
  isFinal: true,
  takesReason: true,
  request: ({ userId }, reason) => ['deactivateUserDevices', { params: { userId }, body: { reason } }],
  done: ({ refresh, t }, _params, { deactivated }) => refresh(t('device.endedCount', { count: deactivated })),
};

/** A new member of the bank's staff. */
export type NewStaff = Input<'createStaff'>['body'];

export const createStaff: Act<NewStaff, User> = {
  name: 'users.staff.create',
  permission: 'users.staff',
  title: (t) => t('staff.create'),
  explain: (t, { name, email, staffRole }) => [
    t('staff.createText', { name, email, role: t.named('role', staffRole) }),
  ],
  request: (body) => ['createStaff', { body }],
  done: ({ go, t }, { name }, { id }) => go(`/users/${id}`, t('user.created', { name })),
};

/** Another role of one of the bank's own staff. */
export interface StaffChange {
  readonly ref: UserRef;
  readonly version: number;
  readonly staffRole: NewStaff['staffRole'];
}

export const changeStaff: Act<StaffChange, User> = {
  name: 'users.staff',
  permission: 'users.staff',
  title: (t) => t('staff.change'),
  explain: (t, { ref, staffRole }) => [t('staff.changeText', { name: ref.name, role: t.named('role', staffRole) })],
  request: ({ ref: { userId }, version, staffRole }) => [
    'changeStaffRole',
    { params: { userId }, body: { version, staffRole } },
  ],
  done: ({ go, t }, { ref }) => go(`/users/${ref.userId}`, t('user.saved')),
};

export const exportData: Act<UserRef, Blob> = {
  name: 'users.personal-data',
  permission: 'users.personal-data',
  title: (t) => t('personal.export'),
  explain: (t, { name }) => [t('personal.exportText', { name })],
  takesReason: true,
  isFile: true,
  request: ({ userId }, reason) => ['exportPersonalData', { params: { userId }, body: { reason } }],
  done: ({ refresh, t }, { userId }, file) => {
    saveFile(file, `personal-data-${userId}.json`);
    refresh(t('personal.exported'));
  },
};

export const eraseData: Act<UserRef> = {
  name: 'users.erase',
  permission: 'users.personal-data',
  title: (t) => t('personal.erase'),
  explain: (t, { name }) => [t('personal.eraseText', { name })],
  isFinal: true,
  takesReason: true,
  request: ({ userId }, reason) => ['erasePersonalData', { params: { userId }, body: { reason } }],
  done: ({ refresh, t }) => refresh(t('personal.erased')),
};
