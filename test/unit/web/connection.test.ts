import { describe, expect, it } from 'vitest';
import { backoffMs, Connection, type Polled, type Stream, type View } from '../../../src/web/login/connection.ts';

class FakeStream implements Stream {
  readyState = 1;
  readonly #listeners = new Map<string, (event: { readonly data?: string }) => void>();

  addEventListener(type: string, listener: (event: { readonly data?: string }) => void): void {
    this.#listeners.set(type, listener);
  }

  emit(type: string, data?: object): void {
    this.#listeners.get(type)?.(data === undefined ? {} : { data: JSON.stringify(data) });
  }

  close(): void {
    this.readyState = 2;
  }

  /** As when a server answers a reconnection with anything but a stream. */
  giveUp(): void {
    this.readyState = 2;
    this.emit('error');
  }
}

const view = (state: View['state'], frame: string | null = null): View => ({
  state,
  secondsLeft: 60,
  canRenew: false,
  frame,
  cause: null,
});

function setUp(answer: () => Polled = () => 'unreachable', isHidden = false) {
  const page = {
    time: 0,
    isHidden,
    polls: 0,
    gone: [] as string[],
    views: [] as string[],
    frames: [] as string[],
    streams: [] as FakeStream[],
  };
  const connection = new Connection({
    openStream: () => {
      const stream = new FakeStream();
      page.streams.push(stream);
      return stream;
    },
    poll: async () => {
      page.polls += 1;
      return answer();
    },
    now: () => page.time,
    isHidden: () => page.isHidden,
    random: () => 0,
    onView: ({ state }) => page.views.push(state),
    onFrame: (frame) => page.frames.push(frame),
    onGone: (why) => page.gone.push(why),
  });
  const run = async (milliseconds: number): Promise<void> => {
    for (const end = page.time + milliseconds; page.time < end; ) {
      page.time += 500;
      connection.tick();
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { page, connection, run, newest: () => page.streams.at(-1) as FakeStream };
}

describe('connection of the login page', () => {
  it('shows states and frames of the stream and asks nothing while it speaks', async () => {
    const { page, run, newest } = setUp();
    newest().emit('state', view('pending', 'f0'));
    for (let frame = 1; frame < 10; frame += 1) {
      await run(2_000);
      newest().emit('frame', { frame: `f${frame}` });
    }
    expect(page.views).toEqual(['pending']);
    expect(page.frames).toHaveLength(9);
    expect(page.polls).toBe(0);
    expect(page.streams).toHaveLength(1);
  });

  it('makes the stream again when the browser has given it up, later and later up to 15 seconds', async () => {
    const { page, run, newest } = setUp();
    const opened: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      const before = page.streams.length;
      newest().giveUp();
      while (page.streams.length === before) await run(500);
      opened.push(page.time);
    }
    const gaps = opened.map((time, index) => time - (opened[index - 1] ?? 0));
    expect(gaps).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
  });

  it('leaves a stream alone that the browser itself is reconnecting', async () => {
    const { page, run, newest } = setUp();
    newest().readyState = 0;
    newest().emit('error');
    await run(3_000);
    expect(page.streams).toHaveLength(1);
  });

  it('polls before a code goes stale when the stream is silent, and goes on doing so (buffering proxies)', async () => {
    const { page, run } = setUp(() => view('pending', 'f'));
    await run(6_000);
    expect(page.polls).toBeGreaterThanOrEqual(1);
    await run(20_000);
    expect(page.polls).toBeGreaterThanOrEqual(10);
    expect(page.views.length).toBe(page.polls);
  });

  it('stops polling when the stream speaks again', async () => {
    const { page, run, newest } = setUp(() => view('pending', 'f'));
    await run(8_000);
    const polls = page.polls;
    for (let step = 0; step < 5; step += 1) {
      newest().emit('frame', { frame: `f${step}` });
      await run(2_000);
    }
    expect(page.polls).toBe(polls);
  });

  it('asks an unreachable server less and less often, and takes up again when it is back', async () => {
    let answer: Polled = 'unreachable';
    const { page, run } = setUp(() => answer);
    await run(120_000);
    expect(page.polls).toBeLessThan(16);
    expect(page.views).toEqual([]);
    answer = view('claimed');
    await run(16_000);
    expect(page.views[0]).toBe('claimed');
  });

  it('says once that the order is gone', async () => {
    const { page, run } = setUp(() => 'gone');
    await run(60_000);
    expect(page.gone).toEqual(['gone']);
  });

  it('lets another window have the stream and asks from time to time instead', async () => {
    const { page, run, newest } = setUp(() => view('pending', 'f'));
    newest().emit('state', view('pending', 'f'));
    newest().emit('replaced', {});
    await run(10_000);
    expect(page.streams).toHaveLength(1);
    expect(page.polls).toBeGreaterThan(0);
  });

  it('looks at once when the page is seen again, and hears nothing of an abandoned stream', async () => {
    const { page, run, newest, connection } = setUp(() => view('approved'));
    const old = newest();
    old.giveUp();
    connection.wake();
    await run(500);
    expect(page.views).toContain('approved');
    expect(page.streams.length).toBeGreaterThan(1);
    old.emit('state', view('pending'));
    expect(page.views).not.toContain('pending');
  });

  it('holds no stream while nobody sees the page, and asks every ten seconds (six connections a browser)', async () => {
    const { page, connection, run, newest } = setUp(() => view('pending'));
    newest().emit('state', view('pending', 'f'));
    page.isHidden = true;
    connection.tick();
    expect(newest().readyState).toBe(2);
    await run(40_000);
    expect(page.streams).toHaveLength(1);
    expect(page.polls).toBeGreaterThanOrEqual(3);
    expect(page.polls).toBeLessThanOrEqual(4);
    page.isHidden = false;
    connection.wake();
    expect(page.streams).toHaveLength(2);
  });

  it('opens no stream for a page that is loaded in the background', async () => {
    const hidden = setUp(() => view('pending'), true);
    await hidden.run(25_000);
    expect(hidden.page.streams).toHaveLength(0);
    hidden.page.isHidden = false;
    await hidden.run(500);
    expect(hidden.page.streams).toHaveLength(1);
  });

  it('asks at once why its first stream was refused, and tells cookies from an order that is gone', async () => {
    for (const answer of ['cookies', 'gone'] as const) {
      const { page, run, newest } = setUp(() => answer);
      newest().giveUp();
      await run(500);
      expect(page.gone).toEqual([answer]);
    }
  });

  it('spreads returning pages over half of the delay', () => {
    expect(backoffMs(0, 0)).toBe(500);
    expect(backoffMs(0, 1)).toBe(250);
    expect(backoffMs(50, 0)).toBe(15_000);
    expect(backoffMs(50, 1)).toBe(7_500);
  });
});
