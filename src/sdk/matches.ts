/** Whether something from outside has the form that a wire schema says. */
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';

/** Checks by interpretation, without generated code, so that it runs under a strict content security policy. */
export function matches<T extends TSchema>(schema: T, value: unknown): value is Static<T> {
  return Check(schema, value);
}

/** JSON to a value, or `undefined` where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
