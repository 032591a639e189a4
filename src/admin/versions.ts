/** The version of a record as HTTP says it: `ETag` where it is shown, `If-Match` where it is changed (RFC 9110 §8.8.3, §13.1.1). */
import type { FastifyRequest } from 'fastify';
import { isPlainObject } from '../crypto/strict-json.ts';
import { AuthError } from '../errors.ts';

const etagPattern = /^"([1-9][0-9]{0,14})"$/;

/** The entity tag of an answer that has a version. */
export function etagOf(answer: unknown): string | undefined {
  const version = versionOf(answer);
  return version === undefined ? undefined : `"${version}"`;
}

/** The version that `If-Match` names; undefined without it. Throws `invalid_request` on anything but the one tag that was read. */
export function ifMatchOf({ headers }: FastifyRequest): number | undefined {
  const { 'if-match': tag } = headers;
  if (tag === undefined) return undefined;
  const [, version] = etagPattern.exec(tag) ?? [];
  if (version !== undefined) return Number(version);
  throw new AuthError('invalid_request', { message: 'If-Match takes the one ETag that was read, such as "3"' });
}

/** Puts the version of `If-Match` where the schema wants it. Throws `invalid_request` where there is none, or two. */
export function takeVersion(request: FastifyRequest): void {
  const version = ifMatchOf(request);
  const { body } = request;
  if (!isPlainObject(body)) return;
  if (version === undefined) {
    if ('version' in body) return;
    throw new AuthError('invalid_request', {
      message: 'say which version was read: "version" in the body, or If-Match with the ETag',
    });
  }
  if ('version' in body && body['version'] !== version) {
    throw new AuthError('invalid_request', { message: '"version" in the body and If-Match differ' });
  }
  body['version'] = version;
}

/**
 * Throws `precondition_failed` where the record that is shown now is not the one of `If-Match`. What it says is not relied on: the
 * change itself is conditional on the version.
 */
export function assertMatches(request: FastifyRequest, shown: unknown): void {
  const version = ifMatchOf(request);
  if (version === undefined || versionOf(shown) === version) return;
  throw new AuthError('precondition_failed', { message: 'the record was changed by someone else: read it again' });
}

function versionOf(answer: unknown): number | undefined {
  const version = isPlainObject(answer) ? answer['version'] : undefined;
  return typeof version === 'number' ? version : undefined;
}
