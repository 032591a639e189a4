/**
 * Requests that came by CIBA, and the secrets that sign a portal's own webhook. The user is who the portal named, and may be nobody: a
 * request for nobody is kept like any other. It goes when it is over, but for the hour in which requests about a user are counted.
 */
export const backchannel = `
create table backchannel_requests (
  id_lookup text primary key,
  client_id text not null,
  user_id text not null,
  payload_sealed text not null,
  -- What the user was asked to sign; null until then, and for good where nobody is asked.
  signing_id text,
  asked_at bigint,
  -- When that ended; written by the transaction that ended it.
  settled_at bigint,
  created_at bigint not null,
  ends_at bigint not null,
  consumed_at bigint
);
create unique index backchannel_requests_signing on backchannel_requests (signing_id) where signing_id is not null;
create index backchannel_requests_asked on backchannel_requests (user_id, asked_at) where asked_at is not null;
create index backchannel_requests_ends on backchannel_requests (ends_at);

create table portal_webhooks (
  client_id text primary key references clients (id),
  secret_sealed text not null,
  previous_sealed text,
  previous_until bigint
);
`;
