/** Tells which methods a path has, so that a wrong method is 405 with `Allow` and not 404. */

export interface RoutePattern {
  /** With `:name` for one segment and `*` for the rest. */
  readonly url: string;
  readonly methods: readonly string[];
}

/** Every method of every route that matches, in alphabetical order; none where no route does. */
export function allowedMethods(routes: readonly RoutePattern[], path: string): readonly string[] {
  const matching = routes.filter(({ url }) => matches(url.split('/'), path.split('/')));
  return [...new Set(matching.flatMap(({ methods }) => methods))].sort();
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  for (const [index, part] of pattern.entries()) {
    if (part === '*') return true;
    const segment = path[index];
    if (segment === undefined || (part.startsWith(':') ? segment === '' : part !== segment)) return false;
  }
  return pattern.length === path.length;
}
