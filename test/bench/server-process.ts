/** The server under measurement: the build as it ships, in a process of its own, watched through its admin listener. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createConnections } from './http-client.ts';

export interface ServerProcess {
  readonly issuer: string;
  readonly port: number;
  readonly pid: number;
  /** From the start of the process until `/health/ready` said yes. */
  readonly readyMs: number;
  /** The values of `/metrics` without labels, by name. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** CPU of the process so far, all threads, in microseconds. */
  cpuMicros(): Promise<number>;
  /** Collects garbage twice, so that what is left is held. */
  collectGarbage(): Promise<void>;
  stop(): Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

/** For `collectGarbage`: the one thing that the server is given beside its build. */
const garbageHook = 'data:text/javascript,process.on("SIGUSR2",()=>globalThis.gc())';

/** What a bench server is configured with, beside its stores: limits out of the way, everything else as it comes. */
export async function serverEnvironment(): Promise<Environment & { readonly MTOKEN_ISSUER: string }> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const unlimited = '100000000';
  return {
    NODE_ENV: 'production',
    NODE_NO_WARNINGS: '1',
    MTOKEN_MODE: 'development',
    MTOKEN_PORT: String(port),
    MTOKEN_ADMIN_PORT: String(adminPort),
    MTOKEN_ISSUER: `http://localhost:${port}`,
    MTOKEN_LIMIT_PER_ADDRESS: unlimited,
    MTOKEN_LIMIT_LOGINS_PER_ADDRESS: unlimited,
    MTOKEN_LIMIT_PER_DEVICE: unlimited,
    MTOKEN_LIMIT_PER_USER: unlimited,
    MTOKEN_LIMIT_GLOBAL: unlimited,
  };
}

/** Flags for the measured Node, such as `--cpu-prof --cpu-prof-dir=…`, to see where the time goes. */
export function extraNodeArgs(): string[] {
  return (process.env['MTOKEN_BENCH_NODE_ARGS'] ?? '').split(' ').filter((arg) => arg !== '');
}

/** Starts `dist/main.js` and waits until it is ready. Throws with what it said where it ends before. */
export async function startServer(environment: Environment): Promise<ServerProcess> {
  const args = ['--expose-gc', '--import', garbageHook, ...extraNodeArgs(), 'dist/main.js'];
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => keepLast(said, String(data)));
  const port = Number(environment['MTOKEN_PORT']);
  const connections = createConnections(port);
  const admin = createConnections(Number(environment['MTOKEN_ADMIN_PORT']));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${said.join('')}`);
    const status = await connections.send({ method: 'GET', path: '/health/ready' }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) break;
    await wait(2);
  }
  const readyMs = performance.now() - startedAt;
  const metrics = async () => parseMetrics((await admin.send({ method: 'GET', path: '/metrics' })).text);
  return {
    issuer: environment['MTOKEN_ISSUER'] ?? '',
    port,
    pid: child.pid ?? 0,
    readyMs,
    metrics,
    cpuMicros: async () => 1e6 * ((await metrics()).get('process_cpu_seconds_total') ?? Number.NaN),
    collectGarbage: async () => {
      for (let turn = 0; turn < 2; turn += 1) {
        child.kill('SIGUSR2');
        await wait(400);
      }
    },
    stop: async () => {
      connections.close();
      admin.close();
      await end(child);
    },
  };
}

/** Asks by SIGTERM; what does not end in time is killed. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}

function keepLast(said: string[], text: string): void {
  said.push(text);
  if (said.length > 20) said.shift();
}

function parseMetrics(text: string): ReadonlyMap<string, number> {
  const plain = text.split('\n').filter((line) => /^[a-z_]+ /.test(line));
  return new Map(plain.map((line) => [line.slice(0, line.indexOf(' ')), Number(line.slice(line.indexOf(' ') + 1))]));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
