/** Documents against what they speak of: folders, packages, links. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = ['README.md', ...markdownBelow('docs')];

interface Package {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function markdownBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** First cells of a table's rows that hold code. */
function firstCells(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell);
}

/** Anchors as GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const withoutCode = text.replaceAll(/^```[\s\S]*?^```/gm, '');
  const headings = [...withoutCode.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe('README.md', () => {
  it('lists exactly the folders and files of src in "Where things live"', () => {
    const [, section = ''] = read('README.md').split('## Where things live');
    const listed = firstCells(section.split('\n## ')[0] ?? '');
    const entries = readdirSync(join(root, 'src'));
    expect(listed.sort()).toEqual(entries.sort());
  });

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const document of documents) {
      for (const [, name = ''] of read(document).matchAll(/npm run (?:-s |--silent )?([a-z][a-z:]*)/g)) {
        expect(Object.keys(scripts), `${document}: npm run ${name}`).toContain(name);
      }
    }
  });
});

describe('docs/decisions/0005-runtime-dependencies.md', () => {
  const text = read('docs/decisions/0005-runtime-dependencies.md');
  const { dependencies = {} } = JSON.parse(read('package.json')) as Package;
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> };

  /** Everything below a package, as npm installs it; what is optional counts where it is installed. */
  function below(name: string, from: string, seen = new Set<string>()): Set<string> {
    const path = placeOf(name, from);
    if (path === undefined || seen.has(path)) return seen;
    seen.add(path);
    const { dependencies: needs = {}, optionalDependencies: may = {} } = packages[path] ?? {};
    for (const need of Object.keys({ ...needs, ...may })) below(need, path, seen);
    return seen;
  }

  function placeOf(name: string, from: string): string | undefined {
    const nested = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
    if (packages[nested] !== undefined) return nested;
    return from === '' ? undefined : placeOf(name, from.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, ''));
  }

  it('lists exactly the dependencies of package.json, each of an exact version (X-12)', () => {
    expect(firstCells(text).sort()).toEqual(Object.keys(dependencies).sort());
    for (const [name, version] of Object.entries(dependencies)) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('counts what each brings, and all together (X-12)', () => {
    const rows = [...text.matchAll(/^\| `([^`]+)` \|.*\| (\d+) \|$/gm)].map(([, name = '', count]) => [
      name,
      Number(count),
    ]);
    const counted = Object.keys(dependencies).map((name) => [name, below(name, '').size - 1]);
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(counted));
    const all = new Set(Object.keys(dependencies).flatMap((name) => [...below(name, '')]));
    expect(text).toContain(`${all.size} in all`);
  });
});

describe('every document', () => {
  it.each(documents)('%s has links that lead somewhere', (document) => {
    const text = read(document).replaceAll(/^```[\s\S]*?^```/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      expect(existsSync(join(root, file)), `${document} → ${target}`).toBe(true);
      if (anchor !== undefined) expect([...anchorsOf(read(file))], `${document} → ${target}`).toContain(anchor);
    }
  });

  it.each(documents)('%s names files of the repository that exist', (document) => {
    const text = read(document).replaceAll(/^```[\s\S]*?^```/gm, '');
    for (const [, path = ''] of text.matchAll(/`((?:src|docs|test|\.ci)\/[\w./-]+\.\w+)`/g)) {
      expect(existsSync(join(root, path)), `${document}: ${path}`).toBe(true);
    }
  });

  it('is reached from README.md, the index of decisions or the one of runbooks', () => {
    const texts = ['README.md', 'docs/decisions/README.md', 'docs/runbooks/README.md'].map(read).join('\n');
    for (const document of documents.filter((one) => one !== 'README.md')) {
      expect(texts, document).toContain(document.split('/').at(-1));
    }
  });
});
