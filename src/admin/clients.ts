/** Admin endpoints of clients: portals, and machines that use this very API. The bank's own clients only. */
import { AuthError } from '../errors.ts';
import { rotatePortalWebhook } from '../notify/portal-webhooks.ts';
import { type ClientDeps, type ClientWithSecret, createClient, disableClient, updateClient } from '../oidc/clients.ts';
import { withoutLogo } from '../oidc/logo.ts';
import type { Client } from '../oidc/store.ts';
import * as wire from '../protocol/admin.ts';
import * as view from '../protocol/admin-views.ts';
import { strict } from '../protocol/common.ts';
import { pageFrom } from './companies.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { clientView, pageOf } from './views.ts';

const clientParams = strict({ clientId: wire.ClientId });

/** Without the picture, which only the client by itself shows: a change of the metadata begins from there. */
const listedView = (client: Client) => clientView({ ...client, metadata: withoutLogo(client.metadata) });

/** With what was made by this act, and is shown by no other. */
function withSecrets({ client, secret, webhookSecret }: ClientWithSecret) {
  return {
    ...clientView(client),
    ...(secret === undefined ? {} : { secret }),
    ...(webhookSecret === undefined ? {} : { webhookSecret }),
  };
}

/** Clients: created, looked at, changed, disabled. */
export function clientAdminEndpoints(deps: ClientDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'createClient',
      summary: 'Register a portal or a machine',
      method: 'POST',
      path: '/clients',
      reply: view.ClientWithSecretView,
      permission: 'clients.write',
      body: wire.ClientCreate,
      status: 201,
      answer: async ({ body, actor }) => {
        return withSecrets(await createClient(deps, body, actor));
      },
    }),
    adminEndpoint({
      name: 'listClients',
      summary: 'List portals and machines, without their logos',
      method: 'GET',
      path: '/clients',
      reply: view.ClientPage,
      permission: 'clients.read',
      query: wire.ClientList,
      answer: async ({ query }) => {
        const page = pageFrom(query);
        return pageOf(await deps.records.clients.list(page.after, page.limit), page.limit, ({ id }) => id, listedView);
      },
    }),
    adminEndpoint({
      name: 'getClient',
      summary: 'Look at a portal or machine',
      method: 'GET',
      path: '/clients/:clientId',
      reply: view.ClientView,
      permission: 'clients.read',
      params: clientParams,
      answer: async ({ params }) => {
        const client = await deps.records.clients.find(params.clientId);
        if (client === undefined) throw new AuthError('not_found');
        return clientView(client);
      },
    }),
    ...clientChanges(deps),
  ];
}

function clientChanges(deps: ClientDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'changeClient',
      summary: 'Change a portal or machine',
      method: 'PATCH',
      path: '/clients/:clientId',
      reply: view.ClientWithSecretView,
      permission: 'clients.write',
      params: clientParams,
      body: wire.ClientUpdate,
      answer: async ({ params, body, actor }) => {
        return withSecrets(await updateClient(deps, params.clientId, { change: body, actor }));
      },
    }),
    adminEndpoint({
      name: 'rotateClientWebhook',
      summary: 'Make a new secret of a portal’s signing webhook',
      method: 'POST',
      path: '/clients/:clientId/webhook/rotate',
      reply: view.ClientWebhookView,
      permission: 'clients.write',
      params: clientParams,
      body: wire.WebhookRotate,
      answer: async ({ params, body, actor }) => {
        const { clientId, secret, previous } = await rotatePortalWebhook(deps, params.clientId, { ...body, actor });
        return { clientId, secret, overlapUntil: previous?.until ?? null };
      },
    }),
    adminEndpoint({
      name: 'disableClient',
      summary: 'Disable a portal or machine: its logins and tokens stop',
      method: 'POST',
      path: '/clients/:clientId/disable',
      reply: view.ClientView,
      permission: 'clients.write',
      params: clientParams,
      body: strict({}),
      answer: async ({ params, actor }) => clientView(await disableClient(deps, params.clientId, actor)),
    }),
  ];
}
