/** The OpenAPI 3.1 document of the admin API, made from the very list that is served: docs/openapi.json, and the typed client from it. */
import { type ErrorCode, errorTable } from '../errors.ts';
import { adminScopes } from '../oidc/deps.ts';
import { ApprovalView } from '../protocol/admin-approvals.ts';
import type { AdminEndpoint } from './endpoint.ts';
import { answeredSchema, type Components, type Json, membersOf, sentSchema } from './openapi-schemas.ts';
import { permission } from './permissions.ts';

const description = `Administration of an mtoken server: companies, users, devices, clients, keys, the audit trail and notifications.

**Callers.** A machine sends an access token of the client credentials grant (private_key_jwt). A person uses the console and its session cookie. \`x-permission\` names the row of the table in docs/administration.md, \`x-machines\` and \`x-people\` say who may and how far that reaches, \`x-proof\` what a person must have shown before: \`session\`, \`fresh\` (within five minutes) or \`confirmed\` (for this one act).

**Lists** take \`limit\` (1 to 200, 50 unless told) and \`after\`, which is \`next\` of the page before; \`next\` is null on the last page. A parameter that an endpoint does not know is refused.

**Changes** take the version that was read: \`version\` in the body, or \`If-Match\` with the \`ETag\`.

**Creations** take an \`Idempotency-Key\`, so that a request whose answer was lost can be sent again.

**Errors** are problem documents (RFC 9457); docs/errors.md has every type. Ignore members that you do not know.`;

const tagTexts: Readonly<Record<string, string>> = {
  companies: 'Companies, their limits and rules',
  users: 'Users of companies, and the invitations by which they register a phone',
  devices: 'Registered phones',
  clients: 'Portals, and machines that use this API',
  keys: "The server's own keys",
  audit: 'The audit trail',
  notifications: 'What is on its way to people and portals',
  webhooks: 'Addresses that are told of events',
  approvals: 'Acts that wait for a second person',
  terms: 'The terms that every user accepts',
  me: 'The person who calls',
};

/** Of the API, not of the server: the first number is that of the path, and rises only with it. */
const version = '1.0.0';

/** The document of these endpoints. */
export function openApiDocument(endpoints: readonly AdminEndpoint[]): Json {
  const components: Components = new Map();
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:([A-Za-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, components) };
  }
  const tags = [...new Set(endpoints.map(tagOf))].sort();
  return {
    openapi: '3.1.1',
    info: {
      title: 'mtoken admin API',
      version,
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/admin/v1', description: 'on the admin listener' }],
    tags: tags.map((name) => ({ name, description: tagTexts[name] ?? name })),
    paths,
    components: {
      schemas: Object.fromEntries<Json>([...components, ['Problem', problemSchema] as const].sort(byName)),
      responses: problemResponses(),
      headers,
      securitySchemes,
    },
  };
}

const byName = ([one]: readonly unknown[], [other]: readonly unknown[]): number =>
  String(one) < String(other) ? -1 : 1;
const tagOf = ({ path }: AdminEndpoint): string => path.split('/')[1] ?? '';

function operation(endpoint: AdminEndpoint, components: Components): Json {
  const row = permission(endpoint.permission);
  const parameters = [...pathParameters(endpoint), ...queryParameters(endpoint), ...headerParameters(endpoint)];
  return {
    operationId: endpoint.name,
    summary: endpoint.summary,
    tags: [tagOf(endpoint)],
    security: [{ machine: [row.scope] }, ...(Object.keys(row.people).length === 0 ? [] : [{ person: [] }])],
    'x-permission': endpoint.permission,
    'x-machines': row.machines,
    'x-people': row.people,
    'x-proof': row.proof,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(endpoint.body === undefined ? {} : { requestBody: requestBody(endpoint) }),
    responses: {
      [endpoint.status]: success(endpoint, components),
      ...(mayBeKept(endpoint) ? { 202: kept(components) } : {}),
      ...problemsOf(endpoint),
    },
  };
}

function pathParameters({ params }: AdminEndpoint): readonly Json[] {
  return membersOf(params).map(({ name, schema }) => ({ name, in: 'path', required: true, schema }));
}

function queryParameters({ query }: AdminEndpoint): readonly Json[] {
  return membersOf(query).map(({ name, isRequired, schema }) => {
    const text = name === 'after' ? '`next` of the page before' : name === 'limit' ? 'rows; 50 unless told' : undefined;
    return { name, in: 'query', required: isRequired, ...(text && { description: text }), schema };
  });
}

function headerParameters(endpoint: AdminEndpoint): readonly Json[] {
  if (creates(endpoint)) {
    return [
      {
        name: 'Idempotency-Key',
        in: 'header',
        required: false,
        description:
          'a name of this creation that the caller chose: sent again with the same body, it is answered and not done again',
        schema: { type: 'string', pattern: '^[\\x21-\\x7e]{8,128}$' },
      },
    ];
  }
  if (!takesVersion(endpoint)) return [];
  return [
    {
      name: 'If-Match',
      in: 'header',
      required: false,
      description: 'the ETag that was read; instead of `version` in the body',
      schema: { type: 'string', pattern: '^"[1-9][0-9]*"$' },
    },
  ];
}

/** Whether it makes something, so that doing it twice would make two. */
export function creates({ method, status }: AdminEndpoint): boolean {
  return method === 'POST' && status === 201;
}

