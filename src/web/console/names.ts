/** The names of people and companies that a list knows by their ids alone. */
import type { Console } from './context.ts';
import type { Company, User } from './model.ts';

/** By id; whoever cannot be asked for is left out. */
export async function userNames(console: Console, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return console.may('users.read') ? namesOf<User>(console, '/users', ids) : new Map();
}

/** By id; what cannot be asked for is left out. */
export async function companyNames(console: Console, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return console.may('companies.read') ? namesOf<Company>(console, '/companies', ids) : new Map();
}

async function namesOf<Row extends { readonly name: string }>(
  { api }: Console,
  path: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const asked = [...new Set(ids)].map(async (id): Promise<readonly [string, string] | undefined> => {
    const found = await api<Row>({ method: 'GET', path: `${path}/${id}` }).catch(() => undefined);
    return found && [id, found.name];
  });
  return new Map((await Promise.all(asked)).filter((pair) => pair !== undefined));
}
