/** The app's texts: words for everything that can go wrong, and values that stay text. */
import { describe, expect, it } from 'vitest';
import { PhoneError, type PhoneErrorCode, phoneErrors } from '../../../../src/sdk/index.ts';
import { errorText } from '../../../../src/web/app/errors.ts';
import { englishMessages } from '../../../../src/web/app/messages.ts';

const t = englishMessages;

describe('the texts of the app', () => {
  it('inserts values as text and writes numbers in the forms of the language', () => {
    expect(t('attempts.left', { count: 3 })).toBe('Wrong mPIN. 3 attempts left.');
    expect(t('attempts.left', { count: 1 })).toContain('last attempt');
    expect(t('home.title', { user: '{count}<b>$&' })).toBe('Hello, {count}<b>$&');
  });

  it('has words for every error that the SDK can throw, none of them with a gap in it', () => {
    const app = { t, issuer: 'https://login.bank.example' };
    for (const code of Object.keys(phoneErrors) as PhoneErrorCode[]) {
      const text = errorText(app, new PhoneError(code, { attemptsLeft: 2, rule: 'date' }));
      expect(text.length, code).toBeGreaterThan(10);
      expect(text, code).not.toMatch(/[{}]|undefined/);
    }
  });
});
