/** The commands as a tree: what each says of itself, and that nothing of the admin API is out of their reach. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { operations } from '../../../src/admin-client/operations.ts';
import { program } from '../../../src/cli/program.ts';
import { listedEndpoints } from '../../docs/openapi.ts';

const folder = new URL('../../../src/cli/', import.meta.url);

/** Every command without subcommands, by the words that call it; the simulated phone has tests of its own. */
function leaves(command: Command, words: readonly string[] = []): { words: string; command: Command }[] {
  if (command.commands.length === 0) return [{ words: words.join(' '), command }];
  return command.commands.flatMap((sub) => leaves(sub, [...words, sub.name()]));
}

const administrative = leaves(program()).filter(({ command }) =>
  command.options.some(({ long }) => long === '--credential'),
);

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

describe('the commands', () => {
  it('reach every operation of the admin API', () => {
    const sources = readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .join('\n');
    const calls = Object.keys(operations).filter((name) => !sources.includes(`'${name}'`));
    expect(calls).toEqual([]);
    expect(Object.keys(operations).sort()).toEqual(listedEndpoints.map(({ name }) => name).sort());
  });

  it.each(administrative.map(({ words, command }) => [words, command] as const))(
    '%s explains itself, with an example that begins with its own words',
    (words, command) => {
      const help = helpOf(command);
      expect(help).toMatch(new RegExp(`^Usage: mtoken ${words}\\b`));
      expect(help).toContain(`\n  $ mtoken ${words}`);
      for (const option of command.options) expect(option.description || option.long, option.flags).not.toBe('');
    },
  );

  it('ask before each act that does harm, and only there', () => {
    const asking = administrative.filter(({ command }) => command.options.some(({ long }) => long === '--yes'));
    expect(asking.map(({ words }) => words).sort()).toEqual(
      [
        'approval approve',
        'client disable',
        'company close',
        'company deactivate',
        'company suspend',
        'device deactivate',
        'keys rotate',
        'staff add',
        'staff role',
        'terms publish',
        'user deactivate',
        'user email',
        'user erase',
        'user export',
        'user remove',
        'webhook disable',
      ].sort(),
    );
  });

  it('list with the same options everywhere', () => {
    const lists = administrative.filter(({ words }) => words.endsWith(' list') && words !== 'keys list');
    expect(lists.length).toBeGreaterThanOrEqual(9);
    for (const { words, command } of lists) {
      const options = command.options.map(({ long }) => long);
      expect(options, words).toEqual(expect.arrayContaining(['--json', '--limit', '--all', '--after']));
    }
  });
});
