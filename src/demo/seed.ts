/** The demo's data: a company, a user with an administrator, the portal's client; made once, found again at the next start. */
import { createCompany } from '../companies/companies.ts';
import type { Company, User } from '../companies/store.ts';
import { createUser } from '../companies/users.ts';
import { createClient, updateClient } from '../oidc/clients.ts';
import { accountScope } from '../oidc/deps.ts';
import { demoClientId, type Server } from '../server.ts';

const actor = { name: 'demo' } as const;
const companyName = 'Northwind Trading';
const userEmail = 'ada@northwind.example';

/** Where the demo portal is, and where the server reaches it. */
export interface PortalAddresses {
  readonly portalUrl: string;
  readonly backchannelUrl: string;
}

export interface DemoData {
  readonly company: Company;
  readonly user: User;
  readonly clientSecret: string;
}

/** Makes what is missing; doing it again changes nothing. */
export async function seedDemo(server: Server, addresses: PortalAddresses): Promise<DemoData> {
  const company = await ensureCompany(server);
  const user = await ensureUser(server, company.id);
  return { company, user, clientSecret: await ensurePortal(server, addresses) };
}

async function ensureCompany({ capabilities, stores }: Server): Promise<Company> {
  const [existing] = (await stores.records.companies.list({ limit: 200 })).filter(({ name }) => name === companyName);
  return existing ?? createCompany(capabilities.admin, { name: companyName, userLimit: 5, deviceLimit: 20, actor });
}

async function ensureUser({ capabilities, stores }: Server, companyId: string): Promise<User> {
  const existing = await stores.records.users.findByEmail(companyId, userEmail);
  if (existing !== undefined) return existing;
  const { admin } = capabilities;
  await createUser(admin, {
    companyId,
    name: 'Charles Administrator',
    email: 'charles@northwind.example',
    role: 'administrator',
    actor,
  });
  return createUser(admin, { companyId, name: 'Ada Example', email: userEmail, permissions: 'full', actor });
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
