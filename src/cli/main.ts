#!/usr/bin/env node
/** `mtoken`: the operator's command and the simulated phone. */
import { CommanderError } from 'commander';
import { AdminProblem } from '../admin-client/client.ts';
import { CommandError, exitCode, remark } from './output.ts';
import { program } from './program.ts';

async function main(): Promise<void> {
  try {
    await program().parseAsync(process.argv);
  } catch (error) {
    process.exitCode = explain(error);
  }
}

function explain(error: unknown): number {
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

await main();
