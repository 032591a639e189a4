/** The one URL that names every topology of Redis. */
import { describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { parseRedisUrl } from '../../../src/store/redis-client.ts';

describe('a Redis URL', () => {
  it('names one server, with defaults for what it leaves out', () => {
    expect(parseRedisUrl('redis://cache')).toMatchObject({
      topology: 'single',
      hosts: [{ host: 'cache', port: 6379 }],
      tls: false,
      username: undefined,
      password: undefined,
      database: 0,
    });
  });

  it('carries credentials, database and TLS', () => {
    expect(parseRedisUrl('rediss://app:p%40ss%2Fw%3Ard@cache.example:6380/3')).toMatchObject({
      hosts: [{ host: 'cache.example', port: 6380 }],
      tls: true,
      username: 'app',
      password: 'p@ss/w:rd',
      database: 3,
    });
    expect(parseRedisUrl('redis://:secret@[::1]:7000')).toMatchObject({
      hosts: [{ host: '::1', port: 7000 }],
      username: undefined,
      password: 'secret',
    });
  });

  it('names Sentinels and the master', () => {
    const url = 'rediss+sentinel://app:pw@s1,s2:26380/main?db=2&sentinelUsername=watch&sentinelPassword=s%26w';
    expect(parseRedisUrl(url)).toEqual({
      topology: 'sentinel',
      hosts: [
        { host: 's1', port: 26379 },
        { host: 's2', port: 26380 },
      ],
      tls: true,
      username: 'app',
      password: 'pw',
      database: 2,
      master: 'main',
      sentinelUsername: 'watch',
      sentinelPassword: 's&w',
    });
  });

  it('names the nodes of a Cluster', () => {
    expect(parseRedisUrl('redis+cluster://n1:7001,n2:7002,n3')).toMatchObject({
      topology: 'cluster',
      hosts: [
        { host: 'n1', port: 7001 },
        { host: 'n2', port: 7002 },
        { host: 'n3', port: 6379 },
      ],
    });
  });

  it.each([
    ['http://cache', 'another scheme'],
    ['redis://', 'no host'],
    ['redis://a,b', 'several hosts without a topology'],
    ['redis://cache:99999', 'a port out of range'],
    ['redis://cache:port', 'a port that is no number'],
    ['redis://cache/one', 'a database that is no number'],
    ['redis+sentinel://s1:26379', 'no master'],
    ['redis+cluster://n1?db=1', 'a database in a Cluster'],
    ['redis+ring://n1', 'an unknown topology'],
  ])('is refused: %s (%s)', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(AuthError);
  });

  it('is never repeated in the refusal, password and all', () => {
    try {
      parseRedisUrl('redis://app:hunter2@a,b');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(AuthError);
      expect(JSON.stringify([(error as AuthError).message, (error as AuthError).publicMessage])).not.toContain(
        'hunter2',
      );
    }
  });
});
