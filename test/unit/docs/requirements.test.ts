/** Which requirements no test names: these, and no other. */
import { expect, it } from 'vitest';
import { requirementCoverage } from '../../coverage-of-requirements.ts';

const tests = new URL('../../', import.meta.url).pathname;

/** With the reason why this version has no test of it. */
const notNamed: Readonly<Record<string, string>> = {
  'P-06':
    'no login is approved by a push: it says that a text waits to be signed, which takes a proof of its own; no number is entered',
  'A-12': 'results of a test run are printed, and no pack of evidence is put together from them yet',
  'R-15': 'no attestation of a platform is taken yet: every device has the level none',
  'R-16': 'as R-15: nothing is attested that a policy could judge',
  'R-18': 'as R-15: the app shows the server no signature of its package',
  'S-14': 'no element of a session is ever used again: every signing order takes a proof of its own (T-13)',
  'X-15': 'the trail is exported and the keys are listed (A-05, X-07); classes of incidents are the bank’s own',
  'L-13': 'each device has five tries and a user at most twenty devices: the ceiling of 100 cannot be passed',
};

it('every requirement of this version is named by a test, but for those that are explained', () => {
  expect([...requirementCoverage(tests).uncovered].sort()).toEqual(Object.keys(notNamed).sort());
});
