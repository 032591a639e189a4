/** What an act that waits will do, in words: which act it is, on whom, and each member of the request. */
import type { Approval, ApprovalWithRequest, Company, Device } from '../../../admin-client/operations.ts';
import { api } from '../api.ts';
import type { Console } from '../context.ts';
import { when } from '../format.ts';
import type { MessageName, Messages } from '../messages.ts';
import { type Cell, code, link } from '../parts.ts';
import { ruleRows } from './rules.ts';

/** By the endpoint: approving and refusing a device are two acts under one permission. */
const acts: Readonly<Record<string, MessageName>> = {
  'POST /users': 'fourEyes.users.create',
  'PATCH /users/:userId': 'fourEyes.users.change',
  'POST /users/:userId/email': 'fourEyes.users.email',
  'POST /users/:userId/restore': 'fourEyes.users.restore',
  'POST /users/:userId/activations': 'fourEyes.activations.create',
  'POST /devices/:deviceId/approve': 'device.approve',
  'POST /devices/:deviceId/refuse': 'device.refuse',
  'PATCH /companies/:companyId': 'fourEyes.companies.change',
};

/** What the act is called; one that this page does not know yet, by its endpoint, which says what is done. */
export function actName(t: Messages, { endpoint }: Pick<Approval, 'endpoint'>): string {
  const known = Object.hasOwn(acts, endpoint) ? acts[endpoint] : undefined;
  return known === undefined ? endpoint : t(known);
}

type Request = ApprovalWithRequest['request'];
type Members = Readonly<Record<string, unknown>>;
type Row = readonly [name: string, value: Cell];

/** The things of an act by their present names; undefined where it is about none, or it is not to be seen. */
interface Named {
  readonly device: Pick<Device, 'id' | 'name'> | undefined;
  readonly company: Pick<Company, 'id' | 'name'> | undefined;
}

/** Looks up what the request names by an id. */
export async function namedIn(request: Request): Promise<Named> {
  const { deviceId, companyId } = { ...membersOf(request?.body), ...membersOf(request?.params) };
  const [device, company] = await Promise.all([
    typeof deviceId === 'string' ? api('getDevice', { params: { deviceId } }).catch(() => undefined) : undefined,
    typeof companyId === 'string' ? api('getCompany', { params: { companyId } }).catch(() => undefined) : undefined,
  ]);
  return { device, company };
}

/** The act with whom and what it is about: what somebody agrees to. */
export function actTitle(t: Messages, approval: ApprovalWithRequest, { device, company }: Named): string {
  const { name } = membersOf(approval.request?.body);
  const made = approval.endpoint === 'POST /users' && typeof name === 'string' ? name : undefined;
  const isCompany = approval.endpoint.includes('/companies/');
  const whom = [device?.name, approval.subject?.name ?? made, isCompany ? company?.name : undefined];
  const names = whom.filter((one) => one !== undefined).join(', ');
  return names === '' ? actName(t, approval) : `${actName(t, approval)}: ${names}`;
}

/** Everything that will be done, member by member; what has no words here is shown as it was asked. */
export function requestRows(console: Console, approval: ApprovalWithRequest, named: Named): readonly Row[] {
  const { params, query, body } = approval.request ?? {};
  const isInvitation = approval.endpoint === 'POST /users/:userId/activations';
  const delivery = isInvitation ? { delivery: 'shown' } : {};
  const members = { ...membersOf(query), ...delivery, ...membersOf(body), ...membersOf(params) };
  return Object.entries(members).flatMap(([name, value]): readonly Row[] => {
    const rows = Object.hasOwn(words, name) ? words[name]?.(console, value, { approval, named }) : undefined;
    return rows ?? [[name, code(typeof value === 'string' ? value : JSON.stringify(value))]];
  });
}

interface About {
  readonly approval: Approval;
  readonly named: Named;
}

/** Undefined for a value that is not understood. */
type Words = (console: Console, value: unknown, about: About) => readonly Row[] | undefined;

const text =
  (label: MessageName): Words =>
  ({ t }, value) =>
    typeof value === 'string' ? [[t(label), value]] : undefined;
const choice =
  (label: MessageName, group: string): Words =>
  ({ t }, value) =>
    typeof value === 'string' ? [[t(label), t.named(group, value)]] : undefined;
const count =
  (label: MessageName): Words =>
  ({ t }, value) =>
    typeof value === 'number' ? [[t(label), String(value)]] : undefined;

const words: Readonly<Record<string, Words>> = {
  name: text('list.name'),
  email: text('user.email'),
  reason: text('question.why'),
  locale: text('approval.locale'),
  language: ({ t }, value) =>
    typeof value === 'string' || value === null ? [[t('nav.language'), value ?? '–']] : undefined,
  role: choice('user.role', 'role'),
  permissions: choice('user.permissions', 'permissions'),
  document: documentRows,
  delivery: ({ t }, value) =>
    value === 'shown' || value === 'email'
      ? [[t('invite.title'), t(value === 'shown' ? 'invite.show' : 'invite.email')]]
      : undefined,
  userLimit: count('company.userLimit'),
  deviceLimit: count('company.deviceLimit'),
  mpinLength: count('company.mpinLength'),
  selfActivation: ({ t }, value) =>
    typeof value === 'boolean' ? [[t('company.selfActivation'), t(value ? 'list.yes' : 'list.no')]] : undefined,
  rules: (console, value) => {
    const rules = membersOf(value);
    const rows = ruleRows(console, rules);
    // A rule that has no words here must not be left out.
    return rows.length === Object.keys(rules).length ? rows : undefined;
  },
  userId: ({ t }, _value, { approval: { subject } }) =>
    subject === null ? undefined : [[t('device.user'), link(`/users/${subject.id}`, subject.name)]],
  deviceId: ({ t }, _value, { named: { device } }) =>
    device === undefined ? undefined : [[t('device.name'), link(`/devices/${device.id}`, device.name)]],
  companyId: ({ t }, _value, { named: { company } }) =>
    company === undefined ? undefined : [[t('user.company'), link(`/companies/${company.id}`, company.name)]],
  // Which state the change is of; where that has changed, nothing is done.
  version: (_console, value) => (typeof value === 'number' ? [] : undefined),
};

function documentRows({ t }: Console, value: unknown): readonly Row[] | undefined {
  if (value === null) return [[t('user.document'), '–']];
  const { reference, expiresAt } = membersOf(value);
  if (typeof reference !== 'string') return undefined;
  const until = typeof expiresAt === 'number' ? [[t('user.documentExpires'), when(t, expiresAt)] as const] : [];
  return [[t('user.document'), reference], ...until];
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}
