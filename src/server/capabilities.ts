/** What each capability needs, made once: the one place where they are tied together. */
import type { AdminDeps } from '../admin/routes.ts';
import type { LineOutput } from '../audit/sinks.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { ensureConsoleClient } from '../console/client.ts';
import { createKeyCache } from '../crypto/jwk.ts';
import { assertUsable } from '../devices/devices.ts';
import { createHealth, type Health } from '../http/health.ts';
import type { Log } from '../http/logging.ts';
import { createKeyRing, type KeyRing } from '../keys/key-ring.ts';
import { ensureKeys } from '../keys/keys.ts';
import type { LockoutDeps } from '../lockout/deps.ts';
import type { MpinDeps } from '../mpin/deps.ts';
import { orderProofs } from '../mpin/order-proof.ts';
import type { OidcDeps } from '../oidc/deps.ts';
import { endLogins } from '../oidc/end-logins.ts';
import type { OrderDeps } from '../orders/deps.ts';
import type { RegistrationDeps } from '../registration/deps.ts';
import { approversFor } from '../risk/approvers.ts';
import { riskEngine } from '../risk/engine.ts';
import { createRiskPort } from '../risk/risk.ts';
import type { SigningDeps } from '../signing/deps.ts';
import { signingParts } from '../signing/parts.ts';
import { readRequest } from '../signing/requests.ts';
import { createSrpServer, type SrpServer } from '../srp/server.ts';
import { endedHandlers } from './ended-handlers.ts';
import type { Stores } from './stores.ts';

export interface Kernel {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly stores: Stores;
  /** Where the log writes, for a stream that shares it; undefined where nobody opened one. */
  readonly output?: LineOutput | undefined;
}

/** Each capability's dependencies, and the parts that are started and stopped with the server. */
export interface Capabilities {
  readonly keys: KeyRing;
  readonly srp: SrpServer;
  readonly mpin: MpinDeps;
  readonly registration: RegistrationDeps;
  readonly devices: LockoutDeps;
  readonly orders: OrderDeps;
  readonly signing: SigningDeps;
  readonly oidc: OidcDeps;
  readonly health: Health;
  readonly admin: AdminDeps;
}

/** Makes missing server keys, loads them, and prepares SRP; nothing listens yet. */
export async function createCapabilities({ config, clock, log, stores }: Kernel): Promise<Capabilities> {
  const { records, shortLived, sealing } = stores;
  const { issuer } = config;
  await ensureKeys({ records, shortLived, clock });
  if (config.consoleUrl !== undefined) {
    const client = { origin: config.consoleUrl, name: `${config.brand.name} console` };
    await ensureConsoleClient({ records, clock, sealing }, client);
  }
  const keys = await createKeyRing({ records, shortLived, clock, issuer, log });
  const srp = createSrpServer();
  const devices: LockoutDeps = { records, shortLived, clock, endLogins, log };
  const keyCache = createKeyCache();
  const mpin: MpinDeps = { ...devices, sealing, srp, issuer, keyCache };
  const registration: RegistrationDeps = { ...devices, sealing, issuer, keys, keyCache };
  const usable = (deviceId: string) => assertUsable(devices, deviceId);
  const health = createHealth(clock, [
    { name: 'durable', check: () => stores.durable.check() },
    { name: 'short-lived', check: () => stores.shortLived.check() },
    { name: 'keys', check: async () => void keys.activeSigner('ES256') },
  ]);
  const orders: OrderDeps = {
    records,
    shortLived,
    sealing,
    clock,
    issuer,
    signCompact: (typ, payload) => keys.signCompact(typ, payload),
    assertUsable: usable,
    proofs: orderProofs(mpin),
    keyCache,
  };
  const signing = signingDeps({ config, clock, log, stores }, orders);
  return {
    keys,
    srp,
    mpin,
    registration,
    devices,
    orders: { ...orders, signing: signingParts(signing) },
    signing,
    oidc: {
      records,
      shortLived,
      sealing,
      clock,
      log,
      keys,
      assertUsable: usable,
      issuer,
      adminAudience: config.admin.audience,
      signing: {
        read: (id) => readRequest(signing, id),
      },
    },
    health,
    admin: { ...registration, internalWebhooks: config.internalWebhooks, health },
  };
}

function signingDeps({ config, clock, log }: Kernel, orders: OrderDeps): SigningDeps {
  const { risk, internalWebhooks: internalHosts } = config;
  return {
    ...orders,
    endLogins,
    approversFor,
    risk: createRiskPort(risk && riskEngine({ ...risk, internalHosts, clock, log })),
    ended: endedHandlers,
  };
}
