/** Small pieces that every record store uses to read rows. */

/** The one row of a look-up, mapped, or undefined. */
export function firstOf<R, T>(rows: readonly R[], map: (row: R) => T): T | undefined {
  const [row] = rows;
  return row === undefined ? undefined : map(row);
}

/** A nullable column as an optional value. */
export function optional<T>(value: T | null): T | undefined {
  return value ?? undefined;
}

/** JSON that this process wrote itself. */
export function parsed<T>(json: string): T {
  return JSON.parse(json) as T;
}

/** 1 to 200 rows, whatever was asked for. */
export function pageSize(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit) || 1, 1), 200);
}

/** A WHERE clause from the conditions that apply, its values numbered in their order. */
export function whereAll(conditions: readonly (readonly [string, string | number | undefined])[]): {
  readonly clause: string;
  readonly values: (string | number)[];
} {
  const values: (string | number)[] = [];
  const parts: string[] = [];
  for (const [condition, value] of conditions) {
    if (value === undefined) continue;
    values.push(value);
    parts.push(condition.replace('?', `$${values.length}`));
  }
  return { clause: parts.length === 0 ? '' : `where ${parts.join(' and ')}`, values };
}

/** Columns of one table in a join: `a, b` becomes `u.a as u_a, u.b as u_b`. */
export function prefixed(alias: string, columns: string): string {
  return columns
    .split(',')
    .map((column) => `${alias}.${column.trim()} as ${alias}_${column.trim()}`)
    .join(', ');
}

/** The row of that table, as if it had been read alone. */
export function unprefixed<Row>(alias: string, joined: Readonly<Record<string, unknown>>): Row {
  const prefix = `${alias}_`;
  const own = Object.entries(joined).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value])) as Row;
}
