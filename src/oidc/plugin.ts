/** Mounts the OpenID provider in Fastify, pins the host it believes in, and swaps it when keys change. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { AuthError } from '../errors.ts';
import type { Interactions } from '../login/interactions.ts';
import type { OidcDeps } from './deps.ts';
import { interactions } from './interactions.ts';
import { buildProvider } from './provider.ts';

/** Everything that the server mounts of OpenID Connect. */
export interface Oidc {
  /** Routes below `/oauth2/` and the two discovery documents; register without a prefix. */
  readonly plugin: (app: FastifyInstance) => Promise<void>;
  readonly interactions: Interactions;
  /** Stops following the keys. */
  close(): void;
}

/** Longest body and address that are read at all; the provider itself stops at 56 KiB. */
const maxBodyBytes = 56 * 1024;
const maxUrlLength = 8192;

/** Builds the provider now, and anew after every change of keys: requests under way finish with the one they began with (P12, C-12). */
export function createOidc(deps: OidcDeps): Oidc {
  let current = mount(deps);
  const stop = deps.keys.onChange(() => {
    try {
      current = mount(deps);
    } catch (error) {
      deps.log.error({ err: error }, 'the OpenID provider could not take over the new keys; the old ones stay in use');
    }
  });
  return {
    plugin: plugin(deps, () => current.callback),
    interactions: interactions(deps, () => current.provider),
    close: stop,
  };
}

type Callback = ReturnType<Provider['callback']>;

function mount(deps: OidcDeps): { readonly provider: Provider; readonly callback: Callback } {
  const provider = buildProvider(deps);
  return { provider, callback: provider.callback() };
}

function plugin(deps: OidcDeps, callback: () => Callback): Oidc['plugin'] {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    refuseOversized(request);
    pinOrigin(request, deps.issuer);
    reply.hijack();
    await callback()(request.raw, reply.raw);
  };
  return async (app) => {
    await app.register(async (scope) => {
      // The provider reads the stream itself; a parser would leave it nothing (P15).
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.get('/oauth2/jwks', async (_request, reply) => publishKeys(deps, reply));
      scope.all('/oauth2/*', answer);
      scope.get('/.well-known/openid-configuration', answer);
      scope.get('/.well-known/oauth-authorization-server', answer);
    });
  };
}

/** All published keys, envelope keys and keys that are not in use yet among them; the provider knows only those it signs with. */
function publishKeys({ keys }: OidcDeps, reply: FastifyReply): FastifyReply {
  return reply
    .type('application/jwk-set+json')
    .header('cache-control', 'public, max-age=60')
    .header('access-control-allow-origin', '*')
    .send(JSON.stringify(keys.publicJwks()));
}

/** Before anything is parsed (T28). */
function refuseOversized(request: FastifyRequest): void {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > maxBodyBytes) throw new AuthError('payload_too_large');
  if (request.originalUrl.length > maxUrlLength)
    throw new AuthError('invalid_request', { message: 'the address is too long' });
}

/**
 * Every URL that the provider makes comes from the request, so the request says what the issuer says: a forged Host,
 * X-Forwarded-Host or absolute address can put no other server into discovery documents or redirects (P4).
 */
function pinOrigin({ raw }: FastifyRequest, issuer: string): void {
  const { host, protocol } = new URL(issuer);
  for (const name of Object.keys(raw.headers)) {
    // X-Forwarded-For stays: it makes no URL, and the log reads the caller's address from it where the proxy is trusted.
    const isForged = name === 'forwarded' || (name.startsWith('x-forwarded-') && name !== 'x-forwarded-for');
    if (isForged) delete raw.headers[name];
  }
  raw.headers.host = host;
  raw.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  raw.url = (raw.url ?? '/').replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
}
