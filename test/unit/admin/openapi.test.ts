/** docs/openapi.json: what is served, in the words of a standard, and the client that is made from it. */
import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../src/admin/openapi.ts';
import { permissions } from '../../../src/admin/permissions.ts';
import { errorTable } from '../../../src/errors.ts';
import { adminOperationsText } from '../../docs/admin-operations.ts';
import { listedEndpoints, openApiText } from '../../docs/openapi.ts';

const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

interface Operation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly parameters?: readonly { readonly name: string }[];
  readonly [member: string]: unknown;
}

const document = openApiDocument(listedEndpoints) as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, unknown>> };
};
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

describe('the OpenAPI document', () => {
  it('is the one in docs, and the client is made from it (npm run docs, X-09)', () => {
    expect(read('docs/openapi.json')).toBe(openApiText());
    expect(read('src/admin-client/operations.ts')).toBe(adminOperationsText(openApiText()));
  });

  it('passes the linter with every recommended rule (X-09)', async () => {
    const config = await createConfig({ extends: ['recommended-strict'] });
    const problems = await lintFromString({ source: openApiText(), absoluteRef: 'openapi.json', config });
    expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
    const broken = openApiText().replaceAll('#/components/schemas/Company"', '#/components/schemas/Nothing"');
    expect(await lintFromString({ source: broken, absoluteRef: 'openapi.json', config })).not.toEqual([]);
  });

  it('says of every endpoint who may call it, and what it must be ready for', () => {
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
      listedEndpoints.map(({ name }) => name).sort(),
    );
    for (const { operationId, security, responses, ...operation } of operations) {
      const row = permissions[operation['x-permission'] as keyof typeof permissions];
      expect(security[0], operationId).toEqual({ machine: [row.scope] });
      expect(operation['x-proof'], operationId).toBe(row.proof);
      for (const status of ['400', '401', '403', '429', '500', '503'])
        expect(responses, operationId).toHaveProperty(status);
    }
  });

  it('has every problem that the API can answer, each with the status of the error table', () => {
    const text = JSON.stringify(document.components.responses);
    for (const [code, { status }] of Object.entries(errorTable)) {
      if (/^(order_unavailable|method_not_allowed|risk_denied|document_.*)$/.test(code)) continue;
      expect(text).toContain(`urn:mtoken:error:${code}"`);
      expect(JSON.stringify(document.components.responses[status])).toContain(`urn:mtoken:error:${code}"`);
    }
  });

  it('refuses two answers of one name', () => {
    const [first, second] = listedEndpoints.filter(({ reply }) => reply !== undefined);
    const lying = { ...second!, reply: { ...second!.reply, title: (first!.reply as { title?: string }).title } };
    expect(() => openApiDocument([first!, lying as unknown as typeof second & {}])).toThrow(/two different answers/);
  });
});
