/** Tells waiting pages what happens to their orders, by Server-Sent Events: one timer and two subscriptions for all of a process. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deviceEndedTopic } from '../devices/end.ts';
import type { Metrics } from '../http/metrics.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { type FrameKind, type FrameSeries, frameAt, frameSeries, stepMs } from '../orders/frames.ts';
import { openFrameCode, ordersChangedTopic, orderVersion, readOrder } from '../orders/live.ts';
import { deadlineOf, isFinal, type Order } from '../orders/order.ts';
import { cancelOrder, expireOrder } from '../orders/orders.ts';
import { answerEvents, beginEvents } from './event-connection.ts';
import { type PageView, pageView } from './view.ts';

/** Streams of one order in one process; a further one takes the place of the oldest. */
const maxStreams = 2;
/** Silence after which proxies would close a stream (their default is 60 s). */
const heartbeatMs = 15_000;
/** How often the state is read although nobody told of a change: messages between processes may be lost. */
const recheckMs = 30_000;
/**
 * From so many streams of a process on, a page gets a frame every second step, one half of the pages in turn with the other: a code is
 * then four seconds old at most when the next one comes, and is accepted for six.
 */
const standardCrowd = 5_000;
/** A browser that does not read: its states can be had again, so the stream is cut. */
const maxBacklogBytes = 65_536;
/** Pages served before other work has its turn. */
const sliceSize = 200;

export interface FeedDeps extends OrderDeps {
  /** Told of faults while serving streams; the streams go on. */
  readonly onFault: (error: unknown) => void;
  /** How many streams are a crowd; 5,000 unless told. */
  readonly crowd?: number | undefined;
  /** Told of each stream's begin and end. */
  readonly metrics?: Pick<Metrics, 'streamOpened' | 'streamClosed'> | undefined;
}

export interface OrderFeed {
  /** Takes the response over: writes the state at once, then frames and changes until the order is over. */
  open(response: ServerResponse, order: Order, kind: FrameKind): void;
  /** Takes the response over and says one thing: where there is no order, and nothing more to be told. */
  tell(response: ServerResponse, view: PageView): void;
  /** How many streams are open. */
  readonly size: number;
  /** Ends every stream and the subscriptions. */
  close(): void;
}

/** One waiting page. Ten thousand of these must be cheap: no request, no order, no timer is kept. */
interface Stream {
  readonly socket: Socket;
  readonly orderId: string;
  /** How its codes change. */
  readonly kind: FrameKind;
  /** In which of two steps a crowd's page has its turn. */
  readonly turn: 0 | 1;
  /** While a code is shown. */
  frames: FrameSeries | undefined;
  deviceId: string | undefined;
  deadline: number | undefined;
  /** Of the order when it was last looked at, undefined before that. */
  version: number | undefined;
  checkedAt: number;
  writtenAt: number;
}

/** Starts the feed of this process. */
export async function startOrderFeed(deps: FeedDeps): Promise<OrderFeed> {
  const streams = new Map<string, Set<Stream>>();
  const board: Board = { deps, streams };
  const guard = (work: Promise<unknown>): void => void work.catch(deps.onFault);
  const stopOrders = await deps.shortLived.subscribe(ordersChangedTopic, (orderId) => guard(refresh(board, orderId)));
  const stopDevices = await deps.shortLived.subscribe(deviceEndedTopic, (id) => guard(endOrdersOf(board, id)));
  let isClosed = false;
  const schedule = (): NodeJS.Timeout => setTimeout(beat, stepMs - (deps.clock.now() % stepMs)).unref();
  const beat = (): void => {
    guard(
      serveAll(board, guard).finally(() => {
        if (!isClosed) timer = schedule();
      }),
    );
  };
  let timer = schedule();
  return {
    open: (response, order, kind) => {
      // Asked before the end and looked up after it: nobody would serve it, and the shutdown would wait for it.
      if (isClosed) answerEvents(response, '');
      else openStream(board, response, { order, kind });
    },
    tell: (response, view) => {
      answerEvents(response, stateEvent(view));
    },
    get size() {
      return [...streams.values()].reduce((sum, { size }) => sum + size, 0);
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      stopOrders();
      stopDevices();
      for (const set of streams.values()) for (const stream of set) end(board, stream);
    },
  };
}

interface Board {
  readonly deps: FeedDeps;
  readonly streams: Map<string, Set<Stream>>;
}

function openStream(
  board: Board,
  response: ServerResponse,
  { order, kind }: { readonly order: Order; readonly kind: FrameKind },
): void {
  const socket = beginEvents(response, 'retry: 1000\n\n');
  if (socket === undefined) return;
  const orderId = order.terms.id;
  const set = board.streams.get(orderId) ?? new Set();
  board.streams.set(orderId, set);
  const [oldest] = set;
  if (oldest !== undefined && set.size >= maxStreams) {
    // Told, so that this page asks from time to time instead of taking the place back.
    write(board, oldest, 'event: replaced\ndata: {}\n\n');
    end(board, oldest);
  }
  const stream: Stream = {
    socket,
    orderId,
    kind,
    turn: board.streams.size % 2 === 0 ? 0 : 1,
    frames: undefined,
    deviceId: undefined,
    deadline: undefined,
    version: undefined,
    checkedAt: 0,
    writtenAt: 0,
  };
  set.add(stream);
  socket.on('close', () => drop(board, stream));
  board.deps.metrics?.streamOpened();
  show(board, stream, order);
}

