/** The demo's data: a company, a user with an administrator, an operator of the bank, the portal's client; made once, found again. */
import { createCompany } from '../companies/companies.ts';
import { createOperator } from '../companies/staff.ts';
import type { Company, User } from '../companies/store.ts';
import { createUser } from '../companies/users.ts';
import { createClient, updateClient } from '../oidc/clients.ts';
import { accountScope, signingScope } from '../oidc/deps.ts';
import { demoClientId, type Server } from '../server.ts';
import { newPortalKey, type PortalKey } from './portal-key.ts';

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
  /** The portal's, new at each start. */
  readonly clientKey: PortalKey;
}

/** Makes what is missing; doing it again changes nothing but the portal's key. */
export async function seedDemo(server: Server, addresses: PortalAddresses): Promise<DemoData> {
  const company = await ensureCompany(server);
  const [user, administrator, operator] = [
    await ensureUser(server, company.id),
    await ensureAdministrator(server, company.id),
    await ensureOperator(server),
  ];
  return { company, user, administrator, operator, clientKey: await ensurePortal(server, addresses) };
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
  // With all permissions, so that a payment may take two people of the company.
  const person = {
    name: 'Charles Administrator',
    email: administratorEmail,
    role: 'administrator',
    permissions: 'full',
  } as const;
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

/** The portal's key is made anew: nothing of it is written down, and what is registered is its public part. */
async function ensurePortal(
  { capabilities: { admin }, stores }: Server,
  { portalUrl, backchannelUrl }: PortalAddresses,
): Promise<PortalKey> {
  const key = await newPortalKey();
  const metadata = {
    // The server fetches documents from one of these origins: on this machine also where browsers come from the network.
    redirect_uris: [
      ...new Set([
        `${portalUrl}/callback`,
        `${portalUrl}/payments/callback`,
        new URL('/callback', backchannelUrl).href,
      ]),
    ],
    post_logout_redirect_uris: [`${portalUrl}/`],
    backchannel_logout_uri: backchannelUrl,
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key.publicJwk] },
    // Payments by the back channel; the same key signs them.
    backchannel_token_delivery_mode: 'poll',
    // For "My phone is lost", and for payments.
    scope: `${accountScope} ${signingScope}`,
  };
  const existing = await stores.records.clients.find(demoClientId);
  if (existing === undefined) {
    await createClient(admin, { id: demoClientId, kind: 'portal', name: 'Demo portal', metadata }, actor);
  } else {
    const change = { version: existing.version, metadata };
    await updateClient(admin, demoClientId, { change, actor });
  }
  return key;
}
