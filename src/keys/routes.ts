/** What the server tells everybody about itself: its signed key set and how to speak to it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import { appBasePath, protocolVersion } from '../protocol/names.ts';
import type { KeyRing } from './key-ring.ts';

export interface WellKnownDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly keys: Pick<KeyRing, 'keySetDocument' | 'keyHistoryDocument'>;
}

/** `GET /.well-known/mtoken-keys`, `…/mtoken-key-history` and `GET /.well-known/mtoken-configuration` (docs/protocol.md §2); public, read by apps. */
export function wellKnownPlugin(deps: WellKnownDeps): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/.well-known/mtoken-keys', async (_request, reply) => sendSigned(reply, await deps.keys.keySetDocument()));
    app.get('/.well-known/mtoken-key-history', async (_request, reply) =>
      sendSigned(reply, await deps.keys.keyHistoryDocument()),
    );
    app.get('/.well-known/mtoken-configuration', async (_request, reply) => {
      // Not cacheable: an app sets its clock by `time`, and a copy a minute old would use up the whole window of a proof.
      return reply.header('cache-control', 'no-store').send(configuration(deps));
    });
  };
}

function sendSigned(reply: FastifyReply, document: object): FastifyReply {
  return reply
    .type('application/jose+json')
    .header('cache-control', 'public, max-age=60')
    .send(Buffer.from(JSON.stringify(document)));
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
