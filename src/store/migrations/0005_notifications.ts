/**
 * Messages in order, named, and of any kind; addresses of webhooks. The table of the outbox is made anew because a constraint on its kinds
 * cannot be taken away in SQLite. It is renamed first: that waits for whoever is writing to it, so that no message is left behind. What
 * an older server inserts has no position and is delivered in no order, as it was before.
 */
export const notifications = `
drop index outbox_due;
alter table outbox rename to outbox_before;
create table outbox (
  id text primary key,
  kind text not null,
  recipient text not null,
  -- Its turn among the messages of its kind and recipient; null for one that waits for no other.
  position bigint,
  -- The event that it tells of, for people who look at what could not be delivered.
  about text,
  payload_sealed text not null,
  status text not null check (status in ('pending', 'sent', 'dead')),
  attempts integer not null default 0,
  next_at bigint not null,
  lease_by text,
  lease_until bigint,
  last_error text,
  created_at bigint not null,
  sent_at bigint
);
insert into outbox (id, kind, recipient, payload_sealed, status, attempts, next_at, lease_by, lease_until, last_error, created_at, sent_at)
  select id, kind, recipient, payload_sealed, status, attempts, next_at, lease_by, lease_until, last_error, created_at, sent_at
  from outbox_before;
drop table outbox_before;
create index outbox_due on outbox (kind, next_at, id) where status = 'pending';
create index outbox_turn on outbox (kind, recipient, position, created_at, id) where status <> 'sent';
create index outbox_age on outbox (created_at) where status = 'pending';
create index outbox_sent on outbox (sent_at) where status = 'sent';
create index outbox_dead on outbox (id) where status = 'dead';

create table webhook_endpoints (
  id text primary key,
  -- Null: told of every company.
  company_id text references companies (id),
  name text not null,
  url text not null,
  -- JSON; empty for all events.
  events text not null,
  status text not null check (status in ('active', 'disabled')),
  secret_sealed text not null,
  previous_sealed text,
  previous_until bigint,
  created_at bigint not null,
  version integer not null default 1
);
create index webhook_endpoints_company on webhook_endpoints (company_id);
`;
