/** Which requirements no test names: these, and no other. */
import { expect, it } from 'vitest';
import { requirementCoverage } from '../../coverage-of-requirements.ts';

const tests = new URL('../../', import.meta.url).pathname;

/** With the reason why this version has no test of it. */
const notNamed: Readonly<Record<string, string>> = {
  'P-06': 'number entry belongs to push notifications, which come later',
  'L-13': 'each device has five tries and a user at most twenty devices: the ceiling of 100 cannot be passed',
};

it('every requirement of this version is named by a test, but for those that are explained', () => {
  expect([...requirementCoverage(tests).uncovered].sort()).toEqual(Object.keys(notNamed).sort());
});
