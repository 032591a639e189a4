/** A Redis of a test's own, which it may configure badly, kill and start again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** From the distribution's packages; `.ci/engines.sh` installs it. */
const binary = 'redis-server';

export interface RedisServer {
  readonly url: string;
  /** Kills the process as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Kills it and removes its data. */
  close(): Promise<void>;
}

/** Whether this machine can run one. */
export function hasRedisServer(): boolean {
  return spawnSync(binary, ['--version']).status === 0;
}

/** Starts a server as production wants it, with the given settings (`--name`, `value`) over that. */
export function startRedisServer(settings: readonly string[] = []): Promise<RedisServer> {
  return startProcess((port, directory) => {
    const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
    const safe = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
    return [...base, ...safe, ...settings];
  });
}

/** Starts a Sentinel that watches `master` under `name`. */
export function startSentinel(master: RedisServer, name: string): Promise<RedisServer> {
  const watched = new URL(master.url);
  return startProcess((port, directory) => {
    const file = join(directory, 'sentinel.conf');
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor ${name} ${watched.hostname} ${watched.port} 1\n`,
    );
    return [file, '--sentinel'];
  });
}

async function startProcess(argumentsFor: (port: number, directory: string) => string[]): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'mtoken-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<void> => {
    child = spawn(binary, argumentsFor(port, directory), { stdio: 'ignore' });
    await answering(url);
  };
  await start();
  return {
    url,
    kill,
    start,
    close: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answering(url: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 500 });
  client.on('error', () => undefined);
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
