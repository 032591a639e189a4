/** What the server tells everybody about itself: its signed key set and how to speak to it. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import { appBasePath, protocolVersion } from '../protocol/names.ts';
import type { KeyRing } from './key-ring.ts';

export interface WellKnownDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly keys: Pick<KeyRing, 'keySetDocument'>;
}

/** `GET /.well-known/mtoken-keys` and `GET /.well-known/mtoken-configuration` (docs/protocol.md §2); public, read by apps. */
export function wellKnownPlugin(deps: WellKnownDeps): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/.well-known/mtoken-keys', async (_request, reply) => {
      const document = Buffer.from(JSON.stringify(await deps.keys.keySetDocument()));
      return reply.type('application/jose+json').header('cache-control', 'public, max-age=60').send(document);
    });
    app.get('/.well-known/mtoken-configuration', async (_request, reply) => {
      // Not cacheable: an app sets its clock by `time`, and a copy a minute old would use up the whole window of a proof.
      return reply.header('cache-control', 'no-store').send(configuration(deps));
    });
  };
}

function configuration({ issuer, clock }: WellKnownDeps): object {
  return {
    issuer,
    versions: [protocolVersion],
    app_base: `${issuer}${appBasePath}`,
    keys_uri: `${issuer}/.well-known/mtoken-keys`,
    time: Math.floor(clock.now() / 1000),
    envelope: { alg: ['ECDH-ES', 'RSA-OAEP-256'], enc: ['A256CBC-HS512'] },
    profiles: ['srp6a-2048-sha256', 'rfc5054-2048-sha256'],
  };
}
