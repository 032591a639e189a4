/** A Redis that the test may flush, stop and start again, and server processes that it may kill. */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { bundledProgram } from '../../bundled-programs.ts';
import type { Task, TaskResult, WorkerSettings } from './worker.ts';

/** Whether a Redis can be started here. */
export function hasRedisServer(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

export interface OwnRedis {
  readonly url: string;
  flush(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Starts a Redis on a free port, with an append-only file that every write is synced to. */
export async function startRedis(): Promise<OwnRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'mtoken-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes'];
    server = spawn('redis-server', [...options, '--appendfsync', 'always'], { stdio: 'ignore' });
    for (let tries = 0; tries < 100; tries += 1) {
      if (await command(url, (client) => client.ping()).catch(() => undefined)) return;
      await wait(50);
    }
    throw new Error('redis-server does not answer');
  };
  const kill = async (): Promise<void> => {
    if (server === undefined) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    server = undefined;
  };
  await start();
  return {
    url,
    start,
    kill,
    flush: () => command(url, (client) => client.flushall()).then(() => undefined),
    remove: async () => {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function command<T>(url: string, run: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await run(client);
  } finally {
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface Server {
  perform(task: Task): Promise<TaskResult>;
  /** Resolves when the process has taken its attempt and is about to evaluate. */
  hang(deviceId: string): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

/** Starts one more server process on the given stores. */
export async function startServer(settings: WorkerSettings): Promise<Server> {
  const child = fork(await bundledProgram(join(import.meta.dirname, 'worker.ts')), {
    execArgv: [],
    env: { PATH: process.env['PATH'], MTOKEN_TEST_WORKER: JSON.stringify(settings) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await messageOf(child, 'ready');
  return {
    perform: async (task) => {
      const done = messageOf(child, 'done');
      child.send(task);
      return (await done).result;
    },
    hang: async (deviceId) => {
      const evaluating = messageOf(child, 'evaluating');
      child.send({ act: 'hang', deviceId } satisfies Task);
      await evaluating;
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function messageOf(child: ChildProcess, event: string): Promise<{ result: TaskResult }> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error(`the server process ended before "${event}"`));
    const onMessage = (message: { event: string; result: TaskResult }): void => {
      if (message.event !== event) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(message);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}
