/** The benchmarks' command line: which ones, for how long, and where the figures go. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { administrationBenchmark } from './administration.ts';
import { auditBenchmark } from './audit.ts';
import type { Benchmark } from './benchmark.ts';
import { emergencyBenchmark } from './emergency.ts';
import { eventBenchmark } from './event.ts';
import { loginBenchmark } from './login.ts';
import { pagesBenchmark } from './pages.ts';
import { circumstances, currentLoad, type Figure, markdown, plainTable, replaceFigures } from './report.ts';
import { signingBenchmark } from './signing.ts';
import { srpBenchmark } from './srp.ts';
import { startBenchmark } from './start.ts';
import { waitingBenchmark } from './waiting.ts';

const benchmarks: readonly Benchmark[] = [
  srpBenchmark,
  loginBenchmark,
  eventBenchmark,
  waitingBenchmark,
  pagesBenchmark,
  startBenchmark,
  auditBenchmark,
  emergencyBenchmark,
  administrationBenchmark,
  signingBenchmark,
];
const documentPath = 'docs/benchmarks.md';

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (options.help) help();
else await main();

function help(): void {
  console.log('Usage: npm run bench [-- name… --seconds N --quick --json --write --no-build]\n');
  for (const { name, about } of benchmarks) console.log(`  ${name.padEnd(14)} ${about}`);
  console.log(
    `\n  --seconds N   wall time of each main measurement (15)\n  --quick       a smoke test of a minute at most\n  --json        the figures as JSON\n  --write       puts the figures into ${documentPath}\n  --no-build    measures dist as it is\n\nPostgreSQL and Redis are measured where MTOKEN_TEST_DATABASE_URL and MTOKEN_TEST_REDIS_URL name them:\n  bash .ci/engines.sh npm run bench`,
  );
}

async function main(): Promise<void> {
  const unknown = names.filter((name) => !benchmarks.some((one) => one.name === name));
  const seconds = options.seconds === undefined ? (options.quick ? 2 : 15) : Number(options.seconds);
  if (unknown.length > 0 || !(seconds > 0)) {
    console.error(unknown.length > 0 ? `no benchmark is called ${unknown.join(', ')}` : '--seconds takes a number');
    process.exitCode = 2;
    return;
  }
  const chosen = benchmarks.filter(({ name }) => names.length === 0 || names.includes(name));
  const tell = (text: string): void => console.error(`… ${text}`);
  if (!options['no-build'] && chosen.some(({ needsBuild }) => needsBuild)) makeBuild();
  const loadBefore = currentLoad();
  const figures: Figure[] = [];
  for (const { name, run } of chosen) {
    tell(name);
    figures.push(...(await run({ seconds, isQuick: options.quick, tell })));
  }
  const made = circumstances(commandLine(), loadBefore);
  console.log(options.json ? JSON.stringify({ ...made, figures }, undefined, 2) : plainTable(figures));
  if (options.write)
    writeFileSync(documentPath, replaceFigures(readFileSync(documentPath, 'utf8'), markdown(figures, made), names));
}

/** As typed, but for where the result goes. */
function commandLine(): string {
  const args = process.argv.slice(2).filter((arg) => !['--write', '--json', '--no-build'].includes(arg));
  const engines = process.env['MTOKEN_TEST_DATABASE_URL'] === undefined ? '' : 'bash .ci/engines.sh ';
  return `${engines}npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`;
}

/** What is measured is the build that ships, made from the sources as they are. */
function makeBuild(): void {
  const { status } = spawnSync(process.execPath, ['.ci/prepare.mjs', 'build'], {
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) throw new Error('the build failed');
}
