import { readdirSync, readFileSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Suites that take the first engine that there is, which is the embedded one: a run for the servers would only run them again. */
function suitesOfOneEngine(): string[] {
  const folder = 'test/integration/';
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => {
      const source = readFileSync(`${root}${folder}${file}`, 'utf8');
      return source.includes('[engine] = systemEngines()') && !/isShared|testServer|hasRedis|skipIf/.test(source);
    })
    .map((file) => `${folder}${file}`);
}

/** Suites that take no store, or ask it nothing that others do not: they have been run, and would only be run again. */
const suitesWithoutStores = [
  'test/integration/http/**',
  'test/integration/phone/**',
  'test/integration/login/**',
  'test/integration/sdk/**',
  'test/integration/interop/**',
  'test/integration/system/bad-input.test.ts',
  'test/integration/admin/{people,roles,cli,transcript}.test.ts',
  'test/integration/notify/commands.test.ts',
  'test/integration/audit/noted-head.test.ts',
  'test/integration/signing/verify-command.test.ts',
];

const isForServers = process.env['MTOKEN_TEST_ENGINES'] === 'required';

/** A worker loads the server once for all the files that it runs: a third of the time was loading it again for each. */
const shared = { isolate: false, setupFiles: ['test/native-exponentiation.ts'] };

export default defineConfig({
  test: {
    root,
    projects: [
      // The arithmetic of SRP itself, each implementation as it comes.
      { test: { name: 'srp', root, include: ['test/unit/srp/*.test.ts'], testTimeout: 60_000, maxWorkers: 2 } },
      {
        test: {
          name: 'unit',
          root,
          include: ['test/unit/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'test/unit/srp/**'],
          testTimeout: 60_000,
          maxWorkers: 2,
          ...shared,
        },
      },
      {
        test: {
          name: 'integration',
          root,
          include: ['test/integration/**/*.test.ts'],
          exclude: [
            ...configDefaults.exclude,
            ...(isForServers ? [...suitesOfOneEngine(), ...suitesWithoutStores] : []),
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          ...shared,
          // Projects with different numbers of workers must run one after the other.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          ...shared,
          sequence: { groupOrder: 2 },
        },
      },
      // Writes the pictures of docs/: `npm run pictures`, and with nothing else.
      {
        test: {
          name: 'pictures',
          root,
          include: process.env['MTOKEN_TEST_WRITE_PICTURES'] === 'true' ? ['test/e2e/pictures.ts'] : [],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
