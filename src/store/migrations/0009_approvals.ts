/** Acts that wait for a second person, and the network from which a device was used last. */
export const approvals = `
create table approvals (
  id text primary key,
  company_id text not null references companies (id),
  requested_by text not null references users (id),
  permission text not null,
  endpoint text not null,
  request_sealed text not null,
  subject_id text,
  reason text,
  status text not null check (status in ('pending', 'claimed', 'done', 'failed', 'refused', 'withdrawn')),
  decided_by text references users (id),
  decided_at bigint,
  decision_request text,
  decision_reason text,
  problem text,
  created_at bigint not null,
  expires_at bigint not null,
  settled_at bigint
);
create index approvals_company on approvals (company_id, status, id);
create index approvals_claimed on approvals (decided_at) where status = 'claimed';
alter table devices add column last_place text;
`;
