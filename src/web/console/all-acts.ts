/** Every act by its name: what was decided on before a login is found again after it. */
import type { Act } from './acts.ts';
import * as approvals from './deeds/approvals.ts';
import * as companies from './deeds/companies.ts';
import * as devices from './deeds/devices.ts';
import * as invitations from './deeds/invitations.ts';
import * as service from './deeds/service.ts';
import * as terms from './deeds/terms.ts';
import * as users from './deeds/users.ts';

const groups: readonly object[] = [approvals, companies, devices, invitations, service, terms, users];
const acts = groups.flatMap((group) => Object.values(group) as Act<unknown>[]);

/** Undefined where there is none: what a tab keeps is not believed. */
export function actByName(name: string): Act<unknown> | undefined {
  return acts.find((act) => act.name === name);
}
