/** The question before an act that does harm: only a yes is a yes. */
import { PassThrough } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { confirm } from '../../../src/cli/confirm.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A terminal at which somebody types this line. */
function typing(line: string, isTTY = true): { asked: () => string } {
  const input = Object.assign(new PassThrough(), { isTTY });
  let asked = '';
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as unknown as typeof process.stdin);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    asked += String(text);
    if (asked.includes('[y/N]') && input.readableLength === 0) input.write(`${line}\n`);
    return true;
  });
  return { asked: () => asked };
}

it.each(['y', 'Y', 'yes', ' YES '])('%j goes on', async (line) => {
  const terminal = typing(line);
  await confirm(undefined, 'This ends it.');
  expect(terminal.asked()).toContain('This ends it.\nContinue? [y/N] ');
});

it.each(['', 'n', 'no', 'yess', 'oh yes', '1'])('%j does nothing', async (line) => {
  typing(line);
  await expect(confirm(undefined, 'This ends it.')).rejects.toMatchObject({ message: 'nothing was done', exit: 1 });
});

it('asks nobody where nobody is, and does nothing', async () => {
  typing('y', false);
  await expect(confirm(undefined, 'This ends it.')).rejects.toMatchObject({ exit: 2, hint: 'add --yes in a script' });
});

it('asks nothing where a script said yes', async () => {
  const terminal = typing('n', false);
  await confirm(true, 'This ends it.');
  expect(terminal.asked()).toBe('');
});
