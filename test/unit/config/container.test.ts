/** What the container files promise. Read as text: they are checked where no container engine is. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settings } from '../../../src/config/settings.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const dockerfile = read('Dockerfile');
const compose = read('docker-compose.yml');
const ignored = read('.dockerignore');

/** The lines of one service of the compose file. */
function service(name: string): string {
  const found = new RegExp(`^ {2}${name}:\\n((?: {4}.*\\n|\\n)+)`, 'm').exec(compose)?.[1];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

describe('Dockerfile', () => {
  const stages = dockerfile.split(/^FROM /m).slice(1);
  const last = stages.at(-1) ?? '';

  it('builds in stages on the Node LTS, and the last one takes production dependencies and built files only', () => {
    expect(stages.length).toBeGreaterThanOrEqual(3);
    expect(dockerfile).toMatch(/^FROM node:24-slim AS base$/m);
    expect(dockerfile).toMatch(/npm ci --omit=dev/);
    expect(last).not.toMatch(/COPY (--\S+ )?src|npm (ci|install)/);
  });

  it('runs as a user who is not root, in production mode (X-07, X-08)', () => {
    expect(last).toMatch(/^USER node$/m);
    expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('\nCMD'));
    expect(last).toContain('NODE_ENV=production');
    expect(last).toContain('MTOKEN_MODE=production');
  });

  it('checks its own health, publishes the public port only, and hands signals to node itself', () => {
    expect(last).toMatch(/^HEALTHCHECK .*\["node", "dist\/http\/healthcheck\.js"\]$/m);
    expect(last.match(/^EXPOSE .*$/gm)).toEqual(['EXPOSE 3000']);
    expect(last).toMatch(/^CMD \["node", "dist\/main\.js"\]$/m);
  });

  it('holds no secret and no demo (X-08)', () => {
    expect(dockerfile).not.toMatch(/PASSWORD|SECRET|TOKEN=|DATABASE_URL|REDIS_URL/);
    expect(dockerfile).toContain('rm -rf dist/demo');
  });

  it('sees only what it is built from', () => {
    expect(ignored).toMatch(/^\*$/m);
    expect(ignored).not.toMatch(/^!(\.env|secrets|\.mtoken|test)/m);
  });
});

describe('docker-compose.yml', () => {
  it('gives the stores no port and no network at all', () => {
    for (const name of ['postgres', 'redis']) {
      expect(service(name)).toContain('network_mode: none');
      expect(service(name)).not.toContain('ports:');
    }
  });

  it('keeps Redis from evicting keys and losing them, behind a password (X-04)', () => {
    for (const line of ['maxmemory-policy noeviction', 'appendonly yes', 'requirepass', 'port 0']) {
      expect(service('redis')).toContain(line);
    }
  });

  it('keeps PostgreSQL durable and off TCP', () => {
    for (const line of ['fsync=on', 'synchronous_commit=on', 'listen_addresses='])
      expect(service('postgres')).toContain(line);
  });

  it('takes every secret from a file and holds none itself (X-08)', () => {
    for (const name of ['data_key', 'database_url', 'redis_url', 'smtp_url', 'postgres_password', 'redis_password']) {
      expect(compose).toMatch(new RegExp(`^ {2}${name}: \\{ file: \\./secrets/${name} \\}$`, 'm'));
    }
    const values = [...compose.matchAll(/^\s+([A-Z_]*(?:PASSWORD|SECRET|URL)[A-Z_]*): (.*)$/gm)];
    expect(values.length).toBeGreaterThan(2);
    for (const [, name, value] of values) expect(value, name).toMatch(/^\/run\/secrets\//);
  });

  it('checks the health of the stores and waits for them; the image checks the server', () => {
    for (const name of ['postgres', 'redis']) expect(service(name)).toContain('healthcheck:');
    expect(service('server').match(/condition: service_healthy/g)).toHaveLength(2);
  });

  it('runs the server without privileges, on a file system that it cannot write, on loopback', () => {
    for (const line of ['read_only: true', 'cap_drop: [ALL]', 'no-new-privileges:true', '"127.0.0.1:3000:3000"']) {
      expect(service('server')).toContain(line);
    }
  });

  it('keeps data in named volumes', () => {
    for (const name of ['postgres-data', 'redis-data', 'server-data'])
      expect(compose).toMatch(new RegExp(`^ {2}${name}:`, 'm'));
  });

  it('sets only settings that exist', () => {
    const known = Object.values(settings).flatMap(({ name }) => [name as string, `${name}_FILE`]);
    const set = [...service('server').matchAll(/^ {6}((?:MTOKEN_|DATABASE_|REDIS_)\w+):/gm)].map(([, name]) => name);
    expect(set.length).toBeGreaterThan(4);
    expect(set.filter((name) => !known.includes(name ?? ''))).toEqual([]);
  });
});
