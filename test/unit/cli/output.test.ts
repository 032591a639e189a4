/** What a hostile server, or a name that somebody chose, can do to the operator's terminal: nothing. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { printable, remark } from '../../../src/cli/output.ts';

let written = '';
beforeEach(() => {
  written = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ['an escape sequence', '\u001b[2J'],
  ['an escape sequence in one byte', '\u009b2J'],
  ['a direction override', '\u202e'],
  ['an Arabic letter mark', '\u061c'],
  ['a line separator', '\u2028'],
  ['an invisible operator', '\u2062'],
  ['a byte order mark', '\ufeff'],
  ['a tag character', '\u{e0041}'],
])('a text cannot bring %s to the terminal (X-01, A-04)', (_what, text) => {
  expect(printable(`Acme${text}`)).toMatch(/^Acme�/);
  expect(printable(`Acme${text}`)).not.toContain(text);
  remark(`refused: ${text}`);
  expect(written).not.toContain(text);
});

it('a remark of several lines stays several lines, each of them marked as ours', () => {
  remark('cannot be used:\n  MTOKEN_ISSUER');
  expect(written).toBe('mtoken: cannot be used:\nmtoken:   MTOKEN_ISSUER\n');
});
