/** The OpenID provider: one typed configuration, adjusted models, events for audit and log. */
import Provider, { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { AuthError } from '../errors.ts';
import { wantedLanguages } from '../http/language.ts';
import { acr } from '../protocol/names.ts';
import { textsFor } from '../texts/files.ts';
import { languages } from '../texts/languages.ts';
import { accountFinder, grantLoader, isTokenUsable } from './accounts.ts';
import { oidcAdapter } from './adapter.ts';
import { backchannelFeatures, backchannelSeconds, blindly, correctDiscovery } from './ciba.ts';
import { adjustBackchannel, backchannelClaims, isBackchannel, withBackchannelClaims } from './ciba-redeem.ts';
import { assertClientAssertion } from './client-auth.ts';
import { extraClientMetadata } from './client-metadata.ts';
import type { OidcDeps } from './deps.ts';
import { lifetimeSeconds as lifetime, toSeconds } from './lifetimes.ts';
import { contentSecurityPolicy, errorPage, loggedOutPage, logoutPage, type PageFrame } from './pages.ts';
import { loginPolicy } from './policy.ts';
import { adjustModels, type DeviceSession } from './provider-models.ts';
import { richAuthorizationRequests } from './rar-approval.ts';
import { accessTokenClaims, defaultResource, resourceForRequest, resourceServerFor } from './resources.ts';

/**
 * Builds a provider over the keys of this moment. It holds no state of its own, so that a new one can take its place while
 * logins are under way (P12).
 */
export function buildProvider(deps: OidcDeps): Provider {
  const provider = new Provider(deps.issuer, configuration(deps));
  // The plugin has set the one header that this makes Koa believe; cookies are secure by the issuer, not by the last hop (P5).
  provider.proxy = true;
  adjustModels(provider, deps);
  if (deps.signing !== undefined) adjustBackchannel(provider, deps);
  provider.use(async (ctx, next) => {
    ctx.set('content-security-policy', contentSecurityPolicy());
    await next();
  });
  provider.use(correctDiscovery);
  tellOfEvents(provider, deps);
  return provider;
}

/** Everything as one `Configuration`: the library ignores what it does not know, the type does not (P18). */
function configuration(deps: OidcDeps): Configuration {
  return {
    adapter: oidcAdapter(deps),
    jwks: { keys: deps.keys.signingJwks().keys.map((key) => ({ ...key })) } as Configuration['jwks'],
    ...protocol,
    ...tokens(deps),
    cookies: cookies(deps),
    features: features(deps),
    findAccount: blindly(withBackchannelClaims(accountFinder(deps))),
    loadExistingGrant: grantLoader(deps),
    interactions: { policy: loginPolicy(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    discovery: { ui_locales_supported: languages.map(({ code }) => code) },
    extraClientMetadata: { properties: [...extraClientMetadata] },
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims) =>
      assertClientAssertion(claims, { issuer: deps.issuer, now: toSeconds(deps.clock.now()) }),
    renderError: errorRenderer(deps),
    // Nobody needs a browser to call the token endpoint from another origin (O-13, P22).
    clientBasedCORS: () => false,
    // Keys come by registration and logout tokens by the outbox: the provider itself calls nobody (C-07).
    fetch: async () => {
      throw new AuthError('internal', { detail: 'the provider tried to fetch from elsewhere' });
    },
  };
}

/** What does not depend on anything. */
const protocol = {
  acrValues: [acr],
  responseTypes: ['code'],
  scopes: ['openid'],
  claims: {
    openid: ['sub', 'acr', 'amr', 'auth_time', 'sid', ...backchannelClaims],
    profile: ['name', 'locale', 'company_id', 'company_name', 'permissions'],
    email: ['email'],
  },
  subjectTypes: ['public'],
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'none'],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: {
    clientAuthSigningAlgValues: ['ES256', 'PS256'],
    idTokenSigningAlgValues: ['ES256', 'RS256'],
    dPoPSigningAlgValues: ['ES256', 'PS256'],
    requestObjectSigningAlgValues: ['ES256', 'PS256'],
  },
  clockTolerance: lifetime.clockTolerance,
  allowOmittingSingleRegisteredRedirectUri: false,
  acceptQueryParamAccessTokens: false,
  pkce: { required: () => true },
  routes: {
    authorization: '/oauth2/authorize',
    token: '/oauth2/token',
    jwks: '/oauth2/jwks',
    userinfo: '/oauth2/userinfo',
    end_session: '/oauth2/logout',
    pushed_authorization_request: '/oauth2/par',
    introspection: '/oauth2/introspect',
    revocation: '/oauth2/revoke',
    backchannel_authentication: '/oauth2/backchannel',
  },
} satisfies Configuration;

/** Lifetimes, who gets which token, and what ends with what. */
function tokens(deps: OidcDeps): Configuration {
  const { clock } = deps;
  const now = (): number => toSeconds(clock.now());
  return {
    ttl: {
      // Functions, because a number would win over the resource's own lifetime (P9).
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetime.accessToken,
      ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetime.accessToken,
      AuthorizationCode: lifetime.authorizationCode,
      BackchannelAuthenticationRequest: (_ctx, request) => backchannelSeconds(request),
      IdToken: lifetime.idToken,
      Interaction: lifetime.interaction,
      Grant: lifetime.absolute,
      RefreshToken: (_ctx, token) => Math.max(1, (token.iiat ?? now()) + lifetime.absolute - now()),
      Session: (_ctx, session) => sessionSeconds(session as DeviceSession, now()),
    },
    // By registration alone; the library's own rule drops it in silence without prompt=consent (P10).
    issueRefreshToken: async (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') && !isBackchannel(source),
    rotateRefreshToken: (ctx) => ctx.oidc.client?.clientAuthMethod === 'none',
    // Whatever was issued in a session dies with it (S-06), and a revoked token takes its whole family.
    expiresWithSession: async () => true,
    revokeGrantPolicy: () => true,
    extraTokenClaims: async (ctx, token) => accessTokenClaims(deps, ctx, token),
  };
}

/** Until the first of its ends: since the last sign-on, since the proof, and what the company allows since the login. */
function sessionSeconds({ accountId, loginTs = 0, ...session }: DeviceSession, now: number): number {
  if (accountId === undefined) return lifetime.anonymousSession;
  const { loggedInAt, ruleSeconds = lifetime.absolute } = session;
  const loginAt = loggedInAt === undefined ? now : toSeconds(loggedInAt);
  const ends = [now + lifetime.session, (loginTs || now) + lifetime.absolute, loginAt + ruleSeconds];
  return Math.max(1, Math.min(...ends) - now);
}

function cookies({ issuer, sealing }: OidcDeps): NonNullable<Configuration['cookies']> {
  const secure = issuer.startsWith('https:');
  const options = { httpOnly: true, sameSite: 'lax', secure, signed: true } as const;
  return {
    // The other two have a path of their own, which __Host- forbids; it keeps parallel tabs apart.
    names: secure
      ? { session: '__Host-op', interaction: '__Secure-op_interaction', resume: '__Secure-op_resume' }
      : { session: 'op', interaction: 'op_interaction', resume: 'op_resume' },
    long: options,
    short: options,
    // Signed, because the interaction cookie's value also stands in the page's address: who reads that cannot make the cookie (P-04).
    keys: [Buffer.from(sealing.deriveSecret('oidc.cookies')).toString('base64url')],
  };
}

function features(deps: OidcDeps): NonNullable<Configuration['features']> {
  return {
    ...(deps.signing === undefined ? {} : backchannelFeatures(deps)),
    devInteractions: { enabled: false },
    registration: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    richAuthorizationRequests: richAuthorizationRequests(deps),
    dPoP: { enabled: true, nonceSecret: Buffer.from(deps.sealing.deriveSecret('oidc.dpop-nonce')) },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => showLogout(deps, ctx, form),
      postLogoutSuccessSource: (ctx) => {
        ctx.set('content-security-policy', contentSecurityPolicy(["'none'"]));
        ctx.body = loggedOutPage(frameOf(deps, ctx));
      },
    },
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, client, token) => mayIntrospect(deps, ctx, { client, token }),
    },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => {
        if (token.clientId === client.clientId) return true;
        throw new errors.InvalidRequest('the token is not this client’s');
      },
    },
    resourceIndicators: {
      enabled: true,
      // Of a code for the client's own API and for the account API, a request that names none is for the first.
      defaultResource: (ctx, client) => resourceForRequest(deps, ctx, client),
      getResourceServerInfo: (ctx, indicator, client) => resourceServerFor(deps, ctx, indicator, client),
      // A portal without an API of its own keeps the opaque token for user information, and names the account API to get the other.
      useGrantedResource: (ctx) => defaultResource(deps, ctx.oidc.client) !== undefined,
    },
  };
}

