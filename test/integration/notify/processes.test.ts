/** Several server processes deliver from one outbox; one of them is killed in the middle of a delivery. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { createWebhook } from '../../../src/notify/webhooks.ts';
import { openRecords } from '../../../src/store/open.ts';
import { type DurableEngine, durableEngines, type FreshDurable, testServer } from '../../engines.ts';
import { type Program, runProgram } from '../../programs.ts';
import { eventually } from '../system/rig.ts';

const program = new URL('programs/worker.ts', import.meta.url);
const endpoints = 3;
const messagesEach = 30;

for (const engine of durableEngines()) {
  describe(`three processes that deliver: ${engine.name}`, () => {
    let fresh: FreshDurable;
    let server: Server;
    let programs: Program[];
    /** What came, in order, by path. */
    let came: Map<string, string[]>;
    /** Requests that came while the same message, or another to the same address, was not yet answered. */
    let overlaps: string[];
    let total: number;

    beforeEach(async () => {
      fresh = await engine.fresh();
      programs = [];
      came = new Map();
      overlaps = [];
      total = 0;
      const open = new Set<string>();
      server = createServer((request, response) => {
        const path = request.url ?? '';
        if (open.has(path)) overlaps.push(`${path} ${String(request.headers['webhook-id'])}`);
        open.add(path);
        // Also where its process is killed: what was sent by the dead is not under way any more.
        response.on('close', () => open.delete(path));
        came.set(path, [...(came.get(path) ?? []), String(request.headers['webhook-id'])]);
        total += 1;
        request.resume().on('end', () => setTimeout(() => response.writeHead(204).end(), 5));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });

    afterEach(async () => {
      for (const one of programs) await one.kill();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await fresh.close();
    });

    it('deliver every message, in order for each address, and never one twice at the same time, through a kill -9 (X-03, X-06)', async () => {
      const dataKey = randomBytes(32).toString('hex');
      const records = openRecords(fresh.store, createSealing([{ id: 'test', key: Buffer.from(dataKey, 'hex') }]));
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const deps = { records, clock: systemClock, internalWebhooks: [host] };
      const written = new Map<string, string[]>();
      for (let place = 0; place < endpoints; place += 1) {
        const url = `http://${host}/${place}`;
        const { id: recipient } = await createWebhook(deps, { name: 'Receiver', url }, { name: 'cli' });
        const ids: string[] = [];
        for (let index = 0; index < messagesEach; index += 1) {
          const message = { kind: 'webhook', recipient, payload: '{"data":{}}', isOrdered: true } as const;
          ids.push(await records.outbox.enqueue(message, systemClock.now()));
        }
        written.set(`/${place}`, ids);
      }
      const place = await placeOf(engine, fresh);
      const start = () => runProgram(program, [dataKey, host, engine.name, ...place]);
      programs = await Promise.all([start(), start(), start()]);
      await eventually('a third of them', () => (total > (endpoints * messagesEach) / 3 ? true : undefined));
      await programs.shift()?.kill();
      programs.push(await start());
      await eventually('all of them', async () => ((await records.outbox.count('pending')) === 0 ? true : undefined));
      expect(overlaps).toEqual([]);
      for (const [path, ids] of written) expect([...new Set(came.get(path))], path).toEqual(ids);
      // The one that died can have left one delivery for each address unsaid.
      expect(total).toBeLessThanOrEqual(endpoints * messagesEach + endpoints);
      expect(await records.outbox.count('sent')).toBe(endpoints * messagesEach);
    }, 60_000);
  });
}

/** As the program takes it. */
async function placeOf(engine: DurableEngine, { store }: FreshDurable): Promise<string[]> {
  if (engine.name === 'sqlite') {
    const [row] = await store.query<{ file: string }>("select file from pragma_database_list where name = 'main'");
    return [(row?.file ?? '').replace(/\/mtoken\.db$/, '')];
  }
  const [row] = await store.query<{ schema: string }>('select current_schema() as schema');
  return [testServer('MTOKEN_TEST_DATABASE_URL') ?? '', row?.schema ?? ''];
}
