/** A user sets in the app in which language they are written to. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { userEndpoints } from '../../../src/companies/routes.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { addPhone, createWorld, origin, type Phone, sessionCall, type World } from '../mpin/world.ts';
import { bank } from './world.ts';

let world: World;
let phone: Phone;
beforeEach(async () => {
  world = await createWorld();
  phone = await addPhone(world);
});
afterEach(() => world.close());

async function choose(language: string): Promise<unknown> {
  const [endpoint] = userEndpoints(world.deps);
  if (endpoint?.access !== 'session') throw new Error('no session endpoint');
  return endpoint.answer(await sessionCall(world, phone, { body: { language }, sessionId: 'ses_1' }));
}

const languageNow = async () => (await world.deps.records.users.find(world.user.id))?.language;
const trail = async () =>
  (await world.deps.records.audit.read(0, 100)).filter(({ event }) => event.startsWith('user.'));

describe('the language that a user chooses in the app', () => {
  it('is kept, and recorded once: where it changes', async () => {
    expect(await choose('de')).toEqual({});
    expect(await choose('de')).toEqual({});
    expect(await languageNow()).toBe('de');
    expect(await trail()).toMatchObject([
      {
        event: 'user.updated',
        actor: `device:${phone.id}`,
        userId: world.user.id,
        companyId: world.user.companyId,
        deviceId: phone.id,
        address: origin.address,
        requestId: origin.requestId,
        data: { languageAfter: 'de' },
      },
    ]);
    await choose('ar');
    expect(await languageNow()).toBe('ar');
    expect((await trail()).map(({ data }) => data)).toEqual([{ languageAfter: 'de' }, { languageAfter: 'ar' }]);
  });

  it('must be one that there are texts in: another is refused with the choices, and changes nothing', async () => {
    for (const language of ['xx', 'tlh', 'en-GB', '__proto__']) {
      await expect(choose(language), language).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('one of ar, bg, cs'),
      });
    }
    expect(await languageNow()).toBeUndefined();
    expect(await trail()).toEqual([]);
  });

  it('changes that user alone', async () => {
    const other = await world.deps.records.users.list(world.company.id, { limit: 50 });
    await choose('fr');
    const after = await world.deps.records.users.list(world.company.id, { limit: 50 });
    expect(after).toEqual(other.map((user) => (user.id === world.user.id ? { ...user, language: 'fr' } : user)));
  });

  it('cannot be used to make the administrator’s own change stale, and so hold up a suspension', async () => {
    const { version } = world.user;
    for (const language of ['de', 'fr', 'nl', 'de', 'fr', 'nl']) await choose(language);
    expect((await world.deps.records.users.find(world.user.id))?.version).toBe(version);
    const act = { userId: world.user.id, reason: 'lost', actor: bank };
    expect(await suspendUser(world.deps, act)).toMatchObject({ status: 'suspended' });
  });

  it('is not kept where it cannot be recorded (A-11)', async () => {
    const records = {
      ...world.deps.records,
      transaction: (work: Parameters<typeof world.deps.records.transaction>[0]) =>
        world.deps.records.transaction((inner) =>
          work({ ...inner, audit: { ...inner.audit, append: () => Promise.reject(new Error('full')) } }),
        ),
    } as typeof world.deps.records;
    const [endpoint] = userEndpoints({ ...world.deps, records });
    if (endpoint?.access !== 'session') throw new Error('no session endpoint');
    const call = await sessionCall(world, phone, { body: { language: 'de' }, sessionId: 'ses_2' });
    await expect(endpoint.answer(call)).rejects.toThrow('full');
    expect(await languageNow()).toBeUndefined();
  });
});
