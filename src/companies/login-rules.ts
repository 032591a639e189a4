/** From where and when a company's people may log in. */
import { BlockList, isIP } from 'node:net';
import type { CompanyRules } from './rules.ts';

/** Why a login is refused, or undefined where the rules allow it. `addresses`: of phone and browser; one that is not known is outside. */
export function loginObstacle(
  rules: Pick<CompanyRules, 'networks' | 'hours'>,
  { addresses, now }: { readonly addresses: readonly (string | undefined)[]; readonly now: number },
): 'network' | 'hours' | undefined {
  if (!addresses.every((address) => isWithinNetworks(rules, address))) return 'network';
  return isWithinHours(rules, now) ? undefined : 'hours';
}

/** Whether the address is within the networks that the rules name, if they name any. */
export function isWithinNetworks({ networks }: Pick<CompanyRules, 'networks'>, address: string | undefined): boolean {
  if (networks.length === 0) return true;
  const version = isIP(address ?? '');
  if (address === undefined || version === 0) return false;
  const allowed = new BlockList();
  for (const network of networks) {
    const [start = '', width] = network.split('/');
    allowed.addSubnet(start, Number(width), isIP(start) === 4 ? 'ipv4' : 'ipv6');
  }
  return allowed.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Whether that instant is within the hours that the rules name, if they name any. */
export function isWithinHours({ hours }: Pick<CompanyRules, 'hours'>, now: number): boolean {
  if (hours === null) return true;
  const { day, time } = wallClock(now, hours.timeZone);
  const { days, from, until } = hours;
  if (from < until) return days.includes(day) && from <= time && time < until;
  // Past midnight the hours belong to the day on which they began.
  return time >= from ? days.includes(day) : time < until && days.includes(day === 1 ? 7 : day - 1);
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function wallClock(now: number, timeZone: string): { readonly day: number; readonly time: string } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now);
  const partOf = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? '';
  return { day: weekdays.indexOf(partOf('weekday')) + 1, time: `${partOf('hour')}:${partOf('minute')}` };
}
