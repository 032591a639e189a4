/**
 * What portals asked to be signed, and who signed it. Text, fields and the portal's own name for it are sealed; `given` counts the
 * approvals. `told_at`: when the people's phones were nudged, null while nobody may be asked yet.
 */
export const signings = `
create table signings (
  id text primary key,
  client_id text not null,
  door text not null check (door in ('api', 'backchannel', 'redirect')),
  origin text not null,
  user_id text not null references users (id),
  company_id text not null references companies (id),
  content_sealed text not null,
  list_sealed text,
  list_bytes bigint not null default 0,
  approvers bigint not null,
  given bigint not null default 0,
  mpin_only bigint not null default 0,
  warnings text not null default '[]',
  status text not null check (status in ('pending', 'approved', 'declined', 'reported', 'expired', 'cancelled')),
  reason text,
  askable_at bigint not null,
  told_at bigint,
  created_at bigint not null,
  expires_at bigint not null,
  ended_at bigint,
  captured bigint not null default 0,
  version bigint not null default 1
);
create index signings_of_user on signings (user_id, created_at, id);
create index signings_waiting on signings (user_id, created_at) where status = 'pending';
create index signings_of_many on signings (company_id, created_at) where status = 'pending' and approvers > 1;
create index signings_expiring on signings (expires_at) where status = 'pending';
create index signings_open on signings (client_id, expires_at) where status = 'pending';
create index signings_large on signings (client_id, created_at) where list_bytes > 0;
create index signings_untold on signings (askable_at) where status = 'pending' and told_at is null;
create index signings_ended on signings (ended_at) where ended_at is not null;
create table signing_approvals (
  request_id text not null references signings (id),
  user_id text not null references users (id),
  device_id text not null,
  order_id text not null,
  requested_at bigint not null,
  approved_at bigint not null,
  receipt_sealed text not null,
  primary key (request_id, user_id)
);
create index signing_approvals_user on signing_approvals (user_id, requested_at, request_id);
`;
