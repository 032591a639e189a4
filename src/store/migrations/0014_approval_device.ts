/**
 * The phone with whose session an act was asked for; null where an older server kept it. Whom a kept answer names, for the day that it is
 * kept: null where it names nobody, or an older server wrote it.
 */
export const approvalDevice = `
alter table approvals add column requested_with text;
alter table idempotency_keys add column people text;
create index idempotency_keys_people on idempotency_keys (people) where people is not null;
`;
