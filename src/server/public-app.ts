/** The public listener: login page, OpenID Connect, the account and signing APIs, the app protocol, well-known documents, a bare health status. */
import type { FastifyInstance } from 'fastify';
import { registerAccount } from '../account/routes.ts';
import { userEndpoints } from '../companies/routes.ts';
import type { Brand } from '../config/brand.ts';
import { deviceEndpoints } from '../devices/routes.ts';
import { createApp } from '../http/app.ts';
import { registerAppEndpoints } from '../http/app-channel.ts';
import type { PlainLook } from '../http/document.ts';
import { type Health, healthRoutes } from '../http/health.ts';
import { type LimitDeps, useAddressLimit } from '../http/limits.ts';
import type { Metrics } from '../http/metrics.ts';
import { createWorkGate, type WorkGate } from '../http/work-gate.ts';
import { wellKnownPlugin } from '../keys/routes.ts';
import { loginPlugin } from '../login/routes.ts';
import { mpinEndpoints } from '../mpin/routes.ts';
import { loadSession, touchSession } from '../mpin/session.ts';
import type { Oidc } from '../oidc/plugin.ts';
import { orderEndpoints } from '../orders/routes.ts';
import { registrationEndpoints } from '../registration/routes.ts';
import { documentEndpoints } from '../signing/document.ts';
import { inboxEndpoints } from '../signing/inbox-routes.ts';
import { registerSigning } from '../signing/routes.ts';
import { registerAppPage } from './app-page.ts';
import { makePageBrand, type PageBrand, registerBrand } from './brand.ts';
import type { Capabilities, Kernel } from './capabilities.ts';
import { landingScript, pageAssets, plainLook, readManifest, registerAssets } from './page-assets.ts';
import { registerVerifyPage } from './verify-page.ts';

/** Requests of the app that may be under way at once, wait, and how long; beyond that callers are told to come again (L-16). */
const gateOptions = { maxRunning: 64, maxWaiting: 512, waitMs: 2000 } as const;

export interface PublicAppDeps {
  readonly kernel: Kernel;
  readonly capabilities: Capabilities;
  readonly oidc: Oidc;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly pages: BuiltPages;
}

/** The pages as they were built, and whose they are. */
export interface BuiltPages {
  readonly directory: string;
  /** Integrity by file name; empty where nothing is built. */
  readonly manifest: Readonly<Record<string, string>>;
  readonly brand: PageBrand;
  readonly plain: PlainLook | undefined;
}

/** Reads what is built in `directory`, and makes the files of the brand. */
export async function readPages(directory: string, brand: Brand): Promise<BuiltPages> {
  const manifest = await readManifest(directory);
  const made = makePageBrand(brand);
  return { directory, manifest, brand: made, plain: plainLook(manifest, made) };
}

/** All routes of the public listener, group by group; each group has limits of its own. */
export async function createPublicApp(deps: PublicAppDeps): Promise<FastifyInstance> {
  const { kernel, capabilities, oidc, metrics, health, pages } = deps;
  const { config, log, clock, stores } = kernel;
  const { issuer, trustedProxies, mode } = config;
  const app = createApp({ log, metrics, issuer, trustedProxies, mode, look: pages.plain });
  const limits: LimitDeps = { shortLived: stores.shortLived, limits: config.limits };
  healthRoutes(app, health, { withDetail: false });
  registerApp(app, deps, limits);
  await group(app, { limits, name: 'documents' }, (scope) =>
    wellKnownPlugin({ issuer, clock, keys: capabilities.keys })(scope),
  );
  await group(app, { limits, name: 'oidc' }, oidc.plugin);
  await group(app, { limits, name: 'account' }, async (scope) =>
    registerAccount(scope, { ...capabilities.devices, ...limits, issuer, keys: capabilities.keys }),
  );
  // Counts for itself: by portal, and by address only who is none.
  await app.register(async (scope) =>
    registerSigning(scope, { ...capabilities.signing, ...limits, keys: capabilities.keys }),
  );
  const { directory, manifest, brand } = pages;
  const isBuilt = manifest['login.js'] !== undefined;
  if (isBuilt) {
    await group(app, { limits, name: 'assets' }, async (scope) => {
      await registerAssets(scope, directory, manifest);
      registerBrand(scope, brand);
      await registerAppPage(scope, pages);
      registerVerifyPage(scope, pages);
    });
  } else log.warn({ path: directory }, 'the pages are not built: npm run build');
  await group(app, { limits, name: 'login' }, async (scope) => {
    const assets = pageAssets(manifest, 'login');
    const ordersPerMinute = config.limits.loginsPerAddress;
    await loginPlugin(scope, {
      ...capabilities.orders,
      ...limits,
      interactions: oidc.interactions,
      signings: capabilities.signing,
      assets: { ...assets, landing: landingScript(manifest), look: brand.look },
      ordersPerMinute,
      metrics,
    });
  });
  return app;
}

/** The app protocol's endpoints, of every capability that has some. */
function registerApp(app: FastifyInstance, { kernel, capabilities, metrics }: PublicAppDeps, limits: LimitDeps): void {
  const { mpin, registration, devices, orders, keys } = capabilities;
  const gate = createWorkGate(gateOptions);
  watchGate(metrics, gate);
  const channel = {
    ...limits,
    gate,
    issuer: kernel.config.issuer,
    clock: kernel.clock,
    records: kernel.stores.records,
    ...(mpin.keyCache === undefined ? {} : { keyCache: mpin.keyCache }),
    envelopeKey: async (kid: string) => {
      const found = await keys.envelopeKey(kid);
      return found === undefined ? undefined : { alg: found.alg, key: found.privateKey };
    },
    findSession: (id: string) => loadSession(mpin, id),
    touchSession: (id: string) => touchSession(mpin, id),
  };
  registerAppEndpoints(app, channel, [
    ...registrationEndpoints(registration),
    ...mpinEndpoints(mpin),
    ...orderEndpoints({ ...orders, ...limits }),
    ...documentEndpoints({ ...orders, ...limits, internalPortals: kernel.config.internalPortals }),
    ...inboxEndpoints({ ...orders, ...limits }),
    ...deviceEndpoints(devices),
    ...userEndpoints(devices),
  ]);
}

interface Group {
  readonly limits: LimitDeps;
  readonly name: string;
}

async function group(
  app: FastifyInstance,
  { limits, name }: Group,
  register: (scope: FastifyInstance) => Promise<void>,
): Promise<void> {
  await app.register(async (scope) => {
    useAddressLimit(scope, limits, name);
    await register(scope);
  });
}

function watchGate(metrics: Metrics, gate: WorkGate): void {
  metrics.gauge('mtoken_app_requests_running', 'App requests under way', () => gate.load().running);
  metrics.gauge('mtoken_app_requests_waiting', 'App requests that wait for room', () => gate.load().waiting);
}
