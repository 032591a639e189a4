/** The console's texts: one file a language, which the document names; none is part of the script. */

import type english from '../../texts/languages/en.json';
import { chooseLanguage } from '../../texts/languages.ts';
import { setApart } from '../../texts/set-apart.ts';
import { type Texts, type TextTable, textsOf, type Values } from '../../texts/texts.ts';

/** The name of a text. */
export type MessageName = keyof (typeof english)['console'];

/** The texts of one language. */
export interface Messages extends Texts<MessageName> {
  /** The text of a name that the server sends, such as a status; the name itself where this page does not know it yet. */
  readonly named: (group: string, name: string) => string;
}

/** Fetches the texts that the document names by address and integrity. Throws where they cannot be had, or are not those. */
export async function loadMessages({ texts: address = '', integrity = '' }: DOMStringMap): Promise<Messages> {
  const response = await fetch(address, { integrity });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const table = (await response.json()) as TextTable & Readonly<Record<MessageName, string>>;
  const language = chooseLanguage([document.documentElement.lang]);
  const plain = textsOf(language.code, table, table);
  const texts: Texts<MessageName> = Object.assign(
    (name: MessageName, values: Values = {}) => plain(name, setApart(values, language)),
    { language: language.code },
  );
  const named = (group: string, name: string): string => {
    const known = `${group}.${name}`;
    return Object.hasOwn(table, known) ? texts(known as MessageName) : name;
  };
  return Object.assign(texts, { named });
}
