/** Compiles TypeBox schemas to validators that coerce nothing and drop nothing (P-28). */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { AuthError } from '../errors.ts';

/** Throws `invalid_request` where `value` does not fit, naming the place and what was expected there, never the value. */
export type Validate = (value: unknown) => void;

/** The compiled validator of a schema. `what` names the value in messages, such as `body`. */
export function createValidate(schema: TSchema, what: string): Validate {
  const validator = Compile(schema);
  return (value) => {
    if (validator.Check(value)) return;
    const [first] = validator.Errors(value);
    const place = `${what}${first?.instancePath ?? ''}`;
    throw new AuthError('invalid_request', { message: `${place} ${first?.message ?? 'does not fit'}` });
  };
}

/** For Fastify: its routes' schemas go through the same validators. */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }) {
  const validate = createValidate(schema as TSchema, httpPart ?? 'request');
  return (value: unknown): { value: unknown } => {
    validate(value);
    return { value };
  };
}
