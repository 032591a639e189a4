/** The server, the `mtoken` command and programs of tests, each translated once: they start three times faster than sources that are translated at each start. */
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const made = new Map<string, Promise<string>>();

/** The file of the `mtoken` command, for `node`. */
export const commandProgram = (): Promise<string> => bundledProgram(join(root, 'src/cli/main.ts'));

/** The file of the server, for `node`. */
export const serverProgram = (): Promise<string> => bundledProgram(join(root, 'src/main.ts'));

/** The file that runs what `source`, an absolute path, says; made when it is first asked for, and gone with this process. */
export function bundledProgram(source: string): Promise<string> {
  const known = made.get(source) ?? bundle(source);
  made.set(source, known);
  return known;
}

/**
 * Packages that a bundle leaves where they are. The schemas' are brought along: they are seven hundred files, which a process that
 * starts would read one by one.
 */
export function leftOutside(): string[] {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { dependencies } = JSON.parse(text) as { readonly dependencies: Readonly<Record<string, string>> };
  const names = Object.keys(dependencies).filter((name) => name !== 'typebox');
  return names.flatMap((name) => [name, `${name}/*`]);
}

/** What a source reads beside itself it finds where the source is. */
const ownPlaces: Plugin = {
  name: 'own-places',
  setup: (plugged) => {
    plugged.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'ts',
    }));
  },
};

async function bundle(source: string): Promise<string> {
  // Below the repository, where its packages are found.
  const folder = await mkdtemp(join(root, 'node_modules', '.mtoken-program-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await build({
    entryPoints: { main: source },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What only `mtoken serve` needs is not read by other commands.
    splitting: true,
    external: leftOutside(),
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Half of a start is reading the source.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'error',
    plugins: [ownPlaces],
  });
  return join(folder, 'main.mjs');
}
