/** The list of companies, and a new one. */
import type { Company } from '../../../admin-client/operations.ts';
import { paragraph } from '../../design/dom.ts';
import { list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { createCompany } from '../deeds/companies.ts';
import { checkField, textField } from '../fields.ts';
import { when } from '../format.ts';
import { badge, buttons, filterForm, link, pager, table } from '../parts.ts';
import { actForm } from '../submit.ts';

const path = '/companies';
const statuses = ['active', 'suspended', 'closed'] as const;

/** The status of a company in words. */
export function companyBadge({ t }: Console, status: string): HTMLElement {
  return badge(
    t.named('company.status', status),
    status === 'active' ? 'good' : status === 'suspended' ? 'wait' : 'none',
  );
}

export const companiesScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const { items, next } = await list('listCompanies', query);
  const options = statuses.map((status) => [status, t.named('company.status', status)] as const);
  return {
    title: t('nav.companies'),
    content: [
      buttons(console.may('companies.create') ? link('/companies/new', t('company.create'), 'button') : undefined),
      filterForm(console, {
        path,
        query,
        filters: [
          { name: 'search', label: t('list.name'), type: 'search' },
          { name: 'status', label: t('list.status'), options },
        ],
      }),
      table({
        caption: t('nav.companies'),
        rows: items,
        empty: t('company.none'),
        columns: [
          { head: t('list.name'), cell: ({ id, name }) => link(`/companies/${id}`, name) },
          { head: t('list.status'), cell: ({ status }) => companyBadge(console, status) },
          { head: t('company.userLimit'), cell: ({ userLimit }) => String(userLimit) },
          { head: t('list.created'), cell: ({ createdAt }) => when(t, createdAt) },
        ],
      }),
      pager(console, { path, query, next }),
    ],
  };
};

export const newCompanyScreen: Screen = (console) => {
  const { t } = console;
  const name = textField({ name: 'name', label: t('list.name'), attributes: { maxlength: '120' } });
  const limits = limitFields(console, { userLimit: 2, deviceLimit: 3, selfActivation: true, mpinLength: 5 });
  const made = actForm(console, {
    act: createCompany,
    fields: [name.row, ...limits.rows],
    read: () => {
      const entered = name.input.value.trim();
      return entered === '' ? t('form.nameMissing') : { name: entered, ...limits.read() };
    },
  });
  return Promise.resolve({
    title: t('company.create'),
    back: link(path, t('nav.companies'), 'back'),
    content: [made ?? paragraph(t('error.access_denied'), 'trouble')],
  });
};

type Limits = Pick<Company, 'userLimit' | 'deviceLimit' | 'selfActivation' | 'mpinLength'>;

/** How many users and devices a company may have, and how they are registered. */
export function limitFields({ t }: Console, { userLimit, deviceLimit, selfActivation, mpinLength }: Limits) {
  const number = (key: 'userLimit' | 'deviceLimit' | 'mpinLength', value: number, bounds: readonly [number, number]) =>
    textField({
      name: key,
      label: t(`company.${key}`),
      value: String(value),
      attributes: { type: 'number', min: String(bounds[0]), max: String(bounds[1]), inputmode: 'numeric' },
    });
  const users = number('userLimit', userLimit, [1, 1_000_000]);
  const devices = number('deviceLimit', deviceLimit, [1, 20]);
  const mpin = number('mpinLength', mpinLength, [5, 8]);
  const self = checkField({
    name: 'selfActivation',
    label: t('company.selfActivation'),
    hint: t('company.selfActivationHint'),
    isOn: selfActivation,
  });
  return {
    rows: [users.row, devices.row, mpin.row, self.row],
    banks: [users.input, devices.input],
    read: (): Limits => ({
      userLimit: Number(users.input.value),
      deviceLimit: Number(devices.input.value),
      mpinLength: Number(mpin.input.value),
      selfActivation: self.input.checked,
    }),
  };
}
