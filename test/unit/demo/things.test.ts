/** Everything else that the demo portal has signed: what it asks for, and what its page makes of the answers. */
import { describe, expect, it } from 'vitest';
import { isThing, sampleOf, type ThingName, things } from '../../../src/demo/portal-samples.ts';
import { thingsPage } from '../../../src/demo/portal-things-pages.ts';
import { templateFields } from '../../../src/protocol/templates/templates.ts';
import { checkFields } from '../../../src/signing/check.ts';

const options = {
  now: Date.parse('2026-11-21T23:59:59Z'),
  document: Buffer.from('Framework agreement 4711'),
  viewer: 'http://localhost:3002/documents/aaaaaaaaaaaaaaaaaaaaaa',
};
const names = Object.keys(things) as ThingName[];

describe('what the demo portal offers to sign beside payments', () => {
  it('is an example of every other template, as the server takes it, and the portal knows what will be signed (T-03)', () => {
    expect(['payment', ...names].sort()).toEqual(Object.keys(templateFields).sort());
    for (const name of names) {
      const { fields, signed } = sampleOf(name, options);
      expect(checkFields({ template: name, version: 1, fields: { ...fields } }).fields, name).toEqual(signed);
    }
    for (const other of ['payment', 'toString', '', undefined]) expect(isThing(other)).toBe(false);
  });

  it('is called approved only where its receipts were found to be what was asked; then a reservation can be taken (T-14, T26)', () => {
    const page = (shown: object) =>
      thingsPage({
        id: 'a',
        shown: [{ id: 'b', name: 'reservation', state: 'approved', ...shown }],
        problem: undefined,
      });
    expect(page({ isGenuine: true, captured: 15_000 })).toMatch(/data-state="approved"[\s\S]*150\.00 of 400\.00 EUR/);
    for (const doubtful of [page({ isGenuine: false, captured: 0 }), page({})]) {
      expect(doubtful).toContain('could not check');
      expect(doubtful).not.toContain('data-take');
    }
    const hostile = thingsPage({ id: 'a', shown: [], problem: '<script>alert(1)</script>' });
    expect(hostile).not.toContain('<script>alert');
    expect(hostile).toContain('&lt;script&gt;');
  });
});
