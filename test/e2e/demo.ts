/** The built demo as a person runs it: a process of its own on free ports, with data that goes when the test ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Tests and benchmarks are started at the project's root. */
const root = process.cwd();

export interface Demo {
  readonly portalUrl: string;
  readonly issuer: string;
  /** Everything it printed so far. */
  readonly output: () => string;
  /** Kills it as a power cut would. */
  readonly kill: () => Promise<void>;
  /** Starts it once more, at the same addresses on the same data. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface DemoOptions {
  /** Settings beside those of the ports and the data. */
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Starts `dist/demo/main.js`; resolves once it says that it runs. */
export async function startDemo({ env, args = [] }: DemoOptions = {}): Promise<Demo> {
  const [port, adminPort, portalPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-e2e-'));
  const settings = {
    MTOKEN_PORT: String(port),
    MTOKEN_ADMIN_PORT: String(adminPort),
    MTOKEN_CLI_PORTAL_PORT: String(portalPort),
    MTOKEN_DATA_DIR: dataDir,
    ...env,
  };
  let output = '';
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = await started(args, settings, (text) => {
      output += text;
    });
  };
  await start();
  return {
    portalUrl: `http://localhost:${portalPort}`,
    issuer: `http://localhost:${port}`,
    output: () => output,
    start,
    kill: () => ended(child, 'SIGKILL'),
    stop: async () => {
      await ended(child, 'SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function started(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  onOutput: (text: string) => void,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['dist/demo/main.js', ...args], {
    cwd: root,
    env: { ...process.env, ...settings },
  });
  let said = '';
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += String(chunk);
        onOutput(String(chunk));
        if (said.includes('mtoken is running')) resolve(child);
      });
    }
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}: ${said}`)));
  });
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

function ended(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

/** A port that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, 'localhost', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
