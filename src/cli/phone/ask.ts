/** Questions to the person at the terminal; everything that is typed has an option for scripts. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { CommandError, exitCode } from '../output.ts';
import { readStandardInput } from './code-source.ts';

/** Whether a person is there to be asked. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks a question and takes a line. Throws a usage error naming `option` where nobody is there. */
export async function ask(question: string, option: string): Promise<string> {
  assertInteractive(option);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} `)).trim();
  } finally {
    terminal.close();
  }
}

/** Asks for something that no onlooker may read: each key shows a dot. */
export async function askHidden(question: string, option: string): Promise<string> {
  assertInteractive(option);
  const { stdin, stderr } = process;
  // Before the question: a fast typist's first digits would be echoed otherwise.
  stdin.setRawMode(true);
  stderr.write(`${question} `);
  stdin.resume();
  stdin.setEncoding('utf8');
  try {
    return await readKeys((change) => {
      stderr.write(change > 0 ? '•' : '\b \b');
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

async function readKeys(echo: (change: 1 | -1) => void): Promise<string> {
  let typed = '';
  return new Promise((resolve, reject) => {
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n' || key === '\u0004') return finish(() => resolve(typed));
        if (key === '\u0003') return finish(() => reject(new CommandError('nothing was done')));
        if (key === '\u007f' || key === '\b') {
          if (typed !== '') echo(-1);
          typed = typed.slice(0, -1);
        } else if (key >= ' ') {
          typed += key;
          echo(1);
        }
      }
    };
    const finish = (settle: () => void): void => {
      process.stdin.off('data', onData);
      settle();
    };
    process.stdin.on('data', onData);
  });
}

/** How an mPIN comes in: typed by default, so that no process list shows it. */
export interface MpinSource {
  readonly mpin?: string;
  readonly mpinFile?: string;
}

/** The mPIN from `--mpin`, `--mpin-file` (`-` for standard input) or the person; `undefined` where there is none of them. */
export async function readMpin(source: MpinSource, question = 'mPIN:'): Promise<string | undefined> {
  if (source.mpin !== undefined) return source.mpin;
  if (source.mpinFile === '-') return (await readStandardInput()).toString('utf8').split('\n', 1)[0]?.trim();
  if (source.mpinFile !== undefined) return (await readMpinFile(source.mpinFile)).split('\n', 1)[0]?.trim();
  return isInteractive() ? askHidden(question, '--mpin-file') : undefined;
}

/** Like {@link readMpin}, but throws a usage error where there is none. */
export async function needMpin(source: MpinSource, question?: string): Promise<string> {
  const mpin = await readMpin(source, question);
  if (mpin === undefined) throw nobodyThere('--mpin-file');
  return mpin;
}

async function readMpinFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CommandError(`there is no readable file ${path}`, { exit: exitCode.usage, cause });
  }
}

/** Throws a usage error naming `option` where nobody is at the terminal. */
export function assertInteractive(option: string): void {
  if (!isInteractive()) throw nobodyThere(option);
}

function nobodyThere(option: string): CommandError {
  return new CommandError('something has to be typed, and nobody is at the terminal', {
    exit: exitCode.usage,
    hint: `in a script, use ${option}`,
  });
}
