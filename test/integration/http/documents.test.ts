/** What every document may do: docs/threat-model.md says it, and the running server is asked. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { readConfig } from '../../../src/config/config.ts';
import { explainProblems } from '../../../src/config/problem.ts';
import { createLog } from '../../../src/http/logging.ts';
import { createClient } from '../../../src/oidc/clients.ts';
import { createOidc } from '../../../src/oidc/plugin.ts';
import { buildServer, type Server } from '../../../src/server.ts';
import { sampleCompany, sampleDevice, sampleSecrets, sampleUser } from '../../contracts/samples.ts';

const issuer = 'https://login.bank.example';
const person = { accept: 'text/html', host: 'login.bank.example' };
const document = readFileSync(new URL('../../../docs/threat-model.md', import.meta.url), 'utf8');
const built = [
  'login.js',
  'login.css',
  'app.js',
  'app.css',
  'landing.js',
  'design.css',
  'app-worker.js',
  'app/icon.svg',
];

let directory: string;
let server: Server;

/** The rows of the table that has these columns: cells without their marks. */
function table(...columns: readonly string[]): string[][] {
  const lines = document.split('\n');
  const head = lines.findIndex((line) => columns.every((column) => line.startsWith('|') && line.includes(column)));
  const rows = lines.slice(head + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').replaceAll('|', '').trim()),
    );
}

const integrityOf = (bytes: Uint8Array | string): string =>
  `sha384-${createHash('sha384').update(bytes).digest('base64')}`;

/** Production as a bank runs it, on embedded stores: what development leaves out is here. */
async function startProduction(): Promise<Server> {
  const result = readConfig({
    env: {
      MTOKEN_MODE: 'production',
      MTOKEN_ISSUER: issuer,
      MTOKEN_DATA_DIR: join(directory, 'data'),
      MTOKEN_DATA_KEY_FILES: '1=/run/secrets/data.key',
      MTOKEN_SMTP_URL: 'smtps://mtoken:n0t-a-sample@mail.bank.example',
      MTOKEN_MAIL_FROM: 'login@bank.example',
      MTOKEN_BRAND_COLOR: '#7a0019',
      MTOKEN_BRAND_LOGO: '/logo.svg',
    },
    readFile: (path) =>
      path === '/logo.svg' ? '<svg viewBox="0 0 9 9"><path d=""/></svg>' : randomBytes(32).toString('base64'),
    realPath: (path) => path,
  });
  if (result.outcome === 'refused') throw new Error(explainProblems(result.problems));
  return buildServer({ config: result.config, log: createLog('silent'), webDirectory: `${directory}/web/` });
}

async function writePages(): Promise<void> {
  const web = join(directory, 'web');
  await mkdir(join(web, 'app'), { recursive: true });
  await writeFile(join(web, 'app', 'manifest.webmanifest'), '{"id":"/app"}');
  for (const name of built) await writeFile(join(web, name), name);
  const manifest = Object.fromEntries(built.map((name) => [name, integrityOf(name)]));
  await writeFile(join(web, 'manifest.json'), JSON.stringify(manifest));
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mtoken-documents-'));
  await mkdir(join(directory, 'data'));
  await writePages();
  server = await startProduction();
  await stubPhone();
  const { stores, capabilities } = server;
  await createClient(
    { ...capabilities.oidc, records: stores.records },
    {
      id: 'portal',
      kind: 'portal',
      name: 'Portal',
      metadata: {
        redirect_uris: ['https://portal.example/callback'],
        post_logout_redirect_uris: ['https://portal.example/bye'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    },
    { name: 'cli' },
  );
});
afterAll(async () => {
  await server?.close();
  await rm(directory, { recursive: true, force: true });
});

type Jar = Map<string, string>;

async function get(url: string, jar: Jar = new Map()): Promise<LightMyRequestResponse> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await server.publicApp.inject({ url, headers: { ...person, ...(cookie !== '' && { cookie }) } });
  for (const { name, value } of answer.cookies) jar.set(name, value);
  return answer;
}

