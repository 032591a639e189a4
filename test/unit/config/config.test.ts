/** Configuration: every refusal by name, defaults, files, and no secret in any message. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ConfigResult, readConfig } from '../../../src/config/config.ts';
import { generatedKeyText } from '../../../src/config/data-key-file.ts';
import { explainProblems } from '../../../src/config/problem.ts';
import { settings } from '../../../src/config/settings.ts';

const key = randomBytes(32);
const baseFiles: Record<string, string> = { '/run/secrets/key': key.toString('base64') };

const production = {
  MTOKEN_MODE: 'production',
  MTOKEN_ISSUER: 'https://login.bank.example',
  MTOKEN_DATA_DIR: '/var/lib/mtoken',
  MTOKEN_DATA_KEY_FILES: '2026=/run/secrets/key',
  MTOKEN_SMTP_URL: 'smtps://mtoken:n0t-a-sample@mail.bank.example',
  MTOKEN_MAIL_FROM: 'Bank <login@bank.example>',
};

function read(env: Record<string, string | undefined>, files: Record<string, string> = {}): ConfigResult {
  const all: Record<string, string> = { ...baseFiles, ...files };
  return readConfig({
    env,
    readFile: (path) => {
      const text = all[path];
      if (text === undefined) throw Object.assign(new Error('missing'), { code: 'ENOENT' });
      return text;
    },
    realPath: (path) => (path === '/link/key' ? '/var/lib/mtoken/key' : path),
  });
}

function ready(env: Record<string, string | undefined>, files?: Record<string, string>) {
  const result = read(env, files);
  if (result.outcome !== 'ready') throw new Error(explainProblems(result.problems));
  return result.config;
}

function problems(env: Record<string, string | undefined>, files?: Record<string, string>) {
  const result = read(env, files);
  return result.outcome === 'refused' ? result.problems : [];
}

describe('defaults', () => {
  it('starts in development with nothing set, on embedded stores and loopback', () => {
    const config = ready({});
    expect(config).toMatchObject({
      mode: 'development',
      issuer: 'http://localhost:3000',
      listen: { host: '127.0.0.1', port: 3000 },
      admin: { host: '127.0.0.1', port: 3001, audience: 'http://localhost:3000/admin' },
      databaseUrl: undefined,
      redisUrl: undefined,
      trustedProxies: [],
    });
  });

  it('has a default for every setting that fits its own kind', () => {
    for (const { name, kind, default: fallback } of Object.values(settings)) {
      if (fallback !== undefined) expect(kind.read(fallback), name).toBeDefined();
    }
  });

  it('is frozen through and through', () => {
    const config = ready(production);
    expect(() => Object.assign(config.limits, { global: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.listen, { port: 1 })).toThrow(TypeError);
    expect(Object.isFrozen(config.dataKeys)).toBe(true);
  });

  it('counts an empty value as not set', () => {
    expect(ready({ MTOKEN_PORT: '' }).listen.port).toBe(3000);
  });
});

describe('all problems at once', () => {
  it('names every wrong setting with what was expected and what was found', () => {
    const found = problems({ MTOKEN_PORT: '70000', MTOKEN_LOG_LEVEL: 'loud', MTOKEN_DEMO: 'yes' });
    expect(found).toEqual([
      { name: 'MTOKEN_PORT', expected: 'a whole number from 0 to 65535', found: '"70000"' },
      { name: 'MTOKEN_LOG_LEVEL', expected: expect.stringContaining('info'), found: '"loud"' },
      { name: 'MTOKEN_DEMO', expected: 'true or false', found: '"yes"' },
    ]);
  });

  it('reports an unknown name with the nearest known one', () => {
    const [problem, ...rest] = problems({ MTOKEN_ISUER: 'https://a.example' });
    expect(rest).toEqual([]);
    expect(problem).toMatchObject({ name: 'MTOKEN_ISUER', expected: 'MTOKEN_ISSUER, perhaps' });
  });

  it('never shows a secret, whatever is wrong with it (X-08)', () => {
    const secret = 'Zq7-very-secret-value';
    const wrong = { DATABASE_URL: secret, REDIS_URL: `http://:${secret}@h`, MTOKEN_SMTP_URL: `ftp://u:${secret}@h` };
    for (const mode of ['development', 'production']) {
      const text = explainProblems(problems({ ...production, ...wrong, MTOKEN_MODE: mode }));
      expect(text).toContain('DATABASE_URL');
      expect(text).not.toContain(secret);
    }
    const plain = explainProblems(
      problems({ ...production, DATABASE_URL: `postgres://u:${secret}@db/x`, REDIS_URL: `redis://:${secret}@r` }),
    );
    expect(plain).toContain('sslmode');
    expect(plain).not.toContain(secret);
  });

  it.each([
    ['MTOKEN_ISSUER', 'https://login.bank.example/'],
    ['MTOKEN_ISSUER', 'https://login.bank.example/path'],
    ['MTOKEN_ISSUER', 'https://LOGIN.bank.example'],
    ['MTOKEN_ISSUER', 'https://user@login.bank.example'],
    ['MTOKEN_ISSUER', 'https://login.bank.example:443'],
    ['MTOKEN_ISSUER', 'ftp://login.bank.example'],
    ['MTOKEN_TRUSTED_PROXIES', '0.0.0.0/0'],
    ['MTOKEN_TRUSTED_PROXIES', '10.0.0.1,all'],
    ['MTOKEN_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['MTOKEN_HOST', 'a host'],
    ['MTOKEN_DATA_DIR', 'two\nlines'],
    ['MTOKEN_LIMIT_PER_ADDRESS', '0'],
    ['MTOKEN_LIMIT_GLOBAL', '-1'],
    ['MTOKEN_INTERNAL_PORTALS', 'http://portal.example'],
    ['MTOKEN_DATA_KEY_FILES', '/run/secrets/key'],
    ['MTOKEN_DATA_KEY_FILES', 'a=/run/secrets/key,a=/run/secrets/key'],
    ['MTOKEN_DATA_KEY_FILES', 'a b=/run/secrets/key'],
    ['MTOKEN_MAIL_FROM', 'nobody'],
    ['MTOKEN_MAIL_FROM', 'a <b@c.example>, d <e@f.example>'],
    ['MTOKEN_MODE', 'prod'],
  ])('refuses %s = %j', (name, value) => {
    expect(problems({ ...production, [name]: value }).map((problem) => problem.name)).toContain(name);
  });

  it('asks for a sender where there is a mail server', () => {
    expect(problems({ MTOKEN_SMTP_URL: 'smtp://localhost' })).toMatchObject([{ name: 'MTOKEN_MAIL_FROM' }]);
  });

  it('refuses one port for both listeners', () => {
    expect(problems({ MTOKEN_ADMIN_PORT: '3000' })).toMatchObject([{ name: 'MTOKEN_ADMIN_PORT', found: '3000 twice' }]);
  });
});

describe('files', () => {
  it('takes settings from a JSON file, and the environment wins', () => {
    const file = JSON.stringify({
      MTOKEN_PORT: 4000,
      MTOKEN_TRUSTED_PROXIES: ['10.0.0.1', 'loopback'],
      MTOKEN_HOST: '127.0.0.2',
    });
    const config = ready({ MTOKEN_CONFIG: '/etc/mtoken.json', MTOKEN_HOST: '127.0.0.3' }, { '/etc/mtoken.json': file });
    expect(config).toMatchObject({
      listen: { host: '127.0.0.3', port: 4000 },
      trustedProxies: ['10.0.0.1', 'loopback'],
    });
  });

  it.each([['[]'], ['{"MTOKEN_PORT":1,"MTOKEN_PORT":2}'], ['not json'], ['{"MTOKEN_PORT":{}}'], ['{"NODE_ENV":"x"}']])(
    'refuses the file %s',
    (text) => {
      expect(problems({ MTOKEN_CONFIG: '/f' }, { '/f': text })).toHaveLength(1);
    },
  );

  it('refuses a file that is not there', () => {
    expect(problems({ MTOKEN_CONFIG: '/nowhere' })).toMatchObject([{ name: 'MTOKEN_CONFIG', found: '/nowhere' }]);
  });

  it('reads a secret from the file that NAME_FILE names, without the line end (X-08)', () => {
    const files = { '/run/secrets/db': 'postgres://u:n0t-a-sample@db/x?sslmode=verify-full\n' };
    expect(ready({ ...production, DATABASE_URL_FILE: '/run/secrets/db' }, files).databaseUrl).toBe(
      'postgres://u:n0t-a-sample@db/x?sslmode=verify-full',
    );
  });

  it('refuses a secret given twice, a secret file that is missing, and NAME_FILE of what is no secret', () => {
    const env = {
      DATABASE_URL: 'postgres://localhost/x',
      DATABASE_URL_FILE: '/f',
      REDIS_URL_FILE: '/nowhere',
      MTOKEN_PORT_FILE: '/f',
    };
    expect(problems(env, { '/f': 'x' }).map(({ name }) => name)).toEqual([
      'DATABASE_URL_FILE',
      'REDIS_URL_FILE',
      'MTOKEN_PORT_FILE',
    ]);
  });
});

describe('data keys', () => {
  it('reads base64, base64url and hex', () => {
    const files = { '/b': key.toString('base64url'), '/h': `${key.toString('hex')}\n` };
    const { dataKeys } = ready({ MTOKEN_DATA_KEY_FILES: 'a=/run/secrets/key, b=/b,c=/h' }, files);
    expect(dataKeys.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    for (const one of dataKeys) expect(Buffer.from(one.key).equals(key)).toBe(true);
  });

  it.each([['too short'], [randomBytes(31).toString('base64')], [randomBytes(33).toString('hex')], ['']])(
    'refuses the key file %j and never shows it',
    (text) => {
      const found = problems({ MTOKEN_DATA_KEY_FILES: 'a=/k' }, { '/k': text });
      expect(found).toMatchObject([{ name: 'MTOKEN_DATA_KEY_FILES', found: 'something else in /k' }]);
    },
  );
});

describe('production', () => {
  it('starts with what is documented', () => {
    expect(ready(production)).toMatchObject({ mode: 'production', issuer: 'https://login.bank.example' });
  });

  const refused: [string, Record<string, string | undefined>, string, Record<string, string>?][] = [
    ['an http issuer', { MTOKEN_ISSUER: 'http://login.bank.example' }, 'MTOKEN_ISSUER'],
    ['no issuer', { MTOKEN_ISSUER: undefined }, 'MTOKEN_ISSUER'],
    ['demo data', { MTOKEN_DEMO: 'true' }, 'MTOKEN_DEMO'],
    ['no data key', { MTOKEN_DATA_KEY_FILES: undefined }, 'MTOKEN_DATA_KEY_FILES'],
    [
      'a data key in the data directory',
      { MTOKEN_DATA_KEY_FILES: 'a=/var/lib/mtoken/data.key' },
      'MTOKEN_DATA_KEY_FILES',
      { '/var/lib/mtoken/data.key': key.toString('hex') },
    ],
    [
      'a link to a data key in the data directory',
      { MTOKEN_DATA_KEY_FILES: 'a=/link/key' },
      'MTOKEN_DATA_KEY_FILES',
      { '/link/key': key.toString('hex') },
    ],
    [
      'a generated data key',
      { MTOKEN_DATA_KEY_FILES: 'a=/g' },
      'MTOKEN_DATA_KEY_FILES',
      { '/g': generatedKeyText(key) },
    ],
    ['a data key of zeros', { MTOKEN_DATA_KEY_FILES: 'a=/z' }, 'MTOKEN_DATA_KEY_FILES', { '/z': '00'.repeat(32) }],
    [
      'a data key that counts up',
      { MTOKEN_DATA_KEY_FILES: 'a=/z' },
      'MTOKEN_DATA_KEY_FILES',
      { '/z': Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex') },
    ],
    [
      'a pass phrase as data key',
      { MTOKEN_DATA_KEY_FILES: 'a=/z' },
      'MTOKEN_DATA_KEY_FILES',
      { '/z': Buffer.from('correct horse battery staple 123').toString('hex') },
    ],
    [
      'PostgreSQL without TLS on another machine',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with TLS that is not verified',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?sslmode=no-verify' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with TLS that is optional',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?sslmode=prefer' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with libpq rules for require',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?sslmode=require&uselibpqcompat=true' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with the remote host in the query',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@localhost/x?host=db.example' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with the loopback host first and the remote one, which counts, last',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@localhost/x?host=localhost&host=db.example' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with an empty host in the query, which does not count',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?host=' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with TLS that a second sslmode takes back',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?sslmode=verify-full&sslmode=disable' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with its sslmode in the fragment',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x#?sslmode=verify-full' },
      'DATABASE_URL',
    ],
    [
      'PostgreSQL with a loopback name after the fragment sign',
      { DATABASE_URL: 'postgres://db.example#@localhost/x' },
      'DATABASE_URL',
    ],
    [
      'plain Redis behind a user that looks like loopback',
      { REDIS_URL: 'redis://localhost#:n0t@redis.example' },
      'REDIS_URL',
    ],
    ['a sample password in another spelling', { REDIS_URL: 'redis://:%63hangeme@localhost' }, 'REDIS_URL'],
    [
      'a sample password in the query',
      { DATABASE_URL: 'postgres://u:n0t-a-sample@localhost/x?password=postgres' },
      'DATABASE_URL',
    ],
    [
      'a mail server whose certificate is not verified',
      { MTOKEN_SMTP_URL: 'smtps://u:n0t-a-sample@mail.example?tls.rejectUnauthorized=false' },
      'MTOKEN_SMTP_URL',
    ],
    ['plain Redis on another machine', { REDIS_URL: 'redis://:n0t-a-sample@redis.example:6379' }, 'REDIS_URL'],
    ['plain Redis on one of several nodes', { REDIS_URL: 'redis+cluster://127.0.0.1:7000,10.0.0.9:7001' }, 'REDIS_URL'],
    ['a host that only looks like loopback', { REDIS_URL: 'redis://127.0.0.1.evil.example:6379' }, 'REDIS_URL'],
    ['a sample password for PostgreSQL', { DATABASE_URL: 'postgres://mtoken:postgres@localhost/x' }, 'DATABASE_URL'],
    ['a sample password for Redis', { REDIS_URL: 'redis://:changeme@localhost' }, 'REDIS_URL'],
    ['a sample password for mail', { MTOKEN_SMTP_URL: 'smtps://u:password@mail.example' }, 'MTOKEN_SMTP_URL'],
    ['no mail server', { MTOKEN_SMTP_URL: undefined }, 'MTOKEN_SMTP_URL'],
  ];

  it.each(refused)('refuses to start on %s (X-08)', (_what, env, name, files) => {
    expect(problems({ ...production, ...env }, files).map((problem) => problem.name)).toEqual([name]);
  });

  it.each([
    [{ DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?sslmode=verify-full' }],
    [{ DATABASE_URL: 'postgres://u:n0t-a-sample@db.example/x?sslmode=require' }],
    [{ DATABASE_URL: 'postgres://u:n0t-a-sample@127.0.0.1/x' }],
    [{ DATABASE_URL: 'postgres://u:n0t-a-sample@[::1]:5432/x' }],
    [{ DATABASE_URL: 'postgres://u:n0t-a-sample@/x?host=/var/run/postgresql' }],
    [{ DATABASE_URL: 'socket:///var/run/postgresql?db=x' }],
    [{ REDIS_URL: 'rediss://:n0t-a-sample@redis.example:6379' }],
    [{ REDIS_URL: 'redis+sentinel://u:n0t-a-sample@127.0.0.1:7000,localhost:7001/main' }],
    [{ REDIS_URL: 'redis+unix://:n0t-a-sample@/run/redis/redis.sock' }],
  ])('accepts %j', (env) => {
    expect(problems({ ...production, ...env })).toEqual([]);
  });
});

describe('the console', () => {
  it('is where the admin listener is in development, and nowhere in production unless it is said', () => {
    expect(ready({}).consoleUrl).toBe('http://localhost:3001');
    expect(ready({ MTOKEN_ADMIN_PORT: '4001' }).consoleUrl).toBe('http://localhost:4001');
    expect(ready({ MTOKEN_ADMIN_PORT: '0' }).consoleUrl).toBeUndefined();
    expect(ready(production).consoleUrl).toBeUndefined();
    const url = 'https://console.bank.example';
    expect(ready({ ...production, MTOKEN_CONSOLE_URL: url }).consoleUrl).toBe(url);
  });

  it.each([
    ['http://console.bank.example', {}],
    ['http://localhost:3001', production],
    ['http://console.bank.example', production],
    ['https://login.bank.example', production],
    ['http://localhost:3000', {}],
    ['https://console.bank.example/console', {}],
    ['https://Console.bank.example', {}],
    ['console.bank.example', {}],
  ])('is refused at %s, whose cookie others could read or plant (S-05, X-04)', (url, env) => {
    const found = problems({ ...env, MTOKEN_CONSOLE_URL: url });
    expect(found.map(({ name }) => name)).toContain('MTOKEN_CONSOLE_URL');
  });
});
