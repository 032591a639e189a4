/** The trail as it is streamed: to real receivers, slow ones, dead ones and several processes. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lineSink, syslogMessage, syslogSink } from '../../../src/audit/sinks.ts';
import type { AuditEntry } from '../../../src/audit/store.ts';
import { type AuditSink, type AuditStream, startAuditStream, streamLag } from '../../../src/audit/stream.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

let clock: TestClock;
let stores: TestStores;
let running: AuditStream[];
let cleanUps: (() => Promise<unknown>)[];
beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
  running = [];
  cleanUps = [];
});
afterEach(async () => {
  for (const stream of running) await stream.stop(100);
  for (const cleanUp of cleanUps) await cleanUp();
  await stores.close();
});

async function write(count: number): Promise<void> {
  for (let index = 1; index <= count; index += 1) {
    await stores.records.audit.append({ event: 'order.created', actor: 'test "é"', data: { index } }, clock.now());
  }
}

interface Told {
  readonly warnings: string[];
}

function start(sink: AuditSink, options: { pageSize?: number; leaseMs?: number } = {}): AuditStream & Told {
  const warnings: string[] = [];
  const log = { warn: (_: object, message: string) => void warnings.push(message), info: () => undefined };
  const stream = startAuditStream({ records: stores.records, clock, sink, log }, { pollMs: 5, ...options });
  running.push(stream);
  return { ...stream, warnings };
}

async function eventually<T>(read: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const seqOf = (message: string): number => Number(/"seq":(\d+)/.exec(message)?.[1]);

/** A receiver of RFC 6587 frames that keeps what it got. */
async function receiver(port = 0): Promise<{ server: Server; port: number; seqs: () => number[]; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const texts: Buffer[][] = [];
  const server = createServer((socket) => {
    const chunks: Buffer[] = [];
    texts.push(chunks);
    sockets.push(socket);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });
  const seqs = () => texts.flatMap((chunks) => framesOf(Buffer.concat(chunks)).map(seqOf));
  return { server, port: (server.address() as AddressInfo).port, seqs, sockets };
}

function framesOf(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const end = space + 1 + Number(bytes.subarray(at, space).toString());
    if (space < 0 || end > bytes.length) break;
    found.push(bytes.subarray(space + 1, end).toString());
    at = end;
  }
  return found;
}