/** Writes the full state; ends the stream where nothing more will be told on it (S-15). */
function show(board: Board, stream: Stream, order: Order): void {
  const { deps } = board;
  const { state } = order;
  const now = deps.clock.now();
  stream.checkedAt = now;
  stream.deadline = deadlineOf(state);
  stream.deviceId = 'claim' in state ? state.claim.deviceId : undefined;
  stream.frames = state.name === 'pending' ? (stream.frames ?? framesOf(deps, order, stream.kind)) : undefined;
  const frame = stream.frames && frameAt(stream.frames, now);
  write(board, stream, stateEvent(pageView(order, now, frame)));
  if (isFinal(state) || state.name === 'approved') end(board, stream);
}

function framesOf(deps: FeedDeps, { terms }: Order, kind: FrameKind): FrameSeries {
  return frameSeries(openFrameCode(deps, terms), kind, deps.issuer);
}

function stateEvent(view: PageView): string {
  return `event: state\ndata: ${JSON.stringify(view)}\n\n`;
}

function write(board: Board, stream: Stream, text: string): void {
  const { socket } = stream;
  if (!socket.writable || socket.writableLength > maxBacklogBytes) {
    socket.destroy();
    drop(board, stream);
    return;
  }
  stream.writtenAt = board.deps.clock.now();
  // ASCII all of it: a code's address, and JSON of states and numbers.
  socket.write(text, 'latin1');
}

function end(board: Board, stream: Stream): void {
  drop(board, stream);
  // Not `end` alone: a browser that keeps its own half open would keep the connection.
  stream.socket.destroySoon();
}

function drop({ deps, streams }: Board, stream: Stream): void {
  const set = streams.get(stream.orderId);
  if (set?.delete(stream)) deps.metrics?.streamClosed();
  if (set?.size === 0) streams.delete(stream.orderId);
}

/** Reads the order once and shows it to all of its pages. */
async function refresh(board: Board, orderId: string): Promise<void> {
  if (!board.streams.has(orderId)) return;
  const order = await readOrder(board.deps, orderId);
  for (const stream of board.streams.get(orderId) ?? []) {
    if (order === undefined) end(board, stream);
    else show(board, stream, order);
  }
}

/** Looks whether the order changed unheard of, and shows it then. */
async function recheck(board: Board, stream: Stream): Promise<void> {
  const version = await orderVersion(board.deps, stream.orderId);
  if (version !== undefined && version === stream.version) return;
  stream.version = version;
  await refresh(board, stream.orderId);
}

/** What an ended device has claimed ends with it, and its page is told at once (S-07). */
async function endOrdersOf(board: Board, deviceId: string): Promise<void> {
  for (const [orderId, set] of board.streams) {
    const isIts = [...set].some((stream) => stream.deviceId === deviceId);
    if (isIts) await cancelOrder(board.deps, orderId, { reason: 'device_ended', actor: 'server' });
  }
}

/** The frame of this moment for whoever shows one, be it the same as before, a sign of life for the others; in slices, so that thousands of pages hold nobody up. */
async function serveAll(board: Board, guard: (work: Promise<unknown>) => void): Promise<void> {
  let served = 0;
  const crowd: Crowd = {
    isCrowd: board.streams.size >= (board.deps.crowd ?? standardCrowd),
    turn: Math.floor(board.deps.clock.now() / stepMs) % 2,
  };
  for (const set of board.streams.values()) {
    for (const stream of set) {
      serve(board, stream, { crowd, guard });
      served += 1;
      if (served % sliceSize === 0) await nextTurn();
    }
  }
}

interface Crowd {
  readonly isCrowd: boolean;
  /** Whose turn it is. */
  readonly turn: number;
}

interface Serving {
  readonly crowd: Crowd;
  readonly guard: (work: Promise<unknown>) => void;
}

function serve(board: Board, stream: Stream, { crowd, guard }: Serving): void {
  const { deps } = board;
  const now = deps.clock.now();
  const isOver = stream.deadline !== undefined && now >= stream.deadline;
  if (isOver) {
    guard(expireOrder(deps, stream.orderId).then(() => refresh(board, stream.orderId)));
    return;
  }
  if (now - stream.checkedAt >= recheckMs) {
    stream.checkedAt = now;
    guard(recheck(board, stream));
  } else if (stream.frames !== undefined) {
    if (crowd.isCrowd && stream.turn !== crowd.turn) return;
    const frame = frameAt(stream.frames, now);
    // An address and base64url: nothing in it to escape.
    write(board, stream, `event: frame\ndata: {"frame":"${frame}"}\n\n`);
  } else if (now - stream.writtenAt >= heartbeatMs) {
    write(board, stream, ': hb\n\n');
  }
}
