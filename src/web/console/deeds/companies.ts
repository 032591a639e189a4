/** What is done to companies. */
import type { Input } from '../../../admin-client/client.ts';
import type { Company } from '../../../admin-client/operations.ts';
import type { Act } from '../acts.ts';

/** Which company, as a person knows it. */
export interface CompanyRef {
  readonly companyId: string;
  readonly name: string;
}

/** A new company. */
export type NewCompany = Input<'createCompany'>['body'];

export const createCompany: Act<NewCompany, Company> = {
  name: 'companies.create',
  permission: 'companies.create',
  title: (t) => t('company.create'),
  explain: (t, { name }) => [t('company.createText', { name })],
  request: (body) => ['createCompany', { body }],
  done: ({ go, t }, { name }, { id }) => go(`/companies/${id}`, t('company.created', { name })),
};

/** What is changed of a company, and in which version of it. */
export interface CompanyChange {
  readonly ref: CompanyRef;
  readonly version: number;
  readonly changes: Omit<Input<'changeCompany'>['body'], 'version'>;
}

export const changeCompany: Act<CompanyChange, Company> = {
  name: 'companies.change',
  permission: 'companies.change',
  title: (t) => t('company.save'),
  explain: (t, { ref }) => [t('company.saveText', { name: ref.name })],
  request: ({ ref: { companyId }, version, changes }) => [
    'changeCompany',
    { params: { companyId }, body: { version, ...changes } },
  ],
  done: ({ go, t }, { ref }) => go(`/companies/${ref.companyId}`, t('company.saved')),
};

function statusAct(verb: 'suspend' | 'restore' | 'close'): Act<CompanyRef> {
  return {
    name: `companies.${verb}`,
    permission: 'companies.status',
    title: (t) => t(`company.${verb}`),
    explain: (t, { name }) => [t(`company.${verb}Text`, { name })],
    isFinal: verb === 'close',
    takesReason: true,
    request: ({ companyId }, reason) => [`${verb}Company`, { params: { companyId }, body: { reason } }],
    done: ({ refresh, t }) => refresh(t(`company.${verb}Done`)),
  };
}

export const suspendCompany = statusAct('suspend');
export const restoreCompany = statusAct('restore');
export const closeCompany = statusAct('close');

export const endCompanyDevices: Act<CompanyRef, { readonly deactivated: number }> = {
  name: 'companies.deactivate-devices',
  permission: 'devices.deactivate-company',
  title: (t) => t('company.endDevices'),
  explain: (t, { name }) => [t('company.endDevicesText', { name }), t('device.endMeans')],
  isFinal: true,
  takesReason: true,
  request: ({ companyId }, reason) => ['deactivateCompanyDevices', { params: { companyId }, body: { reason } }],
  done: ({ refresh, t }, _params, { deactivated }) => refresh(t('device.endedCount', { count: deactivated })),
};
