/** A connection that was asked for events: the head of the answer goes out as HTTP, and what stays for minutes is a bare socket. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const eventHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // nginx delivers nothing at all for minutes without this.
  'x-accel-buffering': 'no',
} as const;

/** Answers with these events and no more. */
export function answerEvents(response: ServerResponse, events: string): void {
  response.writeHead(200, eventHeaders);
  response.end(events);
}

/**
 * Begins an answer that is as long as its connection, and gives the connection out: what is written to it from now on is the answer's
 * body. Of request and response nothing is kept: their headers, listeners and loggers would be half of what a waiting page costs.
 * Undefined where the connection is gone, still busy with an answer to an earlier request, or asked for more: then this one is over.
 */
export function beginEvents(response: ServerResponse, events: string): Socket | undefined {
  const { socket, req: request } = response;
  if (socket === null || socket.destroyed || isFollowed(socket, request)) {
    response.shouldKeepAlive = false;
    answerEvents(response, '');
    return undefined;
  }
  // The body ends with the connection, as its head says: a frame is one write, where chunks would make four pieces of it.
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, eventHeaders);
  // Head, these events and what the caller adds at once are one packet.
  socket.cork();
  process.nextTick(() => socket.uncork());
  response.flushHeaders();
  response.detachSocket(socket);
  socket.write(events);
  forget(request);
  refuseInput(socket);
  socket.setNoDelay(true);
  return socket;
}

/**
 * Whether another request came behind this one already: its answer, and those of thousands more of the same packet, would wait in memory
 * for as long as the events go on.
 */
function isFollowed(socket: Socket & { readonly parser?: { readonly incoming?: unknown } }, request: unknown): boolean {
  const last = socket.parser?.incoming ?? request;
  return last !== request;
}

/** Node's parser holds the last request of a connection for as long as that is open. */
function forget(request: ServerResponse['req']): void {
  request.removeAllListeners();
  request.headers = {};
  request.rawHeaders = [];
  request.url = '';
}

/** No parser reads this connection any more: a second request on it (RFC 9112 §9.3.2) would have its answer put into the events. */
function refuseInput(socket: Socket): void {
  socket.removeAllListeners('data');
  socket.on('data', () => void socket.destroy());
}
