/** The `mtoken` command, translated once: it starts ten times faster than sources that are translated at each start. */
import { copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface MtokenCommand {
  /** The program's file, for `node`. */
  readonly program: string;
  remove(): Promise<void>;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** Below the repository, where its packages are found, and as deep as the real one, which reads its version two folders up. */
export async function buildMtokenCommand(): Promise<MtokenCommand> {
  const folder = await mkdtemp(join(root, 'node_modules', '.mtoken-cli-'));
  const program = join(folder, 'dist', 'cli', 'main.js');
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  await cp(join(root, 'src', 'texts', 'languages'), join(dirname(program), 'languages'), { recursive: true });
  await build({
    entryPoints: [join(root, 'src', 'cli', 'main.ts')],
    outdir: dirname(program),
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
  return { program, remove: () => rm(folder, { recursive: true, force: true }) };
}
