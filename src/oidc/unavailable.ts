/** Turns a dead dependency into the 503 that OAuth clients understand. */
import { errors } from 'oidc-provider';
import { AuthError } from '../errors.ts';

/** Runs `work`; where a store is down, throws `temporarily_unavailable` with status 503, so that nothing is permitted and nothing is a 500. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AuthError) || error.code !== 'unavailable') throw error;
    const detail = error.detail === undefined ? {} : { detail: error.detail };
    const unavailable = new errors.OIDCProviderError(503, 'temporarily_unavailable', { cause: error, ...detail });
    // Or the provider would tell clients of a fault in it.
    unavailable.expose = true;
    throw unavailable;
  }
}
