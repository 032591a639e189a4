/** The places that the audit trail can be streamed to: lines on standard output, or syslog (RFC 5424) over UDP or TCP. */
import { createSocket } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import type { AuditEntry } from './store.ts';
import type { AuditSink } from './stream.ts';

/** A syslog receiver. */
export interface SyslogTarget {
  readonly transport: 'udp' | 'tcp';
  readonly host: string;
  readonly port: number;
}

/** Lines of text that the log shares, so that no line of one stands within a line of the other; pino's destination fits. */
export interface LineOutput extends Pick<EventEmitter, 'on' | 'off'> {
  write(line: string): unknown;
}

/** One JSON object a line, told from the log's lines by `"stream":"audit"`. */
export function lineSink(output: LineOutput): AuditSink {
  return {
    name: 'stdout',
    write: async (entries) => {
      let isDropped = false;
      const onDrop = (): void => {
        isDropped = true;
      };
      output.on('drop', onDrop);
      try {
        const drained = drainedOf(output);
        output.write(entries.map((entry) => `${JSON.stringify({ stream: 'audit', ...entry })}\n`).join(''));
        await drained;
      } finally {
        output.off('drop', onDrop);
      }
      if (isDropped) throw new Error('standard output is not read, and no more of it can be kept');
    },
    close: () => undefined,
  };
}

/** Resolves when everything that was written is with the operating system. */
function drainedOf(output: LineOutput): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      output.off('drain', settle);
      output.off('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    output.on('drain', settle);
    output.on('error', settle);
  });
}

/** Log audit (13), informational (6). */
const priority = 13 * 8 + 6;
/** Of `sequenceId` (RFC 5424 §7.3.1), which begins anew with 1 after it. */
const maxSequenceId = 2_147_483_647;

/** One message: time and name of the event in the header, the record's number as `sequenceId`, the whole record as JSON. */
export function syslogMessage(entry: AuditEntry, host: string): string {
  const sequenceId = ((entry.seq - 1) % maxSequenceId) + 1;
  const header = `<${priority}>1 ${new Date(entry.at).toISOString()} ${host} mtoken - ${entry.event}`;
  return `${header} [meta sequenceId="${sequenceId}"] ${JSON.stringify(entry)}`;
}

/** Printable ASCII without spaces, as the header takes it. */
function ownName(): string {
  return (
    hostname()
      .replace(/[^\x21-\x7e]/g, '')
      .slice(0, 255) || '-'
  );
}

/** Sends to a syslog receiver. Neither transport acknowledges: a gap in the numbers shows what was lost on the way. */
export function syslogSink(target: SyslogTarget): AuditSink {
  const host = ownName();
  const { send, close } = target.transport === 'udp' ? datagrams(target) : frames(target);
  return {
    name: `syslog+${target.transport}://${target.host}:${target.port}`,
    write: (entries) => send(entries.map((entry) => Buffer.from(syslogMessage(entry, host)))),
    close,
  };
}

interface Sender {
  readonly send: (messages: readonly Buffer[]) => Promise<void>;
  readonly close: () => void;
}

/** One message a datagram (RFC 5426). */
function datagrams({ host, port }: SyslogTarget): Sender {
  return {
    send: async (messages) => {
      const socket = createSocket('udp4');
      try {
        for (const message of messages) {
          await new Promise<void>((resolve, reject) => {
            socket.once('error', reject);
            socket.send(message, port, host, (error) => {
              socket.removeListener('error', reject);
              if (error === null) resolve();
              else reject(error);
            });
          });
        }
      } finally {
        socket.close();
      }
    },
    close: () => undefined,
  };
}

const connectTimeoutMs = 5_000;

/** Each message after its length (RFC 6587 §3.4.1), on one connection that is made anew when it broke. */
function frames(target: SyslogTarget): Sender {
  let open: Promise<Socket> | undefined;
  const forget = (): void => {
    open = undefined;
  };
  return {
    send: async (messages) => {
      open ??= connected(target, forget);
      const socket = await open.catch((error: unknown) => {
        forget();
        throw error;
      });
      const framed = messages.flatMap((message) => [Buffer.from(`${message.length} `), message]);
      await written(socket, Buffer.concat(framed));
    },
    close: () => void open?.then((socket) => socket.destroy()).catch(() => undefined),
  };
}

function connected({ host, port }: SyslogTarget, onGone: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, keepAlive: true, timeout: connectTimeoutMs });
    socket.once('timeout', () => void socket.destroy(new Error('the syslog receiver does not answer')));
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('error', reject);
    // A receiver has nothing to say; one that ends would take no more.
    socket.resume();
    socket.once('end', () => void socket.destroy());
    socket.once('close', () => {
      onGone();
      reject(new Error('the connection to the syslog receiver broke'));
    });
  });
}

function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const broke = (): void => reject(new Error('the connection to the syslog receiver broke'));
    socket.once('close', broke);
    socket.write(bytes, (error) => {
      socket.removeListener('close', broke);
      if (error) reject(error);
      else resolve();
    });
  });
}