async function loginPage(jar: Jar = new Map()): Promise<LightMyRequestResponse> {
  const request = new URLSearchParams({
    client_id: 'portal',
    redirect_uri: 'https://portal.example/callback',
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update('verifier').digest('base64url'),
    code_challenge_method: 'S256',
    state: 'state',
  });
  const { headers } = await get(`/oauth2/authorize?${request}`, jar);
  return get(pathOf(headers.location), jar);
}

const pathOf = (location: unknown): string => new URL(String(location), issuer).pathname;

/** In place of order and phone, at the seam of the login page: whoever comes is logged in. */
async function stubPhone(): Promise<void> {
  const { records } = server.stores;
  const company = sampleCompany();
  const user = sampleUser(company.id);
  const device = sampleDevice(user, { status: 'pending' });
  await records.companies.insert(company);
  await records.users.insert(user);
  await records.devices.insert(device, sampleSecrets, new Uint8Array(randomBytes(32)));
  await records.devices.activate(device.id, systemClock.now());
  const { interactions } = createOidc(server.capabilities.oidc);
  server.publicApp.get('/interaction/:uid/stub', async (request, reply) => {
    const login = {
      userId: user.id,
      deviceId: device.id,
      orderId: 'ord_x',
      factor: 'pin',
      provedAt: systemClock.now(),
    } as const;
    return reply.redirect(await interactions.complete(request, reply, login), 303);
  });
}

async function loggedIn(): Promise<Jar> {
  const jar: Jar = new Map();
  const { raw } = await loginPage(jar);
  const completed = await get(`${raw.req.url ?? ''}/stub`, jar);
  await get(pathOf(completed.headers.location), jar);
  return jar;
}

async function logout(): Promise<{ question: LightMyRequestResponse; end: LightMyRequestResponse }> {
  const jar = await loggedIn();
  const asked = new URLSearchParams({ client_id: 'portal', post_logout_redirect_uri: 'https://portal.example/bye' });
  const question = await get(`/oauth2/logout?${asked}`, jar);
  const end = await get('/oauth2/logout/success', jar);
  return { question, end };
}

const documents: Readonly<Record<string, () => Promise<LightMyRequestResponse>>> = {
  'login page': () => loginPage(),
  'refusal of the login page': () => get('/interaction/unknown'),
  'what a code opens in a browser': () => get('/l/anything.1.x'),
  app: () => get('/app'),
  'question before a logout': async () => (await logout()).question,
  'end of a logout': async () => (await logout()).end,
  'error of the provider': () => get('/oauth2/authorize?client_id=nobody'),
  'nothing here': () => get('/nothing'),
};

function rulesOf({ headers }: LightMyRequestResponse): Map<string, string> {
  const rules = String(headers['content-security-policy']).split('; ');
  return new Map(rules.map((rule) => [rule.split(' ', 1)[0] ?? '', rule.split(' ').slice(1).join(' ')]));
}

