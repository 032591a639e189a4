/** Who am I: the one endpoint from which the console learns what to show. */
import { AuthError } from '../errors.ts';
import * as view from '../protocol/admin-views.ts';
import type { RecordStore } from '../store/records.ts';
import { chooseLanguage } from '../texts/languages.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import type { AdminIdentity, MachineIdentity, PersonIdentity } from './identity.ts';
import { type Permission, type Proof, permissions, type Reach } from './permissions.ts';

interface MeDeps {
  readonly records: RecordStore;
}

/** The caller as the server sees them at this moment. */
export function meEndpoints(deps: MeDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'getMe',
      summary: 'See who one is and what one may do',
      method: 'GET',
      path: '/me',
      reply: view.MeView,
      permission: 'me.read',
      answer: async ({ caller }) => (caller.kind === 'person' ? personView(deps, caller) : machineView(deps, caller)),
    }),
  ];
}

async function personView({ records }: MeDeps, person: PersonIdentity) {
  const user = await records.users.find(person.userId);
  const company = await records.companies.find(person.companyId);
  if (user === undefined || company === undefined) throw new AuthError('session_expired');
  return {
    kind: 'person',
    userId: user.id,
    clientId: null,
    name: user.name,
    role: person.role,
    companyId: company.id,
    companyName: company.name,
    language: user.language ?? chooseLanguage([user.locale]).code,
    provedAt: person.provedAt,
    isConfirmed: await person.isConfirmed(),
    permissions: permitted(person),
  };
}

async function machineView({ records }: MeDeps, machine: MachineIdentity) {
  const { clientId, companyId } = machine;
  const client = await records.clients.find(clientId);
  const company = companyId === undefined ? undefined : await records.companies.find(companyId);
  return {
    kind: 'machine',
    userId: null,
    clientId,
    name: client?.name ?? clientId,
    role: null,
    companyId: companyId ?? null,
    companyName: company?.name ?? null,
    language: null,
    provedAt: null,
    isConfirmed: false,
    permissions: permitted(machine),
  };
}

interface Permitted {
  readonly reach: Reach;
  readonly proof: Proof;
}

/** What the table gives this caller. */
function permitted(identity: AdminIdentity): Record<string, Permitted> {
  return Object.fromEntries(
    Object.entries<Permission>(permissions).flatMap(([name, row]) => {
      const reach = identity.kind === 'person' ? row.people[identity.role] : machineReach(identity, row);
      if (reach === undefined) return [];
      return [[name, { reach, proof: identity.kind === 'person' ? row.proof : 'session' } satisfies Permitted]];
    }),
  );
}

function machineReach({ companyId, scopes }: MachineIdentity, { machines, scope }: Permission): Reach | undefined {
  if (!scopes.has(scope)) return undefined;
  if (companyId === undefined) return 'all';
  return machines === 'own' ? 'own' : undefined;
}