type IntrospectionPolicy = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['introspection']>['allowedPolicy']
>;
type Introspected = {
  readonly client: Parameters<IntrospectionPolicy>[1];
  readonly token: Parameters<IntrospectionPolicy>[2];
};

/** Only authenticated clients, only their own tokens, and only while the device behind the token may be used (T8). */
async function mayIntrospect(
  deps: OidcDeps,
  ctx: KoaContextWithOIDC,
  { client, token }: Introspected,
): Promise<boolean> {
  if (client.clientAuthMethod === 'none' || token.clientId !== client.clientId) return false;
  if (token.kind === 'ClientCredentials') return true;
  return isTokenUsable(deps, ctx, (token as { grantId: string }).grantId);
}

/** As the login page chooses: what the portal asked for, what the reader chose there, what the browser prefers. */
function frameOf({ look }: OidcDeps, ctx: KoaContextWithOIDC): PageFrame {
  // A request may fail before the provider has read it: then it is the address that tells.
  const asked = (ctx.oidc as KoaContextWithOIDC['oidc'] | undefined)?.params?.['ui_locales'] ?? ctx.query['ui_locales'];
  const tags = typeof asked === 'string' ? asked.split(' ') : [];
  return { look, texts: textsFor('portal', wantedLanguages(ctx.req, tags)) };
}

