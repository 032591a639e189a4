/**
 * Adds up what the steps left in a folder and prints, alone on the last line, `N passed, M failed`.
 * `<name>.expected` announces a test run: without a report beside it the runner crashed, and that is a failure, as is a run of no tests.
 * `<name>.status` holds the exit code of any other check.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , folder = '.'] = process.argv;

function readReport(name) {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) return { passed: 0, failed: 1, note: 'the runner left no report' };
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, note: 'the report cannot be read' };
  }
  const { numPassedTests: passed = 0, numFailedTests = 0, numPendingTests: skipped = 0, testResults = [] } = report;
  // A file that could not be loaded has no failed test of its own.
  const unloaded = testResults.filter(({ status, assertionResults = [] }) => {
    return status === 'failed' && !assertionResults.some((result) => result.status === 'failed');
  }).length;
  const failed = numFailedTests + unloaded;
  if (passed + failed === 0) return { passed, failed: 1, note: 'no tests were run' };
  if (report.success === false && failed === 0)
    return { passed, failed: 1, note: 'the run failed outside of its tests' };
  return { passed, failed, note: skipped > 0 ? `${skipped} skipped` : '' };
}

function readStatus(name) {
  const code = readFileSync(join(folder, `${name}.status`), 'utf8').trim();
  return code === '0' ? { passed: 1, failed: 0, note: '' } : { passed: 0, failed: 1, note: `ended with ${code}` };
}

const rows = readdirSync(folder)
  .sort()
  .flatMap((file) => {
    if (file.endsWith('.expected')) return [[file.slice(0, -'.expected'.length), readReport]];
    if (file.endsWith('.status')) return [[file.slice(0, -'.status'.length), readStatus]];
    return [];
  })
  .map(([name, read]) => ({ name, ...read(name) }));

for (const { name, passed, failed, note } of rows) {
  console.log(`${name.padEnd(24)} ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed  ${note}`);
}
const sum = (member) => rows.reduce((total, row) => total + row[member], 0);
const failed = rows.length === 0 ? 1 : sum('failed');
console.log(`${sum('passed')} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
