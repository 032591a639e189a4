/** Wire schema of what a user says of themselves in the app. */
import { type Static, Type } from 'typebox';
import { strict } from './common.ts';

/** BCP 47, one subtag; which ones there are, the server says in the refusal of another. */
export const UserLanguage = strict({ language: Type.String({ pattern: '^[a-z]{2,3}$' }) });
export type UserLanguage = Static<typeof UserLanguage>;
