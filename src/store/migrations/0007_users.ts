/**
 * Names in the form in which they are searched, with the version of the row that they were made of, and e-mail addresses to be found
 * across companies: both absent where an older server wrote the row. The browsers in which a user has logged in. `users_listed` holds all
 * that a list is filtered by, so that one which finds little does not read every user whole.
 */
export const users = `
alter table users add column name_folded text;
alter table users add column name_folded_version integer;
alter table users add column email_everywhere text;
create index users_unfolded on users (id) where name_folded_version is null or name_folded_version <> version;
create index users_listed on users (id, name_folded, name_folded_version, version, company_id, status, role, staff_role);
create index users_email_everywhere on users (email_everywhere);
create index users_administrators on users (company_id, id) where role = 'administrator';
create index users_documents on users (document_expires_at) where document_expires_at is not null and document_warned_at is null;
alter table companies add column name_folded text;
alter table companies add column name_folded_version integer;
create index companies_unfolded on companies (id) where name_folded_version is null or name_folded_version <> version;
create table user_browsers (
  user_id text not null references users (id),
  browser_lookup text not null,
  seen_at bigint not null,
  primary key (user_id, browser_lookup)
);
`;
