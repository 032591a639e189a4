/** What a server says about itself, and how a phone keeps up with its keys and its time. */
import { Type } from 'typebox';
import { protocolVersion } from '../protocol/names.ts';
import { loadPhone, type PhoneContext } from './context.ts';
import { PhoneError } from './errors.ts';
import { matches, parseJson } from './matches.ts';
import { srpProfile } from './srp-client.ts';
import { writePhone } from './state.ts';
import { fetchTrustedKeys, type TrustedKeys } from './trust.ts';

const Configuration = Type.Object({
  issuer: Type.String(),
  versions: Type.Array(Type.Integer()),
  time: Type.Integer(),
  profiles: Type.Array(Type.String()),
});

/**
 * Reads `<issuer>/.well-known/mtoken-configuration`, takes the server's time from it, and throws `unsupported` where the server
 * lacks this SDK's version or SRP profile. The document is not signed: nothing that is trusted comes from it.
 */
export async function readConfiguration(context: PhoneContext, issuer: string): Promise<void> {
  const reply = await context.http({
    url: `${issuer}/.well-known/mtoken-configuration`,
    headers: { accept: 'application/json' },
  });
  if (reply.status >= 500 || reply.status === 429) throw new PhoneError('unavailable');
  const configuration = parseJson(reply.text);
  if (reply.status !== 200 || !matches(Configuration, configuration) || configuration.issuer !== issuer) {
    throw new PhoneError('server_not_authentic', { detail: 'it does not describe itself as this server' });
  }
  const { versions, profiles, time } = configuration;
  if (!versions.includes(protocolVersion))
    throw new PhoneError('unsupported', { detail: `versions ${versions.join(', ')}` });
  if (!profiles.includes(srpProfile))
    throw new PhoneError('unsupported', { detail: `profiles ${profiles.join(', ')}` });
  context.time.learn(time);
}

/** Fetches the server's time and its key set, which must be signed by a key trusted before, and remembers both. */
export async function refreshServer(
  context: PhoneContext,
  server: { readonly issuer: string; readonly trusted: TrustedKeys },
): Promise<TrustedKeys> {
  await readConfiguration(context, server.issuer);
  const trusted = await fetchTrustedKeys(context.http, server.issuer, server.trusted);
  const phone = await loadPhone(context);
  if (phone?.issuer === server.issuer) {
    await writePhone(context.keys, { ...phone, trusted, offsetSeconds: context.time.offsetSeconds() });
  }
  return trusted;
}
