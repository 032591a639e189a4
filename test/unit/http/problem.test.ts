/** What callers read when something goes wrong. */
import { describe, expect, it } from 'vitest';
import { AuthError, errorTable } from '../../../src/errors.ts';
import { problemOf, toAuthError } from '../../../src/http/problem.ts';

describe('problem documents', () => {
  it('have type, title, status and the request id (X-01)', () => {
    const error = new AuthError('conflict', { message: 'it is used already', members: { attemptsLeft: 3 } });
    expect(problemOf(error, 'req_1')).toEqual({
      type: 'urn:mtoken:error:conflict',
      title: errorTable.conflict.title,
      status: 409,
      detail: 'it is used already',
      attemptsLeft: 3,
      instance: 'req_1',
    });
  });

  it('never describe a fault of ours (X-01)', () => {
    for (const code of ['internal', 'unavailable'] as const) {
      const error = new AuthError(code, {
        message: 'select * from devices',
        detail: 'password',
        cause: new Error('key'),
        members: { table: 'devices' },
      });
      expect(Object.keys(problemOf(error, 'req_1')).sort()).toEqual(['instance', 'status', 'title', 'type']);
    }
  });

  it('keep members from overwriting the standard ones', () => {
    const error = new AuthError('conflict', { members: { status: 200, type: 'x', instance: 'y' } });
    expect(problemOf(error, 'req_1')).toMatchObject({
      status: 409,
      type: 'urn:mtoken:error:conflict',
      instance: 'req_1',
    });
  });

  it.each([
    [{ code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }, 'payload_too_large'],
    [{ code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', statusCode: 415 }, 'unsupported_media_type'],
    [{ code: 'FST_ERR_CTP_EMPTY_JSON_BODY', statusCode: 400 }, 'invalid_request'],
    [{ code: 'FST_ERR_VALIDATION', statusCode: 400 }, 'invalid_request'],
    [{ code: 'ELSE', statusCode: 418 }, 'invalid_request'],
    [{ code: 'ELSE', statusCode: 429 }, 'too_many_requests'],
    [{ code: '23505' }, 'internal'],
    [{ statusCode: 200 }, 'internal'],
  ])('map the foreign error %j to %s', (members, code) => {
    expect(toAuthError(Object.assign(new Error('text'), members)).code).toBe(code);
  });

  it.each([['a string'], [undefined], [null], [{ statusCode: 404 }]])(
    'map %j, which is no error, to internal',
    (thrown) => {
      expect(toAuthError(thrown).code).toBe('internal');
    },
  );

  it('do not tell the text of a foreign error', () => {
    const error = toAuthError(Object.assign(new Error('near "SELECT": syntax'), { statusCode: 400 }));
    expect(JSON.stringify(problemOf(error, 'req_1'))).not.toContain('SELECT');
  });
});
