/** Puts the demo together: server, portal and desk in this process, and for a network the HTTPS fronts before them. */
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../clock.ts';
import { type Config, readConfig } from '../config/config.ts';
import { explainProblems } from '../config/problem.ts';
import { createLog } from '../http/logging.ts';
import { memoryMailbox } from '../notify/mailbox.ts';
import { buildServer } from '../server.ts';
import { activateAtDesk, type DeskActivation, type DeskDeps, registerDesk } from './desk.ts';
import { chooseAddress, type Front, lanCertificate, startFront } from './lan.ts';
import { buildPortal } from './portal.ts';
import { seedDemo } from './seed.ts';

const standardPortalPort = 3002;
const portNumber = (name: string, standard: number): number => Number(process.env[name] ?? standard);

export interface DemoOptions {
  /** For phones of the network, over HTTPS. */
  readonly isLan: boolean;
  /** Which of this machine's addresses; the first one unless told. */
  readonly address: string | undefined;
}

/** Where everything is. */
export interface Demo {
  readonly issuer: string;
  readonly adminUrl: string;
  /** Under which browsers reach the console. */
  readonly consoleUrl: string;
  readonly portalUrl: string;
  readonly deskUrl: string;
  readonly dataDir: string;
  readonly isLan: boolean;
  /** An activation for the demo's user, made at the start. */
  readonly activation: DeskActivation;
  readonly stop: () => Promise<void>;
}

/** Addresses of a demo that is not running yet. */
interface Plan {
  readonly env: Readonly<Record<string, string>>;
  readonly portalUrl: string;
  readonly deskUrl: string;
  readonly lan: { readonly address: string; readonly port: number } | undefined;
}

/** Starts everything; `stop` ends it again. Throws what hinders it. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const plan = planOf(options);
  const config = configOf(plan);
  const mailbox = memoryMailbox(systemClock);
  const server = await buildServer({ config, mailbox, log: createLog(config.logLevel) });
  const ends: (() => Promise<void>)[] = [() => server.close()];
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const { portalUrl, deskUrl } = plan;
    const { user, administrator, operator, clientKey } = await seedDemo(server, {
      portalUrl,
      backchannelUrl: `${deskUrl}/backchannel-logout`,
    });
    const { issuer } = config;
    const portal = await buildPortal({
      issuer,
      baseUrl: portalUrl,
      clientId: 'demo-portal',
      clientKey,
      deskUrl,
      ...(plan.lan && { fetch: fetchLocally(issuer, config.listen.port) }),
    });
    const { registration } = server.capabilities;
    const people = [user, administrator, operator];
    const { adminUrl } = await server.start();
    const consoleUrl = `${config.consoleUrl ?? adminUrl}/console/`;
    const desk: DeskDeps = { registration, mailbox, people, clock: systemClock, portalUrl, deskUrl, consoleUrl };
    registerDesk(portal, desk);
    const fronts = plan.lan && (await prepareFronts(plan.lan, config, portal));
    ends.push(() => portal.close());
    await portal.listen({ host: 'localhost', port: portNumber('MTOKEN_CLI_PORTAL_PORT', standardPortalPort) });
    for (const front of fronts ?? []) ends.push(await startFront(front));
    const activation = await activateAtDesk(desk);
    const { dataDir } = config;
    const { isLan } = options;
    return { issuer, adminUrl, consoleUrl, portalUrl, deskUrl, dataDir, isLan, activation, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function planOf({ isLan, address }: DemoOptions): Plan {
  const deskUrl = `http://localhost:${portNumber('MTOKEN_CLI_PORTAL_PORT', standardPortalPort)}`;
  if (!isLan) return { env: {}, portalUrl: deskUrl, deskUrl, lan: undefined };
  const chosen = chooseAddress(address);
  const port = portNumber('MTOKEN_CLI_LAN_PORT', 3443);
  const env = {
    MTOKEN_ISSUER: `https://${chosen}:${port}`,
    MTOKEN_TRUSTED_PROXIES: '127.0.0.1, ::1',
    // Registered phones belong to an issuer: another address is another demo.
    MTOKEN_DATA_DIR: join(process.env['MTOKEN_DATA_DIR'] ?? '.mtoken', 'lan', chosen),
  };
  return { env, portalUrl: `https://${chosen}:${port + 1}`, deskUrl, lan: { address: chosen, port } };
}

function configOf({ env }: Plan): Config {
  const result = readConfig({
    // Fewer lines than a server's: the terminal is the page that a person reads here.
    env: {
      MTOKEN_LOG_LEVEL: 'warn',
      // The portal is on this machine, where logout tokens are not sent unless it is named.
      MTOKEN_INTERNAL_PORTALS: 'localhost',
      ...process.env,
      ...env,
      MTOKEN_DEMO: 'true',
      MTOKEN_MODE: 'development',
    },
    readFile: (path, encoding = 'utf8') => readFileSync(path, encoding),
    realPath: (path) => realpathSync(path),
  });
  if (result.outcome === 'refused') throw new Error(explainProblems(result.problems));
  return result.config;
}

/** The server's front and the portal's, which also hands out the certificate that a phone may trust. */
async function prepareFronts(
  { address, port }: NonNullable<Plan['lan']>,
  config: Config,
  portal: FastifyInstance,
): Promise<Front[]> {
  const certificate = await lanCertificate(join(config.dataDir, 'certificate'), address, systemClock.now());
  portal.get('/authority.crt', (_request, reply) => reply.type('application/x-x509-ca-cert').send(certificate.ca));
  const portalPort = portNumber('MTOKEN_CLI_PORTAL_PORT', standardPortalPort);
  return [
    { certificate, address, port, target: config.listen.port },
    { certificate, address, port: port + 1, target: portalPort },
  ];
}

/** The portal's own calls stay on this machine: Node does not trust the demo's certificate. */
function fetchLocally(issuer: string, port: number): typeof fetch {
  return async (input, init) => {
    const url = String(input instanceof Request ? input.url : input);
    return fetch(url.replace(issuer, `http://localhost:${port}`), init);
  };
}
