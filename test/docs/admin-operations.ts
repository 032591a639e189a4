/** Makes src/admin-client/operations.ts from the OpenAPI document: the types of every request and answer, and where each is sent. */
import { execFileSync } from 'node:child_process';

const root = new URL('../../', import.meta.url).pathname;
const file = 'src/admin-client/operations.ts';

type Schema = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** The text of the file. `document` is that of docs/openapi.json. */
export function adminOperationsText(document: string): string {
  const { paths, components } = JSON.parse(document) as OpenApi;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const types = Object.entries(components.schemas).map(([name, schema]) => declaration(name, schema));
  const text = [
    '/** What the admin API takes and answers. Made from docs/openapi.json by `npm run docs`: change the endpoints, not this file. */',
    ...types,
    `export interface Operations {\n${operations.map(({ operation }) => signature(operation)).join('\n')}\n}`,
    '/** Where each operation is sent, below `/admin/v1`. */',
    `export const operations = {\n${operations.map(place).join('\n')}\n} as const satisfies Record<keyof Operations, { readonly method: string; readonly path: string; readonly creates: boolean }>;`,
  ].join('\n\n');
  // As the formatter wants it, so that the check of the whole repository has nothing to say of it.
  const format = ['format', `--stdin-file-path=${file}`];
  return execFileSync(`${root}node_modules/.bin/biome`, format, { cwd: root, input: text, encoding: 'utf8' });
}

function declaration(name: string, schema: Schema): string {
  return schema['type'] === 'object' && schema['properties'] !== undefined
    ? `export interface ${name} ${typeText(schema)}`
    : `export type ${name} = ${typeText(schema)};`;
}

function signature({ operationId, summary, parameters = [], requestBody, responses }: Operation): string {
  const body = requestBody?.content['application/json']?.schema;
  const isConditional = parameters.some(({ name }) => name === 'If-Match');
  const input = [
    group(
      'params',
      parameters.filter((parameter) => parameter.in === 'path'),
    ),
    group(
      'query',
      parameters.filter((parameter) => parameter.in === 'query'),
    ),
    ...(body === undefined ? [] : [`readonly body${isEmpty(body) && !isConditional ? '?' : ''}: ${typeText(body)};`]),
    isConditional ? 'readonly ifMatch?: string;' : '',
    parameters.some(({ name }) => name === 'Idempotency-Key') ? 'readonly idempotencyKey?: string;' : '',
  ].filter(Boolean);
  return `/** ${summary}. */\nreadonly ${operationId}: { readonly input: {${input.join(' ')}}; readonly reply: ${replyText(responses)}; };`;
}

function replyText(responses: Operation['responses']): string {
  const [, success] = Object.entries(responses).find(([status]) => status === '200' || status === '201') ?? [];
  const schema = success?.content?.['application/json']?.schema;
  return schema === undefined ? 'undefined' : typeText(schema);
}

/** A body that may lack every member may be left out of a call. */
function isEmpty({ required = [] }: Schema): boolean {
  return (required as readonly string[]).length === 0;
}

function group(name: string, parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return '';
  const members = parameters.map((one) => `readonly ${one.name}${one.required ? '' : '?'}: ${typeText(one.schema)};`);
  return `readonly ${name}${parameters.some(({ required }) => required) ? '' : '?'}: {${members.join(' ')}};`;
}

function place({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const creates = operation.parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false;
  return `${operation.operationId}: { method: '${method}', path: '${path}', creates: ${creates} },`;
}

const simple: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'boolean',
  integer: 'number',
  number: 'number',
  string: 'string',
};

function typeText(schema: Schema): string {
  const { $ref, type, anyOf, enum: values, items, properties, patternProperties } = schema;
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1);
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeText(one as Schema)).join(' | ');
  if (typeof type === 'string' && type in simple) return simple[type] ?? '';
  if (type === 'array') return `readonly (${typeText(items as Schema)})[]`;
  if (type !== 'object') return 'unknown';
  if (patternProperties !== undefined) {
    const [value] = Object.values(patternProperties as Record<string, Schema>);
    return `Readonly<Record<string, ${typeText(value ?? {})}>>`;
  }
  const required = (schema['required'] as readonly string[] | undefined) ?? [];
  const members = Object.entries((properties as Record<string, Schema> | undefined) ?? {}).map(([name, member]) => {
    const { description } = member;
    const text = typeof description === 'string' ? `/** ${description} */\n` : '';
    return `${text}readonly ${name}${required.includes(name) ? '' : '?'}: ${typeText(member)};`;
  });
  return members.length === 0 ? 'Readonly<Record<string, never>>' : `{\n${members.join('\n')}\n}`;
}
