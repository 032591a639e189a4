/** Admin endpoints of companies: created, limited and closed by the bank, their rules changed by themselves. */
import { createCompany, findCompany, listCompanies, updateCompany } from '../companies/companies.ts';
import { closeCompany, restoreCompany, suspendCompany } from '../companies/company-status.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import * as wire from '../protocol/admin.ts';
import { CompanyCreate, CompanyList, CompanyUpdate } from '../protocol/admin-companies.ts';
import * as view from '../protocol/admin-views.ts';
import { strict } from '../protocol/common.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { companyView, pageOf } from './views.ts';

const companyParams = strict({ companyId: wire.CompanyId });

/** Companies: created and limited by the bank; a company's own people and clients see their own. */
export function companyAdminEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'createCompany',
      summary: 'Create a company',
      method: 'POST',
      path: '/companies',
      reply: view.CompanyView,
      permission: 'companies.create',
      body: CompanyCreate,
      status: 201,
      answer: async ({ body, actor }) => companyView(await createCompany(deps, { ...body, actor })),
    }),
    adminEndpoint({
      name: 'listCompanies',
      summary: 'List and search companies',
      method: 'GET',
      path: '/companies',
      reply: view.CompanyPage,
      permission: 'companies.read',
      query: CompanyList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        const { search, status } = query;
        const companies = await listCompanies(deps, { actor, page, filter: { search, status } });
        return pageOf(companies, page.limit, ({ id }) => id, companyView);
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
      summary: "Change a company's name, policies and rules",
      method: 'PATCH',
      path: '/companies/:companyId',
      reply: view.CompanyView,
      permission: 'companies.change',
      params: companyParams,
      body: CompanyUpdate,
      answer: async ({ params, body, actor }) => {
        const { version, ...changes } = body;
        return companyView(await updateCompany(deps, { companyId: params.companyId, version, changes, actor }));
      },
    }),
    ...statusEndpoints(deps),
  ];
}

function statusEndpoints(deps: CompanyDeps): readonly AdminEndpoint[] {
  return (
    [
      ['suspend', suspendCompany, 'Suspend a company: every login of its users ends, nothing is lost'],
      ['restore', restoreCompany, 'Restore a suspended company'],
      ['close', closeCompany, 'Close a company for good: its users are removed and their devices end'],
    ] as const
  ).map(([verb, act, summary]) =>
    adminEndpoint({
      name: `${verb}Company`,
      summary,
      method: 'POST',
      path: `/companies/:companyId/${verb}`,
      reply: view.CompanyView,
      permission: 'companies.status',
      params: companyParams,
      body: wire.Reason,
      answer: async ({ params, body, actor }) =>
        companyView(await act(deps, { companyId: params.companyId, reason: body.reason, actor })),
    }),
  );
}

/** The page that a query asks for; fifty rows unless told. */
export function pageFrom(query: { readonly after?: string; readonly limit?: number }) {
  const limit = query.limit ?? 50;
  return query.after === undefined ? { limit } : { after: query.after, limit };
}
