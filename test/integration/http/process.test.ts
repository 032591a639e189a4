/** The server as a process: what it prints, how it ends, and with which exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serverProgram } from '../../bundled-programs.ts';

const main = await serverProgram();
let directory: string;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mtoken-process-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await rm(directory, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  readonly ended: Promise<number | null>;
  /** Resolves with the log line that has this event. */
  readonly event: (name: string) => Promise<Record<string, unknown>>;
}

function run(env: Record<string, string>): Run {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(MTOKEN_|DATABASE_URL|REDIS_URL)/.test(name)),
  );
  const base = { MTOKEN_DATA_DIR: join(directory, 'data'), MTOKEN_PORT: '0', MTOKEN_ADMIN_PORT: '0' };
  const child = spawn(process.execPath, [main], {
    env: { ...clean, ...base, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  let errors = '';
  let tell = (): void => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    tell();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const event = (name: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      tell = () => {
        const lines = output.split('\n').slice(0, -1);
        const found = lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .find((line) => line['event'] === name);
        if (found !== undefined) resolve(found);
      };
      tell();
      void ended.then((code) => reject(new Error(`ended with ${code}: ${output}${errors}`)));
    });
  return { child, output: () => output, errors: () => errors, ended, event };
}

describe('the process', () => {
  it('starts, says where once, makes its data key for its owner alone, and ends with 0 on SIGTERM', async () => {
    const server = run({});
    const started = await server.event('server.started');
    expect(started).toMatchObject({
      mode: 'development',
      public: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    expect((await fetch(`${String(started['public'])}/health/ready`)).status).toBe(200);
    const keyFile = join(directory, 'data', 'data.key');
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(keyFile, 'utf8')).toMatch(/^development:/);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(server.output()).toContain('server.stopped');
    for (const line of server.output().trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    expect(server.output()).not.toContain((await readFile(keyFile, 'utf8')).trim().split(':')[1]);
  });

  it('starts again on what it stored, and refuses a second server on the same directory', async () => {
    const first = run({});
    await first.event('server.started');
    const second = run({});
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain('another server already uses the data directory');
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    const third = run({});
    await third.event('server.started');
    third.child.kill('SIGINT');
    expect(await third.ended).toBe(0);
  });

  it.each([
    ['https://login.bank.example', true],
    ['http://localhost:3000', false],
  ])('in development mode as %s: warns that no check of production was made: %s (X-08)', async (issuer, isWarned) => {
    const server = run({ MTOKEN_ISSUER: issuer });
    await server.event('server.started');
    expect(server.output().includes('MTOKEN_MODE=production')).toBe(isWarned);
    server.child.kill('SIGTERM');
    await server.ended;
  });

  it('prints every problem of the configuration plainly and ends with 2', async () => {
    const server = run({ MTOKEN_MODE: 'production', MTOKEN_PORTT: '1', MTOKEN_DEMO: 'true' });
    expect(await server.ended).toBe(2);
    expect(server.output()).toBe('');
    for (const text of [
      'MTOKEN_PORTT: expected MTOKEN_PORT, perhaps',
      'MTOKEN_ISSUER: expected an https origin',
      'MTOKEN_DEMO: expected false',
    ]) {
      expect(server.errors()).toContain(text);
    }
  });

  it('ends with 1 where its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const server = run({ MTOKEN_PORT: String(port) });
    expect(await server.ended).toBe(1);
    expect(server.output()).toContain('EADDRINUSE');
    taken.close();
  });

  it('ends with 1, naming no password, where a store does not answer (X-03)', async () => {
    const server = run({ REDIS_URL: 'redis://:Hidden-Pass-123@127.0.0.1:9' });
    expect(await server.ended).toBe(1);
    expect(server.output()).toContain('the server could not start');
    expect(server.output() + server.errors()).not.toContain('Hidden-Pass-123');
  });
});
