/** `mtoken health`: whether the server and the parts that it needs work. */
import { Command } from 'commander';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { CommandError, exitCode, say } from './output.ts';

/** The `health` command. */
export function healthCommand(): Command {
  const command = withAdminOptions(
    new Command('health').description('whether the server and what it needs work; exit code 3 where one does not'),
  );
  return withExamples(
    command,
    'mtoken health',
    'mtoken doctor      looks at settings and stores, on the server itself',
  ).action(async (options: SharedOptions) => {
    const health = await (await connect(options)).call('getHealth');
    answer(options, health, ({ components }) => {
      for (const { name, isHealthy } of components) say(`${isHealthy ? 'ok  ' : 'FAIL'}  ${name}`);
    });
    const isWhole = health.isReady && health.components.every(({ isHealthy }) => isHealthy);
    if (!isWhole) throw new CommandError('the server is not whole', { exit: exitCode.unreachable });
  });
}
