/** Serves portals' logos from this server's own origin, each a picture that was judged when it was registered. */
import type { FastifyInstance } from 'fastify';
import { AuthError } from '../errors.ts';
import { logoOf } from '../oidc/logo.ts';
import { ClientId } from '../protocol/admin.ts';
import { strict } from '../protocol/common.ts';
import type { RecordStore } from '../store/records.ts';

const params = strict({ clientId: ClientId });

/** `GET /client-logo/<client id>?v=<version>`; who names the version may keep it for a year. */
export function logoRoute(app: FastifyInstance, { records }: { readonly records: RecordStore }): void {
  app.get('/client-logo/:clientId', { schema: { params } }, async (request, reply) => {
    const { clientId } = request.params as { readonly clientId: string };
    const client = await records.clients.find(clientId);
    const logo = client?.status === 'active' ? logoOf(client.metadata) : undefined;
    if (client === undefined || logo === undefined) throw new AuthError('not_found');
    const { v } = request.query as { readonly v?: unknown };
    const isThisVersion = v === String(client.version);
    return reply
      .header('cache-control', isThisVersion ? 'public, max-age=31536000, immutable' : 'no-store')
      .type(logo.type)
      .send(logo.bytes);
  });
}
