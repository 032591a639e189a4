/** The demo's data: a company, a user with an administrator, an operator of the bank, the portal's client; made once, found again. */
import { createCompany } from '../companies/companies.ts';
import { createOperator } from '../companies/staff.ts';
import type { Company, User } from '../companies/store.ts';
import { createUser } from '../companies/users.ts';
import { createClient, updateClient } from '../oidc/clients.ts';
import { accountScope } from '../oidc/deps.ts';
import { demoClientId, type Server } from '../server.ts';

const actor = { name: 'demo' } as const;
const companyName = 'Northwind Trading';
const userEmail = 'ada@northwind.example';
const administratorEmail = 'charles@northwind.example';
const operatorEmail = 'olga@bank.example';

/** Where the demo portal is, and where the server reaches it. */
export interface PortalAddresses {
  readonly portalUrl: string;
  readonly backchannelUrl: string;
}

export interface DemoData {
  readonly company: Company;
  readonly user: User;
  /** Of the company: logs in to the console, and sees it alone. */
  readonly administrator: User;
  /** Of the bank: logs in to the console, and sees everything. */
  readonly operator: User;
  readonly clientSecret: string;
}

/** Makes what is missing; doing it again changes nothing. */
export async function seedDemo(server: Server, addresses: PortalAddresses): Promise<DemoData> {
  const company = await ensureCompany(server);
  const [user, administrator, operator] = [
    await ensureUser(server, company.id),
    await ensureAdministrator(server, company.id),
    await ensureOperator(server),
  ];
  return { company, user, administrator, operator, clientSecret: await ensurePortal(server, addresses) };
}

async function ensureCompany({ capabilities, stores }: Server): Promise<Company> {
  const [existing] = (await stores.records.companies.list({ limit: 200 })).filter(({ name }) => name === companyName);
  return existing ?? createCompany(capabilities.admin, { name: companyName, userLimit: 5, deviceLimit: 20, actor });
}

async function ensureUser({ capabilities: { admin }, stores }: Server, companyId: string): Promise<User> {
  const existing = await stores.records.users.findByEmail(companyId, userEmail);
  return (
    existing ?? createUser(admin, { companyId, name: 'Ada Example', email: userEmail, permissions: 'full', actor })
  );
}

async function ensureAdministrator({ capabilities: { admin }, stores }: Server, companyId: string): Promise<User> {
  const existing = await stores.records.users.findByEmail(companyId, administratorEmail);
  const person = { name: 'Charles Administrator', email: administratorEmail, role: 'administrator' } as const;
  return existing ?? createUser(admin, { companyId, ...person, actor });
}

async function ensureOperator({ capabilities, stores }: Server): Promise<User> {
  const { records } = stores;
  const bank = await records.companies.findBank();
  const existing = bank && (await records.users.findByEmail(bank.id, operatorEmail));
  if (existing !== undefined) return existing;
  const person = { name: 'Olga Operator', email: operatorEmail, bankName: 'Demo bank', actor };
  return (await createOperator(capabilities.admin, person)).user;
}

/** The secret is drawn at the first start and read back, opened, at the next ones. */
async function ensurePortal(
  { capabilities, stores }: Server,
  { portalUrl, backchannelUrl }: PortalAddresses,
): Promise<string> {
  const metadata = {
    redirect_uris: [`${portalUrl}/callback`],
    post_logout_redirect_uris: [`${portalUrl}/`],
    backchannel_logout_uri: backchannelUrl,
    grant_types: ['authorization_code', 'refresh_token'],
    // For "My phone is lost".
    scope: accountScope,
  };
  const existing = await stores.records.clients.find(demoClientId);
  if (existing?.secret !== undefined) {
    const change = { version: existing.version, metadata };
    // Demo data of an earlier release.
    if (existing.metadata['scope'] !== accountScope)
      await updateClient(capabilities.admin, demoClientId, { change, actor });
    return existing.secret;
  }
  const { secret } = await createClient(
    capabilities.admin,
    { id: demoClientId, kind: 'portal', name: 'Demo portal', metadata },
    actor,
  );
  if (secret === undefined) throw new Error('the demo portal was registered without a secret');
  return secret;
}
