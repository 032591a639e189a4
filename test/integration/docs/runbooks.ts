/** Pages of commands: their blocks, and what stands before one that is not run or must fail. */
import { readFile } from 'node:fs/promises';

export interface Block {
  readonly language: string;
  readonly text: string;
  /** Why it is not run; undefined where it is. */
  readonly reason: string | undefined;
  /** What it must end with. */
  readonly exitCode: number;
}

/** The fenced blocks of a page, in order. */
export async function blocksOf(page: URL): Promise<Block[]> {
  const text = await readFile(page, 'utf8');
  const pattern = /(?:^<!-- (?<note>[^\n]*?) -->\n)?^```(?<language>\w*)\n(?<text>[\s\S]*?)^```$/gm;
  return [...text.matchAll(pattern)].map(({ groups = {} }) => {
    const { note = '', language = '', text: body = '' } = groups;
    const [, reason] = /^not run: (.+)$/.exec(note) ?? [];
    const [, code = '0'] = /^exit code: (\d+)$/.exec(note) ?? [];
    return { language, text: body, reason, exitCode: Number(code) };
  });
}

/** One script of all blocks that are run; it ends at the first that does not do what it must. */
export function scriptOf(blocks: readonly Block[], between: Readonly<Record<number, string>> = {}): string {
  const parts = blocks.map(({ text, reason, exitCode }, index) => {
    if (reason !== undefined) return '';
    const expected =
      exitCode === 0 ? text : `set +e\n(\nset -e\n${text})\ncode=$?\nset -e\n[ "$code" = ${exitCode} ]\n`;
    return `echo "# block ${index + 1}"\n${expected}${between[index + 1] ?? ''}\n`;
  });
  return `set -e -o pipefail\n${parts.join('')}`;
}
