/** The built demo as a person runs it: a process of its own on free ports, with data that goes when the test ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;

export interface Demo {
  readonly portalUrl: string;
  readonly issuer: string;
  /** Everything it printed so far. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/** Starts `dist/demo/main.js`; resolves once it says that it runs. */
export async function startDemo(): Promise<Demo> {
  const [port, adminPort, portalPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-e2e-'));
  const issuer = `http://localhost:${port}`;
  const child = spawn(process.execPath, ['dist/demo/main.js'], {
    cwd: root,
    env: {
      ...process.env,
      MTOKEN_PORT: String(port),
      MTOKEN_ADMIN_PORT: String(adminPort),
      MTOKEN_CLI_PORTAL_PORT: String(portalPort),
      MTOKEN_DATA_DIR: dataDir,
    },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const stop = async () => {
    await ended(child);
    await rm(dataDir, { recursive: true, force: true });
  };
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => output.includes('mtoken is running') && resolve());
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}: ${output}`)));
  });
  return { portalUrl: `http://localhost:${portalPort}`, issuer, output: () => output, stop };
}

/** Runs the built `mtoken` to its end; `home` is the simulated phone's own directory. */
export async function mtoken(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? -1)));
  return { code, output };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, 'localhost', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
