/** Logging in to the console with mToken itself: who comes in, what a session is, and how it ends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import {
  addPerson,
  callAdmin,
  type ConsoleSystem,
  logInToConsole,
  personAtConsole,
  startConsoleSystem,
} from './desk.ts';

let stores: SystemStores;
let desk: ConsoleSystem;
let offset = 0;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores, { clock: { now: () => systemClock.now() + offset } });
});

afterEach(() => {
  offset = 0;
});

afterAll(async () => {
  await desk.system.close();
  await stores.close();
});

describe('who comes in', () => {
  it.each(['operator', 'support', 'auditor', 'administrator'] as const)('%s', async (role) => {
    const { user, browser, url } = await personAtConsole(desk, role);
    expect(url).toBe(`${desk.origin}/console/`);
    const me = await callAdmin(desk, browser.cookies(desk.origin), '/me');
    expect(me.status, me.text).toBe(200);
    expect(JSON.parse(me.text)).toMatchObject({ kind: 'person', userId: user.id, name: user.name, role });
  });
});
