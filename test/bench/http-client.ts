/** HTTP for the load generator: kept connections, no redirects followed, as little work as Node allows. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Connections {
  send(call: Call): Promise<Answer>;
  /** Opens an event stream on a connection of its own; `onText` gets what arrives. Answers how to close it. */
  stream(call: Call, onText: (text: string) => void): Promise<() => void>;
  close(): void;
}

/** Connections to a port of this machine. */
export function createConnections(port: number): Connections {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const streams = new Agent({ keepAlive: false });
  return {
    send: ({ method, path, headers = {}, body }) =>
      new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
        const outgoing = request(
          { host: '127.0.0.1', port, agent, method, path, headers: { ...headers, ...length } },
          (response) => {
            response.setEncoding('utf8');
            let text = '';
            response.on('data', (chunk: string) => {
              text += chunk;
            });
            response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
            response.on('error', reject);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(body);
      }),
    stream: ({ method, path, headers = {} }, onText) =>
      new Promise((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, agent: streams, method, path, headers }, (response) => {
          if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
          response.setEncoding('utf8');
          response.on('data', onText);
          response.on('error', () => undefined);
          resolve(() => outgoing.destroy());
        });
        outgoing.on('error', reject);
        outgoing.end();
      }),
    close: () => {
      agent.destroy();
      streams.destroy();
    },
  };
}