/** The form leads to our own confirmation, which leads on to the portal: browsers hold both against `form-action` (P13). */
function showLogout(deps: OidcDeps, ctx: KoaContextWithOIDC, form: string): void {
  const target = ctx.oidc.params?.['post_logout_redirect_uri'];
  const allowed = ["'self'", ...(typeof target === 'string' ? [new URL(target).origin] : [])];
  ctx.set('content-security-policy', contentSecurityPolicy(allowed));
  ctx.body = logoutPage(frameOf(deps, ctx), form, ctx.oidc.client?.clientName);
}

function errorRenderer(deps: OidcDeps): NonNullable<Configuration['renderError']> {
  return (ctx, { error, error_description: description }) => {
    if (ctx.accepts('html', 'json') === 'json') {
      ctx.type = 'json';
      ctx.body = { error, error_description: description };
      return;
    }
    ctx.set('content-security-policy', contentSecurityPolicy(["'none'"]));
    ctx.type = 'html';
    ctx.body = errorPage(frameOf(deps, ctx), error, description);
  };
}

/** A code or refresh token that comes twice is a theft until proven otherwise: it is audited. Everything else refused is logged. */
const replay = /already (consumed|used)/;

function tellOfEvents(provider: Provider, { records, clock, log }: OidcDeps): void {
  const refused = (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void => {
    const clientId = ctx.oidc.client?.clientId;
    const detail = error.error_detail ?? error.error_description;
    log.info({ event: 'token.refused', clientId, error: error.error, detail, route: ctx.oidc.route }, 'refused');
    if (!replay.test(detail ?? '')) return;
    const record = {
      event: 'token.refused',
      actor: `client:${clientId ?? 'unknown'}`,
      clientId,
      data: { reason: 'replay' },
    } as const;
    records.audit.append(record, clock.now()).catch((cause: unknown) => {
      log.error({ err: cause, event: 'token.refused' }, 'a replayed token could not be audited');
    });
  };
  provider.on('grant.error', refused);
  provider.on('authorization.error', refused);
  provider.on('pushed_authorization_request.error', refused);
  provider.on('introspection.error', refused);
  provider.on('revocation.error', refused);
  provider.on('userinfo.error', refused);
  provider.on('backchannel_authentication.error', refused);
  provider.on('server_error', (ctx, error: unknown) => {
    log.error({ err: error, route: ctx.oidc?.route }, 'the OpenID provider failed');
  });
}
