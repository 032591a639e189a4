/** Bodies that are almost right: each value missing, of another type, too long, in a wrong spelling; members too many. */

export interface Mutation {
  readonly label: string;
  readonly body: unknown;
}

const strangers: readonly unknown[] = [null, true, 0, -1, 1.5, '', 'x', [], ['x'], {}, { x: 1 }];
const long = 'a'.repeat(10_000);

/** Every mutation of a right body, one at a time, at every depth of objects. */
export function mutationsOf(right: unknown): Mutation[] {
  const whole = [null, 'text', 7, [], [right]].map((body) => ({
    label: `the whole is ${JSON.stringify(body)?.slice(0, 20)}`,
    body,
  }));
  return [...whole, ...within(right, '', (body) => body)];
}

function within(value: unknown, path: string, wrap: (inner: unknown) => unknown): Mutation[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const entries = Object.entries(value);
  const mutations: Mutation[] = [
    { label: `${path}/extra`, body: wrap({ ...value, extra: 1 }) },
    {
      label: `${path}/__proto__`,
      body: wrap(JSON.parse(`{"__proto__":{"x":1},${JSON.stringify(value).slice(1)}`.replace(',}', '}'))),
    },
    { label: `${path}/constructor`, body: wrap({ ...value, constructor: { prototype: { x: 1 } } }) },
  ];
  for (const [name, member] of entries) {
    const place = `${path}/${name}`;
    const put = (replaced: unknown): unknown => wrap({ ...value, [name]: replaced });
    const rest: Record<string, unknown> = { ...value };
    delete rest[name];
    mutations.push({ label: `${place} missing`, body: wrap(rest) });
    for (const stranger of strangers.filter((one) => !isAlike(one, member))) {
      mutations.push({ label: `${place} ${JSON.stringify(stranger)}`, body: put(stranger) });
    }
    if (typeof member === 'string') mutations.push(...spellings(member, place, put));
    mutations.push(...within(member, place, put));
  }
  return mutations;
}

/** Values that may be right in that place are no mutation. */
function isAlike(stranger: unknown, member: unknown): boolean {
  if (typeof stranger === 'string' || typeof stranger === 'number' || typeof stranger === 'boolean') {
    return typeof stranger === typeof member;
  }
  return member === null && stranger === null;
}

function spellings(member: string, place: string, put: (value: unknown) => unknown): Mutation[] {
  const variants: readonly (readonly [string, string])[] = [
    ['too long', long],
    ['longer', `${member}${member}`],
    ['NUL inside', `${member.slice(0, 3)}\u0000${member.slice(3)}`],
    ['right-to-left', `\u202e${member}`],
    ['lone surrogate', `\ud800${member}`],
    ['line break', `${member}\r\nset-cookie: a=b`],
    ['blank before', ` ${member}`],
    ['SQL', `${member}' or '1'='1`],
    ['markup', '<script>alert(1)</script>'],
    ['path', '../../etc/passwd'],
  ];
  return variants.map(([label, value]) => ({ label: `${place} ${label}`, body: put(value) }));
}
