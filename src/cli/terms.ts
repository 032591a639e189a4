/** `mtoken terms …`: what every user accepts before they become active. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { AdminClient, Reply } from '../admin-client/client.ts';
import { type ConfirmedOptions, confirm, withConfirmation } from './confirm.ts';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { listCommand } from './lists.ts';
import { collect } from './option-values.ts';
import { CommandError, exitCode, printable, say, sayTable, time } from './output.ts';

/** The `terms` command. */
export function termsCommand(): Command {
  return new Command('terms')
    .description('the terms that every user accepts')
    .addCommand(
      listCommand({
        operation: 'listTerms',
        describes: 'list all versions, the newest first',
        columns: {
          NUMBER: ({ seq }) => seq,
          VERSION: ({ version }) => version,
          PUBLISHED: ({ publishedAt }) => time(publishedAt),
          BY: ({ publishedBy }) => publishedBy,
        },
        empty: 'no terms yet: mtoken terms publish --help',
        examples: ['mtoken terms list'],
        key: ({ seq }) => seq,
      }),
    )
    .addCommand(showTermsCommand())
    .addCommand(publishCommand())
    .addCommand(acceptancesCommand());
}

interface ShowOptions extends SharedOptions {
  readonly language?: string;
}

function showTermsCommand(): Command {
  const command = withAdminOptions(
    new Command('show')
      .description('read a version; the one in force unless told')
      .argument('[version]')
      .option('--language <code>', 'only in this language, such as de'),
  );
  return withExamples(command, 'mtoken terms show', 'mtoken terms show 2026-11 --language en').action(
    async (version: string | undefined, options: ShowOptions) => {
      const terms = await findTerms(await connect(options), version);
      const texts = terms.texts.filter(
        ({ language }) => options.language === undefined || language === options.language,
      );
      if (texts.length === 0) throw new CommandError(`version ${terms.version} has no text in that language`);
      answer(options, { ...terms, texts }, () => {
        for (const { language, title, text, sha256 } of texts) {
          say(`${terms.version} · ${language} · SHA-256 ${sha256}`);
          say(printable(title));
          for (const line of text.split('\n')) say(printable(line));
          say('');
        }
      });
    },
  );
}

function findTerms(api: AdminClient, version: string | undefined): Promise<Reply<'getTerms'>> {
  return version === undefined ? api.call('getCurrentTerms') : api.call('getTerms', { params: { version } });
}

interface PublishOptions extends SharedOptions, ConfirmedOptions {
  readonly title: string[];
  readonly text: string[];
}

function publishCommand(): Command {
  const command = new Command('publish')
    .description('publish terms: every registration has to accept them from then on')
    .argument('<version>', 'its name, such as 2026-11')
    .requiredOption('--title <language=title>', 'repeat for each language; en is required', collect, [])
    .requiredOption('--text <language=file>', 'the text, repeat for each language', collect, []);
  return withExamples(
    withAdminOptions(withConfirmation(command)),
    'mtoken terms publish 2026-11 --title en="Terms of use" --text en=terms.en.txt \\\n      --title de=Nutzungsbedingungen --text de=terms.de.txt',
  ).action(async (version: string, options: PublishOptions) => {
    const texts = await textsOf(options);
    await confirm(options.yes, `From now on nobody registers a phone without accepting version ${version}.`);
    const terms = await (await connect(options)).call('publishTerms', { body: { version, texts } });
    answer(options, terms, () =>
      say(`${terms.version} is in force, in ${terms.texts.map(({ language }) => language).join(', ')}`),
    );
  });
}

async function textsOf({ title, text }: PublishOptions) {
  const titles = byLanguage('--title', title);
  const files = byLanguage('--text', text);
  const lone = [...titles.keys(), ...files.keys()].find((language) => !titles.has(language) || !files.has(language));
  if (lone !== undefined) {
    throw new CommandError(`${lone} needs both a --title and a --text`, { exit: exitCode.usage });
  }
  return Promise.all(
    [...files].map(async ([language, file]) => ({
      language,
      title: titles.get(language) ?? '',
      text: await readFile(file, 'utf8').catch((cause: unknown) => {
        throw new CommandError(`${file} cannot be read`, { exit: exitCode.usage, cause });
      }),
    })),
  );
}

function byLanguage(option: string, values: readonly string[]): ReadonlyMap<string, string> {
  const pairs = values.map((value) => {
    const at = value.indexOf('=');
    if (at > 0) return [value.slice(0, at), value.slice(at + 1)] as const;
    throw new CommandError(`${option} takes a language and what it is there, such as en=…`, { exit: exitCode.usage });
  });
  return new Map(pairs);
}

function acceptancesCommand(): Command {
  const command = withAdminOptions(
    new Command('accepted').description('which terms a user accepted, and when').argument('<user-id>'),
  );
  return withExamples(command, 'mtoken terms accepted usr_…').action(async (userId: string, options: SharedOptions) => {
    const accepted = await (await connect(options)).call('listAcceptances', { params: { userId } });
    answer(options, accepted, ({ current, items }) => {
      sayTable(
        ['VERSION', 'LANGUAGE', 'ACCEPTED', 'DEVICE', 'SHA-256'],
        items.map(({ version, language, acceptedAt, deviceId, sha256 }) => {
          return [version, language, time(acceptedAt), deviceId, sha256];
        }),
        'nothing was accepted yet',
      );
      say(current === null ? 'no terms are in force' : `in force is ${printable(current)}`);
    });
  });
}
