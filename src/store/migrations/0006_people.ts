/** Rules of a company (JSON; null for the defaults), the document of a user, the bank's own company and what its people are there; null for everybody else. */
export const people = `
alter table companies add column rules text;
alter table companies add column is_bank integer not null default 0 check (is_bank in (0, 1));
create unique index companies_bank on companies (is_bank) where is_bank = 1;
alter table users add column staff_role text check (staff_role in ('operator', 'support', 'auditor'));
create index users_staff on users (staff_role, id) where staff_role is not null;
alter table users add column document_sealed text;
alter table users add column document_expires_at bigint;
alter table users add column document_warned_at bigint;
`;
