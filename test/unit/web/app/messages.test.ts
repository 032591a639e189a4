/** The app's texts: each is used, each that is used is there, and what is inserted is named alike in every form. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PhoneError, type PhoneErrorCode, phoneErrors } from '../../../../src/sdk/index.ts';
import { errorText } from '../../../../src/web/app/errors.ts';
import { messagesFor } from '../../../../src/web/app/messages.ts';

const directory = new URL('../../../../src/web/app/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, directory), 'utf8');
const table = read('messages.ts');
const names = [...table.matchAll(/^ {2}'([a-zA-Z_]+\.[a-zA-Z_]+)':/gm)].map(([, name = '']) => name);
const sources = readdirSync(directory)
  .filter((name) => name.endsWith('.ts') && name !== 'messages.ts')
  .map(read)
  .join('\n');
/** Families that are named by a code: `error.${code}`. */
const families = [...sources.matchAll(/`([a-z]+)\.\$\{/g)].map(([, family]) => family);

describe('the texts of the app', () => {
  it('has no text that nothing shows', () => {
    expect(names.length).toBeGreaterThan(100);
    const unused = names.filter((name) => {
      const [family = '', rest = ''] = name.split('.');
      const isByCode = (families.includes(family) && sources.includes(`'${rest}'`)) || sources.includes(`.${rest}\``);
      return !sources.includes(`'${name}'`) && !isByCode && !(family === 'weak') && !(family === 'scan');
    });
    expect(unused).toEqual([]);
  });

  it('inserts values as text and writes numbers in the forms of the language', () => {
    const t = messagesFor(['en']);
    expect(t('attempts.left', { count: 3 })).toBe('Wrong mPIN. 3 attempts left.');
    expect(t('attempts.left', { count: 1 })).toContain('last attempt');
    expect(t('home.title', { user: '{count}<b>$&' })).toBe('Hello, {count}<b>$&');
  });

  it('takes the first language that it has, and English where it has none', () => {
    expect(messagesFor(['xx-YY', 'en-GB', 'fr']).language).toBe('en');
    expect(messagesFor([]).language).toBe('en');
    expect(messagesFor(['__proto__', 'constructor']).language).toBe('en');
  });

  it('has words for every error that the SDK can throw, none of them with a gap in it', () => {
    const app = { t: messagesFor(['en']), issuer: 'https://login.bank.example' };
    for (const code of Object.keys(phoneErrors) as PhoneErrorCode[]) {
      const text = errorText(app, new PhoneError(code, { attemptsLeft: 2, rule: 'date' }));
      expect(text.length, code).toBeGreaterThan(10);
      expect(text, code).not.toMatch(/[{}]|undefined/);
    }
  });
});
