/** A bounded memory of what was worked out lately, so that a portal that checks receipts by the thousand does not do the same again. */

export interface Kept<Value> {
  get(name: string): Value | undefined;
  set(name: string, value: Value): void;
}

/** Keeps `most` values; the one that was asked for longest ago goes when one more comes. */
export function keep<Value>(most: number): Kept<Value> {
  const values = new Map<string, Value>();
  const set = (name: string, value: Value): void => {
    values.delete(name);
    const [oldest] = values.keys();
    if (values.size >= most && oldest !== undefined) values.delete(oldest);
    values.set(name, value);
  };
  return {
    set,
    get: (name) => {
      const value = values.get(name);
      if (value !== undefined) set(name, value);
      return value;
    },
  };
}
