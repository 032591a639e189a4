/** Server processes as an operator starts them, behind one origin: a small proxy that spreads requests over them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serverProgram } from '../../bundled-programs.ts';

export interface ServerProcess {
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly pid: number;
  /** Everything that it wrote. */
  output(): string;
  isRunning(): boolean;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  end(): Promise<number | null>;
}

/** Starts the server, or another program, with exactly this environment and waits until it listens. */
export async function startServerProcess(
  env: Readonly<Record<string, string>>,
  program?: readonly string[],
): Promise<ServerProcess> {
  const child = spawn(process.execPath, program ?? [await serverProgram()], {
    env: { PATH: process.env['PATH'] ?? '', MTOKEN_PORT: '0', MTOKEN_ADMIN_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const { publicUrl, adminUrl } = await started(child, () => output);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (isRunning()) {
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };
  return {
    publicUrl,
    adminUrl,
    pid: child.pid ?? 0,
    output: () => output,
    isRunning,
    kill: async () => void (await stop('SIGKILL')),
    end: () => stop('SIGTERM'),
  };
}

/** The addresses from the line that says so. */
function started(child: ChildProcess, output: () => string): Promise<{ publicUrl: string; adminUrl: string }> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the server ended before it listened:\n${output()}`)));
    child.stdout?.on('data', () => {
      const line = output()
        .split('\n')
        .find((text) => text.includes('"server.started"') && text.endsWith('}'));
      if (line === undefined) return;
      const { public: publicUrl, admin: adminUrl } = JSON.parse(line) as { public: string; admin: string };
      resolve({ publicUrl, adminUrl });
    });
  });
}

export interface Balancer {
  readonly origin: string;
  /** Whom requests go to from now on, in turn. */
  use(...targets: readonly { readonly publicUrl: string }[]): void;
  close(): Promise<void>;
}

/** One origin in front of many servers. A server that does not answer makes way for the next one, as load balancers do. */
export async function startBalancer(): Promise<Balancer> {
  let targets: readonly { readonly publicUrl: string }[] = [];
  let turn = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      turn += 1;
      const order = targets.map((_, index) => targets[(turn + index) % targets.length]?.publicUrl ?? '');
      pass({ request, response, body: Buffer.concat(chunks) }, order);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    use: (...next) => {
      targets = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Passing {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

function pass(passing: Passing, [target, ...others]: readonly string[]): void {
  const { request, response, body } = passing;
  if (target === undefined) {
    response.writeHead(502).end('no server answers');
    return;
  }
  const outgoing = forward(`${target}${request.url}`, { method: request.method, headers: request.headers });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    // What the server says before it dies reaches the client; that it died does too.
    answer.on('error', () => response.destroy());
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    if (response.headersSent) response.destroy();
    // Never sent twice where the first may have been received.
    else if (error.code === 'ECONNREFUSED') pass(passing, others);
    else response.writeHead(502).end('the server went away');
  });
  response.on('close', () => outgoing.destroy());
  outgoing.end(body);
}
