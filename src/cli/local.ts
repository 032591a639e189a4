/** Opens the server's own stores for commands that run on its machine, beside a running server. */
import { readFileSync, realpathSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import { type Config, readConfig } from '../config/config.ts';
import { explainProblems } from '../config/problem.ts';
import { AuthError } from '../errors.ts';
import { openStores, type Stores } from '../server/stores.ts';
import { CommandError, exitCode, remark } from './output.ts';

/** The configuration as the server would read it; throws with every problem listed. */
export function readServerConfig(): Config {
  const result = readConfig({
    env: process.env,
    readFile: (path, encoding = 'utf8') => readFileSync(path, encoding),
    realPath: (path) => realpathSync(path),
  });
  if (result.outcome === 'refused') {
    throw new CommandError(explainProblems(result.problems), { exit: exitCode.usage });
  }
  return result.config;
}

interface OpenOptions {
  /** False unless told: a command must not change the schema under a running server. */
  readonly migrates?: boolean;
  /** Told the id of each migration that was applied. */
  readonly onMigrated?: (id: string) => void;
}

/** Opens the stores that the configuration names, beside a running server. */
export async function openCommandStores(
  config: Config = readServerConfig(),
  { migrates = false, onMigrated }: OpenOptions = {},
): Promise<Stores> {
  const log = {
    info: (fields: { name?: unknown }) => {
      if (typeof fields.name === 'string') onMigrated?.(fields.name);
    },
    warn: (fields: object, message: string) => remark([message, ...Object.values(fields).map(String)].join(' ')),
  };
  try {
    return await openStores({ config, clock: systemClock, log, isServer: false, migrates });
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    throw new CommandError(error.detail ?? error.message, {
      exit: exitCode.unreachable,
      hint: 'mtoken doctor checks each part; mtoken migrate brings the database up to date',
      cause: error,
    });
  }
}
