/** Admin endpoints of the server's keys. */
import { type KeyDeps, rotateKeys } from '../keys/keys.ts';
import * as wire from '../protocol/admin.ts';
import * as view from '../protocol/admin-views.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';

/** The server's keys: named, dated, never shown; rotated by hand besides the timer. */
export function keyAdminEndpoints(deps: KeyDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'listKeys',
      summary: "List the server's keys",
      method: 'GET',
      path: '/keys',
      reply: view.KeyList,
      permission: 'keys.read',
      answer: async () => ({ items: (await deps.records.keys.list()).map(keyView) }),
    }),
    adminEndpoint({
      name: 'rotateKeys',
      summary: "Move the server's keys on",
      method: 'POST',
      path: '/keys/rotate',
      reply: view.KeyStepsView,
      permission: 'keys.rotate',
      body: wire.KeysRotate,
      answer: async ({ body, actor }) => ({ steps: await rotateKeys(deps, { ...body, actor: actor.name }) }),
    }),
  ];
}

function keyView(key: { kid: string; use: string; alg: string; status: string; createdAt: number }) {
  const { kid, use, alg, status, createdAt } = key;
  return { kid, use, alg, status, createdAt };
}
