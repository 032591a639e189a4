/** Makes a fresh clone ready: installs what is missing and, with the argument `build`, builds what is missing or older than its source. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const builtMark = join(root, 'dist', '.built');

/** Newest change below a path, in milliseconds; 0 where it does not exist. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(status.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) fail(`${command} cannot be started: ${error.message}`);
  if (status !== 0) fail(`${[command, ...args].join(' ')} ended with ${status}`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 20)) return;
  fail(`mtoken needs Node 20.20 or newer; this is ${process.version}.`);
}

function install() {
  const installed = newest(join(root, 'node_modules', '.package-lock.json'));
  if (installed >= newest(join(root, 'package-lock.json')) && installed > 0) return;
  console.log('Installing dependencies …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

function build() {
  const sources = ['src', 'tsconfig.json', 'package-lock.json', '.ci/build.mjs'].map((path) =>
    newest(join(root, path)),
  );
  if (newest(builtMark) > Math.max(...sources)) return;
  console.log('Building …');
  run(process.execPath, [join(root, '.ci', 'build.mjs')]);
}

requireNode();
install();
if (process.argv.includes('build')) build();
