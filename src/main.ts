/** The server process: reads the configuration, starts, and ends on a signal. */
import { readFileSync, realpathSync } from 'node:fs';
import { type Config, readConfig } from './config/config.ts';
import { explainProblems } from './config/problem.ts';
import { createLog, type Log, openOutput } from './http/logging.ts';
import { printingSender } from './notify/mailbox.ts';
import { buildServer } from './server.ts';

/** Exit codes: 0 ended on a signal, 1 could not start, 2 the configuration cannot be used (sysexits would be 78). */
const exitCodes = { failed: 1, misconfigured: 2 } as const;

async function main(): Promise<void> {
  const result = readConfig({
    env: process.env,
    readFile: (path, encoding = 'utf8') => readFileSync(path, encoding),
    realPath: (path) => realpathSync(path),
  });
  if (result.outcome === 'refused') {
    console.error(explainProblems(result.problems));
    process.exitCode = exitCodes.misconfigured;
    return;
  }
  const { config } = result;
  // Who does not read standard output must hold up neither the log nor a request.
  const output = config.audit.stream?.kind === 'stdout' ? openOutput() : undefined;
  const log = createLog(config.logLevel, output);
  warnOfDevelopment(config, log);
  try {
    // Production has a mail server or does not start: what is printed holds codes.
    const mailbox = config.mode === 'development' && !config.smtp ? printingSender(console.error) : undefined;
    const server = await buildServer({ config, log, output, mailbox });
    const end = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'ending');
      void server.close().then(() => process.exit(0));
    };
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
    const { publicUrl, adminUrl } = await server.start();
    const fields = { mode: config.mode, issuer: config.issuer, public: publicUrl, admin: adminUrl };
    log.info({ event: 'server.started', ...fields }, 'server.started');
  } catch (err) {
    log.fatal({ err }, 'the server could not start');
    process.exitCode = exitCodes.failed;
    // Connections that are still open would keep the process alive.
    setTimeout(() => process.exit(exitCodes.failed), 1000).unref();
  }
}

/** Who forgets the mode gets none of the checks that production makes, and must not learn of it from an attacker. */
function warnOfDevelopment({ mode, issuer }: Config, log: Log): void {
  const isThisMachine = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(issuer).hostname);
  if (mode === 'production' || isThisMachine) return;
  log.warn({ mode, issuer }, 'none of the checks of production were made: set MTOKEN_MODE=production');
}

await main();
