/** The desk shows every code: it answers its own name, on this machine, and nobody else. */
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeskActivation, type DeskDeps, registerDesk } from '../../../src/demo/desk.ts';
import { activationPage } from '../../../src/demo/desk-pages.ts';
import { welcomePage } from '../../../src/demo/portal-pages.ts';

const deskUrl = 'http://localhost:3002';
const lanUrl = 'https://192.168.1.20:3444';
const consoleUrl = 'http://localhost:3001/console/';

/** The mailbox is empty; nothing else of the server is asked for by what is tested here. */
const deps = (portalUrl: string): DeskDeps =>
  ({ portalUrl, deskUrl, consoleUrl, people: [], mailbox: { messages: () => [] } }) as unknown as DeskDeps;

describe.each([
  { where: 'on this machine', portalUrl: deskUrl },
  { where: 'in a network', portalUrl: lanUrl },
])('the desk of a demo $where', ({ portalUrl }) => {
  let app: FastifyInstance;
  beforeEach(() => {
    app = Fastify();
    app.get('/', () => 'portal');
    registerDesk(app, deps(portalUrl));
  });
  afterEach(() => app.close());

  const ask = async (url: string, headers: Record<string, string>) => app.inject({ url, headers });

  it('opens by its own name, and leads to the console', async () => {
    const desk = await ask('/desk', { host: 'localhost:3002' });
    expect(desk.statusCode).toBe(200);
    expect(desk.body).toContain(`href="${consoleUrl}"`);
  });

  it('refuses every other name that resolves to this machine (DNS rebinding)', async () => {
    for (const host of ['attacker.example', 'localhost:80', '127.0.0.1:3002', '']) {
      expect((await ask('/desk', { host })).statusCode, host).toBe(403);
      expect((await ask('/', { host })).statusCode, host).toBe(403);
    }
  });

  it('refuses what came from the network, even where it calls itself local', async () => {
    const headers = { host: 'localhost:3002', 'x-forwarded-for': '192.168.1.66' };
    for (const url of ['/desk', '/desk?x', '/%64esk']) {
      expect((await ask(url, headers)).statusCode, url).toBe(403);
    }
    const post = await app.inject({ method: 'POST', url: '/desk/activations', headers });
    expect(post.statusCode).toBe(403);
  });

  it('refuses a form of another site', async () => {
    const headers = { host: 'localhost:3002', origin: 'https://attacker.example' };
    const post = await app.inject({ method: 'POST', url: '/desk/activations', headers });
    expect(post.statusCode).toBe(403);
  });
});

it('an activation’s page leads to the app with the very text of the picture', () => {
  const activationText = 'http://localhost:3000/activate#c=4ZV1R9';
  const activation = {
    activationText,
    name: 'Ada Example',
    code: '4ZV1R9',
    confirmationCode: '12345678',
    expiresAt: 0,
  };
  const page = activationPage(activation as DeskActivation, '');
  expect(page).toContain(`href="${activationText}"`);
  // To be copied: the app takes the whole text, and the short code alone it does not.
  expect(page).toContain(`<code id="activation-text">${activationText}</code>`);
  expect(page).not.toContain('>4ZV1R9<');
});

it('the portal leads whoever has no phone yet to the desk', () => {
  expect(welcomePage('http://localhost:3002')).toContain('href="http://localhost:3002/desk"');
});

describe('the portal of a demo in a network', () => {
  it('answers the network, and leads this machine to its one address', async () => {
    const app = Fastify();
    app.get('/', () => 'portal');
    registerDesk(app, deps(lanUrl));
    const there = await app.inject({
      url: '/',
      headers: { host: '192.168.1.20:3444', 'x-forwarded-for': '192.168.1.66' },
    });
    expect(there.body).toBe('portal');
    const here = await app.inject({ url: '/', headers: { host: 'localhost:3002' } });
    expect(here.headers.location).toBe(lanUrl);
    const desk = await app.inject({
      url: '/desk',
      headers: { host: '192.168.1.20:3444', 'x-forwarded-for': '192.168.1.66' },
    });
    expect(desk.statusCode).toBe(403);
    const hidden = await app.inject({ url: '/%64%65sk', headers: { host: '192.168.1.20:3444' } });
    expect(hidden.statusCode).toBe(403);
    await app.close();
  });
});
