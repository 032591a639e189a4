/** Which creations of the admin API were begun, done and answered, by the caller's own name for each; a day long. */
export const idempotency = `
create table idempotency_keys (
  caller text not null,
  idempotency_key text not null,
  attempt text not null,
  request_hash text not null,
  state text not null check (state in ('begun', 'done', 'answered')),
  answer_sealed text,
  begun_at bigint not null,
  primary key (caller, idempotency_key)
);
create index idempotency_keys_begun on idempotency_keys (begun_at);
`;
