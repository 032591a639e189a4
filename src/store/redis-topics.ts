/** Topics over Redis: classic publish and subscribe, which in a Cluster reaches every node. */
import type { ShortLivedStore } from './ports.ts';
import type { RedisClient } from './redis-client.ts';

/** Waits for an answer of Redis, but not for ever; every failure becomes `unavailable`. */
export type Bounded = <T>(answer: () => Promise<T>) => Promise<T>;

/** A channel and who listens to it in this process; `confirmed` resolves when the server knows of it. */
interface Channel {
  readonly listeners: Set<(message: string) => void>;
  readonly confirmed: Promise<unknown>;
}

export interface RedisTopicsOptions {
  readonly client: RedisClient;
  /** A connection of its own: one that listens must not wait behind commands, nor they behind it. */
  readonly listener: RedisClient;
  readonly prefix: string;
  readonly bounded: Bounded;
}

export interface RedisTopics extends Pick<ShortLivedStore, 'publish' | 'subscribe'> {
  close(): void;
}

/** One subscription for each topic, however many listen; the client subscribes again by itself after a lost connection. */
export function redisTopics({ client, listener, prefix, bounded }: RedisTopicsOptions): RedisTopics {
  const channels = new Map<string, Channel>();
  const nameOf = (topic: string): string => `${prefix}topic:${topic}`;

  listener.on('message', (name: string, message: string) => {
    channels.get(name)?.listeners.forEach((listen) => listen(message));
  });

  const join = (name: string): Channel => {
    const known = channels.get(name);
    if (known !== undefined) return known;
    const channel: Channel = { listeners: new Set(), confirmed: bounded(() => listener.subscribe(name)) };
    channels.set(name, channel);
    return channel;
  };

  const leave = (name: string, channel: Channel): void => {
    if (channel.listeners.size > 0 || channels.get(name) !== channel) return;
    channels.delete(name);
    // Commands of one connection keep their order, so a later subscription is not undone. A failure leaves a silent channel.
    listener.unsubscribe(name).catch(() => undefined);
  };

  return {
    publish: async (topic, message) => {
      await bounded(() => client.publish(nameOf(topic), message));
    },
    subscribe: async (topic, listen) => {
      const name = nameOf(topic);
      const channel = join(name);
      // A wrapper, so that the same function given twice is called twice and ends twice.
      const own = (message: string): void => listen(message);
      channel.listeners.add(own);
      const end = (): void => {
        if (channel.listeners.delete(own)) leave(name, channel);
      };
      try {
        await channel.confirmed;
      } catch (error) {
        end();
        throw error;
      }
      return end;
    },
    close: () => {
      channels.clear();
      listener.disconnect();
    },
  };
}
