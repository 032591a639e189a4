/** The closed set of errors. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PhoneError, phoneErrors } from '../../../src/sdk/index.ts';

const folder = new URL('../../../src/sdk/', import.meta.url);

describe('errors of the SDK', () => {
  it('say what happened and what to do, each code', () => {
    for (const [code, { message, advice }] of Object.entries(phoneErrors)) {
      expect(new PhoneError(code as keyof typeof phoneErrors)).toMatchObject({ code, message, advice });
      expect(message).toMatch(/^[A-Z].*\.$/);
      expect(advice).toMatch(/^[A-Z].*[.]$/);
    }
  });

  it('are all used, and no other error is thrown on purpose', () => {
    const sources = readdirSync(folder)
      .filter((file) => file !== 'errors.ts')
      .map((file) => readFileSync(new URL(file, folder), 'utf8'))
      .join('\n');
    const unused = Object.keys(phoneErrors).filter((code) => !sources.includes(`'${code}'`));
    expect(unused).toEqual([]);
    expect(sources).not.toMatch(/throw new (?!PhoneError|RefusedInClear)\w*Error/);
  });

  it('the SDK imports nothing of Node and nothing of the server', () => {
    for (const file of readdirSync(folder)) {
      const imports = [...readFileSync(new URL(file, folder), 'utf8').matchAll(/from '([^']+)'/g)].map(
        ([, name]) => name ?? '',
      );
      const foreign = imports.filter(
        (name) => !/^\.\/|^\.\.\/protocol\/|^jose$|^typebox|^secure-remote-password\/client/.test(name),
      );
      expect({ file, foreign }).toEqual({ file, foreign: [] });
    }
  });
});
