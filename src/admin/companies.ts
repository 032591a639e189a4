/** Admin endpoints of companies and users. */
import { createCompany, findCompany, listCompanies, updateCompany } from '../companies/companies.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import { removeUser, restoreUser, suspendUser } from '../companies/user-status.ts';
import { createUser, findUser, listUsers, updateUser } from '../companies/users.ts';
import * as wire from '../protocol/admin.ts';
import { strict } from '../protocol/common.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { companyView, pageOf, userView } from './views.ts';

const companyParams = strict({ companyId: wire.CompanyId });
const userParams = strict({ userId: wire.UserId });

/** Companies: created and limited by the bank; a company's own client sees its own. */
export function companyAdminEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      method: 'POST',
      path: '/companies',
      permission: 'companies.create',
      body: wire.CompanyCreate,
      status: 201,
      answer: async ({ body, actor }) => companyView(await createCompany(deps, { ...body, actor })),
    }),
    adminEndpoint({
      method: 'GET',
      path: '/companies',
      permission: 'companies.read',
      query: wire.CompanyList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        return pageOf(await listCompanies(deps, { actor, page }), page.limit, ({ id }) => id, companyView);
      },
    }),
    adminEndpoint({
      method: 'GET',
      path: '/companies/:companyId',
      permission: 'companies.read',
      params: companyParams,
      answer: async ({ params, actor }) => companyView(await findCompany(deps, params.companyId, actor)),
    }),
    adminEndpoint({
      method: 'PATCH',
      path: '/companies/:companyId',
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
      method: 'POST',
      path: '/users',
      permission: 'users.create',
      body: wire.UserCreate,
      status: 201,
      answer: async ({ body, actor }) => userView(await createUser(deps, { ...body, actor })),
    }),
    adminEndpoint({
      method: 'GET',
      path: '/users',
      permission: 'users.read',
      query: wire.UserList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        const users = await listUsers(deps, { actor, companyId: query.companyId, page });
        return pageOf(users, page.limit, ({ id }) => id, userView);
      },
    }),
    adminEndpoint({
      method: 'GET',
      path: '/users/:userId',
      permission: 'users.read',
      params: userParams,
      answer: async ({ params, actor }) => userView(await findUser(deps, params.userId, actor)),
    }),
    adminEndpoint({
      method: 'PATCH',
      path: '/users/:userId',
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
        ['suspend', suspendUser],
        ['restore', restoreUser],
        ['remove', removeUser],
      ] as const
    ).map(([verb, act]) =>
      adminEndpoint({
        method: 'POST',
        path: `/users/:userId/${verb}`,
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
