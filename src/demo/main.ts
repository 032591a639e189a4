/** `npm start`: the server, a demo portal and a demo desk in one process on embedded storage; says what to open and what to type. */
import { parseArgs } from 'node:util';
import { startDemo } from './start.ts';
import { help, welcome } from './welcome.ts';

interface Arguments {
  readonly lan: boolean;
  readonly address: string | undefined;
  readonly help: boolean;
}

/** Throws `TypeError` for an option that there is not. */
function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      lan: { type: 'boolean', default: false },
      address: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return { lan: values.lan || values.address !== undefined, address: values.address, help: values.help };
}

try {
  const options = readArguments();
  if (options.help) console.log(help);
  else await run(options);
} catch (error) {
  console.error(explainStart(error));
  process.exitCode = 1;
}

async function run({ lan, address }: Arguments): Promise<void> {
  const demo = await startDemo({ address, isLan: lan });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void demo.stop().finally(() => process.exit(0)));
  }
  console.log(await welcome(demo));
}

/** What goes wrong on a person's machine, in their words. */
function explainStart(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) return `${error.message}\n\n${help}`;
  if (code === 'EADDRINUSE') {
    return `A port is taken: ${error.message}. Is the demo running already? Others are set with MTOKEN_PORT, MTOKEN_ADMIN_PORT, MTOKEN_CLI_PORTAL_PORT and MTOKEN_CLI_LAN_PORT.`;
  }
  if (code === 'conflict') return `${error.message}. Is the demo running already?`;
  return `The demo could not start: ${error.message}`;
}