/** Whether it changes a record as it stood at a version. */
export function takesVersion({ method, body }: AdminEndpoint): boolean {
  return method === 'PATCH' && membersOf(body).some(({ name }) => name === 'version');
}

function requestBody(endpoint: AdminEndpoint): Json {
  const schema = endpoint.body === undefined ? {} : sentSchema(endpoint.body);
  const required = (schema['required'] as readonly string[] | undefined) ?? [];
  // `If-Match` may stand for it.
  const must = takesVersion(endpoint) ? required.filter((name) => name !== 'version') : required;
  const { required: _all, ...others } = schema;
  return {
    required: true,
    content: { 'application/json': { schema: must.length === 0 ? others : { ...others, required: must } } },
  };
}

function success({ reply, files, ...endpoint }: AdminEndpoint, components: Components): Json {
  const hasVersion = membersOf(reply).some(({ name, schema }) => name === 'version' && schema['type'] === 'integer');
  const content =
    files === undefined
      ? { 'application/json': { schema: reply === undefined ? {} : answeredSchema(reply, components) } }
      : Object.fromEntries<Json>(files.map((type) => [type.split(';')[0] ?? type, { schema: { type: 'string' } }]));
  return {
    description: endpoint.status === 201 ? 'Created' : 'Done',
    headers: Object.fromEntries(
      ['RateLimit', 'RateLimit-Policy', 'X-Request-Id', ...(hasVersion ? ['ETag'] : [])].map((name) => [
        name,
        { $ref: `#/components/headers/${name}` },
      ]),
    ),
    content,
  };
}

/** Whether a company may demand a second person for it: then it is answered with what is kept instead. */
function mayBeKept({ method, permission: name }: AdminEndpoint): boolean {
  return method !== 'GET' && name !== 'approvals.decide' && permission(name).people.administrator !== undefined;
}

function kept(components: Components): Json {
  return {
    description: "Kept: this company's administrators do it together with a second one",
    content: { 'application/json': { schema: answeredSchema(ApprovalView, components) } },
  };
}

/** Which statuses besides success a caller must be ready for. */
function problemsOf(endpoint: AdminEndpoint): Json {
  const writes = endpoint.method !== 'GET';
  const statuses = [
    400,
    401,
    403,
    ...(endpoint.params === undefined && !writes ? [] : [404]),
    ...(writes ? [409] : []),
    ...(takesVersion(endpoint) ? [412] : []),
    ...(writes ? [413, 415] : []),
    ...(creates(endpoint) ? [422] : []),
    429,
    500,
    503,
  ];
  return Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }]));
}

const typeOf = (code: string): string => `urn:mtoken:error:${code}`;

/** Codes that belong to the app, the login page or the signing API, and are never an answer of this API. */
const elsewhere: ReadonlySet<string> = new Set([
  'order_unavailable',
  'method_not_allowed',
  'risk_denied',
  'document_changed',
  'document_unreachable',
]);

function problemResponses(): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const [code, { status }] of Object.entries(errorTable) as [ErrorCode, { status: number }][]) {
    if (!elsewhere.has(code)) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${errorTable[code].title}`).join(' · '),
        ...(status === 429 || status === 503
          ? { headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } }
          : {}),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [{ $ref: '#/components/schemas/Problem' }],
              properties: { type: { enum: codes.map(typeOf) } },
            },
          },
        },
      },
    ]),
  );
}

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457; decide by `type`. docs/errors.md says what to do for each.',
  required: ['type', 'title', 'status', 'instance'],
  properties: {
    type: { type: 'string', description: 'stable' },
    title: { type: 'string', description: 'for people' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'for people: what is wrong with this request' },
    instance: { type: 'string', description: "the request id, by which the server's log finds the cause" },
    proof: { type: 'string', description: 'with `proof_required`: `fresh` or `confirmed`' },
    retryAfterSeconds: { type: 'integer', description: 'as `Retry-After`' },
  },
};

const headers: Json = {
  RateLimit: {
    description: 'what is left of the tightest limit: `r` requests, for `t` seconds',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': { description: 'the limits: `q` requests in `w` seconds', schema: { type: 'string' } },
  'Retry-After': { description: 'seconds after which to come again', schema: { type: 'integer' } },
  'X-Request-Id': { description: "by which the server's log finds this request", schema: { type: 'string' } },
  ETag: { description: 'the version of the record, for `If-Match`', schema: { type: 'string' } },
};

const securitySchemes: Json = {
  machine: {
    type: 'oauth2',
    description: 'client credentials with private_key_jwt (RFC 7523) and `resource` set to the audience of this API',
    flows: {
      clientCredentials: {
        tokenUrl: '/oauth2/token',
        scopes: Object.fromEntries(adminScopes.map((scope) => [scope, scopeTexts(scope)])),
      },
    },
  },
  person: { type: 'apiKey', in: 'cookie', name: '__Host-mt_console', description: 'the session of the console' },
};

function scopeTexts(scope: (typeof adminScopes)[number]): string {
  const texts: Record<typeof scope, string> = {
    'admin:read': 'look at everything but the audit trail',
    'admin:write': 'create and change companies, users, registrations and webhooks',
    'admin:devices': 'end devices',
    'admin:clients': 'register and change portals and machines',
    'admin:keys': "rotate the server's keys",
    'admin:audit': 'read the audit trail',
    'admin:staff': "make and unmake the bank's own staff",
  };
  return texts[scope];
}
