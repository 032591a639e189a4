/** A real HTTP receiver of webhooks, which answers as badly as it is told to. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the receiver treats a request. A status answers with it; the rest are ways to answer badly or not at all. */
export type Manner = number | 'reset' | 'hang' | 'redirect' | 'huge' | 'drip' | 'garbage';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly host: string;
  readonly received: readonly Received[];
  /** Taken one by one; 204 where none is left. */
  readonly manners: Manner[];
  /** Bytes of answers that were written and accepted by the connection. */
  written(): number;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback interface. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const manners: Manner[] = [];
  let written = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      const manner = manners.shift() ?? 204;
      if (typeof manner === 'number') return void response.writeHead(manner).end('x'.repeat(manner === 204 ? 0 : 100));
      switch (manner) {
        case 'reset':
          request.socket.resetAndDestroy();
          return;
        case 'redirect':
          response.writeHead(307, { location: '/elsewhere' }).end();
          return;
        case 'garbage':
          request.socket.end('no HTTP at all\r\n\r\n');
          return;
        case 'huge': {
          response.writeHead(200);
          const more = (): void => {
            while (!response.destroyed && response.write('x'.repeat(65_536))) written += 65_536;
          };
          response.on('drain', more);
          more();
          return;
        }
        case 'drip': {
          // A byte of the head at a time: never silent, never done.
          const text = 'HTTP/1.1 200 OK\r\nx-slow: ';
          let sent = 0;
          const timer = setInterval(() => request.socket.write(text[sent++] ?? 'x'), 20);
          request.socket.on('close', () => clearInterval(timer));
          return;
        }
        case 'hang':
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    host: `127.0.0.1:${port}`,
    received,
    manners,
    written: () => written,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
