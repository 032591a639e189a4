/** The text work of the SQL drivers: placeholders and scripts. */
import { describe, expect, it } from 'vitest';
import { anonymousPlaceholders, splitStatements } from '../../../src/store/sql-values.ts';

describe('placeholders', () => {
  it.each([
    ['select $1', 'select ?', [0]],
    ['a = $2 and b = $1 and c = $2', 'a = ? and b = ? and c = ?', [1, 0, 1]],
    ['$10, $1', '?, ?', [9, 0]],
    ["'$1' = $1", "'$1' = ?", [0]],
    ["'it''s $2' = $1", "'it''s $2' = ?", [0]],
    ['"$2" = $1 -- $3\n + $2', '"$2" = ? -- $3\n + ?', [0, 1]],
    ['/* $1 */ $2', '/* $1 */ ?', [1]],
  ])('of %j become anonymous, outside of quotes and comments', (numbered, text, order) => {
    expect(anonymousPlaceholders(numbered)).toEqual({ text, order });
  });
});

describe('scripts', () => {
  it('are split at semicolons outside of quotes and comments', () => {
    const script = `
      create table a (t text default 'x;y'); -- one; two
      /* three; */ insert into a values ('it''s;');;
      -- nothing after this;
    `;
    expect(splitStatements(script)).toEqual([
      "create table a (t text default 'x;y')",
      "-- one; two\n      /* three; */ insert into a values ('it''s;')",
    ]);
  });
});
