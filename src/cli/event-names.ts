/** Names of events as an option takes them: a slip of the pen is told, not answered with "no records". */
import { type AuditEvent, auditEvents } from '../audit/events.ts';
import { CommandError, exitCode } from './output.ts';

/** How many names are proposed. */
const proposals = 3;

/** An event that the trail can hold. Throws a usage error that names the nearest ones. */
export function knownEvent(text: string): AuditEvent {
  const found = auditEvents.find((event) => event === text);
  if (found !== undefined) return found;
  const nearest = auditEvents
    .map((event) => ({ event, distance: distanceBetween(event, text.slice(0, 64)) }))
    .sort((one, other) => one.distance - other.distance)
    .slice(0, proposals)
    .map(({ event }) => event);
  throw new CommandError(`there is no event "${text}"`, {
    exit: exitCode.usage,
    hint: `the nearest names are ${nearest.join(', ')}`,
  });
}

/** How many characters are to be added, left out or replaced (Levenshtein). */
function distanceBetween(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...one].entries()) {
    const line = [row + 1];
    for (let column = 1; column <= other.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      line.push(Math.min(replaced, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}
