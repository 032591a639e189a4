/** A result that goes through a pipe to a reader who leaves early, as with `mtoken … | head -1`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { commandProgram } from '../../bundled-programs.ts';

const output = fileURLToPath(new URL('../../../src/cli/output.ts', import.meta.url));

/** Says lines without end, as a long list does, until it is told that nobody reads; a turn of the loop apart. */
const program = `
import { outliveReader, ReaderGone, say } from ${JSON.stringify(output)};
if (process.argv[1] === 'outlive') outliveReader();
try {
  for (;;) {
    say('one more line');
    await new Promise((resolve) => setImmediate(resolve));
  }
} catch (error) {
  process.exitCode = error instanceof ReaderGone ? 42 : 1;
}
`;

async function readOneLine(...words: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program, ...words]);
  let said = '';
  child.stderr.on('data', (part) => {
    said += String(part);
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

it('is told that nobody reads, and ends without a word', async () => {
  expect(await readOneLine('outlive')).toEqual({ code: 42, said: '' });
});

it('would crash without', async () => {
  expect((await readOneLine()).said).toContain('EPIPE');
});

it('ends the command itself as if all had been read', async () => {
  const child = spawn(process.execPath, [await commandProgram(), '--help']);
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (part) => {
    said += String(part);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, said }).toEqual({ code: 0, said: '' });
});
