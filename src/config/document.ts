/** Writes docs/configuration.md from the table of settings. */
import { type Setting, settings } from './settings.ts';

const introduction = `# Configuration

<!-- Made from src/config/settings.ts by \`npm run docs\`; a test compares. -->

Settings come from the environment and, where \`MTOKEN_CONFIG\` names one, from a JSON file: an object with the same names, in which
lists may be arrays. The environment wins. A secret may be given as \`<NAME>_FILE\`, the path of a file that holds it. An empty value counts as not set.
An \`MTOKEN_\` name that is not known is refused, with the name that was probably meant. The server tells all problems at once and does not start.

**Production refuses to start** on: an issuer that is not \`https\`, demo data, no data key file or one in the data directory, a data key that development
generated or that is no random bytes, PostgreSQL or Redis without verified TLS on another machine, passwords from examples, no mail server, and, once it has
spoken to it, a Redis that may evict keys.
`;

/** The whole document. */
export function configurationDocument(): string {
  const sections = Object.values<Setting<unknown>>(settings).map(section);
  return `${introduction}\n${sections.join('\n')}`;
}

function section({ name, about, kind, default: fallback, isSecret }: Setting<unknown>): string {
  const lines = [
    `## \`${name}\``,
    about,
    '',
    `- expected: ${kind.expected}`,
    `- default: ${fallback === undefined ? 'none' : `\`${fallback}\``}`,
    ...(isSecret ? [`- secret: never shown; \`${name}_FILE\` may name a file`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
