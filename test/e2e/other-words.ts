/** Says what a screen says in the other languages, so that it is walked to once and not once in each. */
import type { Page } from 'playwright-core';
import { type Part, textsFor } from '../../src/texts/files.ts';
import english from '../../src/texts/languages/en.json' with { type: 'json' };
import { languages } from '../../src/texts/languages.ts';
import type { TextTable } from '../../src/texts/texts.ts';

/** One English text as it may stand on the screen, and the same in another language, `{names}` and all. */
interface Pair {
  readonly from: string;
  readonly to: string;
}

interface Words {
  readonly code: string;
  readonly direction: string;
  readonly pairs: readonly Pair[];
}

const forms = (entry: TextTable[string] | undefined): string[] =>
  entry === undefined ? [] : typeof entry === 'string' ? [entry] : Object.values(entry).filter((form) => form !== '');

/** Of several translations of one English text the longest: it is the one that may not fit. */
async function wordsOf(part: Part, code: string, direction: string): Promise<Words> {
  const { default: file } = (await import(`../../src/texts/languages/${code}.json`, { with: { type: 'json' } })) as {
    default: Record<Part, TextTable>;
  };
  const longest = new Map<string, string>();
  for (const [name, entry] of Object.entries(english[part] as TextTable)) {
    const [first = '', ...others] = forms(file[part][name]);
    const to = others.reduce((long, form) => (form.length > long.length ? form : long), first);
    for (const from of forms(entry)) if (to.length > (longest.get(from)?.length ?? -1)) longest.set(from, to);
  }
  return { code, direction, pairs: [...longest].map(([from, to]) => ({ from, to })) };
}

/**
 * Shows the English screen of `page` in every language, one after the other, and has each looked at; leaves it in English. Answers how
 * many of its texts were found in the language files.
 */
export async function inEveryLanguage(page: Page, part: Part, look: (code: string) => Promise<void>): Promise<number> {
  if (textsFor(part, [(await page.getAttribute('html', 'lang')) ?? '']).language.code !== 'en')
    throw new Error('the screen is not in English');
  let found = 0;
  for (const { code, direction } of languages) {
    found = await page.evaluate(say, await wordsOf(part, code, direction));
    try {
      await look(code);
    } finally {
      await page.evaluate(takeBack);
    }
  }
  return found;
}

/** Runs in the page. */
function say({ code, direction, pairs }: Words): number {
  const whole = new Map(pairs.map(({ from, to }) => [from, to]));
  const withNames = pairs
    .filter(({ from }) => from.includes('{'))
    .map(({ from, to }) => {
      const names = [...from.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
      const parts = from.split(/\{\w+\}/).map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      return { pattern: new RegExp(`^${parts.join('([^]*?)')}$`, 'u'), names, to };
    });
  const translated = (text: string): string | undefined => {
    const known = whole.get(text);
    if (known !== undefined) return known;
    for (const { pattern, names, to } of withNames) {
      const match = pattern.exec(text);
      if (match === null) continue;
      return to.replaceAll(/\{(\w+)\}/g, (_, name: string) => match[names.indexOf(name) + 1] ?? '');
    }
    return undefined;
  };
  const before: { node: Text; text: string }[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode() as Text | null; node !== null; node = texts.nextNode() as Text | null) {
    const to = translated(node.data.trim());
    if (to === undefined) continue;
    before.push({ node, text: node.data });
    node.data = to;
  }
  Object.assign(window, { inEnglish: before });
  document.documentElement.lang = code;
  document.documentElement.dir = direction;
  return before.length;
}

/** Runs in the page. */
function takeBack(): void {
  const { inEnglish } = window as unknown as { inEnglish: { node: Text; text: string }[] };
  for (const { node, text } of inEnglish) node.data = text;
  document.documentElement.lang = 'en';
  document.documentElement.dir = 'ltr';
}
