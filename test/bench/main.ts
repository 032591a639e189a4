/** `npm run bench`: bundles the benchmarks, so that they run as plainly as the server's build does, and runs them in a process of their own. */
import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = new URL('../..', import.meta.url).pathname;
const outdir = join(root, 'node_modules', '.cache', 'mtoken-bench');

// tsx wraps every function that a call makes, which would be measured with it.
await build({
  absWorkingDir: root,
  entryPoints: ['test/bench/run.ts', 'test/bench/programs/parts.ts'],
  outdir,
  outbase: 'test/bench',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
});
// The server's texts are files beside its code; in a bundle that is beside the bundle.
for (const place of ['.', 'programs']) {
  cpSync(join(root, 'src/texts/languages'), join(outdir, place, 'languages'), { recursive: true });
}
const child = spawn(process.execPath, ['--enable-source-maps', join(outdir, 'run.mjs'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
