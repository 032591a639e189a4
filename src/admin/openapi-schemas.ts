/** The schemas of the endpoints as the OpenAPI document shows them: titled ones as components, answers open to members of later versions. */
import type { TSchema } from 'typebox';

/** A schema as it stands in a document. */
export type Json = Readonly<Record<string, unknown>>;

/** Collects what is referred to while a document is made. */
export type Components = Map<string, Json>;

/** What a caller sends: strict, as the server is. */
export function sentSchema(schema: TSchema): Json {
  return plain(schema) as Json;
}

/** What a caller is answered: a reference where the schema has a title, and without the promise that no member will be added. */
export function answeredSchema(schema: TSchema, components: Components): Json {
  return answered(plain(schema), components) as Json;
}

/** The members of an object's schema, and which must be there. */
export function membersOf(schema: TSchema | undefined): readonly { name: string; isRequired: boolean; schema: Json }[] {
  const { properties = {}, required = [] } = (schema === undefined ? {} : plain(schema)) as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, member]) => ({
    name,
    isRequired: required.includes(name),
    schema: member,
  }));
}

/** Without the marks that the schema library keeps beside the members. */
function plain(schema: TSchema): unknown {
  return JSON.parse(JSON.stringify(schema));
}

function answered(node: unknown, components: Components): unknown {
  if (Array.isArray(node)) return node.map((item) => answered(item, components));
  if (typeof node !== 'object' || node === null) return node;
  const { title, additionalProperties: _strict, ...members } = node as Record<string, unknown>;
  const open = mapped(members, (name, value) => {
    // Names of members there, not words of the schema language: one of them may be called `title`.
    const isNames = name === 'properties' || name === 'patternProperties';
    return isNames ? mapped(value as Json, (_, member) => answered(member, components)) : answered(value, components);
  });
  if (typeof title !== 'string') return open;
  const known = components.get(title);
  // Two shapes of one name would make the document lie about one of them.
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(open)) {
    throw new Error(`two different answers are called ${title}`);
  }
  components.set(title, open);
  return { $ref: `#/components/schemas/${title}` };
}

function mapped(members: Json, change: (name: string, value: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, change(name, value)]));
}
