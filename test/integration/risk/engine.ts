/** A real risk engine over HTTP, which answers as badly as it is told to. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An object is answered as JSON with 200; the rest are ways to answer badly or not at all. */
export type Manner =
  | object
  | { readonly status: number; readonly text: string }
  | 'reset'
  | 'hang'
  | 'redirect'
  | 'drip'
  | 'huge';

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestEngine {
  readonly url: string;
  readonly host: string;
  readonly asked: readonly Asked[];
  /** How it answers from now on; at first it allows everything. */
  manner: Manner;
  close(): Promise<void>;
}

/** The path of a redirect: whoever follows it is let through. */
const elsewhere = '/elsewhere';

/** Listens on a free port of the loopback interface. */
export async function startEngine(): Promise<TestEngine> {
  const asked: Asked[] = [];
  const allows = { answer: 'allow', reasons: [] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      const { manner } = engine;
      if (request.url === elsewhere || typeof manner === 'object') {
        const said = request.url === elsewhere ? allows : manner;
        const plain = 'text' in (said as object) ? (said as { status: number; text: string }) : undefined;
        response.writeHead(plain?.status ?? 200, { 'content-type': 'application/json' });
        response.end(plain?.text ?? JSON.stringify(said));
      } else if (manner === 'reset') request.socket.resetAndDestroy();
      else if (manner === 'redirect') response.writeHead(307, { location: elsewhere }).end();
      else if (manner === 'huge') response.writeHead(200).end(JSON.stringify({ ...allows, more: 'x'.repeat(100_000) }));
      else if (manner === 'drip') {
        // The head at once, the body a byte at a time: never silent, never done.
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const engine: TestEngine = {
    url: `http://127.0.0.1:${port}/risk`,
    host: `127.0.0.1:${port}`,
    asked,
    manner: allows,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return engine;
}

/** What the engine computes to know who asks: Standard Webhooks 1.0, symmetric. */
export function signatureOf({ headers, body }: Asked, secret: string): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
