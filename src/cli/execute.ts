/** Runs a command as a process would, and says how it would exit. */
import { CommanderError } from 'commander';
import { AdminProblem } from '../admin-client/client.ts';
import { CommandError, exitCode, ReaderGone, remark } from './output.ts';
import { program } from './program.ts';

/** Runs `words`, the command line behind the name of the program; answers the exit code. */
export async function execute(words: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(words, { from: 'user' });
    return exitCode.done;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof ReaderGone) return exitCode.done;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage;
  remark(error instanceof Error ? error.message : String(error));
  if (error instanceof CommandError) {
    if (error.hint) remark(error.hint);
    return error.exit;
  }
  if (error instanceof AdminProblem) {
    if (error.requestId !== undefined) remark(`the server's log has it under ${error.requestId}`);
    return error.status >= 500 ? exitCode.unreachable : exitCode.failed;
  }
  return exitCode.failed;
}
