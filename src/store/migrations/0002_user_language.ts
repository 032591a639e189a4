/** The language in which a user is written to; null where nobody has chosen one. */
export const userLanguage = `
alter table users add column language text;
`;
