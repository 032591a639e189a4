/** What a person is shown of words to be signed, unjudged: for tests of what comes after the creation. */
import { render } from '../../../src/signing/wording.ts';

export const shownWords = (words: string, locale = 'en') => render('text', { words }, locale).display;
