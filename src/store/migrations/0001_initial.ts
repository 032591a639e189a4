/** The first schema: one text for both engines, in the portable subset of SQL (times are epoch-milliseconds, JSON is text). */
export const initialSchema = `
create table companies (
  id text primary key,
  name text not null,
  status text not null check (status in ('active', 'suspended', 'closed')),
  user_limit integer not null check (user_limit >= 1),
  device_limit integer not null check (device_limit >= 1),
  user_count integer not null default 0 check (user_count >= 0),
  self_activation integer not null check (self_activation in (0, 1)),
  mpin_length integer not null check (mpin_length between 5 and 8),
  created_at bigint not null,
  version integer not null default 1
);

create table users (
  id text primary key,
  company_id text not null references companies (id),
  name text not null,
  email_sealed text not null,
  email_lookup text not null,
  role text not null check (role in ('user', 'administrator')),
  permissions text not null check (permissions in ('mtoken', 'full')),
  locale text not null,
  status text not null check (status in ('invited', 'active', 'suspended', 'removed')),
  device_count integer not null default 0 check (device_count >= 0),
  created_at bigint not null,
  version integer not null default 1
);
create unique index users_email on users (company_id, email_lookup) where status <> 'removed';
create index users_company on users (company_id, id);

create table devices (
  id text primary key,
  user_id text not null references users (id),
  company_id text not null references companies (id),
  name text not null,
  platform text not null,
  app_version text not null,
  status text not null check (status in ('pending', 'active', 'blocked', 'deactivated', 'refused')),
  profile text not null,
  thumbprint text not null unique,
  public_jwk text not null,
  biometric_thumbprint text unique,
  biometric_jwk text,
  biometric_kind text,
  verifier_sealed text,
  vault_key_sealed text,
  attestation_level text not null default 'none',
  pin_attempts integer not null default 0 check (pin_attempts between 0 and 5),
  pin_misses integer not null default 0 check (pin_misses between 0 and 5),
  pin_epoch integer not null default 1,
  pin_generation integer not null default 1,
  created_at bigint not null,
  activated_at bigint,
  last_used_at bigint,
  ended_at bigint,
  ended_reason text
);
create index devices_user on devices (user_id, id);
create index devices_company on devices (company_id, id);

-- Every key that was ever a device's, of either purpose, for ever: an ended key cannot return, nor change its purpose.
create table registered_keys (
  thumbprint text primary key,
  device_id text not null,
  purpose text not null check (purpose in ('device', 'biometric'))
);

create table activations (
  id text primary key,
  user_id text not null references users (id),
  company_id text not null references companies (id),
  code_hash text not null unique,
  confirmation_hash text not null,
  confirmation_attempts integer not null default 0 check (confirmation_attempts between 0 and 5),
  status text not null check (status in ('open', 'used', 'void')),
  device_id text references devices (id) deferrable initially deferred,
  created_by text not null,
  created_at bigint not null,
  expires_at bigint not null,
  used_at bigint
);
create index activations_user on activations (user_id);

create table server_keys (
  kid text primary key,
  use text not null check (use in ('sig', 'enc')),
  alg text not null,
  status text not null check (status in ('next', 'active', 'retiring', 'retired')),
  public_jwk text not null,
  private_sealed text,
  created_at bigint not null,
  activated_at bigint,
  retired_at bigint
);
-- Of each algorithm one key is used and one waits: processes that start or rotate at once make one set.
create unique index server_keys_active on server_keys (alg) where status = 'active';
create unique index server_keys_next on server_keys (alg) where status = 'next';

create table clients (
  id text primary key,
  kind text not null check (kind in ('portal', 'admin')),
  name text not null,
  company_id text references companies (id),
  metadata text not null,
  secret_sealed text,
  status text not null check (status in ('active', 'disabled')),
  created_at bigint not null,
  version integer not null default 1
);

create table oidc_sessions (
  uid text primary key,
  id_lookup text not null unique,
  user_id text,
  device_id text,
  payload_sealed text not null,
  created_at bigint not null,
  expires_at bigint not null
);
create index oidc_sessions_user on oidc_sessions (user_id);
create index oidc_sessions_device on oidc_sessions (device_id);

create table oidc_session_clients (
  session_uid text not null references oidc_sessions (uid) on delete cascade,
  client_id text not null,
  payload text not null,
  primary key (session_uid, client_id)
);

create table oidc_grants (
  id_lookup text primary key,
  user_id text not null,
  client_id text not null,
  device_id text,
  session_uid text,
  payload_sealed text not null,
  expires_at bigint not null
);
create index oidc_grants_user on oidc_grants (user_id);
create index oidc_grants_device on oidc_grants (device_id);
create index oidc_grants_session on oidc_grants (session_uid);

create table oidc_refresh_tokens (
  id_lookup text primary key,
  grant_lookup text not null,
  client_id text not null,
  device_id text,
  payload_sealed text not null,
  consumed_at bigint,
  expires_at bigint not null
);
create index oidc_refresh_tokens_grant on oidc_refresh_tokens (grant_lookup);
create index oidc_refresh_tokens_device on oidc_refresh_tokens (device_id);

create table audit_head (
  id integer primary key check (id = 1),
  seq bigint not null,
  hash text not null
);
insert into audit_head (id, seq, hash) values (1, 0, '');

create table audit_events (
  seq bigint primary key,
  at bigint not null,
  event text not null,
  actor text not null,
  company_id text,
  user_id text,
  device_id text,
  order_id text,
  client_id text,
  address text,
  request_id text,
  data text not null,
  previous_hash text not null,
  hash text not null
);
create index audit_events_company on audit_events (company_id, seq);
create index audit_events_user on audit_events (user_id, seq);
create index audit_events_device on audit_events (device_id, seq);

create table outbox (
  id text primary key,
  kind text not null check (kind in ('email', 'backchannel_logout')),
  recipient text not null,
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
create index outbox_due on outbox (status, next_at);
`;
