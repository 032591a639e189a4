/** The names of people and companies that a list knows by their ids alone. */
import { api } from './api.ts';
import type { Console } from './context.ts';

type Names = ReadonlyMap<string, string>;

/** By id; whoever cannot be asked for is left out. */
export function userNames(console: Console, ids: readonly string[]): Promise<Names> {
  return console.may('users.read') ? namesOf(ids, (userId) => api('getUser', { params: { userId } })) : none();
}

/** By id; what cannot be asked for is left out. */
export function companyNames(console: Console, ids: readonly string[]): Promise<Names> {
  const ask = (companyId: string) => api('getCompany', { params: { companyId } });
  return console.may('companies.read') ? namesOf(ids, ask) : none();
}

const none = async (): Promise<Names> => new Map();

async function namesOf(
  ids: readonly string[],
  ask: (id: string) => Promise<{ readonly name: string }>,
): Promise<Names> {
  const asked = [...new Set(ids)].map(async (id): Promise<readonly [string, string] | undefined> => {
    const found = await ask(id).catch(() => undefined);
    return found && [id, found.name];
  });
  return new Map((await Promise.all(asked)).filter((pair) => pair !== undefined));
}
