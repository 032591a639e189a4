/**
 * Whom a company's people pay, as a keyed hash; and an index of those few records of the trail that say something about risk, so that a
 * user's long history is not read for the last day.
 */
export const risk = `
create table payees (
  company_id text not null references companies (id),
  payee_lookup text not null,
  used_at bigint not null,
  primary key (company_id, payee_lookup)
);
create index payees_used on payees (company_id, used_at);
create index audit_events_risk on audit_events (user_id, at) where event in ('order.declined', 'order.reported', 'mpin.wrong', 'signing.requested');
`;
