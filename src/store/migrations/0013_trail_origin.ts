/** The name of this trail, by which what remembers its head outside of the database tells it from another database's (decision 0016). */
export const trailOrigin = `
create table trail_origin (
  id integer primary key check (id = 1),
  name text not null,
  served_at bigint not null
);
`;
