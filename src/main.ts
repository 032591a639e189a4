/** The server process: reads the configuration, starts, and ends on a signal. */
import { readFileSync, realpathSync } from 'node:fs';
import { readConfig } from './config/config.ts';
import { explainProblems } from './config/problem.ts';
import { createLog } from './http/logging.ts';
import { buildServer } from './server.ts';

/** Exit codes: 0 ended on a signal, 1 could not start, 2 the configuration cannot be used (sysexits would be 78). */
const exitCodes = { failed: 1, misconfigured: 2 } as const;

async function main(): Promise<void> {
  const result = readConfig({
    env: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    realPath: (path) => realpathSync(path),
  });
  if (result.outcome === 'refused') {
    console.error(explainProblems(result.problems));
    process.exitCode = exitCodes.misconfigured;
    return;
  }
  const { config } = result;
  const log = createLog(config.logLevel);
  try {
    const server = await buildServer({ config, log });
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

await main();
