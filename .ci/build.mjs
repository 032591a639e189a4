/** Builds `dist`: the server's modules with tsc, and the pages' scripts, styles and documents with esbuild, with an integrity manifest. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const root = new URL('..', import.meta.url).pathname;
const web = join(root, 'src', 'web');
/** Built beside, then put in place: a build that fails leaves the last one as it was. */
const dist = join(root, 'node_modules', '.cache', `mtoken-dist-${process.pid}`);
const target = join(root, 'dist');
/** Files of pages that shrink. */
const compressed = new Set(['.js', '.css', '.svg', '.json', '.webmanifest']);
/** Files of a page that are served as they are. */
const copied = new Set(['.html', '.svg', '.png', '.ico', '.woff2', '.webmanifest', '.json']);

function typescript(...args) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`tsc ${args.join(' ')} found problems`);
}

function filesBelow(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** `src/web/<page>/main.ts` and `page.css` become `dist/web/<page>.js` and `.css`; a file ending in `worker.ts` keeps its own name. */
function entries(pages) {
  return pages.flatMap((page) => {
    const own = ['main.ts', 'page.css'].map((name) => ({ in: join(web, page, name), out: page }));
    const workers = filesBelow(join(web, page)).filter((file) => file.endsWith('worker.ts'));
    return [
      ...own.filter((entry) => existsSync(entry.in)),
      ...workers.map((file) => ({ in: file, out: `${page}-${basename(file, '.ts')}` })),
    ];
  });
}

function copyAssets(pages) {
  for (const page of pages) {
    for (const file of filesBelow(join(web, page))) {
      if (!copied.has(extname(file)) || basename(file) === 'tsconfig.json') continue;
      cpSync(file, join(dist, 'web', page, relative(join(web, page), file)), { recursive: true });
    }
  }
}

/** The texts: whole for the server; for the pages that fetch the one language that they show, their own part a file. */
function copyTexts() {
  const languages = join(root, 'src', 'texts', 'languages');
  cpSync(languages, join(dist, 'texts', 'languages'), { recursive: true });
  for (const [page, part] of Object.entries({ app: 'app', console: 'console', verify: 'signing' })) {
    const target = join(dist, 'web', page, 'texts');
    mkdirSync(target, { recursive: true });
    for (const file of filesBelow(languages)) {
      const texts = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(join(target, basename(file)), JSON.stringify(texts[part]));
    }
  }
}

/** Beside each text its compressed forms, which browsers are given: made once here, not at each request. */
function compress() {
  for (const file of filesBelow(join(dist, 'web'))) {
    if (!compressed.has(extname(file))) continue;
    const bytes = readFileSync(file);
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${file}.br`, brotliCompressSync(bytes));
  }
}

/** What a page may load, by name: `{ "login.js": "sha384-…" }`, for `integrity` attributes and for checks. */
function writeManifest() {
  const manifest = {};
  for (const file of filesBelow(join(dist, 'web')).sort()) {
    if (file.endsWith('.map')) continue;
    const name = relative(join(dist, 'web'), file).split(sep).join('/');
    manifest[name] = `sha384-${createHash('sha384').update(readFileSync(file)).digest('base64')}`;
  }
  writeFileSync(join(dist, 'web', 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** The package of the schemas, as the server's modules name it. Its seven hundred files took half of the time in which a command starts. */
const schemaPackage = ['typebox', 'typebox/compile', 'typebox/value'];

async function bundleSchemas(build) {
  const fileOf = (name) => name.replace('/', '-');
  await build({
    entryPoints: Object.fromEntries(schemaPackage.map((name) => [fileOf(name), name])),
    outdir: join(dist, 'schemas'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: ['node20'],
    logLevel: 'warning',
  });
  cpSync(join(root, 'node_modules', 'typebox', 'license'), join(dist, 'schemas', 'LICENSE'));
  for (const file of filesBelow(dist).filter((path) => path.endsWith('.js') && !path.includes(`${sep}web${sep}`))) {
    const source = readFileSync(file, 'utf8');
    const path = relative(dirname(file), join(dist, 'schemas')).split(sep).join('/');
    const place = path.startsWith('.') ? path : `./${path}`;
    const rewritten = source.replace(/(?<=\bfrom )'(typebox(?:\/\w+)?)'/g, (whole, name) => {
      if (!schemaPackage.includes(name)) throw new Error(`${file} imports ${name}: add it to schemaPackage`);
      return `'${place}/${fileOf(name)}.js'`;
    });
    if (rewritten !== source) writeFileSync(file, rewritten);
  }
}

rmSync(dist, { recursive: true, force: true });
typescript('-p', 'tsconfig.json', '--outDir', dist);
if (existsSync(join(web, 'tsconfig.json'))) typescript('-p', join(web, 'tsconfig.json'), '--noEmit');
const pages = existsSync(web)
  ? readdirSync(web, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  : [];
mkdirSync(join(dist, 'web'), { recursive: true });
const { build } = createRequire(import.meta.url)('esbuild');
await bundleSchemas(build);
await build({
  entryPoints: entries(pages),
  outdir: join(dist, 'web'),
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: ['es2022'],
  // The schemas of the protocol without the package that makes them: a third of the app would be that package.
  alias: { typebox: join(web, 'schema.ts') },
  legalComments: 'none',
  logLevel: 'warning',
});
copyAssets(pages);
copyTexts();
writeManifest();
compress();
const command = join(dist, 'cli', 'main.js');
if (existsSync(command)) chmodSync(command, 0o755);
writeFileSync(join(dist, '.built'), '');
rmSync(target, { recursive: true, force: true });
renameSync(dist, target);
console.log(`Built dist (${filesBelow(target).length} files).`);
