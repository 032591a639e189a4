/** The members of a portal's metadata that let it ask by CIBA (CIBA Core §4): what they need of each other. */
import { AuthError } from '../errors.ts';

type Metadata = Readonly<Record<string, unknown>>;

/** The grant type of CIBA Core §10.1. */
export const cibaGrantType = 'urn:openid:params:grant-type:ciba';

const mode = 'backchannel_token_delivery_mode';
const endpoint = 'backchannel_client_notification_endpoint';
const algorithm = 'backchannel_authentication_request_signing_alg';

/** Whether the client may ask by CIBA. */
export function asksByCiba(metadata: Metadata): boolean {
  return metadata[mode] !== undefined;
}

/**
 * What CIBA adds to checked metadata: the algorithm by which requests are signed, where it is not said. Throws `invalid_request` for a
 * client without keys of its own, which could sign no request (FAPI-CIBA §5.2.2), and for a notification endpoint without its mode, or
 * the mode without it.
 */
export function completeCiba(metadata: Metadata): Metadata {
  if (!asksByCiba(metadata)) {
    const lonely = [endpoint, algorithm].find((member) => metadata[member] !== undefined);
    if (lonely !== undefined) throw refusal(`${lonely} needs ${mode}`);
    return {};
  }
  if (metadata['token_endpoint_auth_method'] !== 'private_key_jwt') {
    throw refusal(`${mode} is for clients of private_key_jwt: with the same keys they sign their requests`);
  }
  if ((metadata[mode] === 'ping') !== (metadata[endpoint] !== undefined)) {
    throw refusal(metadata[mode] === 'ping' ? `ping needs ${endpoint}` : `${endpoint} is for ping only`);
  }
  const known = algorithmsOf(metadata);
  const asked = metadata[algorithm] ?? known[0];
  if (!known.includes(asked)) throw refusal(`${algorithm} must be ${known.join(' or ')}, as the keys are`);
  return { [algorithm]: asked };
}

/** The provider calls no notification endpoint itself, and takes https alone where we take http on loopback too. */
export function forProvider({ [endpoint]: uri }: Metadata): Metadata {
  return typeof uri === 'string' ? { [endpoint]: uri.replace(/^http:/, 'https:') } : {};
}

function algorithmsOf({ jwks }: Metadata): readonly unknown[] {
  const { keys } = jwks as { readonly keys: readonly { readonly alg: unknown }[] };
  return [...new Set(keys.map(({ alg }) => alg))];
}

function refusal(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
