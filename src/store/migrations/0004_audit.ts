/** The trail is searched by what it tells of, and sealed: signed heads, the signed note of what was cut off, and how far it was streamed. */
export const audit = `
create index audit_events_event on audit_events (event, seq);
create index audit_events_actor on audit_events (actor, seq);
create index audit_events_client on audit_events (client_id, seq) where client_id is not null;
create index audit_events_order on audit_events (order_id, seq) where order_id is not null;
create index audit_events_at on audit_events (at, seq);

create table audit_checkpoints (
  kind text not null check (kind in ('head', 'cut')),
  seq bigint not null,
  at bigint not null,
  statement_sealed text not null,
  primary key (kind, seq)
);

create table audit_streams (
  name text primary key,
  seq bigint not null,
  lease_by text,
  lease_until bigint
);
`;
