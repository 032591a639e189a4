/** The typed client at its edges: what it sends, and what it makes of answers that no server of ours gives. */
import { describe, expect, it } from 'vitest';
import { type AdminRequest, adminClient } from '../../../src/admin-client/client.ts';

interface Sent extends AdminRequest {
  readonly url: string;
}

/** A client whose requests are noted, and answered with these in turn. */
function noting(...answers: readonly Response[]) {
  const sent: Sent[] = [];
  const left = [...answers];
  const api = adminClient({
    baseUrl: 'https://admin.bank.example:3001',
    send: async (url, request) => {
      sent.push({ url, ...request });
      return left.shift() ?? Response.json({ items: [], next: null });
    },
  });
  return { api, sent };
}

describe('what is sent', () => {
  it('is one segment for each parameter and one member for each filter that is set', async () => {
    const { api, sent } = noting(Response.json({}), Response.json({ items: [], next: null }));
    await api.call('getClient', { params: { clientId: 'a/b?c#d' } });
    await api.call('listUsers', { query: { search: 'Ann & Bob', limit: 5 } });
    expect(sent.map(({ url }) => url)).toEqual([
      'https://admin.bank.example:3001/admin/v1/clients/a%2Fb%3Fc%23d',
      'https://admin.bank.example:3001/admin/v1/users?search=Ann+%26+Bob&limit=5',
    ]);
    expect(sent[0]).toMatchObject({ method: 'GET', body: undefined, headers: { accept: 'application/json' } });
  });

  it.each(['', '.', '..'])('never the parameter %j, which would make it another path (T31)', async (clientId) => {
    const { api, sent } = noting();
    await expect(api.call('disableClient', { params: { clientId } })).rejects.toMatchObject({ code: 'unreadable' });
    expect(sent).toEqual([]);
  });

  it('has an idempotency key of its own for each creation, and the given one where there is one', async () => {
    const { api, sent } = noting(Response.json({}), Response.json({}), Response.json({}), Response.json({}));
    await api.call('createCompany', { body: { name: 'One' } });
    await api.call('createCompany', { body: { name: 'One' } });
    await api.call('createCompany', { body: { name: 'One' }, idempotencyKey: 'mine-0001' });
    await api.call('suspendCompany', { params: { companyId: 'co_x' }, body: { reason: 'r' } });
    const keys = sent.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).not.toBe(keys[0]);
    expect(keys.slice(2)).toEqual(['mine-0001', undefined]);
  });

  it('has the tag that was read in If-Match', async () => {
    const { api, sent } = noting(Response.json({}));
    await api.call('changeCompany', { params: { companyId: 'co_x' }, body: { name: 'N' }, ifMatch: '"3"' });
    expect(sent[0]).toMatchObject({ method: 'PATCH', headers: { 'if-match': '"3"' }, body: '{"name":"N"}' });
  });
});

describe('what is answered', () => {
  it('by a server of ours is an error with its code, its words and the request id', async () => {
    const problem = {
      type: 'urn:mtoken:error:limit_reached',
      title: 'Full',
      detail: 'two users',
      instance: 'req_x',
      more: 1,
    };
    const { api } = noting(Response.json(problem, { status: 409 }));
    await expect(api.call('getMe')).rejects.toMatchObject({
      message: 'Full: two users',
      code: 'limit_reached',
      status: 409,
      requestId: 'req_x',
      members: { more: 1 },
    });
  });

  it.each([
    ['a page of a proxy', () => new Response('<h1>Bad gateway</h1>', { status: 502 }), 502],
    ['nothing', () => new Response(null, { status: 500 }), 500],
    ['a text', () => Response.json('no', { status: 404 }), 404],
    ['null where a record should be', () => Response.json(null), 200],
    ['no JSON where a record should be', () => new Response('ok'), 200],
  ])('%s is an error that says so', async (_what, answer, status) => {
    const { api } = noting(answer());
    await expect(api.call('getMe')).rejects.toMatchObject({ code: 'unreadable', status });
  });

  it('a list ends where the server says so, and asks for no page that nobody reads', async () => {
    const { api, sent } = noting(
      Response.json({ items: [{ id: 'a' }, { id: 'b' }], next: 'b' }),
      Response.json({ items: [{ id: 'c' }], next: null }),
    );
    const seen: string[] = [];
    for await (const { id } of api.rows('listCompanies', { query: { limit: 2 } })) {
      if (id === 'c') expect(sent).toHaveLength(2);
      else expect(sent).toHaveLength(1);
      seen.push(id);
    }
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(sent[1]?.url).toMatch(/\?limit=2&after=b$/);
  });
});
