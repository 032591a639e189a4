/** `npm start`: the server, a demo portal and a demo desk in one process on embedded storage; says what to open and what to type. */
import { readFileSync, realpathSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import { readConfig } from '../config/config.ts';
import { explainProblems } from '../config/problem.ts';
import { createLog } from '../http/logging.ts';
import { memoryMailbox } from '../notify/mailbox.ts';
import { buildServer } from '../server.ts';
import { activateAtDesk, type DeskDeps, registerDesk } from './desk.ts';
import { phoneCommand } from './desk-pages.ts';
import { buildPortal } from './portal.ts';
import { seedDemo } from './seed.ts';

const portalPort = Number(process.env['MTOKEN_CLI_PORTAL_PORT'] ?? 3002);

/** Starts everything; what it answers ends it again. */
async function startDemo(): Promise<() => Promise<void>> {
  const result = readConfig({
    // Fewer lines than a server's: the terminal is the page that a person reads here.
    env: {
      MTOKEN_LOG_LEVEL: 'warn',
      // The portal is on this machine, where logout tokens are not sent unless it is named.
      MTOKEN_INTERNAL_PORTALS: 'localhost',
      ...process.env,
      MTOKEN_DEMO: 'true',
      MTOKEN_MODE: 'development',
    },
    readFile: (path) => readFileSync(path, 'utf8'),
    realPath: (path) => realpathSync(path),
  });
  if (result.outcome === 'refused') throw new Error(explainProblems(result.problems));
  const { config } = result;
  const portalUrl = `http://localhost:${portalPort}`;
  const mailbox = memoryMailbox(systemClock);
  const server = await buildServer({ config, mailbox, log: createLog(config.logLevel) });
  try {
    const { user, clientSecret } = await seedDemo(server, portalUrl);
    const portal = await buildPortal({
      issuer: config.issuer,
      baseUrl: portalUrl,
      clientId: 'demo-portal',
      clientSecret,
    });
    const desk: DeskDeps = {
      registration: server.capabilities.registration,
      mailbox,
      user,
      clock: systemClock,
      host: new URL(portalUrl).host,
    };
    registerDesk(portal, desk);
    const { adminUrl } = await server.start();
    await portal.listen({ host: 'localhost', port: portalPort });
    await welcome({ issuer: config.issuer, adminUrl, portalUrl, dataDir: config.dataDir }, desk);
    return async () => {
      await portal.close();
      await server.close();
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

interface Addresses {
  readonly issuer: string;
  readonly adminUrl: string;
  readonly portalUrl: string;
  readonly dataDir: string;
}

async function welcome({ issuer, adminUrl, portalUrl, dataDir }: Addresses, desk: DeskDeps): Promise<void> {
  const activation = await activateAtDesk(desk);
  console.log(`
mtoken is running. Stop it with Ctrl+C.

  Open          ${portalUrl}          the demo portal: "Log in with mToken"
                ${portalUrl}/desk     activations and the mailbox of the demo's users
                ${issuer}/app      the app: a complete mToken phone in a browser
  Server        ${issuer}          admin listener ${adminUrl}
  Data          ${dataDir}   (delete it to begin anew)

With a browser alone: make an activation at the desk and open the app with it there, or scan it.
With a phone in the terminal:

1  Register a phone, once. In another terminal (the codes work for ten minutes, the desk makes new ones):

   ${phoneCommand(activation)}

   It asks you to choose an mPIN.

2  Let the phone wait for a screenshot (name the folder where your system saves them):

   npm run -s mtoken -- phone scan --watch ~/Pictures

   Press "Log in with mToken" at the portal and take a screenshot of the QR code. The phone shows who wants to
   log you in and asks you to approve. (A code works for six seconds; "The app is on this device" on the page
   gives a link that works for a minute: npm run -s mtoken -- phone scan 'http://…')

Or see the whole chain without hands:   npm run demo:login
`);
}

try {
  const stop = await startDemo();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(0)));
  }
} catch (error) {
  console.error(explainStart(error));
  process.exit(1);
}

/** The two things that go wrong on a person's machine, in their words. */
function explainStart(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return `A port is taken: ${error.message}. Is the demo running already? Others are set with MTOKEN_PORT, MTOKEN_ADMIN_PORT and MTOKEN_CLI_PORTAL_PORT.`;
  }
  if (code === 'conflict') return `${error.message}. Is the demo running already?`;
  return `The demo could not start: ${error.message}`;
}
