/** Complete logins against a running server, as many at once as wanted, each with the times that matter. */
import { type BenchBrowser, createBenchBrowser } from './browser.ts';
import { type FastPhone, fastPhone, findServer } from './fast-phone.ts';
import { createConnections } from './http-client.ts';
import type { Registered, World } from './world.ts';

/** Times of one login, in milliseconds. */
export interface LoginTimes {
  readonly total: number;
  /** From sending the decision to its reply at the phone. */
  readonly decision: number;
  /** From sending the decision to the event at the browser. */
  readonly event: number;
}

export interface Load {
  /** One login by the phone with that number. */
  login(phone: number): Promise<LoginTimes>;
  /** Logins one after the other in each of `clients` loops until `isOver`; each loop has phones of its own. */
  run(clients: number, isOver: () => boolean): Promise<LoginTimes[]>;
  /** `count` logins, `clients` at once. */
  times(count: number, clients: number): Promise<LoginTimes[]>;
  close(): void;
}

/** Logs in at the server on `port` with the phones of `world`. */
export async function createLoad(world: World, { issuer, port }: { issuer: string; port: number }): Promise<Load> {
  const connections = createConnections(port);
  const server = await findServer(issuer, connections);
  const phones = world.phones.map(({ identity }: Registered) => fastPhone(identity, server, world.power));
  const login = (phone: number): Promise<LoginTimes> =>
    logIn(phones[phone % phones.length] as FastPhone, createBenchBrowser(connections, issuer, world.portal));
  const run = async (clients: number, isOver: () => boolean): Promise<LoginTimes[]> => {
    const results: LoginTimes[] = [];
    const loop = async (client: number): Promise<void> => {
      // Each loop goes round its own share of the phones.
      for (let turn = client; !isOver(); turn += clients) results.push(await login(turn));
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => loop(client)));
    return results;
  };
  return {
    login,
    run,
    times: (count, clients) => {
      let begun = 0;
      return run(clients, () => {
        begun += 1;
        return begun > count;
      });
    },
    close: connections.close,
  };
}

async function logIn(phone: FastPhone, browser: BenchBrowser): Promise<LoginTimes> {
  const startedAt = performance.now();
  const page = await browser.begin();
  await browser.show(page);
  const frame = await browser.order(page);
  let hear: (at: number) => void = () => undefined;
  const heard = new Promise<number>((resolve) => {
    hear = resolve;
  });
  const stop = await browser.follow(page, (text) => {
    if (text.includes('"state":"approved"')) hear(performance.now());
  });
  await phone.unlock();
  const claimed = await phone.claim(frame);
  const sentAt = performance.now();
  await phone.approve(claimed);
  const answeredAt = performance.now();
  const heardAt = await heard;
  stop();
  await browser.complete(await browser.finish(page));
  return { total: performance.now() - startedAt, decision: answeredAt - sentAt, event: heardAt - sentAt };
}
