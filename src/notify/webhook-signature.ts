/** Signs webhooks by the rules of Standard Webhooks 1.0 (symmetric, `v1`), so that receivers can use any of its libraries. */
import { randomBytes } from 'node:crypto';
import { hmacSha256 } from '../crypto/bytes.ts';

const prefix = 'whsec_';

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function webhookSecret(): string {
  return `${prefix}${randomBytes(32).toString('base64')}`;
}

/**
 * The headers of one delivery: id (the same for every try), the time of this try in Unix seconds, and one signature for each secret.
 * The time is signed with the rest, so that what was recorded cannot be sent again later.
 */
export function signedHeaders(
  { id, body, at }: { readonly id: string; readonly body: string; readonly at: number },
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64');
    return `v1,${Buffer.from(hmacSha256(key, `${id}.${timestamp}.${body}`)).toString('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
