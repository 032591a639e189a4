/** The benchmarks run, and what they write is made of what they measured. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { median, percentile } from '../../bench/measure.ts';
import { type Figure, isMet, markdown, markersOf, replaceFigures } from '../../bench/report.ts';

const root = new URL('../../..', import.meta.url).pathname;

interface Output {
  readonly command: string;
  readonly figures: readonly Figure[];
}

describe('npm run bench', () => {
  it('measures the SRP proof beside three bare exponentiations and tells the figure with its goal', async () => {
    const args = ['--import', 'tsx', 'test/bench/main.ts', 'srp', '--quick', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    const { command, figures } = JSON.parse(stdout) as Output;
    expect(command).toContain('npm run bench -- srp --quick');
    const ratio = figures.find(({ what }) => what.includes('three exponentiations'));
    expect(ratio?.goal).toEqual({ atMost: 1.2 });
    expect(ratio?.value).toBeGreaterThan(0);
    expect(ratio?.value).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('refuses the name of a benchmark that does not exist', async () => {
    const args = ['--import', 'tsx', 'test/bench/main.ts', 'nothing'];
    await expect(promisify(execFile)(process.execPath, args, { cwd: root })).rejects.toMatchObject({ code: 2 });
  });
});

describe('figures', () => {
  const figure = (value: number, goal?: Figure['goal']): Figure => ({
    benchmark: 'b',
    what: 'w',
    value,
    unit: 'ms',
    ...(goal && { goal }),
  });
  const made = {
    command: 'npm run bench',
    cores: 2,
    architecture: 'x64',
    memoryGiB: 16,
    node: 'v20.20.2',
    openssl: '3.0',
    cpuMHz: 2000,
    load: [0, 1],
  } as const;

  it('says whether a goal is met, on either side of it, and nothing where there is none', () => {
    expect(isMet(figure(1, { atMost: 1 }))).toBe(true);
    expect(isMet(figure(1.01, { atMost: 1 }))).toBe(false);
    expect(isMet(figure(150, { atLeast: 150 }))).toBe(true);
    expect(isMet(figure(Number.NaN, { atLeast: 150 }))).toBe(false);
    expect(isMet(figure(1))).toBeUndefined();
  });

  it('replaces what stands between the markers of the document and leaves the rest', () => {
    const markers = markersOf([]);
    const document = `before\n${markers.begin}\nold\n${markers.end}\nafter\n`;
    const text = replaceFigures(document, markdown([figure(12.345, { atMost: 100 })], made));
    expect(text).toMatch(/^before\n/);
    expect(text).toMatch(/\nafter\n$/);
    expect(text).not.toContain('old');
    expect(text).toContain('| b | w | 12.3 ms | ≤ 100 ms | met |');
    expect(() => replaceFigures('no markers', '')).toThrow('no place');
    expect(() => replaceFigures(document, '', ['pages'])).toThrow('figures pages: begin');
  });

  it('takes medians and percentiles by linear interpolation', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(percentile([0, 10, 20, 30, 40], 0.95)).toBe(38);
    expect(median([])).toBeNaN();
  });
});
