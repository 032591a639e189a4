/** Admin endpoints of companies and users. */
import { createCompany, findCompany, listCompanies, updateCompany } from '../companies/companies.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import { removeUser, restoreUser, suspendUser } from '../companies/user-status.ts';
import { createUser, findUser, listUsers, updateUser } from '../companies/users.ts';
import * as wire from '../protocol/admin.ts';
import * as view from '../protocol/admin-views.ts';
import { strict } from '../protocol/common.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { companyView, pageOf, userView } from './views.ts';

const companyParams = strict({ companyId: wire.CompanyId });
const userParams = strict({ userId: wire.UserId });

/** Companies: created and limited by the bank; a company's own client sees its own. */
export function companyAdminEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'createCompany',
      summary: 'Create a company',
      method: 'POST',
      path: '/companies',
      reply: view.CompanyView,
      permission: 'companies.create',
      body: wire.CompanyCreate,
      status: 201,
      answer: async ({ body, actor }) => companyView(await createCompany(deps, { ...body, actor })),
    }),
    adminEndpoint({
      name: 'listCompanies',
      summary: 'List companies',
      method: 'GET',
      path: '/companies',
      reply: view.CompanyPage,
      permission: 'companies.read',
      query: wire.CompanyList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        return pageOf(await listCompanies(deps, { actor, page }), page.limit, ({ id }) => id, companyView);
      },
    }),
    adminEndpoint({
      name: 'getCompany',
      summary: 'Look at a company',
      method: 'GET',
      path: '/companies/:companyId',
      reply: view.CompanyView,
      permission: 'companies.read',
      params: companyParams,
      answer: async ({ params, actor }) => companyView(await findCompany(deps, params.companyId, actor)),
    }),
    adminEndpoint({
      name: 'changeCompany',
      summary: "Change a company's name and rules",
      method: 'PATCH',
      path: '/companies/:companyId',
      reply: view.CompanyView,
      permission: 'companies.change',
      params: companyParams,
      body: wire.CompanyUpdate,
      answer: async ({ params, body, actor }) => {
        const { version, ...changes } = body;
        return companyView(await updateCompany(deps, { companyId: params.companyId, version, changes, actor }));
      },
    }),
  ];
}

/** Users of a company. */
export function userAdminEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'createUser',
      summary: 'Create a user of a company',
      method: 'POST',
      path: '/users',
      reply: view.UserView,
      permission: 'users.create',
      body: wire.UserCreate,
      status: 201,
      answer: async ({ body, actor }) => userView(await createUser(deps, { ...body, actor })),
    }),
    adminEndpoint({
      name: 'listUsers',
      summary: 'List users',
      method: 'GET',
      path: '/users',
      reply: view.UserPage,
      permission: 'users.read',
      query: wire.UserList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        const users = await listUsers(deps, { actor, companyId: query.companyId, page });
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
    adminEndpoint({
      name: 'changeUser',
      summary: 'Change a user',
      method: 'PATCH',
      path: '/users/:userId',
      reply: view.UserView,
      permission: 'users.change',
      params: userParams,
      body: wire.UserUpdate,
      answer: async ({ params, body, actor }) => {
        const { version, ...changes } = body;
        return userView(await updateUser(deps, { userId: params.userId, version, changes, actor }));
      },
    }),
    ...(
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
    ),
  ];
}

/** The page that a query asks for; fifty rows unless told. */
export function pageFrom(query: { readonly after?: string; readonly limit?: number }) {
  const limit = query.limit ?? 50;
  return query.after === undefined ? { limit } : { after: query.after, limit };
}
