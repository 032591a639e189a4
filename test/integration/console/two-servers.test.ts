/** Logins to the console where two servers share their stores. */
import { describe, expect, it } from 'vitest';
import { systemEngines } from '../system/engines.ts';
import { freePort, openServer, serverEnv } from '../system/rig.ts';
import { callAdmin, callConsole, personAtConsole, startConsoleSystem } from './desk.ts';

const engines = systemEngines().filter(({ isShared }) => isShared);

describe.skipIf(engines.length > 0)('Two servers', () => {
  it.skip('need PostgreSQL and Redis', () => undefined);
});

describe.each(engines)('two servers on $name', (engine) => {
  it('know the same sessions, give a confirmation once between them, and forget together (S-07, S-09)', async () => {
    const shared = await engine.open();
    const first = await startConsoleSystem(shared);
    // Before the other server is there, which would deliver some of the mails, and not to this mailbox.
    const { browser } = await personAtConsole(first, 'operator', { proof: 'confirmed' });
    const port = await freePort();
    const env = {
      ...serverEnv(first.system.issuer, shared),
      MTOKEN_CONSOLE_URL: first.origin,
      MTOKEN_ADMIN_PORT: String(port),
    };
    const server = await openServer({ env });
    const second = { ...first, origin: first.origin };
    try {
      const { adminUrl } = await server.start();
      const at = (origin: string) => (cookie: string, path: string, body?: object) =>
        callAdmin({ ...second, origin }, cookie, path, {
          ...(body === undefined ? {} : { method: 'POST', body }),
          headers: { origin: body === undefined ? undefined : first.origin },
        });
      const [here, there] = [at(first.origin), at(adminUrl)];
      const cookie = browser.cookies(first.origin);
      expect([(await here(cookie, '/me')).status, (await there(cookie, '/me')).status]).toEqual([200, 200]);
      const path = `/companies/${first.system.company.id}/deactivate-devices`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? here : there)(cookie, path, { reason: 'drill' })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      await callConsole(first, cookie, '/console/logout', { method: 'POST' });
      expect((await there(cookie, '/me')).status).toBe(401);
    } finally {
      await server.close();
      await first.system.close();
      await shared.close();
    }
  });
});
