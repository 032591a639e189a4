// expect: typescript(no-floating-promises)
import type { Redis } from 'ioredis';

export function countAttempt(redis: Redis, key: string): void {
  redis.incr(key);
}
