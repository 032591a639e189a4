/** A TCP proxy in front of a real server, with which tests cut, freeze and restore the connection to it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  /** Breaks all connections and refuses new ones. */
  cut(): void;
  /** Lets connections through again. */
  restore(): void;
  /** Breaks the connections that there are; new ones are let through. */
  breakAll(): void;
  /** Keeps connections open but passes nothing on, as a machine that hangs. */
  freeze(): void;
  close(): Promise<void>;
}

export async function startProxy(target: { host: string; port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let mode: 'open' | 'cut' | 'frozen' = 'open';
  const server = createServer((incoming) => {
    if (mode === 'cut') {
      incoming.destroy();
      return;
    }
    const outgoing = connect(target);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => mode === 'open' && to.write(chunk));
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      mode = 'cut';
      breakAll();
    },
    restore: () => {
      mode = 'open';
      // What hung is in an unknown state, as after a reboot.
      breakAll();
    },
    breakAll,
    freeze: () => {
      mode = 'frozen';
    },
    close: async () => {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
