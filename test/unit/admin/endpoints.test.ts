/** The list of the admin API as data: what can be read off it without a server. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { permission } from '../../../src/admin/permissions.ts';
import { adminEndpoints } from '../../../src/admin/routes.ts';
import { clientView, companyView, deviceView, pageOf, userView } from '../../../src/admin/views.ts';
import { adminScopes } from '../../../src/oidc/deps.ts';
import { sampleCompany, sampleDevice, sampleUser } from '../../contracts/samples.ts';

// The list is data: nothing of its dependencies is touched until an endpoint is called.
const endpoints = adminEndpoints({} as Parameters<typeof adminEndpoints>[0]);

describe('the endpoints of the admin API', () => {
  it('each have a place of their own, a scope that exists, and schemas for what they take', () => {
    const places = endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(places).size).toBe(places.length);
    for (const { method, path, permission: name, params, body } of endpoints) {
      const { scope } = permission(name);
      expect(adminScopes, path).toContain(scope);
      expect(params !== undefined, path).toBe(path.includes(':'));
      expect(body !== undefined, `${method} ${path}`).toBe(method !== 'GET');
    }
  });

  it('each have a name of their own, a summary, and a schema for what they answer', () => {
    expect(new Set(endpoints.map(({ name }) => name)).size).toBe(endpoints.length);
    for (const { name, summary, reply, files } of endpoints) {
      expect(name).toMatch(/^[a-z]+([A-Z][a-z]+)+$/);
      expect(summary, name).toMatch(/^[A-Z][^\n]+[^.\n]$/);
      expect((reply === undefined) !== (files === undefined), name).toBe(true);
    }
  });

  it('change nothing by GET, nothing with a reading scope, and keys and clients only with their own (S-10, X-07)', () => {
    const reading = new Set(['admin:read', 'admin:audit']);
    for (const { method, path, permission: name } of endpoints) {
      const { scope, machines } = permission(name);
      expect(reading.has(scope), `${method} ${path}`).toBe(method === 'GET');
      if (/^\/(clients|keys|notifications|webhooks)/.test(path)) expect(machines, path).toBe('all');
      if (path.endsWith('deactivate') || path.endsWith('deactivate-devices')) expect(scope, path).toBe('admin:devices');
    }
  });
});

describe('what the admin API shows', () => {
  const secret = randomBytes(16).toString('hex');
  const withSecret = <T extends object>(row: T): T & { readonly secret: string } => ({ ...row, secret });

  it('is named members only: a column that is added is not shown by accident (A-03)', () => {
    const company = sampleCompany();
    const user = sampleUser(company.id);
    const device = { ...sampleDevice(user, {}), verifier: secret, salt: secret };
    const client = {
      id: 'portal',
      kind: 'portal',
      name: 'P',
      companyId: undefined,
      metadata: {},
      status: 'active',
    } as const;
    const views = [
      companyView(withSecret(company)),
      userView(withSecret(user)),
      deviceView({ ...device, userName: user.name, place: undefined }),
      clientView(withSecret({ ...client, createdAt: 0, version: 1 })),
    ];
    expect(JSON.stringify(views)).not.toContain(secret);
    expect(JSON.stringify(views)).not.toContain(device.thumbprint);
  });

  it('ends its pages where the list ends', () => {
    const page = (rows: readonly number[], limit: number) => pageOf(rows, limit, (row) => row, String);
    expect(page([1, 2], 2)).toEqual({ items: ['1', '2'], next: 2 });
    expect(page([1], 2)).toEqual({ items: ['1'], next: null });
    expect(page([], 2)).toEqual({ items: [], next: null });
  });
});
