/** One company: its limits and rules, and what can be done to it. */
import type { Company } from '../../../admin-client/operations.ts';
import { paragraph } from '../../design/dom.ts';
import { api } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { changeCompany, closeCompany, endCompanyDevices, restoreCompany, suspendCompany } from '../deeds/companies.ts';
import { actButton } from '../dialog.ts';
import { textField } from '../fields.ts';
import { when } from '../format.ts';
import { addressOf, buttons, code, facts, link, section } from '../parts.ts';
import { actForm } from '../submit.ts';
import { companyBadge, limitFields } from './companies.ts';
import { ruleFacts, ruleFields } from './rules.ts';

export const companyScreen: Screen = async (console, { params }) => {
  const { t } = console;
  const company = await api('getCompany', { params: { companyId: params['companyId'] ?? '' } });
  const of = { companyId: company.id };
  const ways = buttons(
    link(addressOf('/users', of), t('company.users'), 'button quiet'),
    link(addressOf('/devices', of), t('company.devices'), 'button quiet'),
    link(addressOf('/audit', { ...of, order: 'newest' }), t('nav.audit'), 'button quiet'),
  );
  return {
    title: company.name,
    back: console.reachesAll('companies.read') ? link('/companies', t('nav.companies'), 'back') : undefined,
    content: [
      facts([
        [t('list.status'), companyBadge(console, company.status)],
        [t('list.id'), code(company.id)],
        [t('list.created'), when(t, company.createdAt)],
      ]),
      ways,
      section(t('company.rules'), rulesOf(console, company)),
      danger(console, company),
    ],
  };
};

function rulesOf(console: Console, company: Company): HTMLElement {
  const { t } = console;
  const name = textField({
    name: 'name',
    label: t('list.name'),
    value: company.name,
    attributes: { maxlength: '120' },
  });
  const limits = limitFields(console, company);
  const rules = ruleFields(console, company.rules);
  // What the bank alone decides is shown to the company, and not offered.
  const isBanks = !console.reachesAll('companies.change');
  for (const input of [name.input, ...limits.banks, ...rules.banks]) input.disabled = isBanks;
  const made = actForm(console, {
    act: changeCompany,
    fields: [name.row, ...limits.rows, ...rules.rows],
    read: () => {
      const changed = { name: name.input.value.trim(), ...limits.read() };
      const changes = Object.fromEntries(
        Object.entries(changed).filter(([key, value]) => value !== company[key as keyof Company]),
      );
      const ruleChanges = rules.read();
      if (typeof ruleChanges === 'string') return ruleChanges;
      if (changed.name === '') return t('form.nameMissing');
      const isChanged = Object.keys(changes).length + Object.keys(ruleChanges).length > 0;
      if (!isChanged) return t('form.unchanged');
      return {
        ref: { companyId: company.id, name: company.name },
        version: company.version,
        changes: { ...changes, ...(Object.keys(ruleChanges).length > 0 && { rules: ruleChanges }) },
      };
    },
  });
  return made ?? ruleFacts(console, company);
}

function danger(console: Console, { id, name, status, isBank }: Company): HTMLElement | undefined {
  const { t } = console;
  const ref = { companyId: id, name };
  const acts = buttons(
    actButton(console, endCompanyDevices, ref),
    ...(isBank
      ? []
      : [
          status === 'active' ? actButton(console, suspendCompany, ref) : undefined,
          status === 'suspended' ? actButton(console, restoreCompany, ref) : undefined,
          status === 'closed' ? undefined : actButton(console, closeCompany, ref),
        ]),
  );
  return acts === undefined ? undefined : section(t('act.serious'), paragraph(t('act.seriousText'), 'soft'), acts);
}