describe('the audit stream (A-06)', () => {
  it('sends what is there and what comes, in order and without a gap, and goes on where it stopped', async () => {
    const { port, seqs } = await receiver();
    const target = { transport: 'tcp', host: '127.0.0.1', port } as const;
    await write(7);
    const first = start(syslogSink(target), { pageSize: 3 });
    await eventually(() => seqs().length === 7 || undefined);
    await write(2);
    await eventually(() => seqs().length === 9 || undefined);
    expect(seqs()).toEqual(range(1, 9));
    await first.stop();
    await write(3);
    start(syslogSink(target));
    await eventually(() => seqs().length === 12 || undefined);
    expect(seqs()).toEqual(range(1, 12));
  });

  it('keeps what a dead receiver misses, says so once, and sends it when it is back', async () => {
    const { server, port, seqs, sockets } = await receiver();
    const stream = start(syslogSink({ transport: 'tcp', host: '127.0.0.1', port }));
    await write(3);
    await eventually(() => seqs().length === 3 || undefined);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await write(5);
    await eventually(() => stream.warnings.length > 0 || undefined);
    const again = await receiver(port);
    await eventually(() => again.seqs().includes(8) || undefined);
    expect(again.seqs()).toEqual([...again.seqs()].sort((left, right) => left - right));
    expect([...new Set([...seqs(), ...again.seqs()])].sort((left, right) => left - right)).toEqual(range(1, 8));
    expect(stream.warnings).toEqual(['the audit stream is interrupted; what it misses is sent later']);
  });

  it('never holds up who writes while its reader does not read, and shows how far behind it is', async () => {
    let isHeld = true;
    const got: number[] = [];
    const sink: AuditSink = {
      name: 'slow',
      write: async (entries) => {
        await eventually(() => !isHeld || undefined);
        got.push(...entries.map(({ seq }) => seq));
      },
      close: () => undefined,
    };
    start(sink, { pageSize: 10 });
    await write(200);
    expect(await stores.records.audit.head()).toMatchObject({ seq: 200 });
    expect(await streamLag(stores.records, 'slow')).toBe(200);
    isHeld = false;
    await eventually(async () => (await streamLag(stores.records, 'slow')) === 0 || undefined);
    expect(got).toEqual(range(1, 200));
  });

  it('sends again what a process sent that died before it could note it: twice rather than never', async () => {
    const got: number[] = [];
    const dying: AuditSink = {
      name: 'one',
      write: (entries) => {
        got.push(...entries.map(({ seq }) => seq));
        return new Promise(() => undefined);
      },
      close: () => undefined,
    };
    await write(4);
    start(dying, { leaseMs: 1_000 });
    await eventually(() => got.length === 4 || undefined);
    const heir: AuditSink = { ...dying, write: async (entries) => void got.push(...entries.map(({ seq }) => seq)) };
    start(heir, { leaseMs: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(got).toEqual(range(1, 4));
    clock.advance(1_001);
    await eventually(() => got.length === 8 || undefined);
    expect(got).toEqual([...range(1, 4), ...range(1, 4)]);
  });

  it('is sent by one process of several', async () => {
    const got: number[] = [];
    const sink: AuditSink = {
      name: 'shared',
      write: async (entries) => void got.push(...entries.map(({ seq }) => seq)),
      close: () => undefined,
    };
    for (let index = 0; index < 4; index += 1) start(sink, { pageSize: 2 });
    await write(20);
    await eventually(async () => (await streamLag(stores.records, 'shared')) === 0 || undefined);
    expect(got).toEqual(range(1, 20));
  });

  it('goes to UDP too, one message a datagram', async () => {
    const socket = createSocket('udp4');
    const messages: string[] = [];
    socket.on('message', (message) => void messages.push(message.toString()));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    cleanUps.push(async () => socket.close());
    await write(3);
    start(syslogSink({ transport: 'udp', host: '127.0.0.1', port: socket.address().port }));
    await eventually(() => messages.length === 3 || undefined);
    expect(messages.map(seqOf)).toEqual([1, 2, 3]);
  });

  it('shares standard output with the log line by line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mtoken-stream-'));
    cleanUps.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'out');
    const output = pino.destination({ dest: file, sync: false, minLength: 0 });
    const log = pino(output);
    start(lineSink(output), { pageSize: 5 });
    for (let index = 0; index < 20; index += 1) {
      log.info('x'.repeat(3_000));
      await write(2);
    }
    await eventually(async () => (await streamLag(stores.records, 'stdout')) === 0 || undefined);
    await eventually(async () => (await readFile(file, 'utf8')).split('\n').length === 61 || undefined);
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { stream?: string; seq?: number });
    expect(parsed.flatMap(({ stream, seq }) => (stream === 'audit' ? [seq] : []))).toEqual(range(1, 40));
  });
});

describe('a syslog message', () => {
  const entry: AuditEntry = {
    seq: 2_147_483_648,
    at: Date.UTC(2026, 10, 20, 12),
    event: 'device.deactivated',
    actor: 'client:"a]\\"',
    data: { reason: 'é\\u000a<1>' },
    previousHash: 'p',
    hash: 'h',
  };

  it('is one of RFC 5424 with the number, the event and the whole record, and no value can forge its header (A-04)', () => {
    const message = syslogMessage(entry, 'host');
    const [, header, json] =
      /^(<110>1 2026-11-20T12:00:00\.000Z host mtoken - device\.deactivated \[meta sequenceId="1"\]) (.*)$/.exec(
        message,
      ) ?? [];
    expect(header).toBeDefined();
    expect(JSON.parse(json ?? '')).toEqual(entry);
    expect(message).not.toContain('\n');
  });
});
