/** The app's texts: English is part of the script, every other language is a file that is fetched when it is wanted. */
import { app as english } from '../../texts/languages/en.json';
import { type Texts, textsOf } from '../../texts/texts.ts';

export { english };

/** The name of a text. */
export type MessageName = keyof typeof english;

/** The texts of one language. */
export type Messages = Texts<MessageName>;

/** English, until and unless another language is there. */
export const englishMessages: Messages = textsOf('en', english, english);
