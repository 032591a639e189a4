/** What users agree to before they may begin, who agreed to which text on which phone, and by which channel an activation went. */
export const terms = `
create table terms (
  seq integer primary key,
  version text not null unique,
  published_by text not null,
  published_at bigint not null
);
create table terms_texts (
  seq integer not null references terms (seq),
  language text not null,
  title text not null,
  body text not null,
  sha256 text not null,
  primary key (seq, language)
);
create table terms_acceptances (
  user_id text not null references users (id),
  seq integer not null references terms (seq),
  company_id text not null references companies (id),
  device_id text not null references devices (id),
  language text not null,
  sha256 text not null,
  accepted_at bigint not null,
  primary key (user_id, seq)
);
alter table activations add column delivery text not null default 'shown' check (delivery in ('shown', 'email'));
`;
