/** An event that is asked for by a slip of the pen must not look like one that never happened. */
import { expect, it } from 'vitest';
import { auditEvents } from '../../../src/audit/events.ts';
import { knownEvent } from '../../../src/cli/event-names.ts';
import { CommandError } from '../../../src/cli/output.ts';

it.each(auditEvents)('%s is taken', (event) => {
  expect(knownEvent(event)).toBe(event);
});

it.each([
  ['device.deactivatd', 'device.deactivated'],
  ['mpin.blockd', 'mpin.blocked'],
  ['Device.Approved', 'device.approved'],
  ['', 'mpin.wrong'],
])('"%s" is refused as wrong usage, and %s is named', (text, near) => {
  const refused = (): unknown => knownEvent(text);
  expect(refused).toThrow(CommandError);
  try {
    refused();
  } catch (error) {
    expect(error).toMatchObject({ exit: 2, message: `there is no event "${text}"` });
    expect((error as CommandError).hint).toContain(near);
  }
});
