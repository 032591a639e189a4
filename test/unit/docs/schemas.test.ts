/** docs/protocol.schema.json against the schemas that the server checks by. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { protocolSchemas } from '../../docs/schemas.ts';

const read = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

describe('docs/protocol.schema.json', () => {
  it('is what the server checks by (npm run docs)', () => {
    expect(read('protocol.schema.json')).toBe(protocolSchemas());
  });

  it('has every message that docs/protocol.md names', () => {
    const { $defs } = JSON.parse(protocolSchemas()) as { $defs: Record<string, unknown> };
    const named = [...read('protocol.md').matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name = '']) => name);
    const messages = named.filter((name) =>
      /(Start|Started|Finish|Finished|Statement|Challenge|Claimed?|Decided?)$/.test(name),
    );
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter((name) => !(name in $defs))).toEqual([]);
  });
});
