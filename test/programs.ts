/** Runs a TypeScript program in a process of its own, for tests of what only several processes can show. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bundledProgram } from './bundled-programs.ts';

export interface Program {
  readonly process: ChildProcess;
  /** All complete lines that it has written so far. */
  lines(): string[];
  /** Resolves with the first line that fits; rejects where the program ends without one. */
  line(pattern: RegExp): Promise<string>;
  /** Kills it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Its exit code. */
  ended(): Promise<number | null>;
}

/** Starts the TypeScript program `file` with these arguments. */
export async function runProgram(file: URL, programArguments: readonly string[] = []): Promise<Program> {
  const program = await bundledProgram(fileURLToPath(file));
  const child = spawn(process.execPath, [program, ...programArguments], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'close');
  let output = '';
  let tell = (): void => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    tell();
  });
  const lines = (): string[] => output.split('\n').slice(0, -1);
  return {
    process: child,
    lines,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        tell = () => {
          const found = lines().find((line) => pattern.test(line));
          if (found !== undefined) resolve(found);
        };
        tell();
        exit.then(() => reject(new Error(`the program ended without ${pattern}: ${output}`)), reject);
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await exit;
    },
    ended: async () => {
      await exit;
      return child.exitCode;
    },
  };
}