describe('the headers of every document, as docs/threat-model.md tells them (S-11)', () => {
  it('are told of every document', () => {
    expect(table('document', 'script-src', 'cache-control').map(([name]) => name)).toEqual(Object.keys(documents));
  });

  describe.each(table('document', 'script-src', 'cache-control'))(
    '%s',
    (name, scripts, connections, forms, powers = '', cached) => {
      const ask = async (): Promise<LightMyRequestResponse> => {
        const answer = await (documents[name] ?? (() => get('/')))();
        expect(answer.headers['content-type']).toMatch(/^text\/html/);
        return answer;
      };

      it.each(table('header', 'value', 'against'))('has %s: %s', async (header, value) => {
        expect((await ask()).headers[header]).toBe(value);
      });

      it('may run, call, post to and keep what the table says, and nothing inline (XSS, form hijacking)', async () => {
        const answer = await ask();
        const rules = rulesOf(answer);
        const rule = (one: string): string | undefined => rules.get(one) ?? rules.get('default-src');
        for (const nothing of ['default-src', 'object-src', 'base-uri', 'frame-ancestors'])
          expect(rules.get(nothing), nothing).toBe("'none'");
        expect(rules.get('style-src')).toBe("'self'");
        expect(rules.get('img-src')).toBe("'self'");
        expect(rule('script-src')).toBe(scripts);
        expect(rule('connect-src')).toBe(connections);
        expect(rules.get('form-action')).toBe(forms);
        expect(rules.get('require-trusted-types-for')).toBe("'script'");
        expect(rules.get('trusted-types')).toBe(name === 'app' ? 'sw' : "'none'");
        expect(String(answer.headers['content-security-policy'])).not.toMatch(/unsafe|data:|blob:|\*/);
        expect(answer.headers['cache-control']).toBe(cached);
      });

      it('has the powers of the table and no other (camera, fingerprint and face for the app alone)', async () => {
        const policy = String((await ask()).headers['permissions-policy']);
        const allowed = policy.split(', ').filter((power) => !power.endsWith('=()'));
        expect(allowed).toEqual(powers === '–' ? [] : powers.split(', ').map((power) => `${power}=(self)`));
        for (const power of ['camera', 'microphone', 'geolocation', 'publickey-credentials-get'])
          expect(policy).toContain(`${power}=(`);
      });

      it('names every script and style with the hash of the bytes that are served, all from here', async () => {
        const { body } = await ask();
        expect(body).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:/i);
        const tags = [...body.matchAll(/<(?:script|link)\b[^>]*>/g)].map(([tag]) => tag);
        const loaded = tags.filter((tag) => /^<script|rel="stylesheet"/.test(tag));
        // The page's own sheet, and the bank's colours after it.
        expect(loaded.filter((tag) => tag.includes('stylesheet'))).toHaveLength(2);
        for (const tag of loaded) {
          const [, url = ''] = /(?:src|href)="([^"]*)"/.exec(tag) ?? [];
          const [, integrity] = /integrity="([^"]*)"/.exec(tag) ?? [];
          expect(url, tag).toMatch(/^\/assets\//);
          expect(integrity, tag).toBe(integrityOf((await get(url)).rawPayload));
        }
        const addresses = [...body.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, address = '']) => address);
        for (const address of addresses) expect(address, body).toMatch(/^(\/|https:\/\/login\.bank\.example\/)/);
        expect(body).toContain('/assets/brand-logo.svg');
      });
    },
  );

  it('let the provider’s page that posts by itself run that one script, known by its hash, and load nothing', async () => {
    const answer = await get('/oauth2/logout');
    const policy = String(answer.headers['content-security-policy']);
    const scripts = [...answer.body.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script = '']) => script);
    expect(scripts).toHaveLength(1);
    const hash = createHash('sha256')
      .update(scripts[0] ?? '')
      .digest('base64');
    expect(policy).toContain(`script-src 'sha256-${hash}';`);
    expect(policy).toContain("default-src 'none'");
    expect(answer.body).toContain(`action="${issuer}/oauth2/logout/confirm"`);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('name each file by its release, and no server gives other bytes out under that name, to be kept (upgrade side by side)', async () => {
    const { body } = await get('/app');
    for (const [, address = ''] of body.matchAll(/="(\/assets\/[^"]*\?v=[^"]*)"/g)) {
      const kept = await get(address);
      expect(kept.statusCode).toBe(200);
      expect(kept.headers['cache-control']).toContain('max-age');
      const other = await get(address.replace(/v=.*/, 'v=AAAAAAAAAAAA'));
      expect(other.statusCode).toBe(404);
      expect(other.headers['cache-control']).toBe('no-store');
    }
    expect(body).toMatch(/brand\.css\?v=/);
  });

  it('let a logo show itself and nothing else (sandbox)', async () => {
    const rules = rulesOf(await get('/assets/brand-logo.svg'));
    expect(Object.fromEntries(rules)).toMatchObject({ 'default-src': "'none'", sandbox: '' });
  });

  it.each([
    '/assets/app.js',
    '/assets/app.css',
    '/assets/brand.css',
    '/app/sw.js',
    '/app/manifest.webmanifest',
    '/oauth2/jwks',
  ])('belong to %s too, which no other site may embed', async (url) => {
    const { headers, statusCode } = await get(url);
    expect(statusCode).toBe(200);
    for (const [name = '', value] of table('header', 'value', 'against')) expect(headers[name], name).toBe(value);
  });
});
