/** Reads JSON bodies strictly: UTF-8, no duplicate member, no `__proto__`, bounded depth (P-28, X-10). */
import type { FastifyInstance } from 'fastify';
import { parseStrictJson } from '../crypto/strict-json.ts';

/** Largest JSON body of a public route, in bytes. */
export const jsonBodyLimit = 16_384;

/** Replaces Fastify's own parsers: JSON strictly, and no other content type unless a route's plugin adds it. */
export function useStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: jsonBodyLimit },
    async (_request: unknown, body: Buffer) => parseStrictJson(body),
  );
}
