/** Admin endpoints of users: the people of a company, and the bank's own staff. */
import { Readable } from 'node:stream';
import type { CompanyDeps } from '../companies/deps.ts';
import { erasePersonalData, exportPersonalData } from '../companies/personal-data.ts';
import { changeStaffRole, createStaff } from '../companies/staff-acts.ts';
import { changeEmail } from '../companies/user-email.ts';
import { removeUser, restoreUser, suspendUser } from '../companies/user-status.ts';
import { createUser, findUser, listUsers, updateUser } from '../companies/users.ts';
import * as wire from '../protocol/admin.ts';
import { StaffCreate, UserCreate, UserEmail, UserList, UserStaff, UserUpdate } from '../protocol/admin-companies.ts';
import * as view from '../protocol/admin-views.ts';
import { strict } from '../protocol/common.ts';
import { pageFrom } from './companies.ts';
import { type AdminEndpoint, adminEndpoint, type StreamedAnswer } from './endpoint.ts';
import { pageOf, userView } from './views.ts';

const userParams = strict({ userId: wire.UserId });

/** Users of a company. */
export function userAdminEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    ...readingEndpoints(deps),
    adminEndpoint({
      name: 'createUser',
      summary: 'Create a user of a company',
      method: 'POST',
      path: '/users',
      reply: view.UserView,
      permission: 'users.create',
      body: UserCreate,
      status: 201,
      answer: async ({ body, actor }) => userView(await createUser(deps, { ...body, actor })),
    }),
    adminEndpoint({
      name: 'changeUser',
      summary: "Change a user's name, role, permissions, languages or document",
      method: 'PATCH',
      path: '/users/:userId',
      reply: view.UserView,
      permission: 'users.change',
      params: userParams,
      body: UserUpdate,
      answer: async ({ params, body, actor }) => {
        const { version, ...changes } = body;
        return userView(await updateUser(deps, { userId: params.userId, version, changes, actor }));
      },
    }),
    adminEndpoint({
      name: 'changeUserEmail',
      summary: "Change a user's e-mail address; the old one is told too",
      method: 'POST',
      path: '/users/:userId/email',
      reply: view.UserView,
      permission: 'users.email',
      params: userParams,
      body: UserEmail,
      answer: async ({ params, body, actor }) =>
        userView(await changeEmail(deps, { userId: params.userId, ...body, actor })),
    }),
    ...statusEndpoints(deps),
    ...staffEndpoints(deps),
    ...personalDataEndpoints(deps),
  ];
}

function readingEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'listUsers',
      summary: 'List and search users',
      method: 'GET',
      path: '/users',
      reply: view.UserPage,
      permission: 'users.read',
      query: UserList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        const { companyId, search, role, status } = query;
        const users = await listUsers(deps, { actor, companyId, page, filter: { search, role, status } });
        return pageOf(users, page.limit, ({ id }) => id, userView);
      },
    }),
    adminEndpoint({
      name: 'getUser',
      summary: 'Look at a user',
      method: 'GET',
      path: '/users/:userId',
      reply: view.UserView,
      permission: 'users.read',
      params: userParams,
      answer: async ({ params, actor }) => userView(await findUser(deps, params.userId, actor)),
    }),
  ];
}

function statusEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return (
    [
      ['suspend', suspendUser, 'Suspend a user: logins end, devices stop, nothing is lost'],
      ['restore', restoreUser, 'Restore a suspended user'],
      ['remove', removeUser, 'Remove a user for good'],
    ] as const
  ).map(([verb, act, summary]) =>
    adminEndpoint({
      name: `${verb}User`,
      summary,
      method: 'POST',
      path: `/users/:userId/${verb}`,
      reply: view.UserView,
      permission: `users.${verb}`,
      params: userParams,
      body: wire.Reason,
      answer: async ({ params, body, actor }) =>
        userView(await act(deps, { userId: params.userId, reason: body.reason, actor })),
    }),
  );
}

/** The bank's own people: created and changed by operators alone, whatever else may create users. */
function staffEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'createStaff',
      summary: "Create a member of the bank's staff",
      method: 'POST',
      path: '/staff',
      reply: view.UserView,
      permission: 'users.staff',
      body: StaffCreate,
      status: 201,
      answer: async ({ body, actor }) => userView(await createStaff(deps, { ...body, actor })),
    }),
    adminEndpoint({
      name: 'changeStaffRole',
      summary: "Change the role of a member of the bank's staff; their logins end",
      method: 'POST',
      path: '/users/:userId/staff',
      reply: view.UserView,
      permission: 'users.staff',
      params: userParams,
      body: UserStaff,
      answer: async ({ params, body, actor }) =>
        userView(await changeStaffRole(deps, { userId: params.userId, ...body, actor })),
    }),
  ];
}

/** By POST: to give the data out uses a confirmation up and leaves a record, neither of which a GET may do (S-10). */
function personalDataEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'exportPersonalData',
      summary: 'Export everything that is held of a person',
      method: 'POST',
      path: '/users/:userId/personal-data',
      permission: 'users.personal-data',
      params: userParams,
      body: wire.Reason,
      files: ['application/json'],
      answer: async ({ params: { userId }, body: { reason }, actor }): Promise<StreamedAnswer> => ({
        type: 'application/json; charset=utf-8',
        fileName: `personal-data-${userId}.json`,
        body: Readable.from(await exportPersonalData(deps, { userId, reason, actor })),
      }),
    }),
    adminEndpoint({
      name: 'erasePersonalData',
      summary: "Erase a removed user's name, address and document for good",
      method: 'POST',
      path: '/users/:userId/erase',
      reply: view.UserView,
      permission: 'users.personal-data',
      params: userParams,
      body: wire.Reason,
      answer: async ({ params: { userId }, body: { reason }, actor }) =>
        userView(await erasePersonalData(deps, { userId, reason, actor })),
    }),
  ];
}
